"""Which of many keys were seen."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from namebasis.namespace.corpus.pictures.keys import Seen, keys_of
from namebasis.namespace.pictures import writing


def test_keys_are_new_once_however_they_come() -> None:
    rng, seen, told = np.random.default_rng(0), Seen(), set()
    for n in (1, 0, 7, 500, 2, 90, 90):
        keys = rng.integers(-300, 300, n)
        expected = []
        for key in keys.tolist():  # what a plain set says
            expected.append(key not in told)
            told.add(key)
        assert seen.note(keys).tolist() == expected
    assert len(seen) == len(told)
    lengths = [len(run) for run in seen._runs]
    assert all(first >= 2 * second for first, second in itertools.pairwise(lengths))


def test_a_label_and_a_digest_make_one_key() -> None:
    pairs = [("Vicki", "ab"), ("Vicki", "ac"), ("Vick", "iab"), (3, "ab"), ("Vicki", "ab")]
    keys = keys_of(pairs, len(pairs))
    assert keys[0] == keys[4]
    assert len(np.unique(keys)) == 4


@pytest.mark.parametrize("is_glibc", [True, False])
def test_blocks_are_kept_again_after_an_error(
    monkeypatch: pytest.MonkeyPatch, is_glibc: bool
) -> None:
    told: list[int] = []
    monkeypatch.setattr(writing, "_set_given_back", lambda size: told.append(size) or is_glibc)
    with pytest.raises(KeyError), writing.large_blocks_given_back():
        raise KeyError
    assert told == ([2**20, 2**25] if is_glibc else [2**20])
