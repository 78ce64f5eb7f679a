"""Folders as trainers other than ours leave them: read, or named for what they are."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from namebasis.encoders.registry import load_encoder
from namebasis.formation import formation
from namebasis.formation.checkpoints import CheckpointError, find_checkpoints
from tests.encoders.conftest import open_clip_config, tiny
from tests.formation import toy
from tests.formation.test_checkpoints import write_epoch, write_step

__all__ = ["tiny"]

TEXTS = ["Vicki", "a photo of Zoë", "anna on a beach"]
TOKENIZER = ("tokenizer.json", "tokenizer_config.json", "vocab.json", "merges.txt",
             "special_tokens_map.json")  # fmt: skip


def files(folder: Path, *names: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if name.endswith(".safetensors"):
            save_file({"a": np.ones(2, np.float32)}, path)
        else:
            path.write_text("{}")
    return folder


@pytest.fixture
def run_of_trainer(tiny: Any, tmp_path: Path) -> Path:
    """As a Trainer without `processing_class` leaves it: one tokenizer, in the run's folder."""
    run = tmp_path / "run"
    for step in (20, 40):
        shutil.copytree(tiny("clip"), run / f"checkpoint-{step}")
        for name in (*TOKENIZER, "preprocessor_config.json"):
            file = run / f"checkpoint-{step}" / name
            if file.exists():
                shutil.move(file, run / name)
    assert (run / "tokenizer.json").is_file()
    return run


@pytest.mark.long
def test_a_checkpoint_takes_the_tokenizer_of_its_run(run_of_trainer: Path, tiny: Any) -> None:
    expected = load_encoder(f"hf:{tiny('clip')}")
    encoder = load_encoder(f"hf:{run_of_trainer / 'checkpoint-20'}")
    np.testing.assert_array_equal(encoder.encode_text(TEXTS), expected.encode_text(TEXTS))
    found = formation(run_of_trainer, truth=toy.truth(), n_resamples=20, with_weights=False)
    assert found.steps == (20, 40)
    assert found.gaps == ()
    note = f"2 of 2 checkpoints have no tokenizer of their own; that of {run_of_trainer} is used"
    assert note in found.remarks


def test_a_tokenizer_is_borrowed_around_steps_only(run_of_trainer: Path) -> None:
    other = run_of_trainer / "best model"
    shutil.copytree(run_of_trainer / "checkpoint-20", other)
    with pytest.raises(Exception, match="holds no tokenizer"):
        load_encoder(f"hf:{other}")


def test_the_run_s_tokenizer_is_part_of_a_checkpoint_s_fingerprint(run_of_trainer: Path) -> None:
    before = find_checkpoints(run_of_trainer).checkpoints[0].fingerprint
    (run_of_trainer / "tokenizer_config.json").write_text("{}")
    assert find_checkpoints(run_of_trainer).checkpoints[0].fingerprint != before


def test_a_whole_pipeline_per_step_is_its_text_encoder(tiny: Any, tmp_path: Path) -> None:
    for step in (100, 200):
        shutil.copytree(tiny("sd"), tmp_path / f"checkpoint-{step}")
    series = find_checkpoints(tmp_path)
    assert [one.spec for one in series.checkpoints] == [
        f"diffusers:{tmp_path / 'checkpoint-100'}", f"diffusers:{tmp_path / 'checkpoint-200'}",
    ]  # fmt: skip
    read, plain = load_encoder(series.checkpoints[0].spec), load_encoder(f"diffusers:{tiny('sd')}")
    np.testing.assert_array_equal(read.encode_text(TEXTS), plain.encode_text(TEXTS))
    assert series.checkpoints[0].fingerprint == series.checkpoints[1].fingerprint


def test_a_dreambooth_step_is_read_with_the_run_s_tokenizer(tiny: Any, tmp_path: Path) -> None:
    step = tmp_path / "checkpoint-100"
    files(step / "unet", "config.json", "model.safetensors")
    shutil.copytree(tiny("sd") / "text_encoder", step / "text_encoder")
    shutil.copytree(tiny("sd") / "tokenizer", tmp_path / "tokenizer")
    (one,) = find_checkpoints(tmp_path).checkpoints
    plain = load_encoder(f"diffusers:{tiny('sd')}")
    np.testing.assert_allclose(
        load_encoder(one.spec).encode_text(TEXTS), plain.encode_text(TEXTS), atol=1e-6
    )


@pytest.mark.parametrize(
    ("names", "reason"),
    [
        (("adapter_model.safetensors", "adapter_config.json"), r"a LoRA adapter, not a whole mode"),
        (("pytorch_lora_weights.safetensors",), r"a LoRA adapter, not a whole model: write its"),
        (("model.safetensors", "optimizer.bin", "scheduler.bin"), r"of accelerate without the mod"),
        (("config.json", "pytorch_model.bin"), r"its weights are a pickle \(pytorch_model\.bin\)"),
        ((".metadata", "__0_0.distcp"), r"a distributed checkpoint of torch: turn it into one fi"),
        (("mp_rank_00_model_states.pt",), r"DeepSpeed's state: .* zero_to_fp32\.py"),
        (("unet/config.json", "unet/model.safetensors"), r"holds a unet alone"),
        (("model_index.json", "unet/config.json"), r"a pipeline without a text encoder"),
        (("model_index.json", "text_encoder/config.json"), r"half-written: it holds no model\.saf"),
        (("model.safetensors",), r"half-written: it holds no config\.json"),
    ],
)
def test_other_layouts_are_named(names: tuple[str, ...], reason: str, tmp_path: Path) -> None:
    write_step(tmp_path, "checkpoint-1")
    files(tmp_path / "checkpoint-500", *names)
    series = find_checkpoints(tmp_path)
    assert [one.step for one in series.checkpoints] == [1]
    (gap,) = series.gaps
    assert gap.step == 500
    assert re.search(reason, gap.reason), gap.reason


@pytest.mark.parametrize("name", ["ckpt-500", "checkpoint-500-best", "Epoch500", "iteration_500"])
def test_more_names_of_steps(name: str, tmp_path: Path) -> None:
    write_step(tmp_path, name)
    assert [one.step for one in find_checkpoints(tmp_path).checkpoints] == [500]


@pytest.mark.parametrize("name", ["epoch_7.pt", "clip_epoch_7.pt", "my-run-epoch7.pth"])
def test_more_names_of_epochs(name: str, tmp_path: Path) -> None:
    write_epoch(tmp_path, name)
    (one,) = find_checkpoints(tmp_path, model="ViT-B-32").checkpoints
    assert (one.step, one.spec) == (7, f"open_clip:ViT-B-32@{tmp_path / name}")


def test_an_empty_folder_does_not_hide_epoch_files(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-5").mkdir()
    write_epoch(tmp_path, "epoch_5.pt")
    series = find_checkpoints(tmp_path, model="ViT-B-32")
    assert [one.label for one in series.checkpoints] == ["epoch_5.pt"]
    assert [gap.label for gap in series.gaps] == ["checkpoint-5"]


def test_a_folder_one_level_too_high_names_the_runs_below(tmp_path: Path) -> None:
    write_epoch(tmp_path / "logs" / "my-clip" / "checkpoints", "epoch_1.pt")
    (tmp_path / "logs" / "empty").mkdir()
    with pytest.raises(CheckpointError, match=r"Did you mean \S+/logs/my-clip\?$"):
        find_checkpoints(tmp_path / "logs")
    write_step(tmp_path / "logs" / "other", "step-3")
    with pytest.raises(CheckpointError, match=r"my-clip \(or one of 1 others\)\?$"):
        find_checkpoints(tmp_path)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("epoch_latest.pt", r"is one model: use it as --encoder open_clip:MODEL@\S+epoch_latest"),
        ("epoch=0-step=500.ckpt", r"such as epoch=0-step=500\.ckpt, is not said .* --model ViT-B"),
        (
            "mymodel-000001.safetensors",
            r"mymodel-000001\.safetensors: half-written: .* no readable",
        ),
    ],
)
def test_a_lone_file_is_explained(name: str, message: str, tmp_path: Path) -> None:
    write_epoch(tmp_path, name)
    with pytest.raises(CheckpointError, match=message):
        find_checkpoints(tmp_path)


@pytest.mark.parametrize(
    ("labels", "steps"),
    [
        (["step1000-tokens4B", "step2000-tokens8B", "step500-tokens41B"], [500, 1000, 2000]),
        (["epoch=0-step=500", "epoch=1-step=900"], [500, 900]),
        (["patch16", "patch32", "patch14"], [0, 1, 2]),
        (["laion2b_s34b_b79k", "laion2b_e16"], [0, 1]),
        (["a-7", "a-5"], [5, 7]),
        (["v10", "v9"], [0, 1]),
    ],
)
def test_what_a_number_in_a_label_means(labels: list[str], steps: list[int]) -> None:
    series = find_checkpoints("hf:org/model", revisions=labels)
    assert [one.step for one in series.checkpoints] == steps


def test_a_number_that_is_all_a_spec_names_is_its_step() -> None:
    series = find_checkpoints(["hf:10", "hf:0", "hf:5"])
    assert [(one.step, one.spec) for one in series.checkpoints] == [
        (0, "hf:0"), (5, "hf:5"), (10, "hf:10"),
    ]  # fmt: skip


@pytest.fixture(scope="module")
def own_model(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Any, Any]:
    """Configuration, weights and vectors of an open_clip model."""
    import torch

    open_clip = pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    config = tmp_path_factory.mktemp("own") / "tiny-laid-out.json"
    config.write_text(json.dumps(open_clip_config()))
    open_clip.add_model_config(config)
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-laid-out").eval()
    tokens = open_clip.get_tokenizer("tiny-laid-out")(TEXTS)
    with torch.inference_mode():
        return config, model.state_dict(), model.encode_text(tokens, normalize=True).numpy()


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "beside", "step", "wrap"),
    [
        (
            "checkpoints/epoch=0-step=500.ckpt", "checkpoints/last.ckpt", 500,
            lambda state: {"state_dict": {f"net.{key}": value for key, value in state.items()},
                           "pytorch-lightning_version": "2.6.0", "epoch": 0},
        ),
        ("checkpoints/my-epoch=07.ckpt", None, 7, lambda state: {"state_dict": state}),
        (
            "checkpoints/epoch_3/mp_rank_00_model_states.pt",
            "checkpoints/epoch_3/zero_pp_rank_0_mp_rank_00_optim_states.pt", 3,
            lambda state: {"module": {f"module.{key}": value for key, value in state.items()},
                           "ds_version": "0.18.1", "param_shapes": []},
        ),
        ("checkpoint_2/model.safetensors", "checkpoint_2/optimizer.bin", 2, lambda state: state),
    ],
    ids=["lightning", "lightning-epochs", "deepspeed", "accelerate"],
)  # fmt: skip
def test_bare_weights_are_read_as_the_model_that_is_named(
    name: str, beside: str | None, step: int, wrap: Any, own_model: Any, tmp_path: Path
) -> None:
    import torch
    from safetensors.torch import save_file as save

    config, state, expected = own_model
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    if beside:
        (tmp_path / beside).write_bytes(b"optimizer")
    if file.suffix == ".safetensors":
        save({key: value.contiguous() for key, value in state.items()}, file)
    else:
        torch.save(wrap(state), file)
    (one,) = find_checkpoints(tmp_path, model=str(config)).checkpoints
    assert (one.step, one.spec) == (step, f"open_clip:{config}@{file}")
    assert one.fingerprint is not None
    np.testing.assert_allclose(load_encoder(one.spec).encode_text(TEXTS), expected, atol=1e-5)
    file.write_bytes(file.read_bytes()[:-9])
    with pytest.raises(CheckpointError, match="half-written"):
        find_checkpoints(tmp_path, model=str(config))


def test_settings_of_a_run_hold_for_a_step_s_own_folder(tmp_path: Path) -> None:
    write_epoch(tmp_path / "checkpoints" / "epoch_1", "mp_rank_00_model_states.pt")
    (tmp_path / "params.txt").write_text("model: ViT-B-16\n")
    (one,) = find_checkpoints(tmp_path).checkpoints
    assert one.spec.startswith("open_clip:ViT-B-16@")
    assert tmp_path / "params.txt" in one.files
    # Of ZeRO-3 each file holds a part of the weights.
    write_epoch(one.files[0].parent, "zero_pp_rank_0_mp_rank_00_model_states.pt")
    with pytest.raises(CheckpointError, match=r"DeepSpeed's state: .* zero_to_fp32\.py"):
        find_checkpoints(tmp_path)


def test_accelerate_s_weights_take_the_configuration_of_their_run(
    tiny: Any, tmp_path: Path
) -> None:
    step = tmp_path / "checkpoint_0"
    shutil.copytree(tiny("clip"), step)
    for name in (*TOKENIZER, "config.json"):
        if (step / name).exists():
            shutil.move(step / name, tmp_path / name)
    for name in ("optimizer.bin", "scheduler.bin"):
        (step / name).write_bytes(b"state")
    (one,) = find_checkpoints(tmp_path).checkpoints
    assert one.spec == f"hf:{step}"
    assert tmp_path / "config.json" in one.files
    np.testing.assert_array_equal(
        load_encoder(one.spec).encode_text(TEXTS),
        load_encoder(f"hf:{tiny('clip')}").encode_text(TEXTS),
    )


def lora_of(folder: Path, name: str, prefix: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    sides = {"A": rng.normal(size=(2, 32)), "B": rng.normal(size=(32, 2))}
    if prefix.startswith("lora_te"):
        sides = {"down": sides["A"], "up": sides["B"]}
    arrays = {
        f"{prefix}.lora_{side}.weight": value.astype(np.float32) for side, value in sides.items()
    }
    save_file(arrays, folder / name)
    return folder / name


def test_an_adapter_is_read_on_the_model_that_it_names(tiny: Any, tmp_path: Path) -> None:
    where = "base_model.model.text_model.encoder.layers.0.self_attn.q_proj"
    file = lora_of(tmp_path / "checkpoint-5", "adapter_model.safetensors", where)
    settings = {"r": 2, "lora_alpha": 2, "base_model_name_or_path": str(tiny("clip"))}
    (file.parent / "adapter_config.json").write_text(json.dumps(settings))
    (one,) = find_checkpoints(tmp_path).checkpoints
    assert one.spec == f"hf:{tiny('clip')}+lora:{file}"
    plain = load_encoder(f"hf:{tiny('clip')}").encode_text(TEXTS)
    assert np.abs(load_encoder(one.spec).encode_text(TEXTS) - plain).max() > 1e-3
    (other,) = find_checkpoints(tmp_path, model="diffusers:/base").checkpoints
    assert other.spec == f"diffusers:/base+lora:{file}"


def test_kohya_s_loras_are_read_on_the_model_that_is_named(tmp_path: Path) -> None:
    where = "lora_te_text_model_encoder_layers_0_self_attn_q_proj"
    for name in ("vicki-000002.safetensors", "vicki-000001.safetensors", "vicki.safetensors"):
        lora_of(tmp_path, name, where)
    save_file({"a": np.ones(2, np.float32)}, tmp_path / "vicki-000003.safetensors")
    series = find_checkpoints(tmp_path, model="sd:/base.safetensors")
    assert [(one.step, one.spec) for one in series.checkpoints] == [
        (step, f"sd:/base.safetensors+lora:{tmp_path / f'vicki-00000{step}.safetensors'}")
        for step in (1, 2)
    ]
    assert [(gap.step, gap.reason[:12]) for gap in series.gaps] == [(3, "neither a St")]
    with pytest.raises(CheckpointError, match=r"a LoRA, .* --model sd:BASE\.safetensors"):
        find_checkpoints(tmp_path)


def test_settings_of_a_training_reach_its_encoder_and_fingerprint(tmp_path: Path) -> None:
    import torch

    open_clip = pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    config = tmp_path / "tiny-own.json"
    config.write_text(json.dumps(open_clip_config()))
    named = tmp_path / "tiny-own-listed.json"
    named.write_text(json.dumps(open_clip_config()))
    open_clip.add_model_config(named)
    torch.manual_seed(0)
    model = open_clip.create_model("tiny-own-listed", force_context_length=16).eval()
    run = tmp_path / "run"
    (run / "checkpoints").mkdir(parents=True)
    torch.save({"state_dict": model.state_dict()}, run / "checkpoints" / "epoch_1.pt")
    with pytest.raises(CheckpointError, match=r"or its configuration: --model CONFIG\.json"):
        find_checkpoints(run)
    plain = find_checkpoints(run, model=str(config)).checkpoints[0].fingerprint
    (run / "params.txt").write_text("force_context_length: 16\nmodel: tiny-own\n")
    (one,) = find_checkpoints(run, model=str(config)).checkpoints
    assert one.fingerprint != plain
    tokens = open_clip.get_tokenizer("tiny-own-listed", context_length=16)(TEXTS)
    with torch.inference_mode():
        expected = model.encode_text(tokens, normalize=True).numpy()
    np.testing.assert_allclose(load_encoder(one.spec).encode_text(TEXTS), expected, atol=1e-5)
