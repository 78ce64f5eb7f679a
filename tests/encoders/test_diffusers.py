"""Text encoders of diffusers' pipelines, against transformers' own output."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import transformers

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import TEXTS, write_whole_pipeline

Tiny = Callable[[str], Path]


def library_rows(folder: Path, part: str, kind: str) -> np.ndarray:
    """What the pipeline itself computes: padded to the full length, pooled at the end token."""
    model = getattr(transformers, kind).from_pretrained(folder / part).eval()
    tokenizer = transformers.AutoTokenizer.from_pretrained(
        folder / part.replace("text_encoder", "tokenizer")
    )
    given = tokenizer(TEXTS, padding="max_length", truncation=True, return_tensors="pt")
    with torch.inference_mode():
        output = model(given["input_ids"])
        rows = output.text_embeds if kind.endswith("Projection") else output.pooler_output
    return torch.nn.functional.normalize(rows, dim=-1).numpy()


@pytest.mark.long
@pytest.mark.parametrize(
    ("kind", "asked", "part", "architecture"),
    [
        ("sd", "", "text_encoder", "CLIPTextModel"),
        ("sdxl", "", "text_encoder_2", "CLIPTextModelWithProjection"),
        ("sdxl", "#text_encoder", "text_encoder", "CLIPTextModel"),
        ("sdxl", "#text_encoder_2", "text_encoder_2", "CLIPTextModelWithProjection"),
    ],
)
def test_rows_are_those_of_the_part(
    tiny: Tiny, kind: str, asked: str, part: str, architecture: str
) -> None:
    encoder = load_encoder(f"diffusers:{tiny(kind)}{asked}")
    expected = library_rows(tiny(kind), part, architecture)
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-5)
    assert encoder.spec == f"diffusers:{tiny(kind)}#{part}"
    assert load_encoder(encoder.spec).fingerprint == encoder.fingerprint
    assert not encoder.has_images
    assert encoder.token_embeddings(["Vicki"]).shape == (1, 32)
    assert encoder.tokenize("Vicki photo") == ["vi", "c", "ki</w>", "photo</w>"]


def test_a_real_pipelines_folder_is_read(tmp_path: Path) -> None:
    """What diffusers itself writes, image model and all."""
    pytest.importorskip("diffusers", reason="the extra diffusers is not installed")
    write_whole_pipeline(tmp_path)
    for part in ("unet", "vae"):  # are never looked at
        shutil.rmtree(tmp_path / part)
    rows = load_encoder(f"diffusers:{tmp_path}").encode_text(TEXTS)
    np.testing.assert_allclose(
        rows, library_rows(tmp_path, "text_encoder", "CLIPTextModel"), atol=1e-5
    )


def edit_index(folder: Path, **parts: list[str | None]) -> None:
    path = folder / "model_index.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | parts))


def test_a_pipeline_without_what_is_asked_is_refused(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("sd"), tmp_path / "pipeline"))
    with pytest.raises(EncoderError, match=r"no part #unet; its text encoders: #text_encoder \(CL"):
        load_encoder(f"diffusers:{folder}#unet")
    shutil.rmtree(folder / "tokenizer")
    with pytest.raises(EncoderError, match="holds no folder tokenizer; get it whole"):
        load_encoder(f"diffusers:{folder}")
    edit_index(folder, text_encoder=["transformers", "T5EncoderModel"])
    with pytest.raises(EncoderError, match=r"no CLIP text encoder; name one .*T5EncoderModel"):
        load_encoder(f"diffusers:{folder}")
    edit_index(folder, text_encoder=[None, None])
    with pytest.raises(EncoderError, match=r"its text encoders: none"):
        load_encoder(f"diffusers:{folder}")
    (folder / "model_index.json").write_text("[")
    with pytest.raises(EncoderError, match=r"cannot be read: "):
        load_encoder(f"diffusers:{folder}")


def test_a_folder_may_have_a_hash_in_its_name(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("sdxl"), tmp_path / "take #2"))
    for asked, part in (("", "text_encoder_2"), ("#text_encoder", "text_encoder")):
        encoder = load_encoder(f"diffusers:{folder}{asked}")
        assert encoder.spec == f"diffusers:{folder}#{part}"
        assert encoder.fingerprint == load_encoder(f"diffusers:{tiny('sdxl')}#{part}").fingerprint


def test_folders_of_another_kind_say_which_spec_fits(tiny: Tiny) -> None:
    with pytest.raises(EncoderError, match=rf"no model_index\.json.* Use hf:{tiny('clip')}$"):
        load_encoder(f"diffusers:{tiny('clip')}")
    with pytest.raises(EncoderError, match=rf"use diffusers:{tiny('sd')}$"):
        load_encoder(f"hf:{tiny('sd')}")
    with pytest.raises(EncoderError, match=rf"use open_clip:local-dir:{tiny('open_clip')}$"):
        load_encoder(f"hf:{tiny('open_clip')}")


def test_a_named_t5_is_averaged_over_its_tokens(tiny: Tiny, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny("sd"), tmp_path / "flux"))
    shutil.copytree(tiny("t5"), folder / "text_encoder_2")
    (folder / "tokenizer_2").mkdir()
    for path in (folder / "text_encoder_2").glob("*token*"):
        path.rename(folder / "tokenizer_2" / path.name)
    edit_index(folder, text_encoder_2=["transformers", "T5EncoderModel"])
    assert load_encoder(f"diffusers:{folder}").spec.endswith("#text_encoder")
    rows = load_encoder(f"diffusers:{folder}#text_encoder_2").encode_text(TEXTS)
    expected = load_encoder(f"hf:{tiny('t5')}").encode_text(TEXTS)
    np.testing.assert_allclose(rows, expected, atol=1e-6)
