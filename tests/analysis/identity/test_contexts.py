"""Context measures against worlds whose effects are known."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.contexts import (
    _directions,
    context_measures,
    context_prior,
)


def unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=-1, keepdims=True)


def world(seed: int, n: int, baked: int | None = None) -> tuple[np.ndarray, np.ndarray]:
    """Names plus scenes; the first name may have one scene baked in, and none other."""
    rng = np.random.default_rng(seed)
    scenes = np.random.default_rng(99).standard_normal((4, 40))
    names = rng.standard_normal((n, 40))
    if baked is not None:
        names[0] += 1.5 * scenes[baked]
    placed = names[:, None] + scenes
    if baked is not None:
        placed[0, baked] -= scenes[baked]  # the name already holds it
    return unit(names), unit(placed)


def test_a_baked_in_scene_shows_in_ratio_leakage_and_interaction() -> None:
    prior = context_prior(*world(0, 80))
    found = context_measures(*world(1, 30, baked=2), prior)
    assert found.leaked[0] == 2
    for measure in (found.displacement_ratio, found.leakage, found.interaction):
        assert measure.argmax() == 0
    assert np.median(found.displacement) == pytest.approx(1, abs=0.1)


def test_context_measures_of_a_name_do_not_depend_on_its_company() -> None:
    prior = context_prior(*world(0, 80))
    bare, placed = world(1, 6)
    together, alone = (
        context_measures(bare, placed, prior),
        context_measures(bare[3:4], placed[3:4], prior),
    )
    for key in ("displacement", "displacement_ratio", "interaction", "leakage"):
        assert getattr(together, key)[3] == pytest.approx(getattr(alone, key)[0], rel=1e-5)


def test_context_measures_refuse_other_contexts_and_equal_names() -> None:
    prior = context_prior(*world(0, 80))
    bare, placed = world(1, 6)
    with pytest.raises(ValueError, match="those of the prior"):
        context_measures(bare, placed[:, :3], prior)
    with pytest.raises(ValueError, match="do not differ"):
        context_prior(bare[[0, 0, 0]], placed[[0, 0, 0]])


def test_directions_have_length_one_and_nothing_has_none() -> None:
    rows = np.array([[3.0, 4.0], [0.0, 0.5], [0.0, 0.0]])
    np.testing.assert_allclose(_directions(rows), [[0.6, 0.8], [0, 1], [0, 0]])
