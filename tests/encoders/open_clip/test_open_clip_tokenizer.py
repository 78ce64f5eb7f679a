"""open_clip's models whose tokenizer is a repository of the hub, on a machine without a network."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from tests.encoders.conftest import gemma_tokenizer, n_tokens, open_clip_config, shaken
from tests.lazily import library

open_clip = library("open_clip", "the extra open-clip is not installed")
NAMES = ["Vicki", "Anna K. O'Brien", "a photo of Vicki", "Zoë", "", "an " * 30]


def write(folder: Path, **text: Any) -> dict[str, Any]:
    """A SigLIP 2 of open_clip: configuration, checkpoint file, no tokenizer."""
    config = open_clip_config()
    config["text_cfg"] = {
        "context_length": 16, "vocab_size": n_tokens(gemma_tokenizer()), "width": 32, "heads": 2,
        "layers": 1, "hf_tokenizer_name": "timm/ViT-B-16-SigLIP2",
        "tokenizer_kwargs": {"clean": "canonicalize"}, "no_causal_mask": True, "proj_bias": True,
        "pool_type": "last", **text,
    }  # fmt: skip
    config["custom_text"] = True
    path = folder / "own-SigLIP2.json"
    path.write_text(json.dumps(config))
    open_clip.add_model_config(path)
    if "hf_model_name" not in text:
        torch.manual_seed(0)
        torch.save(shaken(open_clip.create_model(path.stem)).state_dict(), folder / "siglip.pt")
    return config


def test_a_missing_tokenizer_is_named_with_the_remedy(tmp_path: Path) -> None:
    write(tmp_path)
    with pytest.raises(EncoderError) as caught:
        load_encoder(f"open_clip:own-SigLIP2@{tmp_path / 'siglip.pt'}")
    message = str(caught.value)
    assert "its tokenizer is that of hf:timm/ViT-B-16-SigLIP2, which is not on this" in message
    assert f"Put that repository's tokenizer.json and tokenizer_config.json into {tmp_path}" in (
        message
    )
    assert "hf download timm/ViT-B-16-SigLIP2" in message
    assert "\n" not in message
    assert "Is it a checkpoint of" not in message


def test_a_tokenizer_beside_the_checkpoint_is_used(tmp_path: Path) -> None:
    """Rows of open_clip's own HFTokenizer and model."""
    config = write(tmp_path)
    gemma_tokenizer().save_pretrained(tmp_path)
    spec = f"open_clip:{tmp_path / 'own-SigLIP2.json'}@{tmp_path / 'siglip.pt'}"
    encoder = load_encoder(spec)
    tokenizer = open_clip.tokenizer.HFTokenizer(
        str(tmp_path), context_length=16, clean="canonicalize"
    )
    model = open_clip.create_model("own-SigLIP2").eval()
    model.load_state_dict(torch.load(tmp_path / "siglip.pt"))
    rows = torch.nn.functional.normalize(model.encode_text(tokenizer(NAMES)).detach(), dim=-1)
    np.testing.assert_allclose(encoder.encode_text(NAMES), rows.numpy(), atol=1e-5)
    assert encoder.tokenize("O'Brien") == ["o", "b", "r", "i", "e", "n"]

    hub = tmp_path / "hub"
    hub.mkdir()
    (hub / "open_clip_config.json").write_text(
        json.dumps({"model_cfg": config, "preprocess_cfg": {}})
    )
    torch.save(model.state_dict(), hub / "open_clip_pytorch_model.bin")
    with pytest.raises(
        EncoderError, match=r"hub holds no tokenizer \(.*Put the tokenizer files of hf:timm"
    ):
        load_encoder(f"open_clip:local-dir:{hub}")
    gemma_tokenizer().save_pretrained(hub)
    again = load_encoder(f"open_clip:local-dir:{hub}")
    np.testing.assert_allclose(again.encode_text(NAMES), rows.numpy(), atol=1e-5)


def test_a_missing_text_tower_of_transformers_is_named(tmp_path: Path) -> None:
    write(tmp_path, hf_model_name="no-one/roberta", hf_tokenizer_name="no-one/roberta")
    torch.save({"logit_scale": torch.zeros(())}, tmp_path / "w.pt")
    with pytest.raises(
        EncoderError, match=r"the shape of its text tower is that of hf:no-one/roberta, which is"
    ):
        load_encoder(f"open_clip:own-SigLIP2@{tmp_path / 'w.pt'}")
