import os
import subprocess
import sys
import time
from threading import Event, get_ident

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from namebasis.studies.topology import steps
from namebasis.studies.topology.steps import Clock, Lane


def blas_threads() -> set[int]:
    np.ones((2, 2)) @ np.ones((2, 2))
    return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}


def test_steps_made_at_once_are_told_in_their_order() -> None:
    told: list[tuple[int, int]] = []
    clock = Clock(lambda done, total: told.append((done, total)), ("names", "map", "shape"))
    map_may_end = Event()

    def place(lane: Lane) -> int:
        map_may_end.wait(60)
        lane.lap("map")
        return get_ident()

    with clock.abreast(10) as start:
        mapped = start(place)
        shaped = start(lambda lane: lane.lap("shape"))
        shaped.result(60)
        assert blas_threads() == {1}
        clock.lap("names")
        map_may_end.set()
        assert mapped.result() != get_ident()
    assert list(clock.seconds) == ["names", "map", "shape"]
    assert told == [(0, 3), (1, 3), (2, 3), (3, 3)]


@pytest.mark.long
def test_a_blas_that_nothing_has_loaded_yet_is_limited_too() -> None:
    work = """
from threadpoolctl import threadpool_info
from namebasis.studies.topology.steps import Clock
with Clock(None, ()).abreast(10):
    import scipy.linalg
    print({pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"})
"""
    told = subprocess.run(
        [sys.executable, "-c", work], check=True, capture_output=True, text=True,
        env=os.environ | {"OPENBLAS_NUM_THREADS": "2"},
    )  # fmt: skip
    assert told.stdout == "{1}\n"


def test_of_very_many_rows_one_step_follows_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(steps, "_ABREAST", 100)
    before = blas_threads()
    with Clock(None, ("map",)).abreast(101) as start:
        assert start(lambda lane: time.sleep(0.05)).done()
        assert blas_threads() == before


def test_what_fails_ends_the_steps_beside_it() -> None:
    is_running = Event()

    def work(lane: Lane) -> None:
        while True:
            is_running.set()
            lane.check(1, 2)

    clock, tasks = Clock(None, ("map",)), []

    def fail() -> None:
        with clock.abreast(10) as start:
            tasks.append(start(work))
            assert is_running.wait(60)
            raise KeyError("gone")

    with pytest.raises(KeyError, match="gone"):
        fail()
    with pytest.raises(InterruptedError, match="failed elsewhere"):
        tasks[0].result(60)
    assert clock.seconds == {}


def test_the_graph_is_made_on_the_threads_that_one_line_leaves() -> None:
    with threadpool_limits(4):
        clock = Clock(None, ())
        with clock.abreast(10):
            with clock.widened():
                assert blas_threads() == {3}
            assert blas_threads() == {1}
        assert blas_threads() == {4}
