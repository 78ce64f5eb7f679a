"""A bar for what is often quick appears only once it has taken a while."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from namebasis.cli import output
from tests.test_cli import run


@pytest.mark.parametrize(("after", "shown"), [(60.0, False), (0.0, True)])
def test_a_late_bar_appears_after_its_time(
    after: float, shown: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    with output.late_bar("controls", "fits", after=after) as update:
        update(1, 4)
        update(4, 4)
    assert ("controls" in capsys.readouterr().err) is shown


def test_what_ends_late_in_one_step_shows_no_bar(capsys: pytest.CaptureFixture[str]) -> None:
    with output.late_bar("controls", after=0.0) as update:
        update(4, 4)
    assert capsys.readouterr().err == ""


def test_each_step_has_a_bar_of_its_own_and_leaves_none(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    with output.StepBars() as bars:
        bars.begin("reading")
        bars.begin("choosing")
        bars.update(8, 8)
        bars.begin("comparing")
    drawn = capsys.readouterr().err
    assert drawn.index("reading") < drawn.index("choosing") < drawn.index("comparing")
    assert "8/8" not in drawn[drawn.index("comparing") :]
    assert drawn.endswith("\x1b[2K")  # the line is wiped


def test_a_card_that_is_measured_says_its_step(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[tuple[object, ...]] = []

    @contextmanager
    def bar(*_: str) -> Iterator[Callable[..., None]]:
        yield lambda *one: told.append(one)

    class Asked:
        def card(self, *_: object, progress: Callable[[int, int], None], **__: object) -> None:
            progress(250, 400)
            raise ValueError("far enough")

    monkeypatch.setattr("namebasis.cli.commands.card.progress_bar", bar)
    monkeypatch.setattr("namebasis.space.open_space", lambda _: Asked())
    done = run("card", "my.space", "Vicki", "--deep", cwd=tmp_path)
    assert "far enough" in done.stderr
    assert told == [(250, 400, "reading it on axes")]
