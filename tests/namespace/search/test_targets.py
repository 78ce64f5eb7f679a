"""Targets on their own: folding, kinds, and mixes."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.errors import TargetError
from namebasis.namespace.search.targets import Resolver, Target, is_batch, is_vector
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder

STORED = {"east": np.array([2.0, 0, 0]), "north": np.array([0, 1.0, 0])}


@pytest.fixture
def resolver() -> Resolver:
    names = list(STORED)

    def find(text: str) -> int | None:
        return names.index(text) if text in names else None

    def forbidden():
        raise AssertionError("an encoder was asked for")

    return Resolver("text", 3, find, lambda row: STORED[names[row]], forbidden)


def test_a_mix_is_the_normalised_weighted_sum(resolver: Resolver) -> None:
    mixed = resolver.resolve({"east": 3, "north": -4})
    np.testing.assert_allclose(mixed.vector, [0.6, -0.8, 0], atol=1e-7)
    assert mixed.label == "3 east - 4 north"
    assert (mixed.kind, mixed.members) == ("mix", (0, 1))


def test_a_weight_of_one_alone_changes_nothing(resolver: Resolver) -> None:
    assert resolver.resolve({"east": 2.0}).kind == "stored"
    opposite = resolver.resolve({"east": -1.0})
    np.testing.assert_allclose(opposite.vector, [-1, 0, 0])


def test_vectors_are_scaled_and_targets_pass(resolver: Resolver) -> None:
    target = resolver.resolve([3, 0, 4])
    assert target.kind == "vector"
    np.testing.assert_allclose(target.vector, [0.6, 0, 0.8], atol=1e-7)
    again = resolver.resolve(target)
    np.testing.assert_allclose(again.vector, target.vector, atol=1e-7)
    with pytest.raises(ValueError, match="must have 3 columns; got 2"):
        resolver.resolve(Target("vector", "of another space", np.ones(2, np.float32)))


@pytest.mark.parametrize("target", [True, 3, object(), b"east", {"east", "north"}, [[1, 2, 3]]])
def test_other_kinds_are_refused(resolver: Resolver, target: object) -> None:
    with pytest.raises(TargetError, match="a target must be a stored name"):
        resolver.resolve(target)


@pytest.mark.parametrize(
    ("target", "vector", "batch"),
    [
        ("text", False, False), ([1.0, 2], True, False), ((1, 2), True, False),
        (np.ones(3), True, False), (np.ones((2, 3)), False, True), (["a", "b"], False, True),
        ([], False, True), ([np.ones(3)], False, True), ([True, False], False, True),
        (np.zeros((2, 2, 3), np.uint8), False, False),
    ],
)  # fmt: skip
def test_one_vector_and_several_targets_are_told_apart(target, vector, batch) -> None:
    assert (is_vector(target), is_batch(target)) == (vector, batch)


def test_a_text_is_encoded_once_and_as_it_is_read(space: Space, encoder: FakeEncoder) -> None:
    fresh = Space(space.path, encoder=FakeEncoder())  # type: ignore[arg-type]
    for as_ in ("text", "name", "text"):
        for where in (None, "part = 'given'"):
            found = space.nearest("Zelda", 3, where=where, as_=as_)
            again = fresh.nearest("Zelda", 3, where=where, as_=as_)
            assert found.to_dict() == again.to_dict()
    before = encoder.calls
    assert space.nearest("Zelda", 5, as_="text").kind == "text"
    assert space.nearest("Zelda", 5, as_="name").kind == "name"
    assert encoder.calls == before
    space.nearest("Zelda too", 5, as_="text")
    assert encoder.calls == before + 1
