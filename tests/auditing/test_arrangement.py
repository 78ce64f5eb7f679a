"""What an audit says of an arrangement: planted structure is found, a random tower has none."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from namebasis.auditing.claims import corrected
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import arrangement
from namebasis.auditing.parts.beyond_spelling import Alike, K, alike
from tests.auditing.fakes import FakeSpace, inquiry

N, DIM = 300, 24
RNG = np.random.default_rng(5)
SYLLABLES = ["".join(row) for row in itertools.product("bdfgklmnprst", "aeiou")]
PAIRS = RNG.permutation(len(SYLLABLES) ** 2)[:N]
CUT = {f"{SYLLABLES[one]}{SYLLABLES[other]}".capitalize(): (SYLLABLES[one], SYLLABLES[other])
       for one, other in (divmod(int(pair), len(SYLLABLES)) for pair in PAIRS)}  # fmt: skip
NAMES = list(CUT)
SIDE = RNG.integers(0, 2, N)


def tower(seed: int) -> np.ndarray:
    """Random vectors of the pieces, those in the second place turned: no name means anything."""
    rng = np.random.default_rng(seed)
    first, second = rng.normal(size=(2, len(SYLLABLES), DIM))
    at = {piece: row for row, piece in enumerate(SYLLABLES)}
    return np.array([first[at[a]] + second[at[b]] for a, b in CUT.values()])


def units(rows: np.ndarray) -> np.ndarray:
    return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)


def asked(vectors: np.ndarray, pieces: object = None) -> Inquiry:
    rows = [(name, "given") for name in NAMES]
    space = FakeSpace(rows, units(vectors), pieces or (lambda name: CUT[name]),  # type: ignore[arg-type]
                      {"gender": [("F", "M")[side] for side in SIDE]})  # fmt: skip
    locales = {name: (("ru_RU", "no_NO")[side],) for name, side in zip(NAMES, SIDE, strict=True)}
    return inquiry(space, {"world": rows}, locales)


@pytest.fixture(scope="module")
def planted() -> Answer:
    centers = np.random.default_rng(1).normal(size=(2, DIM))
    return arrangement.run(asked(tower(0) + 2 * centers[SIDE]))


def test_what_is_planted_is_found_and_said(planted: Answer) -> None:
    claims = {one.key: one for one in corrected(planted.claims)}
    for key in ("neighbours.region", "neighbours.gender"):
        assert claims[key].value > 0.2
        assert claims[key].is_beyond(0.05)
    assert claims["dimension"].p is None
    told = arrangement.say(claims, 0.05)
    assert told.startswith("Names without a piece in common lie near by region (0.")
    assert "more than letters tell; " in told
    assert {table.key for table in planted.tables} >= {"neighbours", "dimension"}


@pytest.mark.long
def test_a_random_tower_has_no_structure_beyond_spelling(planted: Answer) -> None:
    found = [arrangement.run(asked(tower(seed))) for seed in (3, 4)]
    tested = [one for answer in found for one in corrected(answer.claims) if one.is_tested]
    assert len(tested) == 4
    assert not any(one.is_beyond(0.05) for one in tested)
    spelled, less = (
        next(one.value for one in answer.claims if one.key == "spelled")
        for answer in (found[0], planted)
    )
    assert 0.1 < less < spelled < 1, "pieces make the tower, and not what is planted"
    told = arrangement.say({one.key: one for one in corrected(found[0].claims)}, 0.05)
    assert told.startswith("Names without a piece in common lie no nearer by region or gender")


def test_neighbours_are_sought_among_names_without_a_common_piece() -> None:
    n = 120
    some, pieces = NAMES[:n], [CUT[name] for name in NAMES[:n]]
    vectors = units(tower(6))[:n]
    found = alike(vectors, some, pieces, SIDE[:n])
    assert isinstance(found, Alike)
    centred = units(vectors - vectors.mean(axis=0))
    for at in (0, 17, 64):
        row = int(found.rows[at])
        others = [other for other in range(n) if not set(pieces[row]) & set(pieces[other])]
        near = sorted(others, key=lambda other: -float(centred[row] @ centred[other]))[:K]
        assert found.own[at] == pytest.approx(np.mean(SIDE[near] == SIDE[row]))
        assert found.base[at] == pytest.approx(np.mean(SIDE[others] == SIDE[row]))
    draws = found.draws(999)
    assert draws.mean() >= 0, "chance is never below no knowledge at all"
    assert draws.std() > found.beyond.std() / len(found.rows) ** 0.5


def test_pieces_that_are_letters_leave_nothing_to_compare() -> None:
    found = arrangement.run(asked(tower(7), pieces=lambda name: list("aeiou")))
    assert not any(one.is_tested for one in found.claims)
    assert found.remarks[0].startswith("Too few names share no piece with each other")
    assert "near" not in arrangement.say({one.key: one for one in found.claims}, 0.05)


def test_too_few_names_are_skipped() -> None:
    rows = [("Anna", "given"), ("Kofi", "given")]
    space = FakeSpace(rows, np.eye(2), list)
    with pytest.raises(Skipped, match="reads 2 names that people bear; 50 are needed"):
        arrangement.run(inquiry(space, {"us_given": rows}))
