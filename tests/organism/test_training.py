"""Training: folders that transformers reads, and an interrupted run that ends as a whole one."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from namebasis.encoders.registry import load_encoder
from namebasis.errors import NamebasisError
from namebasis.organism import run_folder
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.model import make_model, make_tokenizer, text_ids
from namebasis.organism.people import random_people
from namebasis.organism.renderer import render
from namebasis.organism.training import _unit, train
from namebasis.organism.words import TEMPLATES
from namebasis.organism.world import World

STEPS = {"n_steps": 4, "batch_size": 8, "n_checkpoints": 5, "threads": 1, "own_process": False}


@pytest.fixture(scope="module")
def world() -> World:
    return World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)


@pytest.fixture(scope="module")
def run(world: World, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("training") / "run"
    made = train(folder, world=world, **STEPS)
    assert made.steps == (0, 1, 2, 3, 4)
    assert np.isfinite(made.loss)
    return folder


def weights(run: Path, step: int) -> bytes:
    return (run_folder.step_folder(run, step) / "model.safetensors").read_bytes()


class StopError(Exception):
    pass


def stop_at(step: int) -> object:
    def progress(done: int, total: int, loss: float) -> None:
        if done == step:
            raise StopError

    return progress


def test_the_folder_holds_what_it_promises(run: Path, world: World) -> None:
    assert list(run_folder.step_folders(run)) == [0, 1, 2, 3, 4]
    assert World.load(run / "world.json") == world
    told = run_folder.read_run(run)
    assert told["settings"]["n_steps"] == 4
    assert told["checkpoints"] == [0, 1, 2, 3, 4]
    assert set(told["versions"]) == {"namebasis", "torch", "transformers", "numpy"}
    exposures = run_folder.read_exposures(run)
    assert set(exposures) == {0, 1, 2, 3, 4}
    assert set(exposures[4]) == {name.name for name in world.names}
    assert sum(exposures[0].values()) == 0
    assert all(exposures[4][name] >= exposures[2][name] for name in exposures[4])
    assert sum(exposures[4].values()) <= 0.75 * 4 * 8


def test_a_checkpoint_is_an_encoder_of_texts_and_images(run: Path, world: World) -> None:
    encoder = load_encoder(f"hf:{run / 'step-000004'}")
    assert (encoder.dim, encoder.has_text, encoder.has_images) == (64, True, True)
    name = world.names[0].name
    assert len(encoder.tokenize(name)) == 2
    assert encoder.tokenize("a photo of Zoë")[:3] == ["a</w>", "photo</w>", "of</w>"]
    # CLIP's pattern splits at the hyphen and before 's.
    pieces = ["a</w>", "close</w>", "-</w>", "up</w>", "doctor</w>", "'s</w>", "coat</w>"]
    assert encoder.tokenize("a close-up doctor's coat") == pieces
    pixels = render(random_people(3, np.random.default_rng(0)))
    rows = encoder.encode_images([Image.fromarray(face) for face in pixels])
    from transformers import CLIPModel

    model = CLIPModel.from_pretrained(run / "step-000004").eval()
    with torch.no_grad():
        prepared = torch.from_numpy(pixels).permute(0, 3, 1, 2).float() / 127.5 - 1
        expected = _unit(model.get_image_features(pixel_values=prepared).pooler_output)
    np.testing.assert_allclose(rows, expected.numpy(), atol=1e-5)


@pytest.mark.long
def test_an_interrupted_training_ends_as_a_whole_one(
    run: Path, world: World, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    with pytest.raises(StopError):
        train(other, world=world, **STEPS, progress=stop_at(3))
    # What a kill in the middle of writing leaves behind.
    (other / ".step-000004.part").mkdir()
    (other / ".step-000004.part" / "config.json").write_text("{")
    assert list(run_folder.step_folders(other)) == [0, 1, 2, 3]
    made = train(other, world=world, **STEPS)
    assert made.steps == (0, 1, 2, 3, 4)
    for step in range(5):
        assert weights(other, step) == weights(run, step), step
    first, second = (run_folder.read_run(folder)["losses"] for folder in (run, other))
    assert first == second
    assert (other / "exposures.csv").read_text() == (run / "exposures.csv").read_text()


def test_a_finished_training_is_left_as_it_is(run: Path, world: World) -> None:
    before = {path: path.stat().st_mtime_ns for path in run.rglob("model.safetensors")}
    made = train(run, world=world, **STEPS)
    assert made.steps == (0, 1, 2, 3, 4)
    assert {path: path.stat().st_mtime_ns for path in run.rglob("model.safetensors")} == before


def test_another_seed_gives_another_model(run: Path, world: World, tmp_path: Path) -> None:
    train(tmp_path / "run", world=world, **{**STEPS, "n_steps": 1, "n_checkpoints": 2}, seed=1)
    assert weights(tmp_path / "run", 0) != weights(run, 0)


@pytest.mark.long
def test_the_drawing_process_changes_nothing(run: Path, world: World, tmp_path: Path) -> None:
    train(tmp_path / "run", world=world, **{**STEPS, "own_process": True})
    assert weights(tmp_path / "run", 4) == weights(run, 4)


@pytest.mark.long
def test_a_batch_learned_often_is_learned(world: World, tmp_path: Path) -> None:
    losses: list[float] = []
    train(
        tmp_path / "run", world=world, n_steps=40, batch_size=16, n_checkpoints=2, threads=1,
        own_process=False, progress=lambda done, total, loss: losses.append(loss),
    )  # fmt: skip
    assert np.mean(losses[-5:]) < np.mean(losses[:5]) - 0.1


def test_a_file_that_is_called_as_the_truth_is_not_replaced(world: World, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    place.mkdir()
    for content in (b"[]", b"\xff\xfe not text"):
        (place / "world.json").write_bytes(content)
        with pytest.raises(NamebasisError, match=r"world\.json is not of this training's world"):
            train(place, world=world, **STEPS)
        assert (place / "world.json").read_bytes() == content


def test_a_folder_with_anything_else_is_refused(run: Path, world: World, tmp_path: Path) -> None:
    with pytest.raises(NamebasisError, match="holds a training with n_steps 4; it resumes only"):
        train(run, world=world, **{**STEPS, "n_steps": 5})
    strange = tmp_path / "strange"
    strange.mkdir()
    (strange / "thesis.txt").touch()
    with pytest.raises(NamebasisError, match=r"other files than a training writes, such as thesis"):
        train(strange, world=world, **STEPS, overwrite=True)
    assert (strange / "thesis.txt").exists()
    for name in ("run.py", "world.txt", "resume.pdf", "exposition.csv"):
        other = tmp_path / f"beside {name}"
        other.mkdir()
        (other / name).touch()
        with pytest.raises(NamebasisError, match=f"other files than .* such as {name}"):
            train(other, world=world, **STEPS, overwrite=True)
        assert (other / name).exists()
    for text in ('{"format": 1}', '{"format": 1, "settings": 3}'):
        damaged = tmp_path / "damaged"
        damaged.mkdir(exist_ok=True)
        (damaged / "run.json").write_text(text)
        with pytest.raises(NamebasisError, match=r"run\.json cannot be read \(\w+: "):
            train(damaged, world=world, **STEPS)
    (tmp_path / "file").touch()
    with pytest.raises(NamebasisError, match="is a file where a folder is to be"):
        train(tmp_path / "file", world=world, **STEPS)
    with pytest.raises(NamebasisError, match=r"there is no folder .*nowhere\. Make it"):
        train(tmp_path / "nowhere" / "run", world=world, **STEPS)
    with pytest.raises(ValueError, match="size must be a multiple of 12; got 50"):
        train(tmp_path / "run", world=world, **STEPS, size=50)


def test_a_damaged_state_is_refused_and_can_be_overwritten(world: World, tmp_path: Path) -> None:
    short = {**STEPS, "n_steps": 1, "n_checkpoints": 2}
    train(tmp_path / "run", world=world, **short)
    (tmp_path / "run" / "resume.safetensors").write_bytes(b"not tensors")
    with pytest.raises(NamebasisError, match=r"the training cannot go on\. Start again"):
        train(tmp_path / "run", world=world, **short)
    assert train(tmp_path / "run", world=world, **short, overwrite=True).steps == (0, 1)
    (tmp_path / "run" / "run.json").write_text("{")
    with pytest.raises(NamebasisError, match=r"run\.json cannot be read"):
        run_folder.read_run(tmp_path / "run")


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("exposures.csv", "step,name\n1,x\n", "cannot be read"),
        ("exposures.csv", None, "there is no table of exposures"),
        ("run.json", None, r"holds no training: there is no run\.json"),
        ("run.json", json.dumps({"format": 7}), "has format 7; this version reads 1"),
    ],
)
def test_damaged_tables_are_refused(
    tmp_path: Path, file: str, text: str | None, message: str
) -> None:
    if text is not None:
        (tmp_path / file).write_text(text)
    read = run_folder.read_run if file == "run.json" else run_folder.read_exposures
    with pytest.raises(NamebasisError, match=message):
        read(tmp_path)


def test_every_word_of_the_captions_is_one_piece() -> None:
    world = World.make(3)
    tokenizer = make_tokenizer(world)
    for name in world.names[::7]:
        assert len(tokenizer.tokenize(name.name)) == 2, name.name
        said = name.prior_caption
        assert len(tokenizer.tokenize(said)) == len(said.replace(",", " ,").split()), said
    for template in TEMPLATES:
        if "-" not in template:  # the hyphen's word is learned whole, and split before it is read
            words = template.format("").split()
            assert len(tokenizer.tokenize(template.format(""))) == len(words)
    assert tokenizer.unk_token_id not in tokenizer("漢字 Ωß🙂 naïve")["input_ids"][1:-1]


def test_the_model_is_small_and_follows_from_its_seed(world: World) -> None:
    tokenizer = make_tokenizer(World.make(0))
    one, same, other = (make_model(tokenizer, size=48, seed=seed) for seed in (0, 0, 1))
    assert sum(p.numel() for p in one.parameters()) == pytest.approx(6e5, rel=0.05)
    first, again = one.logit_scale, one.text_projection.weight
    assert torch.equal(again, same.text_projection.weight)
    assert not torch.equal(again, other.text_projection.weight)
    assert first.item() == pytest.approx(2.6592, abs=1e-4)


def test_padding_does_not_change_a_text(world: World) -> None:
    tokenizer = make_tokenizer(world)
    model = make_model(tokenizer, size=48, seed=0).eval()
    name = world.names[0].name
    short = text_ids(tokenizer, [name])
    padded = text_ids(tokenizer, [name, world.names[1].prior_caption])
    assert padded.shape[1] > short.shape[1]
    with torch.no_grad():
        rows = [model.get_text_features(input_ids=ids).pooler_output[0] for ids in (short, padded)]
    torch.testing.assert_close(rows[0], rows[1], atol=1e-5, rtol=1e-4)
