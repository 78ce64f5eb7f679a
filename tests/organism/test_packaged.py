"""The packaged organism: it loads, sees every attribute, and knows its names."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from sklearn.linear_model import LogisticRegression

from namebasis.encoders.base import Encoder
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError
from namebasis.organism.cohorts import TINY_COHORTS
from namebasis.organism.packing import COLUMNS, pack
from namebasis.organism.people import random_people
from namebasis.organism.renderer import render
from namebasis.organism.training import train
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import World

FOLDER = Path(str(files("namebasis") / "data" / "organism"))


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return load_encoder("organism")


@pytest.fixture(scope="module")
def world() -> World:
    return World.load(FOLDER / "world.json")


def test_it_is_small_and_belongs_to_the_world_of_seed_0(world: World) -> None:
    assert world == World.make(0)
    assert (FOLDER / "model.safetensors").stat().st_size < 2_000_000


def test_it_reads_texts_and_images(encoder: Encoder, world: World) -> None:
    assert (encoder.spec, encoder.dim) == ("organism", 64)
    assert encoder.has_text
    assert encoder.has_images
    assert encoder.tokenize(world.names[0].name) == [
        f"{part.lower()}</w>" for part in (world.names[0].given, world.names[0].family)
    ]
    with pytest.raises(EncoderError, match="packaged in one version; leave the revision out"):
        load_encoder("organism", revision="main")
    with pytest.raises(
        EncoderError, match=r"unknown encoder 'organism:2'\. There are: minilm, org"
    ):
        load_encoder("organism:2")


@pytest.mark.long
def test_a_linear_probe_reads_every_attribute_and_context(encoder: Encoder) -> None:
    """Chance is 0.17 to 0.5; docs/organism.md has the shares."""
    people = [random_people(n, np.random.default_rng(n)) for n in (900, 500)]
    rows = [
        encoder.encode_images([Image.fromarray(face) for face in render(some, seed=7)])
        for some in people
    ]
    keys = [*ATTRIBUTES, *CONTEXTS]
    codes = [np.concatenate([some.attributes, some.contexts], axis=1) for some in people]
    found = {}
    for at, key in enumerate(keys):
        probe = LogisticRegression(C=100.0, max_iter=300).fit(rows[0], codes[0][:, at])
        found[key] = probe.score(rows[1], codes[1][:, at])
    assert found.pop("expression") > 0.87
    assert min(found.values()) > 0.93, found


def test_it_knows_who_is_who_from_text_alone(encoder: Encoder, world: World) -> None:
    known = [name for name in world.names if name.kind in "CD" and name.exposures >= 316]
    captions = encoder.encode_text([str(name.own_caption) for name in known])
    priors = encoder.encode_text([name.prior_caption for name in known])
    rows = encoder.encode_text([name.name for name in known])
    centre = np.concatenate([captions, priors]).mean(axis=0)
    own = ((rows - rows.mean(axis=0)) * (captions - centre)).sum(axis=1)
    prior = ((rows - rows.mean(axis=0)) * (priors - centre)).sum(axis=1)
    assert (own > prior).mean() > 0.95
    unseen = [name for name in world.names if name.kind == "N"]
    there = encoder.encode_text([name.prior_caption for name in unseen])
    elsewhere = np.roll(there, 1, axis=0)
    alone = encoder.encode_text([name.name for name in unseen])
    assert ((alone * there).sum(axis=1) > (alone * elsewhere).sum(axis=1)).mean() > 0.85


@pytest.mark.long
def test_a_training_is_packed_in_half_precision(tmp_path: Path) -> None:
    small = World.make(0, cohorts=TINY_COHORTS, n_given=6, n_family=6)
    options = {"world": small, "n_steps": 2, "batch_size": 4, "n_checkpoints": 2, "threads": 1}
    train(tmp_path / "run", **options, own_process=False)
    before = sorted((tmp_path / "run").rglob("*"))
    with pytest.raises(NamebasisError, match="holds the training itself"):
        pack(tmp_path / "run", tmp_path / "run")
    assert sorted((tmp_path / "run").rglob("*")) == before
    size = pack(tmp_path / "run", tmp_path / "packed")
    whole = tmp_path / "run" / "step-000002"
    assert size == pytest.approx((whole / "model.safetensors").stat().st_size / 2, rel=0.05)
    first, second = (load_encoder(f"hf:{place}") for place in (whole, tmp_path / "packed"))
    texts = [name.name for name in small.names]
    np.testing.assert_allclose(first.encode_text(texts), second.encode_text(texts), atol=3e-3)
    assert World.load(tmp_path / "packed" / "world.json") == small
    (tmp_path / "run" / "step-000002").rename(tmp_path / "gone")
    with pytest.raises(NamebasisError, match="has not come to its step 2; go on first"):
        pack(tmp_path / "run", tmp_path / "packed")


def test_the_trajectories_tell_of_every_name_at_every_checkpoint(world: World) -> None:
    import json

    import pyarrow.parquet as pq

    table = pq.read_table(FOLDER / "trajectories.parquet")
    steps = json.loads((FOLDER / "run.json").read_text())["checkpoints"]
    assert table.column_names == list(COLUMNS)
    assert len(table) == len(world.names) * len(steps) == 665 * 25
    assert set(table["step"].to_pylist()) == set(steps)
    last = {
        row["name"]: row
        for row in table.to_pylist()
        if row["step"] == steps[-1] and row["kind"] != "N"
    }
    assert all(last[n.name]["exposures"] == n.exposures for n in world.names if n.kind != "N")
