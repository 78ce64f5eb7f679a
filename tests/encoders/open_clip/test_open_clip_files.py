"""Checkpoint files as open_clip's trainer and others leave them, against the library itself."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from namebasis.encoders.open_clip.checkpoint_files import read_state
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisWarning
from tests.encoders.conftest import TEXTS, open_clip_config, pictures, shaken
from tests.lazily import library

open_clip = library("open_clip", "the extra open-clip is not installed")
MODEL = "tiny-trained"


@pytest.fixture(scope="module")
def listed(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A model of this name in open_clip's list."""
    path = tmp_path_factory.mktemp("configs") / f"{MODEL}.json"
    path.write_text(json.dumps(open_clip_config()))
    open_clip.add_model_config(path)
    return MODEL


def trained(name: str, folder: Path, **options: Any) -> tuple[Any, Any]:
    """A model made as open_clip's trainer makes it and saved as it saves; its preparation."""
    model, _, prepare = open_clip.create_model_and_transforms(name, **options)
    model = shaken(model).eval()  # weights that tell one activation from another
    folder.mkdir(parents=True, exist_ok=True)
    state = {f"module.{key}": value for key, value in model.state_dict().items()}
    torch.save({"epoch": 1, "name": "run", "state_dict": state}, folder / "epoch_1.pt")
    return model, prepare


def params(folder: Path, **values: object) -> None:
    """params.txt as the trainer writes it: one argument a line, as Python prints it."""
    given = {"lr": 0.001, "pretrained": "", "force_patch_dropout": None, **values}
    text = "".join(f"{key}: {given[key]}\n" for key in sorted(given))
    (folder / "params.txt").write_text(text, encoding="utf-8")


def rows(model: Any, name: str, length: int | None = None) -> np.ndarray:
    tokenizer = open_clip.get_tokenizer(name, context_length=length)
    with torch.inference_mode():
        found = model.encode_text(tokenizer(TEXTS), normalize=True)
    return np.asarray(found)


@pytest.mark.long
@pytest.mark.parametrize(
    ("options", "flags"),
    [
        ({}, {}),
        ({"force_quick_gelu": True}, {"force_quick_gelu": True}),
        ({"force_context_length": 16}, {"force_context_length": 16}),
        ({"force_image_size": 24}, {"force_image_size": 24}),
        ({"force_image_size": 24}, {"force_image_size": [24]}),
        ({"force_custom_text": True}, {"force_custom_text": True}),
        ({"init_logit_bias": -10}, {"siglip": True}),
        (
            {"image_mean": (0.0, 0.0, 0.0), "image_std": (1.0, 1.0, 1.0)},
            {"image_mean": [0.0, 0.0, 0.0], "image_std": [1.0, 1.0, 1.0]},
        ),
        (
            {"image_interpolation": "bilinear", "image_resize_mode": "squash"},
            {"image_interpolation": "bilinear", "image_resize_mode": "squash"},
        ),
    ],
)
@pytest.mark.parametrize("where", ["beside", "above"])
def test_settings_of_the_training_are_followed(
    options: dict[str, Any], flags: dict[str, Any], where: str, listed: str, tmp_path: Path
) -> None:
    place = tmp_path / "checkpoints"
    model, prepare = trained(listed, place, **options)
    params(place if where == "beside" else tmp_path, model=listed, **flags)
    encoder = load_encoder(f"open_clip:{listed}@{place / 'epoch_1.pt'}")
    expected = rows(model, listed, options.get("force_context_length"))
    np.testing.assert_allclose(encoder.encode_text(TEXTS), expected, atol=1e-5)
    with torch.inference_mode():
        seen = torch.stack([prepare(image) for image in pictures()])
        seen = model.encode_image(seen, normalize=True).numpy()
    np.testing.assert_allclose(encoder.encode_images(pictures()), seen, atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"force_context_length": 16}, r"has 16 text positions, tiny-trained has 77\. It was "
         r"trained with --force-context-length: keep the training's params\.txt beside it"),
        ({"force_image_size": 24}, r"has 10 image positions, tiny-trained has 5\."),
        ({"force_context_length": 16, "force_custom_text": True}, "has 16 text positions"),
    ],
)  # fmt: skip
def test_positions_of_another_length_are_refused(
    options: dict[str, Any], message: str, listed: str, tmp_path: Path
) -> None:
    trained(listed, tmp_path, **options)
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"open_clip:{listed}@{tmp_path / 'epoch_1.pt'}")


@pytest.mark.parametrize("options", [{"init_logit_bias": -10}, {"force_custom_text": True}])
def test_what_the_file_tells_needs_no_settings(
    options: dict[str, Any], listed: str, tmp_path: Path
) -> None:
    model, _ = trained(listed, tmp_path, **options)
    encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'epoch_1.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


def test_a_forced_activation_is_part_of_the_fingerprint(listed: str, tmp_path: Path) -> None:
    trained(listed, tmp_path, force_quick_gelu=True)
    spec = f"open_clip:{listed}@{tmp_path / 'epoch_1.pt'}"
    plain = load_encoder(spec)
    params(tmp_path, model=listed, force_quick_gelu=True)
    quick = load_encoder(spec)
    assert np.abs(plain.encode_text(TEXTS) - quick.encode_text(TEXTS)).max() > 1e-4
    assert plain.fingerprint != quick.fingerprint


def test_settings_of_another_model_are_not_used(listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    params(tmp_path, model="ViT-L-14", force_context_length=16)
    with pytest.warns(NamebasisWarning, match=r"params\.txt is of ViT-L-14, not of tiny-trained"):
        encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'epoch_1.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


def test_a_setting_that_is_none_is_refused(listed: str, tmp_path: Path) -> None:
    trained(listed, tmp_path)
    params(tmp_path, model=listed, force_context_length="sixteen")
    with pytest.raises(EncoderError, match=r"force_context_length is 'sixteen', which is no sett"):
        load_encoder(f"open_clip:{listed}@{tmp_path / 'epoch_1.pt'}")


@pytest.mark.parametrize("form", ["model", "hub"])
def test_a_configuration_of_ones_own(form: str, tmp_path: Path) -> None:
    config = {**open_clip_config(), "embed_dim": 12}
    document: dict[str, Any] = config
    if form == "hub":
        document = {"model_cfg": config, "preprocess_cfg": {"mean": [0.5, 0.4, 0.3]}}
    path = tmp_path / "ViT-B-32.json"  # a listed model's name: it must not replace that
    path.write_text(json.dumps(document))
    before = open_clip.get_model_config("ViT-B-32")
    named = tmp_path / "mine.json"
    named.write_text(json.dumps(config))
    open_clip.add_model_config(named)
    model, _ = trained("mine", tmp_path)
    spec = f"open_clip:{path}@{tmp_path / 'epoch_1.pt'}"
    encoder = load_encoder(spec)
    assert encoder.spec == spec
    assert open_clip.get_model_config("ViT-B-32") == before
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, "mine"), atol=1e-5)
    assert load_encoder(encoder.spec).fingerprint == encoder.fingerprint


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("{", r"the configuration cannot be read \(.*my\.json"),
        ('{"a": 1}', r"no model configuration of open_clip; it must hold embed_dim, text_cfg"),
        ("[]", r"no model configuration of open_clip"),
        (None, r"there is no configuration file .*my\.json"),
    ],
)
def test_a_configuration_that_is_none_is_refused(
    content: str | None, message: str, tmp_path: Path
) -> None:
    if content is not None:
        (tmp_path / "my.json").write_text(content)
    (tmp_path / "w.pt").touch()
    with pytest.raises(EncoderError, match=message):
        load_encoder(f"open_clip:{tmp_path / 'my.json'}@{tmp_path / 'w.pt'}")


def test_a_tag_s_settings_go_with_a_file(
    listed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A copy of listed weights, for a machine that the hub cannot be reached from."""
    model, _ = trained(listed, tmp_path, force_quick_gelu=True)
    config = {"quick_gelu": True, "mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5)}
    monkeypatch.setattr("open_clip.get_pretrained_cfg", lambda name, tag: config)
    encoder = load_encoder(f"open_clip:{listed}/openai@{tmp_path / 'epoch_1.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)
    assert encoder.model.visual.preprocess_cfg["mean"] == (0.5, 0.5, 0.5)  # type: ignore[attr-defined]


def test_numbers_of_numpy_in_a_trainer_s_file_are_data(listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    file = tmp_path / "epoch_1.pt"
    groups = [{"lr": np.float64(1e-3), "step": np.int64(4), "params": [0]}]
    extra = {"optimizer": {"state": {}, "param_groups": groups}, "curve": np.arange(3.0)}
    torch.save({**torch.load(file, weights_only=True), **extra, "scaler": {}}, file)
    # As NumPy 1 named the place that NumPy 2 made private.
    content = file.read_bytes()
    assert b"numpy._core.multiarray" in content
    encoder = load_encoder(f"open_clip:{listed}@{file}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


def test_numbers_that_numpy_1_wrote_are_read(tmp_path: Path) -> None:
    """The same pickle with the old module's name; torch checks no checksum of its zip's members."""
    import io
    import pickle
    import zipfile

    path = tmp_path / "old.pt"
    torch.save({"state_dict": {"w": torch.ones(2)}, "lr": np.float64(0.5)}, path)
    renamed = io.BytesIO()
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(renamed, "w") as new:
        for name in old.namelist():
            data = old.read(name)
            if name.endswith("data.pkl"):
                before = pickle.SHORT_BINUNICODE + bytes([22]) + b"numpy._core.multiarray"
                text = data.replace(b"cnumpy._core.multiarray\n", b"cnumpy.core.multiarray\n")
                assert text != data or before not in data
                data = text
            new.writestr(name, data)
    path.write_bytes(renamed.getvalue())
    assert b"numpy.core.multiarray" in path.read_bytes()
    assert read_state(path, "x")["w"].tolist() == [1, 1]


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefixes_of_wrappers_come_off(prefix: str, listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    state = {f"{prefix}{key}": value for key, value in model.state_dict().items()}
    save_file({k: v.contiguous() for k, v in state.items()}, tmp_path / "w.safetensors")
    encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'w.safetensors'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


@pytest.mark.parametrize(
    ("part", "wrapped"),
    [
        ("visual.", "visual._orig_mod."),
        ("resblocks.0.", "resblocks.0._orig_mod."),
        ("resblocks.0.", "resblocks.0._fsdp_wrapped_module._checkpoint_wrapped_module."),
    ],
)
def test_wrappers_of_a_part_come_off(part: str, wrapped: str, listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    state = {k.replace(part, wrapped): v for k, v in model.state_dict().items()}
    assert any(wrapped in key for key in state)
    torch.save({"state_dict": state}, tmp_path / "w.pt")
    encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'w.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


LAYOUTS: dict[str, Any] = {
    "lightning": lambda state: {
        "pytorch-lightning_version": "2.1",
        "state_dict": {"loss.scale": torch.ones(1), **{f"clip.{k}": v for k, v in state.items()}},
    },
    "nested": lambda state: {"epoch": 3, "model": {"state_dict": state}},
    "average alone": lambda state: {"ema": state, "decay": 0.999},
    "torch's average": lambda state: {
        "state_dict": {"n_averaged": torch.tensor(5)} | {f"module.{k}": v for k, v in state.items()}
    },
    "arrays": lambda state: {"state_dict": {k: v.numpy() for k, v in state.items()}},
}


@pytest.mark.long
@pytest.mark.parametrize("layout", LAYOUTS)
def test_a_model_is_found_where_trainers_put_it(layout: str, listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    torch.save(LAYOUTS[layout](model.state_dict()), tmp_path / "w.pt")
    encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'w.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


def test_an_average_beside_the_model_is_told(listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    average = {key: value / 2 for key, value in model.state_dict().items()}
    content = {"state_dict": model.state_dict(), "state_dict_ema": average}
    torch.save(content, tmp_path / "w.pt")
    with pytest.warns(NamebasisWarning, match=r"w.pt: 'state_dict' is read; .*'state_dict_ema'"):
        encoder = load_encoder(f"open_clip:{listed}@{tmp_path / 'w.pt'}")
    np.testing.assert_allclose(encoder.encode_text(TEXTS), rows(model, listed), atol=1e-5)


def test_one_of_several_models_is_not_guessed(listed: str, tmp_path: Path) -> None:
    model, _ = trained(listed, tmp_path)
    both = {f"{at}.{k}": v for at in ("student", "teacher") for k, v in model.state_dict().items()}
    torch.save({"state_dict": both}, tmp_path / "w.pt")
    with pytest.raises(EncoderError, match=r"w.pt holds 2 models, under student\. and teacher\."):
        load_encoder(f"open_clip:{listed}@{tmp_path / 'w.pt'}")


def test_a_shard_is_named(listed: str, tmp_path: Path) -> None:
    save_file({"logit_scale": torch.ones(1)}, tmp_path / "model-00001-of-00002.safetensors")
    with pytest.raises(EncoderError, match="is one shard of several; save the whole state_dict"):
        load_encoder(f"open_clip:{listed}@{tmp_path / 'model-00001-of-00002.safetensors'}")


RAN = "a folder that a file's code would make"


class _Code:
    def __reduce__(self) -> tuple[Any, tuple[str]]:
        import os

        return os.mkdir, (RAN,)


CLIP_KEY = "text_model.embeddings.token_embedding.weight"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({CLIP_KEY: torch.ones(2, 2)}, r"holds a CLIP model of transformers; .* write hf:FOLDER"),
        ({f"cond_stage_model.transformer.{CLIP_KEY}": torch.ones(2, 2)},
         r"is a single-file Stable Diffusion checkpoint; write sd:FILE"),
        ({f"conditioner.embedders.0.transformer.{CLIP_KEY}": torch.ones(2, 2)},
         r"single-file Stable Diffusion XL checkpoint"),
        ({"base_model.model.q_proj.lora_A.weight": torch.ones(2, 2)}, r"is a LoRA adapter"),
        ({"lora_te_text_model_q.lora_up.weight": torch.ones(2, 2)}, r"is a LoRA adapter"),
        ({"emb_params": torch.ones(2, 2)}, r"is a textual inversion embedding, not a model"),
        ({"a": torch.ones(2)},
         r"cannot be read: it lacks positional_embedding .* Is it a checkpoint of tiny-trained\?$"),
        ({"epoch": 3}, r"holds no weights"),
        ([1, 2], r"holds list, not weights"),
        ({"state_dict": {"a": torch.ones(2)}, "hook": _Code()},
         r"asks for posix\.mkdir and holds code, which is never run"),
    ],
)  # fmt: skip
def test_files_of_another_kind_are_named(
    content: object, message: str, listed: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    torch.save(content, tmp_path / "w.pt")
    with pytest.raises(EncoderError, match=message) as caught:
        load_encoder(f"open_clip:{listed}@{tmp_path / 'w.pt'}")
    assert "\n" not in str(caught.value)
    assert "weights_only" not in str(caught.value)
    assert not (tmp_path / RAN).exists()


def test_a_torchscript_archive_is_named(listed: str, tmp_path: Path) -> None:
    torch.jit.script(torch.nn.Linear(2, 2)).save(str(tmp_path / "ViT-B-32.pt"))
    with pytest.raises(EncoderError, match=r"is a TorchScript archive, as OpenAI published") as e:
        load_encoder(f"open_clip:{listed}@{tmp_path / 'ViT-B-32.pt'}")
    assert "weights_only" not in str(e.value)


@pytest.mark.parametrize("name", ["w.pt", "w.safetensors"])
def test_a_file_cut_short_is_refused_in_one_line(name: str, listed: str, tmp_path: Path) -> None:
    trained(listed, tmp_path)
    whole = (tmp_path / "epoch_1.pt").read_bytes()
    (tmp_path / name).write_bytes(whole[: len(whole) // 2])
    with pytest.raises(EncoderError, match=r"cannot be read: .*Is it a checkpoint of") as caught:
        load_encoder(f"open_clip:{listed}@{tmp_path / name}")
    assert "\n" not in str(caught.value)


def test_an_unlisted_model_is_told_how_to_be_given(tmp_path: Path) -> None:
    (tmp_path / "w.pt").touch()
    with pytest.raises(EncoderError, match=r"no model 'my-own'\. .*open_clip:CONFIG\.json@"):
        load_encoder(f"open_clip:my-own@{tmp_path / 'w.pt'}")
