"""Input embeddings of one's own, against the libraries' models given the same vectors."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders.base import Encoder
from namebasis.encoders.embedded import find_slot
from namebasis.encoders.given import GivenVectors
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError

TEMPLATE = "a photo of {}, the person"


def own_rows(width: int, lengths: tuple[int, ...] = (2, 1, 3, 2)) -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [(0.3 * rng.normal(size=(n, width))).astype(np.float32) for n in lengths]


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.detach().float(), dim=-1).numpy()


def by_grown_table(
    tokenizer: Any, table: Any, rows: list[np.ndarray],
    pooled: Callable[[torch.Tensor], torch.Tensor], length: int,
) -> np.ndarray:  # fmt: skip
    """The library's own forward over a table with the vectors behind its last row."""
    out = []
    for one in rows:
        before, after = (tokenizer(part, add_special_tokens=False)["input_ids"]
                         for part in TEMPLATE.split("{}"))  # fmt: skip
        start, end = tokenizer("")["input_ids"][:1], tokenizer("")["input_ids"][-1:]
        n, held = len(table.weight), table.weight.data
        ids = [*start, *before, *range(n, n + len(one)), *after, *end]
        ids += end * (length - len(ids))
        table.weight.data = torch.cat([held, torch.from_numpy(one)])
        out.append(pooled(torch.tensor([ids])))
        table.weight.data = held
    return unit(torch.cat(out))


def test_a_clip_of_transformers(tiny: Callable[[str], Path]) -> None:
    folder = tiny("clip")
    model = transformers.CLIPModel.from_pretrained(folder, trust_remote_code=False).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    encoder = load_encoder(f"hf:{folder}")
    assert encoder._fast is not None  # type: ignore[attr-defined]
    rows = own_rows(32)
    table = model.text_model.embeddings.token_embedding
    expected = by_grown_table(
        tokenizer, table, rows, lambda ids: model.get_text_features(ids).pooler_output, 24
    )
    for size in (None, 1):
        found = encoder.encode_embedded(rows, TEMPLATE, batch_size=size)
        np.testing.assert_allclose(found, expected, atol=1e-5)
    apart = np.abs(expected - expected[0]).max(axis=1)
    assert apart[1:].min() > 0.01
    given = GivenVectors(["Ann"], np.ones((1, encoder.dim)), encoder=encoder)
    np.testing.assert_allclose(given.encode_embedded(rows, TEMPLATE), expected, atol=1e-5)


@pytest.mark.parametrize("form", ["hf:{}", "open_clip:local-dir:{}"])
def test_the_librarys_own_forward_gives_the_fast_towers_rows(
    tiny: Callable[[str], Path], form: str
) -> None:
    if form.startswith("open_clip"):
        pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    encoder: Any = load_encoder(form.format(tiny("clip" if "hf" in form else "open_clip")))
    rows = own_rows(32)
    fast = encoder.encode_embedded(rows, TEMPLATE)
    assert encoder._fast is not None
    encoder._fast = None
    for size in (None, 2):
        slow = encoder.encode_embedded(rows, TEMPLATE, batch_size=size)
        np.testing.assert_allclose(slow, fast, atol=1e-5)


@pytest.mark.long
def test_a_bert_takes_them_as_its_inputs_embeds(tiny: Callable[[str], Path]) -> None:
    folder = tiny("bert")
    model = transformers.AutoModel.from_pretrained(folder, trust_remote_code=False).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    rows, encoder = own_rows(32), load_encoder(f"hf:{folder}")
    expected = []
    for one in rows:
        ids = tokenizer(TEMPLATE.format(" ".join("a" * len(one))), return_tensors="pt")
        embeds = model.get_input_embeddings()(ids["input_ids"]).clone()
        place = len(tokenizer(TEMPLATE.split("{}")[0])["input_ids"]) - 1
        embeds[0, place : place + len(one)] = torch.from_numpy(one)
        states = model(inputs_embeds=embeds, attention_mask=ids["attention_mask"])
        expected.append(states.last_hidden_state.mean(dim=1))
    found = encoder.encode_embedded(rows, TEMPLATE)
    np.testing.assert_allclose(found, unit(torch.cat(expected)), atol=1e-5)
    _while_another_thread_encodes(encoder, rows, found)


def _while_another_thread_encodes(
    encoder: Encoder, rows: list[np.ndarray], expected: np.ndarray
) -> None:
    """Texts of one thread never get the vectors of another."""
    texts = ["Vicki", "a photo of Anna"]
    plain, seen = encoder.encode_text(texts), []
    worker = threading.Thread(
        target=lambda: seen.extend(encoder.encode_text(texts) for _ in range(60))
    )
    worker.start()
    for _ in range(20):
        np.testing.assert_array_equal(encoder.encode_embedded(rows, TEMPLATE), expected)
    worker.join()
    assert len(seen) == 60
    for found in seen:
        np.testing.assert_array_equal(found, plain)


@pytest.mark.parametrize("form", ["hf:{}", "open_clip:local-dir:{}"])
@pytest.mark.parametrize("fast", [True, False])
def test_gradients_flow_to_the_vectors(tiny: Callable[[str], Path], form: str, fast: bool) -> None:
    if form.startswith("open_clip"):
        pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    encoder: Any = load_encoder(form.format(tiny("clip" if "hf" in form else "open_clip")))
    templates, rows = [TEMPLATE, "{}"], np.stack(own_rows(32, (2, 2)))
    means = sum(encoder.encode_embedded(list(rows), one).astype(np.float64) for one in templates)
    if not fast:
        encoder._fast = None
    given = GivenVectors(["Ann"], np.ones((1, encoder.dim)), encoder=encoder)
    forward = given.embedded_forward(templates, 2)
    place = torch.from_numpy(rows).requires_grad_()
    found = forward(place)
    np.testing.assert_allclose(found.detach(), unit(torch.from_numpy(means)), atol=1e-5)
    goal = torch.from_numpy(np.random.default_rng(1).normal(size=encoder.dim)).float()
    (slope,) = torch.autograd.grad((found @ goal).sum(), [place])
    step = 1e-2 * slope / slope.norm()
    ahead, behind = (
        float((forward(place.detach() + s * step) @ goal).sum().detach()) for s in (1, -1)
    )
    assert (ahead - behind) / 2e-2 == pytest.approx(float(slope.norm()), rel=0.02)
    assert all(one.grad is None for one in encoder.model.parameters())


def test_vectors_that_do_not_fit_are_refused(tiny: Callable[[str], Path]) -> None:
    encoder = load_encoder(f"hf:{tiny('clip')}")
    good = own_rows(32)[0]
    cases: list[tuple[Any, str, str]] = [
        ([good, np.ones((1, 31))], "{}", r"rows\[1\] must have 32 columns; got 31"),
        ([np.ones((0, 32))], "{}", r"rows\[0\] needs at least 1 row; got shape \(0, 32\)"),
        ([np.full((1, 32), np.nan)], "{}", r"rows\[0\] must be finite"),
        ([good, np.ones((22, 32))], "a {}",
         r"rows\[1\] has 22 vectors and 'a \{\}' 1 pieces; hf:.* reads 22 in all"),
        (good, "{}", r"rows\[0\] must be 2-D"),
        ([good], "no place", "a template must hold"),
    ]  # fmt: skip
    for rows, template, message in cases:
        with pytest.raises(ValueError, match=message):
            encoder.encode_embedded(rows, template)
    assert encoder.encode_embedded([np.ones((21, 32))], "a {}").shape == (1, 20)
    with pytest.raises(EncoderError, match="has no table of input token embeddings"):
        load_encoder(f"hf:{tiny('groupvit')}").encode_embedded([good])
    assert encoder.encode_embedded([]).shape == (0, 20)
    with pytest.raises(ValueError, match=r"has 22 vectors and 'a \{\}' 1 pieces"):
        encoder.embedded_forward(["{}", "a {}"], 22)
    with pytest.raises(EncoderError, match="minilm: gradients do not flow through this encoder"):
        load_encoder("minilm").embedded_forward(["{}"], 1)(torch.ones((1, 1, 384)))


def test_places_are_found_where_words_stand_apart() -> None:
    words: dict[str, int] = {}

    def read(text: str) -> list[int]:
        return [-1, *(words.setdefault(word, len(words)) for word in text.split()), -2]

    def count(texts: list[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts])

    slot = find_slot("a photo of {} , seen", 3, read, count, "toy")
    assert (slot.start, slot.size, len(slot.ids)) == (4, 3, 10)
    assert slot.ids[4:7] == (words["q"],) * 3
    message = r"toy: in the template 'x\{\}' the words around the name run together with it; put a"
    with pytest.raises(EncoderError, match=message):
        find_slot("x{}", 1, read, count, "toy")
