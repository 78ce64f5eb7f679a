"""A seed means the same everywhere: what one study takes, every other takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any

import pytest

from namebasis.checks import LARGEST_SEED, check_seed
from namebasis.cli import limits
from namebasis.formation import formation
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.namespace.corpus.sources import read_names
from namebasis.studies.attributes import (
    groups,
)
from namebasis.studies.attributes import (
    records as attribute_records,
)
from namebasis.studies.attributes import (
    study as attributes,
)
from namebasis.studies.basis import study as basis
from namebasis.studies.card import study as card
from namebasis.studies.identity import rigidity
from namebasis.studies.identity import study as identity
from namebasis.studies.paint import study as paint
from namebasis.studies.recognition import study as recognition
from namebasis.studies.select import study as selection
from namebasis.studies.topology import (
    comparison as topology_compare,
)
from namebasis.studies.topology import (
    overlap as space_overlap,
)
from namebasis.studies.topology import (
    study as topology,
)
from namebasis.validation.pictures.generation import generate
from namebasis.validation.study import validate

SEEDED = [
    attribute_records.compare, attributes.score, basis.fit, build_space, card.card, formation,
    generate, groups.associate, identity.identity, paint.paint, pseudo_names, read_names,
    recognition.recognise, rigidity.rigidity, selection.select, space_overlap.overlap,
    topology.report, topology_compare.compare, validate,
]  # fmt: skip


@pytest.mark.long
@pytest.mark.parametrize("seed", [-1, 2**32, 10**30, 1.5, "7", None, True])
@pytest.mark.parametrize("function", SEEDED, ids=lambda f: f"{f.__module__}.{f.__name__}")
def test_a_seed_out_of_range_is_refused_before_anything_else(
    function: Callable[..., Any], seed: object
) -> None:
    required = {
        name: None
        for name, one in inspect.signature(function).parameters.items()
        if one.default is inspect.Parameter.empty
    }
    with pytest.raises(ValueError, match="seed must be an integer, between 0 and 4294967295; got"):
        function(**required, seed=seed)


def test_the_ends_are_taken_and_the_command_line_has_the_same() -> None:
    assert [check_seed(seed) for seed in (0, LARGEST_SEED)] == [0, 2**32 - 1]
    assert (limits.LEAST["seed"], limits.MOST["seed"]) == (0, LARGEST_SEED)
