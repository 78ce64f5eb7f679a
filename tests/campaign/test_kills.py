"""A sample of the kills; all events of all commands with the marker `slow`."""

from __future__ import annotations

from functools import cache
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest
import typer

from namebasis.cli import make_app
from tests.campaign import kills
from tests.campaign.commands import HEAVY, LIGHT, OPERATIONS, WRITES_NOTHING, Operation
from tests.campaign.run import Campaign
from tests.test_cli import commands
from tests.test_cli_outputs import FILES, FOLDERS, WRITES


@pytest.mark.long
def test_a_sample_loses_and_blocks_nothing(campaign: Campaign) -> None:
    assert campaign.failures("kills", range(4)) == []


def test_every_command_is_killed_or_said_to_write_nothing() -> None:
    killed = {operation.name for operation in OPERATIONS.values()}
    assert killed | set(WRITES_NOTHING) == set(commands())
    assert not killed & set(WRITES_NOTHING)


def test_what_writes_files_or_columns_is_killed() -> None:
    """By the tables of outputs, which their own test holds against the options of all commands."""
    writing = {command for command, _ in (*FILES, *FOLDERS)}
    names = set(commands())
    writing |= {" ".join(w[:2]) if " ".join(w[:2]) in names else w[0] for w in WRITES}
    assert writing <= {operation.name for operation in OPERATIONS.values()}


@cache
def whole() -> Any:
    """The command line, whose commands and options take a tenth of a second to put together."""
    return typer.main.get_command(make_app())


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=list(OPERATIONS))
def test_an_operation_has_only_options_that_its_command_has(operation: Operation) -> None:
    command: Any = whole()
    words = list(operation.words)
    while hasattr(command, "commands"):
        command = command.commands[words.pop(0)]
    given = command.make_context(operation.name, [*words, *operation.again])
    assert given.params


def test_operations_are_light_or_heavy() -> None:
    assert not set(LIGHT) & set(HEAVY)
    undrawn = set(OPERATIONS)
    known = SimpleNamespace(of=lambda name: (undrawn.discard(name), None)[::-1] and (9, {}))
    for index in range(9 * len(OPERATIONS)):
        kills.draw(Random(index), index, known)
    assert undrawn == set()


@pytest.mark.long
def test_events_are_counted_and_the_process_dies_there(campaign: Campaign) -> None:
    place = campaign.world.case("base.space")
    words = list(OPERATIONS["add"].words)
    died = campaign.world.warm.call("tests.campaign.kills:killed", words, 2, 0.0, cwd=place)
    assert (died.signal, died.code) == (9, None)
    whole = campaign.world.warm.call("tests.campaign.kills:killed", words, 0, 0.0, cwd=place)
    assert whole.code == 0
    assert whole.value >= 2


@pytest.mark.slow
@pytest.mark.parametrize("name", OPERATIONS)
def test_every_event(campaign: Campaign, name: str) -> None:
    undisturbed = campaign.undisturbed
    events = range(1, undisturbed.of(name)[0] + 1)
    failed = {at: kills.case(campaign.world, undisturbed, name, at, 0.0) for at in events}
    assert {at: problem for at, problem in failed.items() if problem} == {}
