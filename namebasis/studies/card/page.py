"""The card of one name as one page: what is recorded, what the model reads, and on what grounds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from namebasis.report.page import asset, bar, definitions, page, table, text, tiles
from namebasis.wording import between, percent


@dataclass(frozen=True)
class Scale:
    """An ordinal axis: places in [0, 1]; `other` is where the parts alone would put the name.

    `z` has a value for each of the page's `readings`.
    """

    axis: str
    first: str
    last: str
    place: float
    spread: float
    other: float | None
    value: str
    z: Sequence[float]
    percentile: float


@dataclass(frozen=True)
class Choice:
    """A nominal axis: its values with the most pull, and how many names lie below on each."""

    axis: str
    values: Sequence[tuple[str, float, float]]
    other: Sequence[str]


@dataclass(frozen=True)
class Measured:
    """One measure with the ends of its interval, None without, and its places among other names."""

    measure: str
    value: float
    interval: tuple[float | None, float | None]
    percentile: float
    weak_percentile: float | None
    meaning: str


@dataclass(frozen=True)
class Evidence:
    """A measure against its threshold, and the chance that it holds."""

    measure: str
    value: float
    threshold: float
    chance: float
    meaning: str


@dataclass(frozen=True)
class Parts:
    """A full name beside what its parts predict."""

    said: str
    own: Sequence[tuple[str, float]]
    predicted: Sequence[tuple[str, float]]
    changes: Sequence[tuple[str, str, str]]


@dataclass(frozen=True)
class CardPage:
    """All that the page shows, in plain values; an empty sequence leaves its block out."""

    name: str
    lead: str
    pieces: Sequence[str]
    finding: str
    tiles: Sequence[tuple[str, str]]
    nearest: Sequence[tuple[str, float]]
    facts: Sequence[tuple[str, str]]
    decades: Sequence[tuple[str, int]]
    beliefs: Sequence[tuple[str, str, str]]
    scales: Sequence[Scale]
    choices: Sequence[Choice]
    readings: Sequence[str]
    n_company: int
    atoms: Sequence[tuple[str, float, float | None]]
    atoms_said: str
    measured: Sequence[Measured]
    measured_said: str
    kinds: Sequence[tuple[str, float]]
    evidence: Sequence[Evidence]
    identity_said: str
    parts: Parts | None
    notes: Sequence[str]
    footer: Sequence[tuple[str, object]]


def render(content: CardPage) -> str:
    """Draw the page; it opens from disk and asks no host for anything.

    Parameters
    ----------
    content : CardPage

    Returns
    -------
    str
        A whole HTML document.
    """
    pieces = "".join(f'<span class="piece">{text(piece)}</span>' for piece in content.pieces)
    left, right = _nearest(content) + _atoms(content), _facts(content) + _identity(content)
    blocks = (
        f"<div>{left}</div><div>{right}</div>", _axes(content), _choices(content),
        _parts(content), _beliefs(content), _measured(content),
    )  # fmt: skip
    notes = "".join(f"<li>{text(note)}</li>" for note in content.notes)
    body = (
        f"<main><h1><bdi>{text(content.name)}</bdi></h1>"
        f'<p class="lead">{text(content.lead)} {pieces}</p>'
        + tiles(content.tiles)
        + (f'<p class="finding">{text(content.finding)}</p>' if content.finding else "")
        + f'<div class="blocks">{"".join(blocks)}</div>'
        + (f'<h2>Notes</h2><ul class="notes">{notes}</ul>' if notes else "")
        + f"<footer><h2>Source</h2>{definitions(content.footer)}</footer></main>"
    )
    return page(content.name, body, head=f"<style>\n{asset('card.css')}</style>")


def _block(title: str, body: str, said: str = "", *, wide: bool = False) -> str:
    kind = "card block wide" if wide else "card block"
    soft = f'<p class="soft">{text(said)}</p>' if said else ""
    return f'<section class="{kind}"><h2>{text(title)}</h2>{soft}{body}</section>'


def _name(value: str) -> str:
    # By itself: a name written from the right must not turn its neighbours around.
    return f"<bdi>{text(value)}</bdi>"


def _small(value: float) -> str:
    return bar(value).replace('class="bar"', 'class="bar small"', 1)


def _similar(pairs: Sequence[tuple[str, float]]) -> str:
    rows = (
        f'<tr><td>{_name(name)}</td><td class="n">{similarity:.3f}</td>'
        f"<td>{_small(similarity)}</td></tr>"
        for name, similarity in pairs
    )
    return table(("name", "#cosine", ""), rows)


def _nearest(content: CardPage) -> str:
    if not content.nearest:
        return ""
    return _block("Nearest names", _similar(content.nearest))


def _facts(content: CardPage) -> str:
    most = max((n for _, n in content.decades), default=0) or 1
    columns = "".join(
        f'<span title="{text(f"{label}: {n:,} births")}">'
        f'<i style="height:{60 * n / most:.0f}px"></i>{text(label[2:4])}</span>'
        for label, n in content.decades
    )
    chart = f'<div class="decades">{columns}</div>' if columns else ""
    return _block("Records and tokens", chart + definitions(content.facts))


def _signed(z: float) -> str:
    return "–" if z != z else f"{z:+.1f}"


def _axes(content: CardPage) -> str:
    if not content.scales:
        return ""
    rows = (
        f"<tr><td>{text(one.axis)}</td><td>{_scale(one)}</td><td>{text(one.value)}</td>"
        + "".join(f'<td class="n">{_signed(z)}</td>' for z in one.z)
        + f'<td class="n">{percent(one.percentile)}</td></tr>'
        for one in content.scales
    )
    z = (f"#z {reading}" for reading in content.readings)
    head = ("axis", "", "nearest value", *z, "#names below")
    other = "<b></b>if only its parts were known " if content.parts else ""
    key = f'<p class="soft key"><i></i>the name, with its spread over templates {other}</p>'
    return _block(
        "On the axes",
        key + f'<div class="scroll">{table(head, rows)}</div>',
        f"Names below: of {content.n_company:,} names of the space; z of the four readings: in "
        "standard deviations of made-up names.",
        wide=True,
    )


def _scale(one: Scale) -> str:
    def at(share: float) -> str:
        return f"{100 * min(max(share, 0.0), 1.0):.1f}%"

    low, high = max(one.place - one.spread, 0.0), min(one.place + one.spread, 1.0)
    whisker = f'<s style="left:{at(low)};width:{at(high - low)}"></s>' if high > low else ""
    other = "" if one.other is None else f'<b style="left:{at(one.other)}"></b>'
    title = f"{one.place:.3f} ± {one.spread:.3f} from {one.first} (0) to {one.last} (1)"
    return (
        f'<div class="scale" title="{text(title)}">{whisker}{other}'
        f'<i style="left:{at(one.place)}"></i></div>'
        f'<div class="ends"><span>{text(one.first)}</span><span>{text(one.last)}</span></div>'
    )


def _choices(content: CardPage) -> str:
    if not content.choices:
        return ""
    rows = (
        f"<tr><td>{text(one.axis)}</td><td>{_traits(one)}</td>"
        + (f"<td>{text(', '.join(one.other))}</td>" if content.parts else "")
        + "</tr>"
        for one in content.choices
    )
    head = ("axis", "most above other names", *(("from its parts",) if content.parts else ()))
    return _block(
        "Kinds it leans to",
        table(head, rows),
        "A value with the share of names that lean to it less, and z against made-up names.",
        wide=True,
    )


def _traits(one: Choice) -> str:
    return "".join(
        f'<span class="trait">{text(value)}<i>{percent(below)}, z {_signed(z)}</i></span>'
        for value, below, z in one.values
    )


def _beliefs(content: CardPage) -> str:
    if not content.beliefs:
        return ""
    rows = (
        f"<tr><td>{text(what)}</td><td>{text(record)}</td><td>{text(belief)}</td></tr>"
        for what, record, belief in content.beliefs
    )
    return _block("Recorded and believed", table(("", "records", "the model"), rows), wide=True)


def _atoms(content: CardPage) -> str:
    if not content.atoms_said:
        return ""
    rows = (
        f'<tr><td>{_name(name)}</td><td class="n">{weight:.3f}</td><td>{_small(weight)}</td>'
        f'<td class="n">{percent(again)}</td></tr>'
        for name, weight, again in content.atoms
    )
    body = table(("name", "#weight", "", "#chosen again"), rows) if content.atoms else ""
    return _block("Names that add up to it", body, content.atoms_said)


def _measured(content: CardPage) -> str:
    if not content.measured:
        return ""

    def row(one: Measured) -> str:
        return (
            f'<tr><td>{text(one.measure)}</td><td class="n">{one.value:.3f}</td>'
            f'<td class="n">{between(*one.interval)}</td>'
            f'<td class="n">{percent(one.percentile)}</td>'
            f'<td>{_small(one.percentile)}</td><td class="n">{percent(one.weak_percentile)}</td>'
            f"<td>{text(one.meaning)}</td></tr>"
        )

    head = (
        "measure", "#value", "#95 % interval", "#made-up below", "", "#rare below", "meaning",
    )  # fmt: skip
    body = f'<div class="scroll">{table(head, map(row, content.measured))}</div>'
    return _block("How it holds its own in contexts", body, content.measured_said, wide=True)


def _identity(content: CardPage) -> str:
    if not content.identity_said:
        return ""
    kinds = (
        f'<tr><td>{text(kind)}</td><td class="n">{percent(chance)}</td><td>{bar(chance)}</td></tr>'
        for kind, chance in content.kinds
    )
    evidence = (
        f'<tr><td>{text(one.measure)}</td><td class="n">{one.value:.2f}</td>'
        f'<td class="n">{one.threshold:.2f}</td><td class="n">{percent(one.chance)}</td>'
        f"<td>{text(one.meaning)}</td></tr>"
        for one in content.evidence
    )
    body = ""
    if content.kinds:
        body = table(("kind", "#probability", ""), kinds) + "<h3>Evidence</h3>"
        body += table(("measure", "#value", "#threshold", "#holds", "what it would mean"), evidence)
    return _block("Identity", body, content.identity_said)


def _parts(content: CardPage) -> str:
    parts = content.parts
    if parts is None:
        return ""
    rows = (
        f"<tr><td>{text(axis)}</td><td>{text(own)}</td><td>{text(other)}</td></tr>"
        for axis, own, other in parts.changes
    )
    changed = table(("axis", "the name", "its parts"), rows) if parts.changes else ""
    body = (
        f'<div class="three"><div><h3>near the name</h3>{_similar(parts.own)}</div>'
        f"<div><h3>near its parts’ sum</h3>{_similar(parts.predicted)}</div>"
        f"<div><h3>read on the axes</h3>{changed}</div></div>"
    )
    return _block("If only its parts were known", body, parts.said, wide=True)
