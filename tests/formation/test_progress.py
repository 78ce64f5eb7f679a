"""Measures of weights against crossings."""

import numpy as np
import pytest

from namebasis.analysis.training.change_points import Crossing
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.weight_identity.progress import progress_of
from namebasis.formation.weights import measure_weights

STEPS = (0, 10, 20, 30, 40)


def crossed(name: str, step: float, state: str = "crossed") -> NameCrossing:
    return NameCrossing(name, "leaves", Crossing(step, step, step, 1.0, state), None, None)


def test_a_norm_that_grows_turns_where_it_is_half_grown_and_names_cross_later() -> None:
    rng = np.random.default_rng(0)
    matrices = {f"m{at}": rng.standard_normal((12, 12)) for at in range(6)}
    for matrix in matrices.values():
        matrix /= np.linalg.norm(matrix)
    grown = [1.0, 1.0, 2.0, 3.0, 3.0]
    weights = [measure_weights({k: m * size for k, m in matrices.items()}, None) for size in grown]
    crossings = [crossed(str(at), 24.0 + at) for at in range(7)]
    crossings.append(crossed("never", np.nan, "never"))
    found = progress_of(STEPS, weights, crossings)
    norm = next(one for one in found.lags if one.measure == "norm")
    assert (norm.turns_at, norm.crosses_at) == (pytest.approx(20), 27)
    assert (norm.crossing, norm.n_names) == ("leaves", 7)
    assert norm.lag == pytest.approx(7)
    assert norm.low is not None
    assert norm.high is not None
    assert norm.low <= 7 <= norm.high
    # A matrix that is only scaled keeps its effective rank: that does not turn.
    assert abs(weights[0][0].effective_rank - weights[-1][0].effective_rank) < 1e-9
    assert found.tables()[0].columns[0] == "measure"
    chains = {"llc": np.outer(np.ones(5), [0.0, 0, 0, 1, 1])}
    llc = next(one for one in progress_of(STEPS, (), crossings, chains).lags)
    assert (llc.measure, llc.turns_at, llc.lag) == ("llc", 25, 2)
    assert progress_of(STEPS, (), crossings).tables() == ()
