"""Files that are no checkpoint with a text encoder are named for what they are."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from namebasis.encoders.open_clip.checkpoint_files import read_state
from namebasis.encoders.registry import load_encoder
from namebasis.encoders.single_file.weights import open_weights
from namebasis.encoders.specs import full_spec
from namebasis.errors import EncoderError
from tests.encoders.single_file.checkpoints import UNET, text_model, transformers_keys, write

TOKENS = "text_model.embeddings.token_embedding.weight"
SD1 = "cond_stage_model.transformer."


def refused(spec: str) -> str:
    with pytest.raises(EncoderError) as caught:
        load_encoder(spec)
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("keys", "said"),
    [
        (["lora_te_text_model_encoder_layers_0_mlp_fc1.lora_down.weight"], "is a LoRA, which"),
        (["text_encoder.text_model.encoder.layers.0.mlp.fc1.lora_linear_layer.down.weight",
          "unet.down_blocks.0.lora_A.weight"], "is a LoRA, which"),
        (["emb_params"], "is a textual inversion, one word's embedding"),
        (["clip_l", "clip_g"], "is a textual inversion, one word's embedding"),
        (["<vicki>"], "is a textual inversion, one word's embedding"),
        (["first_stage_model.encoder.conv_in.weight"], "is a VAE, which turns pictures"),
        (["encoder.conv_in.weight", "decoder.conv_in.weight"], "is a VAE, which turns pictures"),
        ([*UNET], "holds a UNet without its text encoder"),
        (["conditioner.embedders.0.open_clip.model.visual.proj", *UNET],
         "is a Stable Video Diffusion model, which is given an image and no text"),
        (["down_blocks.0.motion_modules.0.temporal_transformer.norm.bias"], "of AnimateDiff"),
        (["control_model.time_embed.0.weight"], "is a ControlNet"),
        (["model.diffusion_model.double_blocks.0.img_attn.qkv.weight"],
         r"holds an image or video model (a transformer) without its text encoders"),
        (["blocks.0.cross_attn.k.weight", "patch_embedding.weight"], "image or video model"),
        (["encoder.block.0.layer.0.SelfAttention.q.weight", "shared.weight"], "holds T5, whose"),
        (["visual.conv1.weight", "token_embedding.weight", "text_projection"],
         "is a whole CLIP of open_clip, images and text; name its model: open_clip:MODEL@FILE"),
        (["vision_model.post_layernorm.weight"], "is CLIP's image half, which reads no text"),
        (["something.else"], "no text encoder of Stable Diffusion (1 tensors, such as something.e"),
    ],
)  # fmt: skip
def test_other_kinds(keys: list[str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "v1-5-pruned.safetensors"  # whatever its name claims
    save_file({key: torch.ones(2, 2) for key in keys}, file)
    assert said in refused(f"sd:{file}")
    with pytest.raises(EncoderError) as bare:  # nor without the word
        full_spec(str(file))
    assert said in str(bare.value) or "something" in keys[0]


TEXT = {
    f"{SD1}{TOKENS}": (49_408, 64),
    f"{SD1}text_model.embeddings.position_embedding.weight": (77, 64),
    f"{SD1}text_model.encoder.layers.0.mlp.fc1.weight": (96, 64),
}


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({f"{SD1}{TOKENS}": (32_000, 64)}, "knows 32,000 pieces, CLIP's vocabulary has 49,408"),
        ({f"{SD1}{TOKENS}": (49_408, 50)}, "is 50 wide, which is no multiple of 64"),
        ({f"{SD1}text_model.encoder.layers.2.mlp.fc1.weight": (96, 64)}, "lacks layer 1; get the"),
        ({}, " tensors, such as encoder.layers.0.layer_norm1.bias; random ones are never"),
        ({f"{SD1}text_model.encoder.layers.0.mlp.fc1.scale_weight": (1, 1)}, "quantised weights"),
        ({f"{SD1}text_model.head.weight": (1, 1)}, "holds head.weight, which no text"),
    ],
)
def test_towers_that_are_not_whole(
    changed: dict[str, tuple[int, int]], said: str, tmp_path: Path
) -> None:
    pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    shapes = TEXT | changed
    file = tmp_path / "w.safetensors"
    save_file({key: torch.zeros(shape, dtype=torch.float16) for key, shape in shapes.items()}, file)
    assert said in refused(f"sd:{file}")


def test_a_file_is_told_by_its_content_not_its_name(tmp_path: Path) -> None:
    whole = tmp_path / "whole.safetensors"
    save_file({"a": torch.ones(64, 64)}, whole)
    content = whole.read_bytes()
    for name, given, said in (
        ("cut.safetensors", content[:-100], "is cut short: it holds "),
        ("cut.ckpt", content[:-100], "is cut short: it holds "),
        ("odd.safetensors", (20).to_bytes(8, "little") + b'{"a": {"dtype": "X"}}', "no sound"),
        ("page.safetensors", b"<!DOCTYPE html><html>", "is a web page that was saved in the place"),
        ("lfs.safetensors", b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS"),
        ("q.safetensors", b"GGUF\x03" + b"\0" * 60, "is a GGUF file, whose weights are quantised"),
        ("noise.safetensors", b"\xff" * 90, "is neither safetensors nor a checkpoint of PyTorch"),
        ("none.safetensors", b"", "it is empty"),
        ("named.ckpt", content, "no text encoder of Stable Diffusion (1 tensors, such as a)"),
    ):
        (tmp_path / name).write_bytes(given)
        assert said in refused(f"sd:{tmp_path / name}"), name
    torch.save({"emb_params": torch.ones(1, 64)}, tmp_path / "word.safetensors")
    assert "is a textual inversion" in refused(f"sd:{tmp_path / 'word.safetensors'}")


def test_a_header_of_any_length_is_no_pickle(tmp_path: Path) -> None:
    """640 is 0x0280: the first bytes of a safetensors file are then those of a pickle."""
    file = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(4)}, file)
    content = file.read_bytes()
    length = int.from_bytes(content[:8], "little")
    header = content[8 : 8 + length].ljust(640)
    file.write_bytes((640).to_bytes(8, "little") + header + content[8 + length :])
    assert torch.equal(read_state(file, "open_clip:x")["a"], torch.ones(4))
    assert open_weights(file, "sd:x").shapes == {"a": (4,)}


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, ("a folder that a file's code would make",)


def test_a_pickle_with_code_is_refused_with_the_step_to_take(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save({"state_dict": UNET, "callbacks": _Code()}, "old.ckpt")
    said = refused(f"sd:{tmp_path / 'old.ckpt'}")
    assert "asks for posix.mkdir and holds code, which is never run" in said
    assert said.endswith(
        "Save it as safetensors where you trust it (AUTOMATIC1111's checkpoint merger does so, or "
        "safetensors.torch.save_file of its tensors) and give that file."
    )
    content = (tmp_path / "old.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(content[: len(content) // 2])
    assert "download it again" in refused(f"sd:{tmp_path / 'cut.ckpt'}")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_an_embedding_s_pickle_is_named_wherever_it_is_given(tmp_path: Path) -> None:
    pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    base = tmp_path / "sd.safetensors"
    model = text_model(projected=False, activation="quick_gelu")
    write(base, transformers_keys(model, SD1))
    word, evil, cut = (tmp_path / name for name in ("anna.pt", "evil.pt", "cut.pt"))
    torch.save({"string_to_param": {"*": torch.ones(1, 128)}, "name": "anna"}, word)
    torch.save({"string_to_param": {"*": torch.ones(1, 128)}, "x": _Code()}, evil)
    cut.write_bytes(word.read_bytes()[:900])
    assert "anna.pt is a textual inversion, one word's embedding" in refused(f"sd:{word}")
    said = refused(f"sd:{base}+lora:{word}")
    assert "anna.pt holds no LoRA; its tensors are named like string_to_param" in said
    said = refused(f"sd:{base}+embedding:{evil}=<w>")
    assert "evil.pt cannot be read: it asks for posix.mkdir and holds code" in said
    said = refused(f"sd:{base}+embedding:{cut}=<w>")
    assert said.endswith("); download it again.")
    assert "cut.pt is a file of PyTorch that cannot be read (PytorchStreamReader failed" in said
    assert "there is no LoRA file" in refused(f"sd:{base}+lora:{tmp_path}")
    assert "no embedding file is named; write" in refused(f"sd:{base}+embedding:")
    assert full_spec(f"{base}#text_encoder") == f"sd:{base}#text_encoder"


def test_wrong_places(tmp_path: Path) -> None:
    assert refused("sd:/no/such.safetensors").endswith("there is no such file.")
    assert "there is no such file" in refused("sd:./nowhere.safetensors#text_encoder")
    (tmp_path / "pipeline").mkdir()
    (tmp_path / "pipeline/model_index.json").write_text("{}")
    said = refused(f"sd:{tmp_path / 'pipeline'}")
    assert said.endswith(f"is a folder. Write diffusers:{tmp_path / 'pipeline'}")
    file = tmp_path / "w.safetensors"
    save_file({"a": torch.ones(2, 2)}, file)
    with pytest.raises(EncoderError, match="is a file; a revision is for hub repositories"):
        load_encoder(f"sd:{file}", revision="main")
