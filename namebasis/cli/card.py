"""The command card: everything about one name on one screen, or as one page."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_answers, print_json, progress_bar
from namebasis.cli.outputs import refuse_existing
from namebasis.wording import between, percent

if TYPE_CHECKING:
    from namebasis.studies.card.deep import DeepCard


def card(
    space: options.SpacePath,
    name: Annotated[str, typer.Argument(metavar="NAME", help="A stored name.")],
    k: Annotated[int, typer.Option("-k", help="How many nearest names.")] = 8,
    view: options.View = "text",
    deep: Annotated[
        bool,
        typer.Option(
            "--deep", help="Measure axes, sparse decomposition, rigidity and identity as well."
        ),
    ] = False,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write the deep card as one HTML file.")
    ] = None,
    seed: options.Seed = 0,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Show everything about one name: what the space holds, with --deep what the model says.

    What is stored is shown at once. --deep loads the encoder and embeds thousands of prompts;
    --html implies it.
    """
    from namebasis.space import open_space
    from namebasis.studies.card.study import LEFT_OUT
    from namebasis.studies.card.study import card as study

    refuse_existing(html, overwrite=overwrite)
    deep = deep or html is not None
    opened = open_space(space)
    with nullcontext() if quiet or not deep else progress_bar("card", "steps") as progress:
        shown = study(opened, name, k=k, view=view, deep=deep, seed=seed, progress=progress)
    if html:
        shown.write_html(html, overwrite=overwrite)
    if as_json:
        print_json(shown.to_dict())
    else:
        _print(shown)
        if not deep:
            note(f"left out: {LEFT_OUT}; --deep measures them, --html FILE writes a page")
    if html:
        note(f"card written to {html}")


def _print(shown: Any) -> None:
    from namebasis.studies.card.view import facts

    _section(shown.name, ("what", "value"), facts(shown))
    _section("nearest", ("name", "similarity"), shown.nearest)
    if shown.deep is not None:
        _print_deep(shown.deep)


def _section(key: str, columns: tuple[str, ...], rows: Any, title: str | None = None) -> None:
    """A titled table, or into a pipe lines that begin with `key`."""
    body = [list(row) for row in rows]
    if body:
        print_answers(title or key, key, columns, body)


def _print_deep(deep: DeepCard) -> None:
    from namebasis.analysis.readings.axes import READINGS
    from namebasis.studies.card import view

    readings = deep.readings
    _section(
        "axes",
        (
            "axis",
            "nearest value",
            "place 0–1",
            "± templates",
            *(f"z {reading}" for reading in READINGS),
            "names below",
        ),
        (
            (
                r.axis,
                r.value,
                r.position,
                r.spread,
                *(r.z[reading] for reading in READINGS),
                percent(r.percentile),
            )
            for r in readings.own
            if r.share is None
        ),
        f"axes: z against made-up names, place among {readings.n_company:,} names of the space",
    )
    _section(
        "leans to",
        ("axis", "value", "share", "± templates", "z", "names below"),
        (
            (axis, r.value, r.share, r.spread, r.z["expectation"], percent(r.percentile))
            for axis, ones in view.by_axis(readings).items()
            for r in ones[:2]
        ),
    )
    _section(
        "beliefs", ("what", "records", "the model"),
        ((one.what, one.record, one.belief) for one in deep.beliefs), "recorded and believed",
    )  # fmt: skip
    if deep.basis is not None:
        stable = deep.basis.stability
        again = [None] * len(deep.basis.names) if stable is None else stable.tolist()
        rows = zip(deep.basis.names, deep.basis.weights.tolist(), again, strict=True)
        _section("basis", ("name", "weight", "chosen again"), rows, "names that add up to it")
        note(view.said_of_basis(deep.basis))
    _print_rigidity(deep)
    _print_identity(deep)
    for line in deep.notes:
        note(line)


def _print_rigidity(deep: DeepCard) -> None:

    rigid = deep.rigidity
    intervals = rigid.spread.intervals()
    rows = []
    for key, value in rigid.values.items():
        one = intervals.get(key)
        place = rigid.places[key]
        ends = None if one is None else between(one.low, one.high)
        weak = None if place.weak_percentile is None else percent(place.weak_percentile)
        rows.append((key, value, ends, percent(place.percentile), weak))
    columns = ("measure", "value", "95 % interval", "made-up below", "rare below")
    title = f"rigidity: in {rigid.spread.n} contexts, beside names of {rigid.form}"
    _section("rigidity", columns, rows, title)
    if rigid.leaked:
        note(f"leans most to: {rigid.leaked}")


def _print_identity(deep: DeepCard) -> None:
    from namebasis.studies.card import view

    chances = deep.identity.probabilities or {}
    _section("identity", ("kind", "probability"), chances.items())
    _section(
        "evidence", ("measure", "value", "threshold", "holds", "what it would mean"),
        ((e.measure, e.value, e.threshold, percent(e.chance), e.meaning)
         for e in view.evidence(deep)),
    )  # fmt: skip
    note(view.verdict(deep))
    if deep.identity.kind:
        note(f"thresholds: {deep.study.origin.description}")
    parts = deep.parts_only
    if parts is not None:
        pairs = zip(parts.nearest_own, parts.nearest, strict=False)
        title = f"if only its parts were known (cosine {parts.similarity:.3f})"
        _section(
            "parts", ("near the name", "similarity", "near its parts' sum", "similarity"),
            ((*own, *other) for own, other in pairs), title,
        )  # fmt: skip
        _section("parts read", ("axis", "the name", "its parts"), view.changes(deep.readings))
