"""What a UNet predicts for a name: against diffusers' own steps, and what cannot be asked."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.errors import EncoderError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.space import open_space
from namebasis.validation.denoiser import maker, study
from namebasis.validation.denoiser.maker import Denoiser, DenoiserSettings, load_denoiser
from namebasis.validation.denoiser.networks import network_of
from namebasis.validation.denoiser.noise import spread_levels
from namebasis.validation.pictures.pipelines import ImagePipeline, load_pipeline
from tests.lazily import library
from tests.namespace.conftest import FakeEncoder, corpus
from tests.validation.test_checkpoint import first, second, xl

diffusers = library("diffusers", "the extra diffusers is not installed")

TEXTS = ["a photo of Ann", "a photo of Bo", "a photo of Ann"]
N_LEVELS = 4  # a divisor of 1,000, or diffusers steps to other levels than it asks at
SMALL = DenoiserSettings(n_levels=N_LEVELS, n_noises=2, grid=2)


@pytest.fixture(scope="module")
def painter() -> ImagePipeline:
    return load_pipeline("organism")


@pytest.fixture(scope="module")
def asked(painter: ImagePipeline) -> Denoiser:
    return Denoiser(painter, SMALL)


@torch.inference_mode()
def by_hand(pipeline: Any, told: Any, side: int, unfold: int) -> np.ndarray:
    """Mean differences of `TEXTS` at 2 noises: diffusers steps from one level to the next."""
    scheduler = diffusers.DDIMScheduler.from_config(
        pipeline.scheduler.config, timestep_spacing="trailing", set_alpha_to_one=True,
        clip_sample=bool(pipeline.scheduler.config.get("clip_sample", False)), skip_prk_steps=None,
    )  # fmt: skip
    scheduler.set_timesteps(N_LEVELS)
    unet = pipeline.unet
    shape, distinct = (unet.config.in_channels, side, side), TEXTS[:2]
    total = 0.0
    for seed in (0, 1):
        noisy = torch.randn(shape, generator=torch.Generator().manual_seed(seed))[None]
        levels = []
        for step in scheduler.timesteps:
            anybody = unet(noisy, step, **told(["a photo of a person"])).sample
            own = torch.cat([unet(noisy, step, **told([text])).sample for text in distinct])
            levels.append(own - anybody)
            noisy = scheduler.step(anybody, step, noisy).prev_sample
        total = total + torch.stack(levels, 1)
    apart = (total / 2).flatten(0, 1)
    places = torch.nn.functional.pixel_shuffle(apart, unfold).numpy()
    n, channels, full, _ = places.shape
    blocks = places.reshape(n, channels, 2, full // 2, 2, full // 2).mean(axis=(3, 5))
    return blocks.reshape(len(distinct), N_LEVELS, -1)[[0, 1, 0]]


@pytest.mark.long
def test_the_painter_is_asked_along_the_path_of_nobody(
    painter: ImagePipeline, asked: Denoiser
) -> None:
    from namebasis.organism.painter.model import encode_captions

    own = painter.loaded
    expected = by_hand(
        own, lambda texts: encode_captions(own.text_encoder, own.tokenizer, texts),
        own.unet.config.sample_size, 4,
    )  # fmt: skip
    assert asked.levels.tolist() == [999, 749, 499, 249]
    assert asked.differences(TEXTS) == pytest.approx(expected, abs=2e-5)
    assert np.abs(expected).max() > 0.01


@pytest.mark.long
@pytest.mark.parametrize("make", [first, second, xl])
def test_a_file_of_stable_diffusion_is_asked_as_its_pipeline_asks(
    make: Any, tmp_path: Path
) -> None:
    small = replace(SMALL, size=8)
    found = load_denoiser(f"sd:{make(tmp_path / 'model')}", small, device="cpu")
    pipeline = load_pipeline(f"diffusers:{tmp_path / 'model'}", device="cpu").loaded
    expected = by_hand(pipeline, calls_of(pipeline), 4, 1)
    assert found.differences(TEXTS) == pytest.approx(expected, rel=1e-3, abs=1e-5)
    assert (
        found.of_texts(TEXTS)["denoiser"].shape
        == (3, found.dims["denoiser"])
        == (3, N_LEVELS * 4 * 4)
    )
    assert np.abs(expected[0] - expected[1]).max() > 1e-4
    with pytest.raises(ValueError, match="size must be a multiple of 4; got 30"):
        network_of(pipeline, "model", 30)


def calls_of(pipeline: Any) -> Any:
    """What the pipeline itself tells its UNet of a prompt, heard while it paints."""

    @cache
    def of(text: str) -> dict[str, Any]:
        heard: list[dict[str, Any]] = []
        listening = pipeline.unet.register_forward_pre_hook(
            lambda module, given, named: heard.append(named), with_kwargs=True
        )
        pipeline.set_progress_bar_config(disable=True)
        pipeline(text, num_inference_steps=1, guidance_scale=1.0, output_type="latent", height=8,
                 width=8)  # fmt: skip
        listening.remove()
        kept = ("encoder_hidden_states", "added_cond_kwargs")
        return {key: heard[0][key] for key in kept if heard[0].get(key) is not None}

    return lambda texts: of(*texts)


@pytest.mark.long
def test_nobody_has_length_1_and_anybody_0(asked: Denoiser) -> None:
    nobody = maker._NOBODY
    assert len(set(nobody)) == 32
    rows = asked.of_names([*nobody, "a person"], "a photo of {}")["denoiser"]
    by_level = np.square(rows[:32].reshape(32, N_LEVELS, -1)).sum(axis=2).mean(axis=0)
    assert by_level == pytest.approx(np.full(N_LEVELS, 1 / N_LEVELS), rel=1e-4)
    assert np.abs(rows[32]).max() < 1e-4
    alone = asked.of_texts([f"a photo of {nobody[31]}"])["denoiser"]
    assert rows[31] == pytest.approx(alone[0], abs=1e-4)
    assert asked.of_texts([])["denoiser"].shape == (0, asked.dim)


@pytest.mark.parametrize(
    ("n_train", "n", "levels"),
    [(1000, 5, [999, 799, 599, 399, 199]), (1000, 6, [999, 832, 666, 499, 332, 166]),
     (10, 1, [9])],
)  # fmt: skip
def test_levels_are_those_of_trailing_steps(n_train: int, n: int, levels: list[int]) -> None:
    scheduler = diffusers.DDIMScheduler(num_train_timesteps=n_train, timestep_spacing="trailing")
    scheduler.set_timesteps(n)
    assert spread_levels(n_train, n).tolist() == scheduler.timesteps.tolist() == levels


def stub(**options: Any) -> Any:
    told = {"in_channels": 4, "out_channels": 4, "sample_size": 8, "class_embed_type": None}
    unet = SimpleNamespace(config=SimpleNamespace(**told | options))
    scheduler = SimpleNamespace(config=diffusers.DDIMScheduler().config)
    return SimpleNamespace(unet=unet, scheduler=scheduler, encode_prompt=None)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (None, r"\(SimpleNamespace\) has no UNet"),
        ({"in_channels": 9}, "reads 9 channels and predicts 4; one of an inpainting"),
        ({"class_embed_type": "projection"}, r"told more than text \(projection\)"),
        ({"addition_embed_type": "image"}, r"told more than text \(image\)"),
    ],
)
def test_what_cannot_be_asked_is_named(options: dict[str, Any] | None, said: str) -> None:
    pipeline = SimpleNamespace(transformer=None) if options is None else stub(**options)
    with pytest.raises(EncoderError, match=f"^model.*{said}"):
        network_of(pipeline, "model")


def test_another_kind_of_diffusion_is_named() -> None:
    pipeline = stub()
    pipeline.scheduler = diffusers.FlowMatchEulerDiscreteScheduler()
    with pytest.raises(EncoderError, match="does not say its levels of noise as betas"):
        network_of(pipeline, "model")


def test_settings_that_do_not_fit_are_refused(painter: ImagePipeline) -> None:
    with pytest.raises(ValueError, match=r"grid must be at most 48, .*; got 49"):
        Denoiser(painter, DenoiserSettings(grid=49))
    with pytest.raises(ValueError, match="size must be 48, all that a painter paints; got 64"):
        Denoiser(painter, DenoiserSettings(size=64))
    with pytest.raises(ValueError, match="n_levels"):
        DenoiserSettings(n_levels=0)
    with pytest.raises(ValueError, match="neutral must be a prompt"):
        DenoiserSettings(neutral=" ")


def test_a_network_that_does_not_read_its_text_has_no_scale(
    painter: ImagePipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from namebasis.organism.painter import model

    encode = model.encode_captions
    monkeypatch.setattr(
        model,
        "encode_captions",
        lambda tower, words, texts: encode(tower, words, ["a"] * len(texts)),
    )
    with pytest.raises(EncoderError, match="predicts the same of made-up names"):
        Denoiser(painter, DenoiserSettings(n_levels=1, n_noises=1))


class Told:
    """Stands for a loaded pipeline: vectors that follow from a name's letters."""

    model, fingerprint, dims = "tiny", "sha256:tiny", {"denoiser": 6}

    def __init__(self, settings: DenoiserSettings) -> None:
        self.settings = settings.to_dict()

    def of_names(self, names: list[str], template: str) -> dict[str, np.ndarray]:
        return self.of_texts([template.replace("{}", name) for name in names])

    def of_texts(self, texts: list[str]) -> dict[str, np.ndarray]:
        rows = [np.random.default_rng(list(text.encode())).normal(size=6) for text in texts]
        return {"denoiser": np.array(rows, np.float32)}


def test_the_view_is_stored_filled_and_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard: list[tuple[str, DenoiserSettings]] = []

    def load(spec: str, settings: DenoiserSettings, **_: Any) -> Told:
        heard.append((spec, settings))
        return Told(settings)

    monkeypatch.setattr(study, "load_denoiser", load)
    space = build_space(corpus(), tmp_path / "s.space", encoder=FakeEncoder("fake"))
    space = open_space(space.path, encoder=FakeEncoder("fake"))
    with pytest.raises(ValueError, match="pipeline must be named the first time: organism"):
        space.denoise()
    few = space.denoise("organism", where="id < 5", n_levels=3, seed=4)
    assert heard[-1] == ("organism", DenoiserSettings(n_levels=3, seed=4))
    assert len(few.names) == 5
    lengths = few.names["denoiser_norm"].to_pylist()
    assert lengths == sorted(lengths, reverse=True)
    name = few.names["name"][0].as_py()
    own = Told(DenoiserSettings()).of_names([name], "a photo of {}")["denoiser"][0]
    row = few.space.vectors("denoiser", ids=[few.space.find(name)])[0]
    assert row == pytest.approx(own / np.linalg.norm(own), abs=1e-6)
    assert lengths[0] == pytest.approx(np.linalg.norm(own), rel=1e-6)
    # What is not said is as it was: the model, the settings, the names.
    monkeypatch.setattr(study, "check_pipeline", lambda *_: None)
    again = few.space.denoise(where="id < 9")
    assert heard[-1] == ("tiny", DenoiserSettings(n_levels=3, seed=4))
    assert len(again.names) == 9
    with pytest.raises(SpaceError, match="differs in settings"):
        again.space.denoise(n_levels=4)
    whole = again.space.denoise(n_levels=4, rebuild=True)
    assert len(whole.names) == 9
    # Where no name lacks a vector, nothing is loaded.
    n_loads = len(heard)
    assert whole.space.denoise().names.equals(whole.names)
    assert len(heard) == n_loads
    assert "9 names of s.space in the view denoiser, 6 dimensions" in again.headline()
