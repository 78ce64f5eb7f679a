"""Names by contexts, built so that who is shown and where are known."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.analysis.identity.two_way import TwoWay, two_way

N_CONTEXTS, PEOPLE, EACH = 6, 12, 3
PRIOR = np.arange(PEOPLE) >= 3


def drawn(seed: int = 0) -> TwoWay:
    """Name 0 is one person everywhere, 1 always the same picture, 2 and others nobody."""
    rng = np.random.default_rng(seed)
    basis = np.linalg.qr(rng.standard_normal((40, 40)))[0]
    scenes, persons = basis[:N_CONTEXTS], basis[N_CONTEXTS : N_CONTEXTS + PEOPLE]
    rows, names, contexts = [], [], []
    for name in range(PEOPLE):
        for context in range(N_CONTEXTS):
            for _ in range(EACH):
                person = persons[name] if name < 2 else 0
                where = scenes[0] if name == 1 else scenes[context]
                rows.append(where + person + 0.05 * rng.standard_normal(40))
                names.append(name)
                contexts.append(context)
    vectors = np.array(rows)
    return two_way(
        vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.array(names),
        np.array(contexts), vectors @ scenes.T, PRIOR,
    )  # fmt: skip


def test_the_same_person_and_the_context_are_told_apart() -> None:
    found = drawn()
    same, there, flexible = (
        np.array([one.value for one in side])
        for side in (found.same, found.there, found.flexibility)
    )
    assert same[0] > 0.95
    assert same[1] > 0.85  # its own scene is taken out where it was asked for
    assert np.abs(same[2:]).max() < 0.5
    assert same[PRIOR].mean() == pytest.approx(0, abs=1e-12)
    assert there[0] == pytest.approx(1, abs=0.1)
    assert there[1] == pytest.approx(1 / N_CONTEXTS, abs=0.1)  # in its own scene alone
    assert there[PRIOR].mean() == pytest.approx(1)
    assert flexible[0] > 0.85
    assert flexible[1] < 0.5
    smaller = np.minimum(found.same_in, found.there_in).clip(0, 1).mean(axis=1)
    assert flexible == pytest.approx(smaller)
    assert found.is_told.all()
    assert found.there_in[1, 0] == pytest.approx(1, abs=0.15)
    assert found.there_in[1, 1:] == pytest.approx(0, abs=0.15)


def test_an_interval_is_over_contexts() -> None:
    found = drawn(1)
    one = found.there[1]
    assert one.low is not None
    assert one.high is not None
    assert one.low < one.value < one.high
    assert one.high - one.low > 0.5  # there in one context of six
    sure = found.there[0]
    assert sure.low is not None
    assert sure.high is not None
    assert sure.high - sure.low < 0.2


def test_a_text_that_tells_nothing_gives_no_cell_and_too_few_contexts_are_refused() -> None:
    rng = np.random.default_rng(2)
    names, contexts = np.repeat(np.arange(4), 6), np.tile(np.arange(3), 8)
    vectors = rng.standard_normal((24, 8))
    scores = np.zeros((24, 3))
    scores[np.arange(24), contexts] = 1.0
    scores[:, 2] = 0.5  # the same on every picture
    found = two_way(vectors, names, contexts, scores)
    assert found.is_told.tolist() == [True, True, False]
    assert np.isnan(found.there_in[:, 2]).all()
    assert found.there[0].reason == "fewer than 3 contexts"
    with pytest.raises(ValueError, match=r"at least 3 contexts and 4 names; got 2 and 4"):
        two_way(vectors, names, contexts % 2, scores[:, :2])
