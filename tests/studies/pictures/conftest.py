"""Pictures of some names of the packaged organism's world, in a space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.encoders.registry import load_encoder
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.organism.captions import Scribe
from namebasis.organism.renderer import render
from namebasis.organism.world import World
from namebasis.space import Space, open_space

N = 7
"""Pictures of a name; `Few` have 1, 2 and 3."""


@pytest.fixture(scope="session")
def world() -> World:
    return World.make(0)


def pictured(world: World, folder: Path, kinds: dict[str, int]) -> dict[str, str]:
    """Pictures of some names of each kind, a folder a name; their kinds."""
    scribe, rng, found = Scribe(world), np.random.default_rng(1), {}
    for kind, n_names in kinds.items():
        of_kind = [at for at, one in enumerate(world.names) if one.kind == kind]
        for at in of_kind[:n_names]:
            name = world.names[at].name
            found[name] = kind
            (folder / name).mkdir(parents=True)
            for number, pixels in enumerate(render(scribe.pictures(at, N, rng), seed=[at, 3])):
                Image.fromarray(pixels).save(folder / name / f"{number}.png")
    return found


@pytest.fixture(scope="session")
def made(world: World, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str]]:
    where = tmp_path_factory.mktemp("diverse")
    kinds = pictured(world, where / "p", {"A": 6, "C": 6, "D": 6, "N": 3})
    few = [name for name, kind in kinds.items() if kind == "N"]
    for keep, name in enumerate(few, start=1):
        for path in sorted((where / "p" / name).iterdir())[keep:]:
            path.unlink()
    names = [one.name for one in world.names]
    build_space(names, where / "a.space", encoder=load_encoder("organism"), templates="plain")
    add_images(open_space(where / "a.space"), where / "p")
    return where, kinds


@pytest.fixture
def space(made: tuple[Path, dict[str, str]]) -> Space:
    return open_space(made[0] / "a.space")
