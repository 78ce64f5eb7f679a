"""Quick questions while others wait for a model, and how many threads each of them takes."""

from __future__ import annotations

import importlib.machinery
import importlib.util
import sys
import threading
from functools import partial

import anyio
import faiss
import pytest
import torch

from namebasis.explore.jobs import Jobs, Lanes


def test_a_stored_name_does_not_wait_behind_a_model() -> None:
    gate, order = threading.Event(), []

    async def waits(lanes: Lanes) -> None:
        await lanes.run(lambda: (gate.wait(20), order.append("model")), encodes=True)

    async def ask() -> str:
        lanes = Lanes()
        async with anyio.create_task_group() as group:
            for _ in range(100):  # more than there are threads
                group.start_soon(waits, lanes)
            await anyio.sleep(0.05)
            found = await lanes.run(lambda: order.append("stored") or "found")
            gate.set()
        return found

    assert anyio.run(ask) == "found"
    assert order == ["stored"] + 100 * ["model"]


def test_models_are_asked_in_turn() -> None:
    at_once, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal at_once, most
        with lock:
            at_once += 1
            most = max(most, at_once)
        threading.Event().wait(0.005)
        with lock:
            at_once -= 1

    async def ask() -> None:
        lanes = Lanes()
        async with anyio.create_task_group() as group:
            for _ in range(8):
                group.start_soon(partial(lanes.run, work, encodes=True))

    anyio.run(ask)
    assert most == 1


def test_a_quick_question_computes_alone_and_a_job_does_not() -> None:
    def threads() -> tuple[int, int]:
        return faiss.omp_get_max_threads(), torch.get_num_threads()

    def of_a_job() -> tuple[int, int]:
        jobs = Jobs()
        job = jobs.start("count", lambda progress: threads())
        while job.state != "done":
            threading.Event().wait(0.005)
        jobs.close()
        return job.result

    async def ask() -> tuple[int, int]:
        return await Lanes().run(threads)

    before = of_a_job()
    assert anyio.run(ask) == (1, 1)
    assert of_a_job() == before


def test_a_library_that_another_thread_is_loading_is_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    begun = importlib.util.module_from_spec(importlib.machinery.ModuleSpec("torch", None))
    begun.__spec__._initializing = True  # type: ignore[union-attr]  # as Python marks it
    monkeypatch.setitem(sys.modules, "torch", begun)

    async def ask() -> str:
        return await Lanes().run(lambda: "answered")

    assert anyio.run(ask) == "answered"
