"""The command score: which attributes names carry, what records say, which groups lean where."""

from __future__ import annotations

from contextlib import nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import (
    is_terminal,
    note,
    print_answers,
    print_json,
    print_table,
    progress_bar,
)
from namebasis.cli.outputs import refuse_existing, refuse_readonly
from namebasis.errors import TargetError

if TYPE_CHECKING:
    from namebasis.space import Space
    from namebasis.studies.attributes.groups import GroupAssociations
    from namebasis.studies.attributes.record_results import RecordsReport
    from namebasis.studies.attributes.results import Attributes


def score(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names to show; all by default.")
    ] = None,
    axis: Annotated[
        list[str] | None,
        typer.Option("--axis", help="An axis or a .toml file; repeatable. Default: age, gender."),
    ] = None,
    records: Annotated[
        str | None,
        typer.Option(
            "--records",
            help="Compare beliefs with records: ssa:ZIP (US births), census:CSV (US surnames) or "
            "locales (Faker's countries).",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option(
            "--html", help="Write the comparison with records, and its charts, as one HTML file."
        ),
    ] = None,
    figure: Annotated[
        Path | None,
        typer.Option("--figure", help="Write the first fact's charts as one .png or .svg file."),
    ] = None,
    groups: Annotated[
        str | None,
        typer.Option(
            "--groups",
            help="Associations of groups of names (WEAT, RND, RIPA): a column such as gender or "
            "locales, or a .toml file of name lists.",
        ),
    ] = None,
    where: options.Where = None,
    seed: options.Seed = 0,
    write: Annotated[bool, typer.Option("--write", help="Keep the readings as columns.")] = False,
    overwrite: options.Overwrite = False,
    as_json: options.Json = False,
    quiet: options.Quiet = False,
) -> None:
    """Read names on axes such as age and gender, four ways, against made-up names.

    With --records, hold the beliefs against public records; with --groups, say which groups of
    names lean to which end of each axis.
    """
    from namebasis.space import open_space

    _check_usage(names, axis, records, html or figure, groups, write)
    if figure and figure.suffix not in (".png", ".svg"):
        raise typer.BadParameter("--figure takes a .png or .svg file")
    refuse_existing(html, figure, overwrite=overwrite)
    refuse_readonly(space, write)
    opened = open_space(space)
    places = zip(names or (), opened.find_all(names or ()), strict=True)
    strangers = [name for name, row in places if row is None]
    if strangers:
        raise TargetError(f"{', '.join(strangers)} is not in {space}; add it with `namebasis add`.")
    with nullcontext() if quiet else progress_bar("score", "steps") as progress:
        if records is not None:
            from namebasis.studies.attributes.records import compare

            report = compare(opened, records, where=where, seed=seed, progress=progress)
        elif groups is not None:
            from namebasis.studies.attributes.groups import associate

            along = axis or ["age", "gender"]
            found = associate(opened, groups, along, where=where, seed=seed, progress=progress)
        else:
            from namebasis.studies.attributes.study import score as study

            read = study(
                opened, axis or ["age", "gender"], where=where, seed=seed, progress=progress
            )
    if records is not None:
        _show_records(report, html, figure, overwrite, as_json)
    elif groups is not None:
        _show_groups(found, as_json)
    else:
        _show_readings(opened, read, names, write, as_json)


def _check_usage(
    names: list[str] | None,
    axis: list[str] | None,
    records: str | None,
    page: Path | None,
    groups: str | None,
    write: bool,
) -> None:
    if records is not None and groups is not None:
        raise typer.BadParameter("use --records or --groups, one at a time")
    if page is not None and records is None:
        raise typer.BadParameter(
            "--html and --figure show a comparison with records; it needs --records"
        )
    if (records is not None or groups is not None) and (names or write):
        raise typer.BadParameter("--records and --groups take no NAME and no --write; use --where")
    if records is not None and axis:
        raise typer.BadParameter("--records sets the axes itself; leave --axis out")


def _show_readings(
    space: Space, found: Attributes, names: list[str] | None, write: bool, as_json: bool
) -> None:
    shown = found.pick(space, names) if names else found
    if write:
        found.write(space)
        note(f"readings of {len(found.names):,} names written to {space.path}")
    if as_json:
        print_json(shown.to_dict())
        return
    rows = [
        (name, entry.label, reading, float(values[at]), float(entry.spreads[reading][at]),
         float(entry.z[reading][at]))
        for at, name in enumerate(shown.names)
        for entry in shown.scores
        for reading, values in entry.readings.items()
    ]  # fmt: skip
    print_table("", ("name", "axis", "reading", "value", "spread", "z"), rows)
    labels = [entry.label for entry in shown.scores]
    if len(labels) > 1 and is_terminal():
        matrix = [(label, *row) for label, row in zip(labels, shown.leakage.tolist(), strict=True)]
        print_table("leakage (1: two axes are the same direction)", ("axis", *labels), matrix)


def _show_records(
    report: RecordsReport, html: Path | None, figure: Path | None, overwrite: bool, as_json: bool
) -> None:
    if html:
        report.write_html(html, overwrite=overwrite)
        note(f"report written to {html}")
    if figure:
        report.write_figure(figure, overwrite=overwrite)
        note(f"figure written to {figure}")
    if as_json:
        print_json(report.to_dict())
        return
    if report.matching:
        note(report.matching.told())
    print_answers(
        f"against {report.records}, {report.n_names:,} names",
        "measures",
        ("fact", "measure", "reading", "value", "low", "high", "null", "names"),
        [
            (m.fact, m.measure, m.reading, m.value, m.low, m.high, m.null, m.n_names)
            for m in report.measures
        ],
    )
    print_answers(
        "calibration: names by what is believed",
        "calibration",
        ("fact", "reading", "error", "slope", "unit"),
        [
            (c.fact, c.reading, c.calibration.error, c.calibration.slope, c.unit)
            for c in report.curves
        ],
    )
    if report.popularity:
        print_answers(
            "by popularity",
            "popularity",
            ("fact", "measure", "reading", "from", "to", "value", "low", "high", "null"),
            [
                (p.fact, p.measure, p.reading, p.first, p.last, p.value, p.low, p.high, p.null)
                for p in report.popularity
            ],
        )
    if report.eras:
        print_answers(
            "bias by decade: believed less recorded",
            "eras",
            ("fact", "reading", "decade", "names", "recorded", "bias", "low", "high", "null"),
            [
                (e.fact, e.reading, e.decade, e.n, e.recorded, e.bias, e.low, e.high, e.null)
                for e in report.eras
            ],
        )


def _show_groups(found: GroupAssociations, as_json: bool) -> None:
    for reason, n in found.left_out.items():
        note(f"{n:,} names left out: {reason}")
    if as_json:
        print_json(found.to_dict())
        return
    print_table(
        "each group against all others",
        ("axis", "towards", "from", "group", "names", "others", "WEAT d", "p", "p (Holm)", "RND",
         "RIPA", "low", "high"),
        [
            (r.axis, r.towards, r.away, r.group, r.n, r.n_others, r.effect_size, r.p_value,
             r.p_holm, r.rnd, r.ripa, r.ripa_low, r.ripa_high)
            for r in found.rows
        ],
    )  # fmt: skip
