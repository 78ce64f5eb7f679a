"""Textual inversions: a text encoder with a word more, against transformers with the same rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.registry import load_encoder
from namebasis.encoders.single_file.embeddings import Word, add_word
from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.errors import EncoderError
from namebasis.namespace.corpus.sources import read_names
from tests.encoders.single_file.checkpoints import State, text_model, transformers_keys, write
from tests.lazily import library

library("open_clip", "the extra open-clip is not installed")
ROWS = 0.5 * torch.randn((2, 128), generator=torch.Generator().manual_seed(5))
TEXTS = ["<vicki>", "a photo of <vicki>", "a photo of <vicki> in Anna", "Anna", "<vicki>, smiling"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Path]:
    model = text_model(projected=False, activation="quick_gelu")
    file = tmp_path_factory.mktemp("base") / "sd.safetensors"
    return model, write(file, transformers_keys(model, "cond_stage_model.transformer."))


def library_rows(model: Any, texts: list[str]) -> np.ndarray:
    """transformers' own model with grown table, and texts with every piece written out."""
    import copy

    grown, words = copy.deepcopy(model), clip_tokenizer(vocabulary_file("sd:x"), 77)
    words.add_tokens(["<vicki>", "<vicki>_1"])
    grown.resize_token_embeddings(49_410, mean_resizing=False)
    grown.get_input_embeddings().weight.data[49_408:] = ROWS
    written = [text.replace("<vicki>", "<vicki> <vicki>_1") for text in texts]
    given = words(written, padding="max_length", truncation=True, return_tensors="pt")
    with torch.inference_mode():
        rows = grown(given["input_ids"]).pooler_output
    return torch.nn.functional.normalize(rows, dim=-1).numpy()


@pytest.mark.long
def test_rows_are_those_of_the_grown_model(base: tuple[Any, Path], tmp_path: Path) -> None:
    model, file = base
    expected = library_rows(model, TEXTS)
    write(tmp_path / "<vicki>.safetensors", {"emb_params": ROWS})
    torch.save(
        {"string_to_token": {"*": torch.tensor(265)}, "string_to_param": {"*": ROWS}, "name": "v",
         "step": 3, "sd_checkpoint": None},
        tmp_path / "vicki.pt",
    )  # fmt: skip
    write(tmp_path / "learned_embeds.safetensors", {"<vicki>": ROWS})
    found = load_encoder(f"sd:{file}+embedding:{tmp_path}/<vicki>.safetensors")
    np.testing.assert_allclose(found.encode_text(TEXTS), expected, atol=1e-5)
    names = ["Anna", "<vicki>"]
    np.testing.assert_allclose(
        found.encode_names(names, "a photo of {}, with <vicki>"),
        library_rows(model, [f"a photo of {name}, with <vicki>" for name in names]), atol=1e-5,
    )  # fmt: skip
    assert found.tokenize("a <vicki>") == ["a</w>", "<vicki>", "<vicki>_1"]
    assert found.count_tokens(["<vicki>", "Anna"]).tolist() == [2, 1]
    np.testing.assert_allclose(found.token_embeddings(["<vicki>"])[0], ROWS.mean(0), atol=1e-6)
    assert found.fingerprint != load_encoder(f"sd:{file}").fingerprint
    # Called by a plain word, it can be a name of a corpus, in capitals too.
    plain = load_encoder(f"sd:{file}+embedding:{tmp_path}/<vicki>.safetensors=vickix")
    (tmp_path / "names.txt").write_text("Vickix\n<vicki>\n", encoding="utf-8")
    names = read_names(str(tmp_path / "names.txt")).strings
    assert names == ["Vickix"]  # brackets are a network's in lists of prompts
    np.testing.assert_allclose(plain.encode_text(names), expected[:1], atol=1e-5)
    for place in (f"{tmp_path}/vicki.pt=<vicki>", f"{tmp_path}/learned_embeds.safetensors"):
        other = load_encoder(f"sd:{file}+embedding:{place}")
        assert other.fingerprint == found.fingerprint
        assert other.spec.endswith(f"{place.partition('=')[0]}=<vicki>")
        np.testing.assert_array_equal(other.encode_text(TEXTS), found.encode_text(TEXTS))


def test_a_word_that_does_not_fit_is_refused(base: tuple[Any, Path], tmp_path: Path) -> None:
    model, file = base
    words = clip_tokenizer(vocabulary_file("sd:x"), 77)
    narrow, xl, many = torch.ones(1, 64), {"clip_g": torch.ones(1, 128)}, {"a": ROWS, "b": ROWS}
    cases: list[tuple[State, str, str]] = [
        ({"emb_params": narrow}, "<v>", "of another base: its vectors are 64 wide, .* is 128 wide"),
        (xl, "<v>", "teaches clip_g and not #text_encoder"),
        (many, "<v>", "is no textual inversion of one word"),
        ({"emb_params": ROWS}, "cat", "the word 'cat' of .* is a piece that is known already"),
        ({"emb_params": ROWS}, "two words", "'two words' of .* holds a space; name it: .embedding"),
        ({"emb_params": torch.full((1, 128), float("nan"))}, "<v>", "that are not finite"),
    ]
    for state, trigger, said in cases:
        path = write(tmp_path / "word.safetensors", state)
        with pytest.raises(EncoderError, match=said) as caught:
            add_word(model, words, "text_encoder", Word(path, trigger), "sd:x")
        assert "\n" not in str(caught.value)
    with pytest.raises(EncoderError, match="there is no embedding file"):
        load_encoder(f"sd:{file}+embedding:{tmp_path}/none.pt")
