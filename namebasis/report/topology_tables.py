"""The two tables of a topology page: what clusters follow, and the clusters."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

from namebasis.report.page import table, text

_SHOWN_ROWS = 30


@dataclass(frozen=True)
class ClusterRow:
    """A row of the table: `traits` are pairs of a value and how common it is."""

    label: str
    size: int
    exemplars: Sequence[str]
    central: Sequence[int]
    traits: Sequence[tuple[str, str]]
    similarity: float


@dataclass(frozen=True)
class AgreementRow:
    """What clusters and neighbourhoods share with one property; None where undefined."""

    label: str
    n_names: int
    n_values: int
    information: float | None
    null_information: float | None
    beyond_chance: float | None
    rand: float | None
    p: float | None
    neighbours: float | None
    neighbours_by_chance: float | None


def agreement_section(rows: Sequence[AgreementRow], n_permutations: int) -> str:
    head = (
        "property", "# names", "# values", "mutual information with clusters", "# by chance",
        "# beyond chance", "# adjusted Rand", "# p", "# neighbours alike", "# by chance",
    )  # fmt: skip
    return (
        "<h2>What the arrangement follows</h2>"
        '<p class="soft">Mutual information runs from 0 to 1; <span class="key"><u></u></span>'
        f"marks what shuffled labels reach by chance ({n_permutations} shuffles). "
        "Names in no cluster, without a value, or with several are left out. "
        "First letters and first piece are spelling: where they lead, clusters are names written "
        "alike. “Neighbours alike” is the share of near neighbours with the same value, clusters "
        "or not.</p>"
        f'<div class="card scroll">{table(head, map(_agreement_row, rows))}</div>'
    )


def _agreement_row(row: AgreementRow) -> str:
    cells = [
        f"<td><b>{text(row.label)}</b></td>",
        f'<td class="n">{row.n_names:,}</td><td class="n">{row.n_values:,}</td>',
        f"<td>{_bar(row.information, row.null_information)}</td>",
        *(
            f'<td class="n">{_number(value, digits)}</td>'
            for value, digits in (
                (row.null_information, 3),
                (row.beyond_chance, 3),
                (row.rand, 3),
                (row.p, 3),
            )
        ),
        f'<td class="n">{_percent(row.neighbours)}</td>',
        f'<td class="n">{_percent(row.neighbours_by_chance)}</td>',
    ]
    return f"<tr>{''.join(cells)}</tr>"


def _bar(value: float | None, null: float | None) -> str:
    if value is None or null is None:
        return "undefined"
    return (
        f'<div class="bar" title="{value:.3f}"><i style="width:{100 * value:.1f}%"></i>'
        f'<u style="left:{100 * null:.1f}%"></u></div>'
    )


def _number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:.{digits}f}"


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{100 * value:.1f} %"


def clusters_section(rows: Sequence[ClusterRow], colors: Sequence[str]) -> str:
    if not rows:
        return "<h2>Clusters</h2><p>There are none.</p>"
    head = (
        "cluster",
        "# names",
        "most central names",
        "more common than elsewhere",
        "# similarity",
    )
    body = [
        _cluster_row(number, row, color)
        for number, row, color in zip(itertools.count(), rows, colors, strict=False)
    ]
    hidden = len(rows) - _SHOWN_ROWS
    more = (
        f'<button class="unfold" id="unfold" type="button">Show {hidden} smaller clusters</button>'
        if hidden > 0
        else ""
    )
    grid = table(head, body, identifier="clusters").replace("<table", '<table class="folded"', 1)
    return (
        f"<h2>{len(rows):,} clusters</h2>"
        '<p class="soft">A value’s share of the cluster and how many times more common it is there '
        "than among all names; only what chance does not explain. Similarity is the mean cosine of "
        "two names of the cluster. Click a row to see it on the map.</p>"
        f'<div class="card"><div class="scroll">{grid}</div>{more}</div>'
    )


def _cluster_row(number: int, row: ClusterRow, color: str) -> str:
    traits = "".join(
        f'<span class="trait"><bdi>{text(value)}</bdi><i>{text(share)}</i></span>'
        for value, share in row.traits
    )
    # Each name by itself: one written from the right must not turn its neighbours around.
    names = ", ".join(f"<bdi>{text(name)}</bdi>" for name in row.exemplars)
    more = ' class="more"' if number >= _SHOWN_ROWS else ""
    return (
        f'<tr data-cluster="{number}"{more}>'
        f'<td><span class="dot" style="background:{color}"></span>{text(row.label)}</td>'
        f'<td class="n">{row.size:,}</td><td class="names">{names}</td>'
        f'<td>{traits}</td><td class="n">{row.similarity:.2f}</td></tr>'
    )
