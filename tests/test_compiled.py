import numpy as np
import pytest

from namebasis.compiled import compiled
from tests.lazily import library

numba = library("numba")


def first_above(values: np.ndarray, limit: float) -> int:
    for at in range(values.size):
        if values[at] > limit:
            return at
    return -1


def last_above(values: np.ndarray, limit: float) -> int:
    for at in range(values.size - 1, -1, -1):
        if values[at] > limit:
            return at
    return -1


SIGNATURE = "int64(float64[::1], float64)"


def test_a_compiled_function_does_what_it_says_and_is_made_once() -> None:
    fast = compiled(first_above, SIGNATURE)
    values = np.array([1.0, 5.0, 7.0])
    assert [fast(values, limit) for limit in (4.0, 9.0)] == [1, -1]
    assert compiled(first_above, SIGNATURE) is fast


def test_a_cache_that_fails_costs_time_and_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    kept, plain = [], numba.njit

    def njit(*asked: object, cache: bool, **options: object) -> object:
        kept.append(cache)
        if cache:
            raise OSError(28, "No space left on device")
        return plain(*asked, cache=cache, **options)

    monkeypatch.setattr("numba.njit", njit)
    assert compiled(last_above, SIGNATURE)(np.array([1.0, 5.0, 7.0]), 4.0) == 2
    assert kept == [True, False]


def test_what_cannot_be_compiled_is_said() -> None:
    with pytest.raises(numba.core.errors.NumbaError, match="Unknown attribute 'size'"):
        compiled(first_above, "int64(unicode_type, float64)")
