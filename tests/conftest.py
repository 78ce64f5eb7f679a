"""Shared fixtures: one small space of real names, encoded once with the packaged encoder."""

from __future__ import annotations

import gc
import logging
import os
import shutil
from collections.abc import Iterator, Sequence
from typing import Any

# Before torch or faiss load: spinning threads cost more than the tests themselves.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# Before the hub's client is imported: tests have no network.
os.environ["HF_HUB_OFFLINE"] = "1"
# What the person who runs the tests has set for themselves is no part of them.
os.environ.pop("NAMEBASIS_SPACE", None)
os.environ.pop("NAMEBASIS_ENCODER", None)

import numpy as np
import pytest
from hypothesis import settings

from namebasis.encoders import minilm
from tests import sockets

sockets.refuse_outside()

# A build server repeats the same examples each time; new ones are looked for where one can look.
# No test is timed: a busy machine is no fault of the code.
settings.register_profile("ci", derandomize=True, deadline=None)
settings.register_profile("untimed", deadline=None)
settings.load_profile("ci" if os.environ.get("CI") else "untimed")


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    """Chromium, for one module: its event loop must have ended before another starts."""
    playwright = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        pytest.skip("no chromium here: apt-get install chromium")
    with playwright.sync_playwright() as started:
        chromium = started.chromium.launch(
            executable_path=found, args=["--no-sandbox", "--disable-background-networking"]
        )
        yield chromium
        chromium.close()


@pytest.fixture(autouse=True)
def nothing_calls_home() -> Iterator[None]:
    """No test, and no library in it, asks another machine for anything."""
    sockets.outside.clear()
    yield
    assert not sockets.outside, sockets.outside[0]


@pytest.fixture(autouse=True)
def logging_as_it_was() -> Iterator[None]:
    """A command line that ran in a test, or in a fixture of many, leaves the next one its log."""
    _reset(logging.getLogger("namebasis"))
    yield
    _reset(logging.getLogger("namebasis"))


def _reset(logger: logging.Logger) -> None:
    if logger.level:  # to set it looks at the loggers of all libraries, in each test
        logger.setLevel(logging.NOTSET)
    logger.propagate = True
    logger.handlers.clear()


# Workers take whole files, or files together that share what is long to build or to load, as the
# dictionary of phrases in MiniLM, or open_clip; the longest come first, so that no worker ends
# alone with one of them.
_COMMANDS = ("tests/test_cli", "tests/test_doc", "tests/test_notebook", "tests/test_tutorial")
_TOGETHER = {"tests/campaign/": "campaign", "tests/studies/card/": "card"}
_OPEN_CLIP = ("tests/encoders/open_clip/", "tests/encoders/single_file/", "tests/encoders/towers/",
              "tests/studies/celeb/test_celeb.py")  # fmt: skip
_DIFFUSERS = ("tests/validation/test_denoiser", "tests/validation/test_checkpoint",
              "tests/validation/test_p", "tests/validation/test_generation",
              "tests/encoders/test_diffusers", "tests/organism/test_painter",
              "tests/organism/test_packaged_painter")  # fmt: skip
_TOGETHER |= {"tests/namespace/actors/": "actors", **dict.fromkeys(_COMMANDS, "commands")}
_TOGETHER |= dict.fromkeys(_DIFFUSERS, "diffusers") | dict.fromkeys(_OPEN_CLIP, "open_clip")
_FIRST = (*_TOGETHER, "tests/explore/", "tests/formation/", "tests/studies/identity/",
          "tests/studies/attributes/", "tests/namespace/store/", "tests/validation/",
          "tests/encoders/")  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """The scheduler of `--dist loadfile`, which would begin with the files of most tests."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class LongestFirst(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            found = (scope for start, scope in _TOGETHER.items() if nodeid.startswith(start))
            return next(found, None) or super()._split_scope(nodeid)

    config.option.loadscopereorder = False
    return LongestFirst(config, log)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Iterator[object]:
    """What is made while tests are collected stays to the end: no search for garbage in it."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()
        gc.freeze()
        gc.set_threshold(10_000, 10, 50)  # a search of everything alive costs what a test does


@pytest.hookimpl(tryfirst=True)
def pytest_unconfigure() -> None:
    """What is alive at the end ends with the process: pytest would search it for garbage, twice."""
    gc.freeze()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {start: place for place, start in enumerate(_FIRST)}

    def place(item: pytest.Item) -> int:
        return next((places[one] for one in _FIRST if item.nodeid.startswith(one)), len(places))

    items.sort(key=place)


# A run without the long tests ends by saying how many they are and how to run them. Of workers,
# each of which chooses among all tests, the first tells.
_left_out: dict[str, int] = {}


def _without_long(config: pytest.Config) -> bool:
    return "not long" in config.option.markexpr


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    long = [item for item in items if item.get_closest_marker("long")]
    if long and _without_long(long[0].config):
        counted = [item for item in long if not item.get_closest_marker("slow")]
        _left_out["long"] = _left_out.get("long", 0) + len(counted)


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["left_out"] = _left_out


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    _left_out.update(getattr(node, "workeroutput", {}).get("left_out", {}))


@pytest.hookimpl(wrapper=True, tryfirst=True)
def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> Iterator[None]:
    yield  # after what was skipped and why, just before the line of counts
    if _without_long(config) and (count := _left_out.get("long")):
        tests = "1 long test was" if count == 1 else f"{count:,} long tests were"
        terminalreporter.write_line(f"{tests} left out: make test ALL=1 runs them too")


# The packaged encoder is read some hundred times, and axes, contexts and made-up names are the same
# texts in every study. Its own tests read and run it afresh.
_load, _embed = minilm.load, minilm.MiniLM._embed_texts
_AFRESH = (
    "tests/encoders/",
    "tests/namespace/corpus/test_given_files.py",
    "tests/namespace/store/test_processes.py",
)
_MOST = 60_000
_rows: dict[tuple[str, str], np.ndarray] = {}
_loaded: dict[tuple[object, ...], Any] = {}


def _load_once(rest: str, *, revision: str | None, device: str | None, dtype: str) -> Any:
    key = (rest, revision, device, dtype)
    if key not in _loaded:
        _loaded[key] = _load(rest, revision=revision, device=device, dtype=dtype)
    return _loaded[key]


def _embed_once(self: minilm.MiniLM, texts: list[str], batch_size: int | None) -> np.ndarray:
    dtype = self._dtype
    found = {text: _rows.get((dtype, text)) for text in texts}
    new = [text for text, row in found.items() if row is None]
    if new:
        made = dict(zip(new, _embed(self, new, batch_size), strict=True))
        found |= made
        if len(_rows) + len(made) > _MOST:
            _rows.clear()
        _rows.update({(dtype, text): row for text, row in made.items()})
    return np.stack([found[text] for text in texts])


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Iterator[None]:
    afresh = item.nodeid.startswith(_AFRESH)
    minilm.load = _load if afresh else _load_once
    minilm.MiniLM._embed_texts = _embed if afresh else _embed_once  # type: ignore[method-assign]
    return (yield)
