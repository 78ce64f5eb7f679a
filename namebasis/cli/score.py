"""The command score: which attributes names carry."""

from __future__ import annotations

from typing import Annotated

import typer

from namebasis.cli import options
from namebasis.cli.output import note, print_json, print_table
from namebasis.errors import TargetError


def score(
    space: options.SpacePath,
    names: Annotated[
        list[str] | None, typer.Argument(metavar="NAME...", help="Names to show; all by default.")
    ] = None,
    axis: Annotated[
        list[str] | None, typer.Option("--axis", help="An axis or a .toml file; repeatable.")
    ] = None,
    records: Annotated[
        str | None, typer.Option("--records", help="Compare with US births: ssa:ZIP.")
    ] = None,
    where: options.Where = None,
    seed: options.Seed = 0,
    write: Annotated[bool, typer.Option("--write", help="Keep the readings as columns.")] = False,
    as_json: options.Json = False,
) -> None:
    """Read names on axes such as age and gender, four ways, against made-up names."""
    from namebasis.namespace.space import open_space
    from namebasis.studies import attributes as study

    opened = open_space(space)
    strangers = [name for name in names or () if opened.find(name) is None]
    if strangers:
        raise TargetError(f"{', '.join(strangers)} is not in {space}; add it with `namebasis add`.")
    found = study.score(opened, axis or ["age", "gender"], where=where, seed=seed)
    shown = found.pick(opened, names) if names else found
    result = None
    if records is not None:
        from namebasis.studies.attribute_records import compare

        result = compare(opened, records, where=where, seed=seed)
    if write:
        found.write(opened)
        note(f"readings of {len(found.names):,} names written to {space}")
    if as_json:
        print_json(shown.to_dict() | ({"records": result.to_dict()} if result else {}))
        return
    if result is not None:
        rows = [(m.measure, m.reading, m.value, m.low, m.high, m.n_names) for m in result.measures]
        print_table("", ("measure", "reading", "value", "low", "high", "names"), rows)
        return
    table = shown.to_arrow()
    columns = ["name"]
    for entry in shown.scores:
        columns += [f"{entry.label}_inferred_z", f"{entry.label}_expectation"]
    print_table("", columns, zip(*(table[c].to_pylist() for c in columns), strict=True))
