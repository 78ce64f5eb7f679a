"""What a card's page and screen show, in plain values and words."""

from __future__ import annotations

from typing import Any

from namebasis.analysis.readings.axes import READINGS
from namebasis.studies.card.axes import Reading, Readings
from namebasis.studies.card.deep import DeepCard
from namebasis.studies.card.page import CardPage, Choice, Evidence, Measured, Parts, Scale
from namebasis.studies.card.study import LEFT_OUT, Card
from namebasis.wording import percent

MEANINGS = {
    "similarity": "mean cosine to the centre of its contexts",
    "div": "mean cosine distance of two contexts",
    "range": "largest minus smallest cosine of two contexts",
    "q05": "5 % quantile of the cosines",
    "q50": "their median",
    "q95": "95 % quantile",
    "displacement": "how far contexts move it, over made-up names",
    "displacement_ratio": "its largest displacement over its smallest",
    "interaction": "what it is in a context beyond name and context",
    "leakage": "how far the bare name lies towards a context",
}
EVIDENCE = {
    "own_score": "it is more than its parts",
    "strength": "its parts mean something",
    "hold": "one part alone settles what it means: captured",
    "leakage": "it leans to a context on its own: entangled",
}
KINDS = {
    "unknown": "the model does not know its parts apart from others",
    "compositional": "it is the sum of its parts",
    "flexible": "it is more than its parts, and leans to no context",
    "entangled": "it is more than its parts, and leans to a context on its own",
    "part-captured": "one of its parts alone settles what it means",
}


def page_of(card: Card) -> CardPage:
    """The content of a card's page."""
    deep = card.deep
    shown = _deep(deep) if deep is not None else _without()
    record = card.records[0]
    births = record.births
    return CardPage(
        name=card.name,
        lead=f"{record.columns.get('part', 'name')} name; read as",
        pieces=card.tokens.get("pieces", ()),
        tiles=_tiles(card),
        nearest=card.nearest,
        facts=facts(card),
        decades=[] if births is None else [(f"{d}s", n) for d, n in births.by_decade.items()],
        footer=[(key, _cell(value)) for key, value in card.source.items()],
        **shown,
    )


def facts(card: Card) -> list[tuple[str, str]]:
    """Records, token facts and stored metrics, as pairs of text."""
    found: list[tuple[str, str]] = []
    for record in card.records:
        suffix = f" ({record.columns['part']})" if len(card.records) > 1 else ""
        known = {key: value for key, value in record.columns.items() if value != []}
        found += [(f"{_words(key)}{suffix}", _cell(value)) for key, value in known.items()]
        if record.births is not None:
            births = record.births
            told = f"{births.n:,}, {births.first} to {births.last}, most in the {births.peak}s"
            found.append((f"births{suffix}", told))
    found += [(_words(key), _cell(value)) for key, value in card.tokens.items()]
    if card.written_alike:
        found.append(("written alike", ", ".join(card.written_alike)))
    return found + [(_words(key), _cell(value)) for key, value in card.metrics.items()]


def by_axis(readings: Readings) -> dict[str, list[Reading]]:
    """Readings of nominal axes, those most above other names first."""
    found: dict[str, list[Reading]] = {}
    for one in readings.own:
        if one.share is not None:
            found.setdefault(one.axis, []).append(one)
    return {axis: sorted(ones, key=_above) for axis, ones in found.items()}


def verdict(deep: DeepCard) -> str:
    """The kind of identity in a sentence."""
    row = deep.identity
    if row.kind is None:
        return f"No kind of identity: {row.reason}."
    chance = (row.probabilities or {}).get(row.kind, 0.0)
    return f"Most likely {row.kind} ({percent(chance)}): {KINDS[row.kind]}."


def _above(reading: Reading) -> tuple[float, float]:
    return -reading.percentile, -reading.share if reading.share is not None else 0.0


def _tiles(card: Card) -> list[tuple[str, str]]:
    found = [(_cell(card.tokens.get("n_tokens", "–")), "pieces")]
    if card.nearest:
        found.append((card.nearest[0][0], "nearest name"))
    if card.deep is not None:
        row, rigid = card.deep.identity, card.deep.rigidity
        if row.kind is not None and row.own_percentile is not None:
            found.append((row.kind, "kind of identity"))
            found.append((percent(row.own_percentile), "of made-up names have less of their own"))
        place = rigid.places["similarity"].percentile
        found.append((percent(place), "of made-up names hold their own less"))
        if rigid.leaked:
            found.append((rigid.leaked.replace("{}", "…"), "context it leans to most"))
    return found


def _without() -> dict[str, Any]:
    empty: dict[str, Any] = dict.fromkeys(
        ("beliefs", "scales", "choices", "readings", "atoms", "measured", "kinds", "evidence"), ()
    )
    said = dict.fromkeys(("finding", "atoms_said", "measured_said", "identity_said"), "")
    return empty | said | {"n_company": 0, "parts": None, "notes": (f"Left out: {LEFT_OUT}.",)}


def _deep(deep: DeepCard) -> dict[str, Any]:
    readings, basis, rigid, row = deep.readings, deep.basis, deep.rigidity, deep.identity
    other = {(one.axis, one.value): one for one in readings.parts or ()}
    alone = {one.axis: one for one in readings.parts or () if one.share is None}
    intervals = rigid.spread.intervals()
    stability = None if basis is None else basis.stability
    return {
        "finding": verdict(deep),
        "beliefs": [(one.what, one.record, one.belief) for one in deep.beliefs],
        "scales": [_scale(readings, one, alone) for one in readings.own if one.share is None],
        "choices": [
            Choice(
                _words(axis),
                [(one.value, one.percentile, one.z["expectation"]) for one in ones[:3]],
                [one.value for one in sorted(
                    (other[one.axis, one.value] for one in ones if other), key=_above
                )[:3]],
            )
            for axis, ones in by_axis(readings).items()
        ],
        "readings": READINGS,
        "n_company": readings.n_company,
        "atoms": []
        if basis is None
        else [
            (name, float(weight), None if stability is None else float(stability[at]))
            for at, (name, weight) in enumerate(zip(basis.names, basis.weights, strict=True))
        ],
        "atoms_said": "" if basis is None else said_of_basis(basis),
        "measured": [
            Measured(
                _words(key),
                value,
                (intervals[key].low, intervals[key].high) if key in intervals else (None, None),
                rigid.places[key].percentile,
                rigid.places[key].weak_percentile,
                MEANINGS[key] + (f": {rigid.leaked}" if key == "leakage" else ""),
            )
            for key, value in rigid.values.items()
        ],
        "measured_said": f"{rigid.spread.n} contexts; made-up and rare names of {rigid.form}.",
        "kinds": list((row.probabilities or {}).items()),
        "evidence": evidence(deep),
        "identity_said": f"Thresholds: {deep.study.origin.description}."
        if row.kind
        else f"{row.reason}.",
        "parts": _parts(deep),
        "notes": deep.notes,
    }  # fmt: skip


def evidence(deep: DeepCard) -> list[Evidence]:
    """The measures that the kind rests on."""
    row, thresholds = deep.identity, deep.study.thresholds
    if row.evidence is None:
        return []
    return [
        Evidence(_words(key), value, thresholds[key], row.evidence[key], meaning)
        for key, meaning in EVIDENCE.items()
        if key in row.evidence and (value := getattr(row, key)) is not None
    ]


def said_of_basis(basis: Any) -> str:
    """Cosine and verdict of a sparse decomposition."""
    return f"Cosine {basis.similarity:.3f}, centred. {basis.verdict or ''}".strip()


def _scale(readings: Readings, one: Reading, alone: dict[str, Reading]) -> Scale:
    first, last = readings.ordinal[one.axis]
    parts = alone.get(one.axis)
    spread = 0.0 if one.spread != one.spread else one.spread
    return Scale(
        _words(one.axis), first, last, one.position, spread,
        None if parts is None else parts.position, one.value,
        [one.z[reading] for reading in READINGS], one.percentile,
    )  # fmt: skip


def _parts(deep: DeepCard) -> Parts | None:
    parts = deep.parts_only
    if parts is None:
        return None
    said = (
        f"The additive effects of both parts give a vector of cosine {parts.similarity:.3f} to the "
        "name's own."
    )
    return Parts(said, parts.nearest_own, parts.nearest, changes(deep.readings))


def changes(readings: Readings) -> list[tuple[str, str, str]]:
    """Ordinal axes on which name and parts read differently: percentiles of both."""
    alone = {one.axis: one for one in readings.parts or () if one.share is None}
    found = []
    for one in readings.own:
        other = alone.get(one.axis)
        if one.share is None and other is not None:
            pair = [f"{r.value}, above {percent(r.percentile)}" for r in (one, other)]
            found.append((_words(one.axis), pair[0], pair[1]))
    return found


def _words(key: str) -> str:
    return key.replace("_", " ")


def _cell(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.3f}"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(str, value))
    return str(value)
