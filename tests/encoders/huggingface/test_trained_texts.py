"""Texts as in training where the library goes by a folder that does not say so."""

from __future__ import annotations

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders.huggingface.trained_texts import settle_case
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import (
    add_token,
    bert_tokenizer,
    clip_tokenizer,
    write_siglip2_as_published,
)

Tiny = Callable[[str], Path]
NAMES = ["Vicki", "VICKI", "Anna K. O'Brien", "Zoë", "İrem", "a photo of Vicki", "山田"]


def unit(rows: torch.Tensor) -> np.ndarray:
    return torch.nn.functional.normalize(rows.detach().double(), dim=-1).numpy()


# ------------------------------------------------------------------------ SigLIP 2's lower case


@pytest.mark.long
@pytest.mark.parametrize(
    "name", ["GemmaTokenizer", "GemmaTokenizerFast", "PreTrainedTokenizerFast"]
)
def test_siglip_2_is_lower_cased_whatever_tokenizer_its_folder_names(
    name: str, tmp_path: Path
) -> None:
    """The oracle is transformers' own Siglip2Tokenizer on the same files."""
    write_siglip2_as_published(tmp_path / "named", name)
    write_siglip2_as_published(tmp_path / "own", "Siglip2Tokenizer")
    tokenizer = transformers.Siglip2Tokenizer.from_pretrained(tmp_path / "own")
    given = tokenizer(NAMES, padding="max_length", truncation=True, return_tensors="pt")
    model = transformers.SiglipModel.from_pretrained(tmp_path / "own").eval()
    expected = unit(model.get_text_features(**given).pooler_output)
    encoder = load_encoder(f"hf:{tmp_path / 'named'}")
    np.testing.assert_allclose(encoder.encode_text(NAMES), expected, atol=1e-5)
    first, second = encoder.encode_text(["Vicki", "vicki"])
    assert first @ second == pytest.approx(1, abs=1e-6)
    assert encoder.tokenize("Vicki K.") == ["vi", "c", "k", "i", "▁", "k", "."]
    assert encoder.count_tokens(NAMES).tolist() == [
        len(tokenizer(text, add_special_tokens=False)["input_ids"]) for text in NAMES
    ]


def test_the_vocabularys_size_alone_tells_siglip_2() -> None:
    def model(kind: str) -> Any:
        module: Any = torch.nn.Module()
        module.config = SimpleNamespace(model_type=kind)
        return module

    def cased() -> Any:
        vocabulary = {"[UNK]": 0, "[CLS]": 1, "[SEP]": 2, "A": 3, "a": 4}
        return transformers.BertTokenizer(vocab=vocabulary, do_lower_case=False)

    for kind, size, expected in [
        ("siglip", 256_000, ["a"]), ("siglip_text_model", 256_000, ["a"]),
        ("siglip", 32_000, ["A"]), ("clip", 256_000, ["A"]),
    ]:  # fmt: skip
        tokenizer = cased()
        settle_case(model(kind), tokenizer, size, "x")
        assert tokenizer.tokenize("A") == expected, (kind, size)
    lowers = bert_tokenizer()
    before = lowers.backend_tokenizer.to_str()
    settle_case(model("siglip"), lowers, 256_000, "x")
    assert lowers.backend_tokenizer.to_str() == before, "it lower-cases already"


# --------------------------------------------------------------------------- the end token

TOLD = ["a <vicki> in anna", "a <vicki> on the person", "<vicki>", "Zoë <vicki><vicki>", "Anna"]


def expected_rows(model: Any, folder: Path) -> np.ndarray:
    """The library's rows with the right end token in the model's configuration."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folder)
    given = tokenizer(TOLD, padding=True, truncation=True, return_tensors="pt")
    if hasattr(model, "get_text_features"):
        return unit(model.get_text_features(**given).pooler_output)
    output = model(**given)
    return unit(output.text_embeds if "text_embeds" in output else output.pooler_output)


def with_end(folder: Path, kind: Any, end: int) -> Any:
    config = transformers.AutoConfig.from_pretrained(folder)
    getattr(config, "text_config", config).eos_token_id = end
    return kind.from_pretrained(folder, config=config).eval()


@pytest.mark.long
@pytest.mark.parametrize("said_end", [2, 49_407, None])
@pytest.mark.parametrize("kind", ["clip", "clipseg", "groupvit"])
def test_what_follows_an_added_token_counts(
    tiny: Tiny, tmp_path: Path, kind: str, said_end: int | None, caplog: pytest.LogCaptureFixture
) -> None:
    folder = Path(shutil.copytree(tiny(kind), tmp_path / kind))
    add_token(folder, folder, "<vicki>", said_end=said_end)
    with caplog.at_level(logging.INFO, "namebasis"):
        encoder = load_encoder(f"hf:{folder}")
    end = encoder.tokenizer.eos_token_id  # type: ignore[attr-defined]
    assert f"texts are pooled at their end token {end}, not at {said_end}" in caplog.text
    expected = expected_rows(with_end(folder, transformers.AutoModel, end), folder)
    rows = encoder.encode_text(TOLD)
    np.testing.assert_allclose(rows, expected, atol=1e-5)
    assert rows[0] @ rows[1] < 0.99
    names = ["<vicki>", "Anna", "Vicki"]
    np.testing.assert_allclose(
        encoder.encode_names(names, "a {} in anna"),
        encoder.encode_text([f"a {name} in anna" for name in names]),
        atol=1e-6,
    )


@pytest.mark.parametrize(("kind", "part"), [("sd", "text_encoder"), ("sdxl", "text_encoder_2")])
def test_a_pipelines_text_encoder_pools_at_its_end_too(
    tiny: Tiny, tmp_path: Path, kind: str, part: str
) -> None:
    folder = Path(shutil.copytree(tiny(kind), tmp_path / kind))
    words = folder / part.replace("text_encoder", "tokenizer")
    add_token(folder / part, words, "<vicki>")
    name = json.loads((folder / part / "config.json").read_text())["architectures"][0]
    model = with_end(folder / part, getattr(transformers, name), clip_tokenizer().eos_token_id)
    rows = load_encoder(f"diffusers:{folder}#{part}").encode_text(TOLD)
    np.testing.assert_allclose(rows, expected_rows(model, words), atol=1e-5)
    assert rows[0] @ rows[1] < 0.99


# ------------------------------------------------------------------- halves and other families


@pytest.mark.parametrize("kind", ["groupvit", "owlvit"])
def test_a_tower_without_a_table_of_words_keeps_its_texts(tiny: Tiny, kind: str) -> None:
    encoder = load_encoder(f"hf:{tiny(kind)}")
    tokenizer = transformers.AutoTokenizer.from_pretrained(tiny(kind))
    given = tokenizer(NAMES, padding=True, truncation=True, return_tensors="pt")
    model = transformers.AutoModel.from_pretrained(tiny(kind)).eval()
    expected = unit(model.get_text_features(**given).pooler_output)
    np.testing.assert_allclose(encoder.encode_text(NAMES), expected, atol=1e-5)
    assert encoder.token_dim == 0
    with pytest.raises(EncoderError, match="has no table of input token embeddings"):
        encoder.token_embeddings(["Vicki"])


@pytest.mark.parametrize(
    ("pair", "half"), [("siglip", "SiglipTextModel"), ("siglip2", "Siglip2TextModel")]
)
def test_siglips_text_half_alone_gives_the_pairs_rows(
    tiny: Tiny, tmp_path: Path, pair: str, half: str
) -> None:
    whole = transformers.AutoModel.from_pretrained(tiny(pair))
    config = whole.config.text_config
    alone = getattr(transformers, half)(config)
    inner = getattr(alone, "text_model", alone)
    inner.load_state_dict(whole.text_model.state_dict())
    alone.save_pretrained(tmp_path)
    transformers.AutoTokenizer.from_pretrained(tiny(pair)).save_pretrained(tmp_path)
    encoder = load_encoder(f"hf:{tmp_path}")
    np.testing.assert_allclose(
        encoder.encode_text(NAMES), load_encoder(f"hf:{tiny(pair)}").encode_text(NAMES), atol=1e-6
    )
    assert (encoder.has_text, encoder.has_images) == (True, False)


def test_a_text_half_without_its_projection_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    whole = transformers.AutoModel.from_pretrained(tiny("groupvit"))
    transformers.GroupViTTextModel(whole.config.text_config).save_pretrained(tmp_path)
    clip_tokenizer().save_pretrained(tmp_path)
    with pytest.raises(
        EncoderError, match=r"is a GroupViTTextModel, the text half of a pair .* the whole pair"
    ):
        load_encoder(f"hf:{tmp_path}")
