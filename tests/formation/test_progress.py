"""Measures of weights against crossings."""

import random
from pathlib import Path

import numpy as np
import pytest

from namebasis.analysis.training.change_points import Crossing
from namebasis.formation.checkpoints import CheckpointError, Series
from namebasis.formation.crossings import NameCrossing
from namebasis.formation.weight_identity.learning_coefficient import (
    LearningCoefficients,
    Sampler,
    check_learning_coefficient,
    sample_chains,
)
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


@pytest.mark.long
def test_the_learning_coefficient_of_a_bowl_is_half_its_directions() -> None:
    pytest.importorskip("devinterp")
    import torch

    class Bowl(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.held = torch.nn.Parameter(torch.zeros(3000))
            self.moved = torch.nn.Parameter(torch.ones(2000))

    def loss(bowl: Bowl, at: torch.Tensor) -> torch.Tensor:
        height = torch.square(bowl.moved - 1).sum() / 2 + torch.square(bowl.held).sum()
        return (3 + height).expand(len(at))

    bowl, before = Bowl(), random.getstate()
    sampler = Sampler(1e-3, 600.0, 400.0, n_chains=2, n_epochs=40, batch_size=4)
    found = sample_chains(bowl, loss, 4, ["moved"], sampler)
    # Each direction is a chain w ← (1 - a) w + √ε ξ, of variance ε / (2 a - a²).
    pull = 1e-3 * (600 + 400) / 2
    expected = 600 * 2000 / 2 * 1e-3 / (2 * pull - pull**2)
    np.testing.assert_allclose(found.values, expected, rtol=0.04)
    assert found.loss == pytest.approx(3)
    assert abs(found.drift) < 0.05
    assert (bowl.moved == 1).all()
    assert random.getstate() == before
    told = LearningCoefficients(
        (0, 10), ("a", "b"), np.outer(found.values, [0, 1]), np.zeros(2), np.zeros(2), sampler
    )
    assert told.tables()[0].rows[1][1] == pytest.approx(found.values.mean())


@pytest.mark.parametrize("folder", [True, False])
def test_a_training_without_data_has_no_learning_coefficient(folder: bool, tmp_path: Path) -> None:
    why = "holds no training" if folder else "single checkpoints are none"
    with pytest.raises(CheckpointError, match=rf"only one of the organism brings: .*{why}"):
        check_learning_coefficient(Series((), (), tmp_path if folder else None))
