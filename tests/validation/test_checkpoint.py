"""Pipelines out of one file against the same weights in a diffusers folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders.single_file.vocabulary import clip_tokenizer, vocabulary_file
from namebasis.errors import EncoderError
from namebasis.validation.pictures.checkpoint import check_checkpoint, predicts
from namebasis.validation.pictures.checkpoint_shapes import unet_config, vae_config
from namebasis.validation.pictures.pipelines import PaintOptions, check_pipeline, load_pipeline
from tests.encoders.single_file.checkpoints import (
    State,
    open_clip_keys,
    text_model,
    transformers_keys,
    write,
)
from tests.lazily import library
from tests.validation.whole_checkpoints import unet_keys, vae_keys

diffusers = library("diffusers", "the extra diffusers is not installed")

OPTIONS = PaintOptions(steps=3, guidance=4.0, size=32)
NOISE = {"beta_start": 0.00085, "beta_end": 0.012, "beta_schedule": "scaled_linear",
         "steps_offset": 1}  # fmt: skip
FIRST = {
    "block_out_channels": (320, 640, 1280, 1280), "cross_attention_dim": 768,
    "attention_head_dim": 8,
    "down_block_types": ("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
    "up_block_types": ("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
}  # fmt: skip
PUBLISHED: dict[str, dict[str, Any]] = {
    "1.5": FIRST,
    "2.1": FIRST | {"cross_attention_dim": 1024, "attention_head_dim": (5, 10, 20, 20),
                    "use_linear_projection": True},
    "XL": {
        "block_out_channels": (320, 640, 1280), "cross_attention_dim": 2048,
        "attention_head_dim": (5, 10, 20), "use_linear_projection": True,
        "transformer_layers_per_block": (1, 2, 10), "addition_embed_type": "text_time",
        "addition_time_embed_dim": 256, "projection_class_embeddings_input_dim": 2816,
        "down_block_types": ("DownBlock2D",) + ("CrossAttnDownBlock2D",) * 2,
        "up_block_types": ("CrossAttnUpBlock2D",) * 2 + ("UpBlock2D",),
    },
}  # fmt: skip
"""Of the published UNets, what differs from diffusers' defaults."""


def shapes_of(state: State) -> dict[str, tuple[int, ...]]:
    return {key: tuple(tensor.shape) for key, tensor in state.items()}


@pytest.mark.long
@pytest.mark.parametrize("family", list(PUBLISHED))
def test_the_published_unets_are_found_by_their_shapes(family: str) -> None:
    told = PUBLISHED[family]
    with torch.device("meta"):
        unet = diffusers.UNet2DConditionModel(**told)
    found = unet_config(shapes_of(unet_keys(unet)), 1280)
    with torch.device("meta"):
        again = diffusers.UNet2DConditionModel(**found)
    assert shapes_of(again.state_dict()) == shapes_of(unet.state_dict())
    for key, value in told.items():
        own = found[key]
        assert (tuple(own) if isinstance(own, list) else own) == value


def test_the_published_vae_is_found_by_its_shapes() -> None:
    widths = (128, 256, 512, 512)
    with torch.device("meta"):
        vae = diffusers.AutoencoderKL(
            block_out_channels=widths, layers_per_block=2, latent_channels=4,
            down_block_types=["DownEncoderBlock2D"] * 4, up_block_types=["UpDecoderBlock2D"] * 4,
        )  # fmt: skip
    found = vae_config(shapes_of(vae_keys(vae)))
    assert (found["block_out_channels"], found["layers_per_block"]) == ([*widths], 2)
    assert found["latent_channels"] == 4


def unet_of(**options: Any) -> Any:
    torch.manual_seed(1)
    return diffusers.UNet2DConditionModel(
        sample_size=16, layers_per_block=1, block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlock2D", "DownBlock2D"),
        up_block_types=("UpBlock2D", "CrossAttnUpBlock2D"),
        **{"cross_attention_dim": 128, **options},
    )  # fmt: skip


def vae_of() -> Any:
    torch.manual_seed(2)
    return diffusers.AutoencoderKL(
        block_out_channels=(32, 32), down_block_types=["DownEncoderBlock2D"] * 2,
        up_block_types=["UpDecoderBlock2D"] * 2, scaling_factor=0.18215,
    )  # fmt: skip


def tokenizer(pad: str | None = None) -> Any:
    found = clip_tokenizer(vocabulary_file("sd:x"), 77)
    if pad is not None:
        found.pad_token = pad
    return found


def first(folder: Path) -> Path:
    """Stable Diffusion 1: heads by number, convolutions around its transformers."""
    text, unet = text_model(projected=False, activation="quick_gelu"), unet_of(attention_head_dim=8)
    return saved(folder, text, unet, tokenizer(), transformers_keys(
        text, "cond_stage_model.transformer."), diffusers.PNDMScheduler(
            **NOISE, skip_prk_steps=True, set_alpha_to_one=False))  # fmt: skip


def second(folder: Path) -> Path:
    """Stable Diffusion 2: open_clip's tower, of which the last layer is not read."""
    text = text_model(projected=False, activation="gelu")
    longer = text_model(projected=True, activation="gelu", n_layers=3)
    keys = open_clip_keys(longer, "cond_stage_model.model.")
    keys |= open_clip_keys(text, "cond_stage_model.model.")
    unet = unet_of(attention_head_dim=(1, 1), use_linear_projection=True)
    return saved(folder, text, unet, tokenizer("!"), keys, diffusers.DDIMScheduler(
        **NOISE, clip_sample=False, set_alpha_to_one=False, prediction_type="v_prediction"),
        {"modelspec.prediction_type": "v"})  # fmt: skip


def saved(
    folder: Path, text: Any, unet: Any, words: Any, keys: State, scheduler: Any,
    notes: dict[str, str] | None = None,
) -> Path:  # fmt: skip
    """The pipeline in `folder`, and beside it the file of the same weights."""
    vae = vae_of()
    diffusers.StableDiffusionPipeline(
        vae=vae, text_encoder=text, tokenizer=words, unet=unet, scheduler=scheduler,
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    state = {**keys, **unet_keys(unet), **vae_keys(vae)}
    return write(folder.with_suffix(".safetensors"), state, notes)


def xl(folder: Path) -> Path:
    """XL: two encoders side by side, and the picture's size beside the pooled text."""
    one = text_model(projected=False, activation="quick_gelu")
    two = text_model(projected=True, activation="gelu", seed=3)
    told = 96 + 6 * 8
    unet = unet_of(
        attention_head_dim=(1, 1), use_linear_projection=True, cross_attention_dim=256,
        addition_embed_type="text_time", addition_time_embed_dim=8,
        projection_class_embeddings_input_dim=told,
    )  # fmt: skip
    vae = vae_of()
    vae.register_to_config(scaling_factor=0.13025)
    scheduler = diffusers.EulerDiscreteScheduler(**NOISE, timestep_spacing="leading")
    diffusers.StableDiffusionXLPipeline(
        vae=vae, text_encoder=one, tokenizer=tokenizer(), text_encoder_2=two,
        tokenizer_2=tokenizer("!"), unet=unet, scheduler=scheduler, add_watermarker=False,
    ).save_pretrained(folder)  # fmt: skip
    state = transformers_keys(one, "conditioner.embedders.0.transformer.")
    state |= open_clip_keys(two, "conditioner.embedders.1.model.")
    state |= {**unet_keys(unet), **vae_keys(vae)}
    return write(folder.with_suffix(".safetensors"), state)


@pytest.mark.long
@pytest.mark.parametrize("make", [first, second, xl])
def test_a_file_paints_what_the_folder_of_its_weights_paints(make: Any, tmp_path: Path) -> None:
    path = make(tmp_path / "model")
    pictures = []
    for spec in (f"diffusers:{tmp_path / 'model'}", f"sd:{path}"):
        check_pipeline(spec)
        pipeline = load_pipeline(spec, device="cpu")
        ((picture, is_blank),) = pipeline.paint(["a photo of Ann"], [3], OPTIONS)
        assert not is_blank
        pictures.append(np.asarray(picture, dtype=float))
    assert pictures[0].std() > 1, "a picture of nothing would be equal to any"
    assert np.abs(pictures[0] - pictures[1]).max() <= 1
    assert pipeline.spec == f"sd:{path}"


@pytest.mark.long
def test_a_file_is_read_by_its_content_whatever_its_name(file: Path, tmp_path: Path) -> None:
    import shutil

    from safetensors.torch import load_file

    state = load_file(file)
    shutil.copy(file, tmp_path / "renamed.ckpt")
    for name in ("old.ckpt", "wrong.safetensors"):
        torch.save({"state_dict": state, "global_step": 3}, tmp_path / name)
    unet = load_pipeline(f"sd:{file}", device="cpu").parts()["unet"].state_dict()
    for name in ("renamed.ckpt", "old.ckpt", "wrong.safetensors"):
        found = load_pipeline(f"sd:{tmp_path / name}", device="cpu").parts()["unet"].state_dict()
        assert all(torch.equal(found[key], tensor) for key, tensor in unet.items()), name


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return first(tmp_path_factory.mktemp("checkpoint") / "model")


def changed(file: Path, to: Path, change: Any) -> str:
    from safetensors.torch import load_file

    return f"sd:{write(to, change(load_file(file)))}"


def without(start: str) -> Any:
    return lambda state: {key: t for key, t in state.items() if not key.startswith(start)}


def with_channels(n: int) -> Any:
    key = "model.diffusion_model.input_blocks.0.0.weight"
    return lambda state: {**state, key: torch.zeros(32, n, 3, 3)}


@pytest.mark.long
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (without("first_stage_model."), "holds no VAE, which turns what the UNet paints"),
        (without("model."), "is no checkpoint of Stable Diffusion 1, 2 or XL with its UNet"),
        (without("cond_stage_model."), "is no checkpoint of Stable Diffusion 1, 2 or XL"),
        (with_channels(9), "is an inpainting model"),
        (with_channels(8), r"changes a picture that it is given \(InstructPix2Pix\)"),
        (without("model.diffusion_model.input_blocks.2."), r"lacks input_blocks\.2"),
        (without("first_stage_model.encoder.down."), r"its VAE lacks encoder\.down\.0"),
    ],
)
def test_a_file_that_paints_nothing_from_text_is_named(
    file: Path, tmp_path: Path, change: Any, said: str
) -> None:
    with pytest.raises(EncoderError, match=said) as refused:
        check_pipeline(changed(file, tmp_path / "other.safetensors", change))
    assert str(tmp_path / "other.safetensors") in str(refused.value)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("sd:nope.safetensors", "there is no such file"),
        ("sd:{file}+lora:x.safetensors:0.5", r"leave out \+lora:x"),
        ("diffusers:{file.parent}/model+embedding:x.pt", r"leave out \+embedding:x"),
        ("sd:{file.parent}/model", r"is a folder\. Write diffusers:"),
        ("sd:{word}", "word.safetensors: is a textual inversion, one word's embedding"),
    ],
)
def test_what_is_no_file_is_refused(file: Path, spec: str, said: str) -> None:
    word = write(file.with_name("word.safetensors"), {"emb_params": torch.ones(1, 128)})
    with pytest.raises(EncoderError, match=said):
        check_pipeline(spec.format(file=file, word=word))


@pytest.mark.parametrize(
    ("key", "said"),
    [
        ("model.diffusion_model.out.0.bias", "of its UNet's tensors 1 are missing"),
        ("first_stage_model.decoder.norm_out.weight", "of its VAE's tensors 1 are missing"),
    ],
)
def test_no_tensor_is_made_up(file: Path, tmp_path: Path, key: str, said: str) -> None:
    spec = changed(file, tmp_path / "other.safetensors", without(key))
    with pytest.raises(EncoderError, match=said):
        load_pipeline(spec, device="cpu")


def test_a_revision_is_for_repositories(file: Path) -> None:
    with pytest.raises(EncoderError, match="a revision is for hub repositories"):
        load_pipeline(f"sd:{file}", revision="main")


@pytest.mark.long
@pytest.mark.parametrize(
    ("notes", "spread", "wanted"),
    [
        ({}, 0.02, "epsilon"),
        ({}, 0.2, "v_prediction"),
        ({"modelspec.prediction_type": "epsilon"}, 0.2, "epsilon"),
    ],
)
def test_what_a_second_model_predicts_is_told_by_its_header_or_a_bias(
    tmp_path: Path, notes: dict[str, str], spread: float, wanted: str
) -> None:
    from safetensors.torch import load_file

    state = load_file(second(tmp_path / "model"))
    rng = np.random.default_rng(0)
    bias = "model.diffusion_model.output_blocks.11.1.transformer_blocks.0.norm1.bias"
    state[bias] = torch.tensor(rng.normal(0, spread, 320), dtype=torch.float32)
    path = write(tmp_path / "other.safetensors", state, notes)
    assert predicts(*check_checkpoint(f"sd:{path}")) == wanted
