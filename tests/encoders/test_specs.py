"""A spec without the word in front is taken for what it is, or the right one is named."""

from __future__ import annotations

from pathlib import Path

import pytest

from namebasis.encoders import specs
from namebasis.encoders.foreign_folders import HUB_CONFIG, model_below
from namebasis.encoders.specs import full_spec
from namebasis.errors import EncoderError


def touch(*files: Path) -> None:
    for file in files:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("{}")


@pytest.mark.parametrize(
    "spec", ["minilm", "hf:org/name", "open_clip:ViT-B-32/openai", "diffusers:folder", "vectors:ab"]
)
def test_a_spec_that_says_what_reads_it_stays(spec: str) -> None:
    assert full_spec(spec) == spec


def test_a_folder_is_what_its_files_say(tmp_path: Path) -> None:
    touch(tmp_path / "clip/config.json", tmp_path / "st/modules.json", tmp_path / "st/config.json")
    touch(tmp_path / f"oc/{HUB_CONFIG}", tmp_path / "sd/model_index.json")
    touch(tmp_path / "step/text_encoder/config.json")
    assert full_spec(str(tmp_path / "clip")) == f"hf:{tmp_path}/clip"
    assert full_spec(str(tmp_path / "st")) == f"hf:{tmp_path}/st"
    assert full_spec(str(tmp_path / "oc")) == f"open_clip:local-dir:{tmp_path}/oc"
    assert full_spec(str(tmp_path / "sd")) == f"diffusers:{tmp_path}/sd"
    assert full_spec(str(tmp_path / "step")) == f"hf:{tmp_path}/step/text_encoder"


def test_of_a_run_the_last_step_is_named(tmp_path: Path) -> None:
    touch(*(tmp_path / f"my.run/step-{n}/config.json" for n in (5, 100, 20)))
    last = f"Did you mean hf:{tmp_path}/my.run/step-100 (the last of 3 steps)?"
    with pytest.raises(EncoderError) as caught:
        full_spec(str(tmp_path / "my.run"))
    assert last in str(caught.value)
    assert last in model_below(tmp_path / "my.run")
    assert full_spec(str(tmp_path / "my.run/step-20")) == f"hf:{tmp_path}/my.run/step-20"


def test_of_a_training_of_open_clip_the_last_epoch_is_named(tmp_path: Path) -> None:
    touch(*(tmp_path / f"run/checkpoints/epoch_{n}.pt" for n in (2, 10, 9)))
    (tmp_path / "run/params.txt").write_text("model: ViT-B-32\n")
    last = tmp_path / "run/checkpoints/epoch_10.pt"
    with pytest.raises(EncoderError) as caught:
        full_spec(str(tmp_path / "run"))
    assert f"Did you mean open_clip:ViT-B-32@{last} (the last of 3 epochs)?" in str(caught.value)
    with pytest.raises(EncoderError, match="Write open_clip:ViT-B-32@"):
        full_spec(str(last))
    touch(tmp_path / "w.safetensors")
    with pytest.raises(EncoderError, match=r"its model must be named: open_clip:MODEL@.*w\.saf"):
        full_spec(str(tmp_path / "w.safetensors"))


def test_a_name_of_the_hub_is_one_unless_open_clip_has_such_a_model(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(specs, "_open_clip_models", lambda: frozenset({"ViT-B-32"}))
    assert full_spec("openai/clip-vit-base-patch32") == "hf:openai/clip-vit-base-patch32"
    assert full_spec("ViT-B-32/openai") == "open_clip:ViT-B-32/openai"
    with pytest.raises(EncoderError, match="Did you mean open_clip:ViT-B-32/TAG"):
        full_spec("ViT-B-32")


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ("minilmm", "unknown encoder 'minilmm'. Did you mean minilm?"),
        ("/no/such/folder", "there is no such folder or file"),
        ("./gone", "there is no such folder or file"),
        ("hf:", "unknown encoder 'hf:'"),
        (" ", "an encoder is named by a spec"),
    ],
)
def test_what_is_none_is_refused(spec: str, message: str) -> None:
    with pytest.raises(EncoderError) as caught:
        full_spec(spec)
    assert message in str(caught.value)


def test_a_folder_that_another_trainer_left_is_named_for_what_it_is(tmp_path: Path) -> None:
    touch(tmp_path / "lora/adapter_config.json", tmp_path / "empty/readme.md")
    with pytest.raises(EncoderError, match="LoRA adapter, not a whole model"):
        full_spec(str(tmp_path / "lora"))
    with pytest.raises(EncoderError, match="is a folder without a model of its own"):
        full_spec(str(tmp_path / "empty"))
