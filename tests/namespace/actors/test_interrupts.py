"""A study that ends early, by Ctrl-C or an error of its caller, leaves no actors."""

from __future__ import annotations

import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from namebasis.space import build_space
from tests.namespace.conftest import FakeEncoder, corpus

pytestmark = pytest.mark.long

ray = pytest.importorskip("ray", reason="the ray extra is not installed")


@pytest.fixture(autouse=True)
def heard() -> Iterator[None]:
    """Ctrl-C as a terminal gives it; the workers that share out tests do not listen to it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_ends_the_actors_of_a_study(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("namebasis.studies.basis.anchors.usual_chunk", lambda _n, _dim: 5)
    space = build_space(corpus(60), tmp_path / "a", encoder=FakeEncoder())
    seen: list[int] = []

    def interrupt(done: int, _total: int) -> None:
        seen.append(done)
        signal.raise_signal(signal.SIGINT)

    with pytest.raises(KeyboardInterrupt) as told:
        space.anchors(3, engine="ray", n_actors=1, progress=interrupt)
    assert seen == [5], "the first block alone"
    assert told.traceback, "as long as the error is held its frames are"
    until = time.monotonic() + 30
    while ray.available_resources().get("CPU", 0) < 2 and time.monotonic() < until:
        time.sleep(0.05)
    assert ray.available_resources()["CPU"] == 2, "an actor still holds its cores"
