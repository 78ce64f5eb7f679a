"""The organism's painter: folding, sampling, saving, training that goes on where it stopped."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from namebasis.encoders import loading
from namebasis.errors import EncoderError, NamebasisError
from namebasis.organism.cohorts import Cohort
from namebasis.organism.feeder import Job, make_batches
from namebasis.organism.model import make_model, make_processor, make_tokenizer, save
from namebasis.organism.packing import pack_painter
from namebasis.organism.painter.folder import read_painter, read_state, write_state
from namebasis.organism.world import World
from namebasis.validation.pictures.pipelines import (
    PaintOptions,
    fingerprint_of_files,
    load_pipeline,
)
from tests.lazily import library

library("diffusers", "the extra diffusers is not installed")
transformers = library("transformers")
painter_model = library("namebasis.organism.painter.model")
painter_training = library("namebasis.organism.painter.training")
SIZE = 24


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(0, cohorts=[Cohort("C", 20, 2), Cohort("A", 20, 2)], n_given=4, n_family=4)


@pytest.fixture(scope="module")
def organism(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("organism")
    tokenizer = make_tokenizer(world)
    model = make_model(tokenizer, size=SIZE, seed=0).eval()
    save(folder, model, tokenizer, make_processor(SIZE))
    return folder


@pytest.fixture(scope="module")
def trained(organism: Path, world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("painter") / "painter"
    painter_training.train_painter(
        organism, folder, world=world, n_steps=4, batch_size=4, threads=1, own_process=False
    )
    return folder


def test_folding_loses_nothing() -> None:
    pixels = torch.arange(2 * 3 * 8 * 8.0).reshape(2, 3, 8, 8)
    assert painter_model.fold(pixels).shape == (2, 48, 2, 2)
    assert torch.equal(painter_model.unfold(painter_model.fold(pixels)), pixels)


def test_pixels_become_images_and_what_is_outside_is_cut() -> None:
    pixels = torch.tensor([-5.0, -1.0, 0.0, 1.0, 5.0]).reshape(1, 1, 1, 5).repeat(1, 3, 1, 1)
    (image,) = painter_model.to_images(pixels)
    assert np.asarray(image)[0, :, 0].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.long
def test_captions_are_conditioned_on_as_the_text_tower_reads_them(
    organism: Path, trained: Path
) -> None:
    from transformers import CLIPModel

    pipeline = painter_model.load_painter(trained)
    given = painter_model.encode_captions(
        pipeline.text_encoder, pipeline.tokenizer, ["a woman", "a tall man on"]
    )
    clip = CLIPModel.from_pretrained(organism, weights_only=True).eval()
    ids = pipeline.tokenizer("a woman", return_tensors="pt")["input_ids"]
    with torch.no_grad():
        expected = clip.text_model(ids)
    n = ids.shape[1]
    torch.testing.assert_close(
        given["encoder_hidden_states"][:1, :n], expected.last_hidden_state, atol=2e-3, rtol=1e-2
    )
    torch.testing.assert_close(
        given["class_labels"][:1], expected.pooler_output, atol=2e-3, rtol=1e-2
    )
    assert given["encoder_attention_mask"][0].sum() == n


def test_a_picture_depends_on_its_own_seed_and_prompt_alone(trained: Path) -> None:
    pipeline = painter_model.load_painter(trained)
    pipeline.set_progress_bar_config(disable=True)

    def paint(prompts: list[str], seeds: list[int], **options: Any) -> list[np.ndarray]:
        made = pipeline(
            prompts, generator=[torch.Generator().manual_seed(s) for s in seeds],
            num_inference_steps=2, **options,
        )  # fmt: skip
        return [np.asarray(image, int) for image in made.images]

    pair = paint(["a man", "a woman"], [1, 2])
    (alone,) = paint(["a woman"], [2])
    assert pair[0].shape == (SIZE, SIZE, 3)
    assert np.abs(pair[1] - alone).max() <= 1
    (other,) = paint(["a woman"], [3])
    assert np.abs(other - alone).max() > 1
    (unguided,) = paint(["a woman"], [2], guidance_scale=1.0)
    (guided,) = paint(["a woman"], [2], guidance_scale=4.0)
    assert np.abs(guided - unguided).max() >= 1


@pytest.mark.long
def test_an_interrupted_training_goes_on_to_the_same_weights(
    organism: Path, world: World, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("namebasis.organism.painter.training._SAVE_EVERY", 2)

    class EnoughError(Exception):
        pass

    def stop(done: int, total: int, loss: float) -> None:
        if done == 3:
            raise EnoughError

    options = {"world": world, "n_steps": 4, "batch_size": 4, "threads": 1, "own_process": False}
    folder = tmp_path / "painter"
    with pytest.raises(EnoughError):
        painter_training.train_painter(organism, folder, progress=stop, **options)  # type: ignore[arg-type]
    steps: list[int] = []
    painter_training.train_painter(
        organism, folder, progress=lambda done, total, loss: steps.append(done), **options
    )  # type: ignore[arg-type]
    assert steps == [3, 4]
    again, whole = (
        painter_model.load_painter(folder).unet.state_dict(),
        painter_model.load_painter(trained).unet.state_dict(),
    )
    for key, value in whole.items():
        torch.testing.assert_close(again[key], value, msg=key)


@pytest.mark.long
def test_a_training_that_was_stopped_while_it_saved_is_finished(
    organism: Path, world: World, trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "painter"

    def go_on() -> None:
        painter_training.train_painter(
            organism, folder, world=world, n_steps=4, batch_size=4, threads=1, own_process=False
        )

    def full(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    folder.mkdir()
    (folder / ".painter.json.part").write_bytes(b"")  # the disk was full at the very beginning
    with monkeypatch.context() as patched:
        patched.setattr(painter_training.OrganismPipeline, "save_pretrained", full)
        with pytest.raises(OSError, match="no space left"):
            go_on()
    assert read_painter(folder)["step"] == 0
    go_on()
    assert read_painter(folder)["step"] == 4
    again, whole = (
        painter_model.load_painter(folder).unet.state_dict(),
        painter_model.load_painter(trained).unet.state_dict(),
    )
    for key, value in whole.items():
        torch.testing.assert_close(again[key], value, msg=key)


@pytest.mark.long
def test_a_state_that_does_not_fit_is_refused(
    organism: Path, world: World, trained: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "painter"
    shutil.copytree(trained, folder)

    def go_on() -> None:
        painter_training.train_painter(
            organism, folder, world=world, n_steps=4, batch_size=4, threads=1, own_process=False
        )

    state = folder / "painter-state.safetensors"
    tensors, about = read_state(folder)
    narrow = {key: value[:1] if value.ndim else value for key, value in tensors.items()}
    write_state(folder, {key: value.contiguous() for key, value in narrow.items()}, about)
    with pytest.raises(NamebasisError, match="holds the training of another network"):
        go_on()
    state.write_bytes(state.read_bytes()[:100])
    with pytest.raises(NamebasisError, match=r"painter-state\.safetensors cannot be read"):
        go_on()


@pytest.mark.long
def test_what_is_in_the_way_is_refused(
    organism: Path, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    options = {"world": world, "batch_size": 4, "threads": 1, "own_process": False}
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "thesis.txt").write_text("mine")
    with pytest.raises(NamebasisError, match="holds other files; take an empty or a new folder"):
        painter_training.train_painter(organism, tmp_path / "full", n_steps=1, **options)  # type: ignore[arg-type]
    painter_training.train_painter(organism, tmp_path / "one", n_steps=1, **options)  # type: ignore[arg-type]
    with pytest.raises(NamebasisError, match="holds a training with other settings"):
        painter_training.train_painter(organism, tmp_path / "one", n_steps=2, **options)  # type: ignore[arg-type]
    monkeypatch.setattr(
        "namebasis.organism.painter.training._RECIPE", 3
    )  # would end as another painter
    with pytest.raises(NamebasisError, match="holds a training with other settings"):
        painter_training.train_painter(organism, tmp_path / "one", n_steps=1, **options)  # type: ignore[arg-type]
    with pytest.raises(NamebasisError, match="cannot be read as an organism"):
        painter_training.train_painter(tmp_path, tmp_path / "two", n_steps=1, **options)  # type: ignore[arg-type]
    with pytest.raises(NamebasisError, match="holds no painter; train one"):
        painter_model.load_painter(tmp_path)


def test_the_noise_ends_in_nothing_but_noise() -> None:
    kept = painter_model.make_scheduler().alphas_cumprod
    assert float(kept[-1]) == pytest.approx(0, abs=1e-6)
    assert float(kept[0]) > 0.999


def test_half_of_the_levels_lie_where_a_text_tells(tmp_path: Path) -> None:
    """A cosine whose noise is sixfold: at a quarter of the levels 36 tan²(π/8) of noise to one."""
    scheduler = painter_model.make_scheduler()
    kept = scheduler.alphas_cumprod
    assert float(kept[249]) == pytest.approx(1 / (1 + 36 * np.tan(np.pi / 8) ** 2), rel=0.02)
    assert float(kept[499]) == pytest.approx(1 / 37, rel=0.02)
    scheduler.save_pretrained(tmp_path)
    again = type(scheduler).from_pretrained(tmp_path)
    torch.testing.assert_close(again.alphas_cumprod, kept)


def test_a_network_is_small_and_made_by_its_seed() -> None:
    first, second = painter_model.make_unet(48, 0), painter_model.make_unet(48, 0)
    n = sum(parameter.numel() for parameter in first.parameters())
    assert n < 4_600_000  # in float16 9.2 MB, which leaves room for the text tower
    assert all(
        torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True)
    )
    with pytest.raises(ValueError, match="a multiple of 4; got 18"):
        painter_model.make_unet(18, 0)
    heads = {
        module.heads for name, module in first.named_modules() if name.endswith(("attn1", "attn2"))
    }
    assert heads == {4}  # not 32 heads of 3 numbers each
    for size in (24, 36, 60):  # what the organism can be trained on
        net, noise = painter_model.make_unet(size, 0), torch.zeros(1, 48, size // 4, size // 4)
        told = {"encoder_hidden_states": torch.zeros(1, 3, 96), "class_labels": torch.zeros(1, 96)}
        with torch.no_grad():
            assert net(noise, 5, **told).sample.shape == noise.shape


def test_the_folder_says_what_it_was_trained_by(
    organism: Path, world: World, trained: Path
) -> None:
    about = read_painter(trained)
    told = about["settings"]
    assert len(told.pop("organism")) == 16
    assert told == {"n_steps": 4, "batch_size": 4, "seed": 0, "world": 0, "recipe": 2}
    assert about["step"] == 4
    assert about["loss"] > 0
    assert isinstance(about["cpu_seconds"], float)
    assert set(about["versions"]) == {"namebasis", "torch", "diffusers", "transformers", "numpy"}
    again = painter_training.train_painter(
        organism, trained, world=world, n_steps=4, batch_size=4, threads=1, own_process=False
    )
    assert (again.loss, again.seconds) == (about["loss"], about["seconds"])  # nothing was left


def test_a_damaged_description_is_refused(trained: Path, tmp_path: Path) -> None:
    for text in ("", "[]", '{"settings": {"n_steps": 4}}', '{"settings": 4, "step": 4}'):
        (tmp_path / "painter.json").write_text(text)
        with pytest.raises(NamebasisError, match=r"painter\.json cannot be read"):
            read_painter(tmp_path)


def test_a_painter_is_packed_without_the_state_of_its_training(
    trained: Path, tmp_path: Path
) -> None:
    target = tmp_path / "packed"
    (target / "unet").mkdir(parents=True)
    (target / "unet" / "old.safetensors").write_bytes(b"of another painter")
    (target / "SOURCE.md").write_text("where it is from")
    fingerprint = fingerprint_of_files(trained)
    size = pack_painter(trained, target, fingerprint=fingerprint)
    found = [path for path in target.rglob("*") if path.is_file()]
    assert size == sum(path.stat().st_size for path in found if path.name != "SOURCE.md")
    assert {path.name for path in target.iterdir()} == {
        "SOURCE.md", "model_index.json", "painter.json", "unet", "scheduler", "text_encoder",
        "tokenizer",
    }  # fmt: skip
    assert not list(target.rglob("*state*"))
    assert read_painter(target) == {**read_painter(trained), "fingerprint": fingerprint}
    both = [load_pipeline(f"diffusers:{folder}") for folder in (trained, target)]
    assert [one.fingerprint for one in both] == [fingerprint] * 2
    options = PaintOptions(steps=2)
    first, second = (one.paint(["a man"], [7], options)[0][0] for one in both)
    assert first.tobytes() == second.tobytes()


def test_a_painter_is_not_packed_into_itself(trained: Path) -> None:
    before = sorted(trained.rglob("*"))
    with pytest.raises(NamebasisError, match="holds the training itself"):
        pack_painter(trained, trained / "unet" / "..", fingerprint="sha256:0")
    assert sorted(trained.rglob("*")) == before


def test_an_unfinished_painter_is_not_packed(trained: Path, tmp_path: Path) -> None:
    about = read_painter(trained)
    unfinished = tmp_path / "unfinished"
    unfinished.mkdir()
    (unfinished / "painter.json").write_text(json.dumps({**about, "step": 3}))
    with pytest.raises(NamebasisError, match="has not come to its step 4; go on first"):
        pack_painter(unfinished, tmp_path / "packed", fingerprint="sha256:0")
    with pytest.raises(NamebasisError, match="holds no painter; train one"):
        pack_painter(tmp_path, tmp_path / "packed", fingerprint="sha256:0")
    assert not (tmp_path / "packed").exists()


def test_the_packaged_painter_is_named_organism(
    trained: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(loading, "files", lambda package: tmp_path)
    with pytest.raises(EncoderError, match=r"organism: its painter is missing from .+make painter"):
        load_pipeline("organism")
    pack_painter(trained, tmp_path / "data" / "painter", fingerprint="sha256:0")
    found = load_pipeline("organism")
    assert (found.spec, found.fingerprint) == ("organism", fingerprint_of_files(trained))
    with pytest.raises(EncoderError, match="packaged in one version; leave the revision out"):
        load_pipeline("organism", revision="main")


@pytest.fixture
def painter(organism: Path, world: World, tmp_path: Path) -> Any:
    text = transformers.CLIPTextModel.from_pretrained(organism, weights_only=True).eval()
    tokenizer = transformers.CLIPTokenizer.from_pretrained(organism, trust_remote_code=False)
    return painter_training._Painter(Job(world, 1, 5, SIZE, 0), text, tokenizer, tmp_path, {}, 2)


def _task(painter: Any) -> tuple[torch.Tensor, ...]:
    (batch,) = make_batches(painter.job)
    found = painter.objective.task(
        batch, np.random.default_rng(0), torch.Generator().manual_seed(0)
    )
    assert isinstance(found, tuple)
    return found


def test_pictures_of_pure_noise_count_in_the_training(painter: Any) -> None:
    """There the text alone decides; a weight of the signal-to-noise ratio would be 0."""
    painter.scheduler.alphas_cumprod[:] = 0.0
    task = _task(painter)
    with torch.no_grad():
        for parameter in painter.unet.parameters():
            parameter.zero_()
        loss = painter.objective.loss(painter.unet, *task)
    assert float(loss) == pytest.approx(float(task[0].square().mean()), rel=1e-5)


@pytest.mark.long
def test_parts_side_by_side_give_the_gradient_of_the_whole_batch(painter: Any) -> None:
    task = _task(painter)
    whole = painter.objective.loss(painter.unet, *task)
    expected = torch.autograd.grad(whole, list(painter.unet.parameters()))
    assert painter.objective.backward(task) == pytest.approx(float(whole.detach()), rel=1e-5)
    largest = max(float(gradient.abs().max()) for gradient in expected)
    for (name, own), gradient in zip(painter.unet.named_parameters(), expected, strict=True):
        torch.testing.assert_close(own.grad, gradient, atol=1e-4 * largest, rtol=1e-3, msg=name)
    assert all(one.grad is None for one in painter.objective._networks[1].parameters())


@pytest.mark.long
def test_the_weights_do_not_depend_on_the_threads(
    organism: Path, world: World, trained: Path, tmp_path: Path
) -> None:
    painter_training.train_painter(
        organism, tmp_path / "two", world=world, n_steps=4, batch_size=4, threads=2,
        own_process=False,
    )  # fmt: skip
    expected = painter_model.load_painter(trained).unet.state_dict()
    for key, value in painter_model.load_painter(tmp_path / "two").unet.state_dict().items():
        torch.testing.assert_close(value, expected[key], msg=key)
