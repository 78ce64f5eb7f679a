"""What is kept of the last answers, and what is not."""

from __future__ import annotations

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from namebasis.recent import Recent


def test_the_last_ones_are_kept_and_the_others_made_again() -> None:
    made: list[str] = []
    recent: Recent[str] = Recent(2)

    def ask(key: str) -> str:
        return recent.of(key, lambda: made.append(key) or key.upper())

    assert [ask(key) for key in "abacabb"] == list("ABACABB")
    assert "".join(made) == "abcb"  # b was the oldest when c came


def test_large_ones_make_room_and_one_that_is_too_large_is_not_kept() -> None:
    recent: Recent[bytes] = Recent(10, 100, len)
    for at in range(5):
        assert len(recent.of(at, lambda: bytes(40))) == 40
    assert len(recent) == 2
    assert len(recent.of("large", lambda: bytes(500))) == 500
    assert len(recent) == 0


def test_an_error_is_not_kept() -> None:
    recent: Recent[int] = Recent(2)
    with pytest.raises(ZeroDivisionError):
        recent.of(1, lambda: 1 // 0)
    assert recent.of(1, lambda: 5) == 5


def test_threads_may_share_it() -> None:
    recent: Recent[int] = Recent(5, 200, int)

    def ask(seed: int) -> bool:
        rng = random.Random(seed)
        keys = [rng.randrange(50) for _ in range(500)]
        return all(recent.of(key, lambda key=key: key) == key for key in keys)

    with ThreadPoolExecutor(8) as pool:
        assert all(pool.map(ask, range(16)))
    assert len(recent) <= 5
