"""What a direction goes with: a planted column is found, noise is not named."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pytest

from namebasis.studies.basis.meanings import meaning_of

N = 400


class Columns:
    """Stands for a space where only its columns are asked for."""

    def __init__(self, **columns: object) -> None:
        names = [f"Nam{'x' * (i % 7)}" for i in range(N)]
        self._table = pa.table({"name": names, **columns})
        self.columns = tuple(self._table.column_names)

    def table(
        self, columns: list[str], *, ids: object = None, limit: int | None = None
    ) -> pa.Table:
        return self._table.select(columns)


GENDER = ["F" if i % 2 else "M" for i in range(N)]


@pytest.mark.parametrize("sign", [1, -1])
def test_the_planted_column_is_found_with_its_r_and_its_end(sign: int) -> None:
    noise = np.random.default_rng(0).standard_normal(N)
    truth = np.array([value == "F" for value in GENDER], dtype=float)
    places = sign * (truth - 0.5) + 0.2 * noise
    found = meaning_of(Columns(gender=GENDER, count=np.arange(N)), np.arange(N), places, 1)  # type: ignore[arg-type]
    assert found is not None
    assert (found.column, found.n_names) == ("gender", N)
    assert found.r == pytest.approx(np.corrcoef(places, truth)[0, 1])
    end = "F against M" if sign > 0 else "M against F"
    assert found.said("component 1") == (
        f"component 1 goes with gender ({end} at the + end): r = {abs(found.r):.2f} over 400 "
        "names, p < 0.01."
    )


def test_names_of_which_a_column_says_nothing_do_not_count() -> None:
    some = [value if i < 100 else None for i, value in enumerate(GENDER)]
    truth = np.array([value == "F" for value in GENDER], dtype=float)
    places = np.where(np.arange(N) < 100, truth, np.random.default_rng(1).standard_normal(N))
    found = meaning_of(Columns(gender=some), np.arange(N), places, 1)  # type: ignore[arg-type]
    assert found is not None
    assert (found.column, found.n_names) == ("gender", 100)
    assert found.r == pytest.approx(1.0)


def test_noise_goes_with_no_column() -> None:
    rng = np.random.default_rng(3)
    columns = {f"a{at}": rng.standard_normal(N) for at in range(20)}
    below = 0
    for seed in range(20):
        places = np.random.default_rng(100 + seed).standard_normal(N)
        found = meaning_of(Columns(**columns), np.arange(N), places, 1, seed)  # type: ignore[arg-type]
        assert found is not None
        below += found.p < 0.05
        if found.p >= 0.05:
            assert found.said("it") == "it goes with no column of the names beyond chance."
    assert below <= 4  # of 20 at 5 %: over 4 come about once in 400


def test_p_counts_how_many_components_were_looked_at() -> None:
    places = np.random.default_rng(5).standard_normal(N)
    space = Columns(count=np.arange(N))
    once = meaning_of(space, np.arange(N), places, 1)  # type: ignore[arg-type]
    often = meaning_of(space, np.arange(N), places, 9)  # type: ignore[arg-type]
    assert once is not None
    assert often is not None
    assert often.p == pytest.approx(min(1, 9 * once.p))
