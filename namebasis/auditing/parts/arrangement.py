"""Arrangement: clusters, what neighbours share beyond spelling, and in how many dimensions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from namebasis.analysis.shape.entropy import entropy_against_nulls
from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import FAMILY, GIVEN, OWN, WORLD
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts.beyond_spelling import K, alike
from namebasis.checks import FloatArray, IntArray
from namebasis.results import Table
from namebasis.studies.attributes.record_facts import region as region_of
from namebasis.studies.topology.arrangement import Settings, find_clusters
from namebasis.studies.topology.clusters import summarise_clusters
from namebasis.studies.topology.labels import GROUPS, all_values
from namebasis.wording import percent, z_score

_FEWEST = 50
"""Different names that an arrangement is told of, at least."""
_MOST_LABELLED = 1500
"""Names among which neighbours are compared, at most: its cost grows with their square."""
_MOST_ARRANGED = 5000
_NEIGHBOURS, _OF_DIMENSION = 15, 20
_ENTROPY_ROWS, _ENTROPY_DRAWS = 500, 5
_MAX_PIECES = 512
_SHOWN, _EXAMPLES = 15, 5
_REGION, _GENDER = "neighbours.region", "neighbours.gender"
_CLUSTERED, _SPELLED, _DIMENSION = "clustered", "spelled", "dimension"


@dataclass(frozen=True, eq=False)
class _Arranged:
    """Names that people bear, each once, with what is known of them."""

    ids: IntArray
    names: tuple[str, ...]
    vectors: FloatArray
    table: Any

    @property
    def pieces(self) -> list[list[str]]:
        """What the tokenizer cuts them into."""
        return [row or [] for row in self.table["pieces"].to_pylist()]


def run(inquiry: Inquiry) -> Answer:
    """Arrange all names that people bear."""
    held = _read(inquiry)
    answer = Answer([], {})
    has_pieces = getattr(inquiry.encoder, "has_tokenizer", True)
    for done, ask in enumerate((_neighbours, _clusters, _spelled, _dimension)):
        inquiry.step(done, 4)
        if has_pieces or ask is not _spelled:
            ask(inquiry, held, answer)
    inquiry.step(4, 4)
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """What near names share beyond spelling, and how much spelling makes of the vectors."""
    told = []
    near = [claims[key] for key in (_REGION, _GENDER) if key in claims]
    beyond = [one for one in near if one.is_beyond(level) and one.value > 0]
    if beyond:
        shared = " and ".join(f"{_title(one.key)} ({one.told()})" for one in beyond)
        told.append(f"Names without a piece in common lie near by {shared} more than letters tell")
    elif near:
        told.append(
            "Names without a piece in common lie no nearer by "
            f"{' or '.join(_title(one.key) for one in near)} than letters tell"
        )
    if _CLUSTERED in claims:
        told.append(f"{percent(claims[_CLUSTERED].value)} of names are in a cluster")
    if _SPELLED in claims:
        told.append(
            f"pieces predict {percent(claims[_SPELLED].value)} of the differences between vectors"
        )
    if _DIMENSION in claims:
        told.append(f"around a name they spread in about {claims[_DIMENSION].value:.0f} dimensions")
    sentence = "; ".join(told)
    return sentence[:1].upper() + sentence[1:] + "." if sentence else ""


def _read(inquiry: Inquiry) -> _Arranged:
    kinds = [inquiry.ids(corpus) for corpus in (GIVEN, FAMILY, WORLD, OWN)]
    ids = np.array(list(dict.fromkeys(np.concatenate(kinds).tolist())), dtype=np.int64)
    first: dict[str, int] = {}
    for row, name in zip(ids.tolist(), inquiry.names(ids), strict=True):
        first.setdefault(name, row)  # a name may be given and family name at once
    if len(first) < _FEWEST:
        raise Skipped(
            f"the encoder reads {len(first)} names that people bear; {_FEWEST} are needed."
        )
    kept = np.array(sorted(first.values()), dtype=np.int64)
    if len(kept) > _MOST_ARRANGED:
        rng = np.random.default_rng(inquiry.seed)
        kept = np.sort(rng.choice(kept, _MOST_ARRANGED, replace=False))
    columns = ["name", "part", "gender", "locales", "pieces", *GROUPS]
    table = inquiry.space.table(columns, ids=kept)
    return _Arranged(kept, tuple(table["name"].to_pylist()), inquiry.vectors(kept), table)


def _neighbours(inquiry: Inquiry, held: _Arranged, answer: Answer) -> None:
    """What near names that share no piece have in common, beside what letters tell."""
    genders = [gender if gender in ("F", "M") else None
               for gender in held.table["gender"].to_pylist()]  # fmt: skip
    rows = []
    for key, labels in ((_REGION, _regions(inquiry, held.names)), (_GENDER, genders)):
        title = _title(key)
        found = _alike(inquiry, held, labels)
        if found is None:
            answer.remarks.append(
                f"Too few names share no piece with each other to tell whether near names share a "
                f"{title}."
            )
            continue
        chosen, near = found
        sample = Sample(tuple(held.names[row] for row in chosen[near.rows]), near.beyond)
        claim = measured(
            key, f"near names share a {title}, beyond spelling", "mean", sample,
            chance=near.draws(inquiry.plan.n_draws), neutral=0.0, one_sided=True,
            against="random vectors for pieces", on_card=key == _REGION,
            meaning=f"of the {K} nearest names that share no piece with a name, how many more are "
            f"of its {title} than letters lead one to expect",
        )  # fmt: skip
        answer.add(claim, sample)
        rows.append(
            (title, len(sample.names), float(near.own.mean()), float(near.letters.mean()),
             float(near.base.mean()))
        )  # fmt: skip
    if rows:
        columns = ("neighbours share", "names", "by vectors", "by letters", "by chance")
        title = "neighbours that share no piece"
        answer.tables.append(Table(columns, rows, title, key="neighbours"))


def _title(key: str) -> str:
    return key.rpartition(".")[2]


def _regions(inquiry: Inquiry, names: Sequence[str]) -> list[str | None]:
    """The region of names of the world that are of one alone."""
    found = []
    for name in names:
        own = {region_of(locale) for locale in inquiry.corpora.locales.get(name, ())}
        found.append(own.pop() if len(own) == 1 else None)
    return found


def _alike(inquiry: Inquiry, held: _Arranged, labels: Sequence[str | None]) -> Any:
    """The rows that were compared, and their agreement; None where there are too few."""
    rows = np.array([at for at, label in enumerate(labels) if label], dtype=np.int64)
    known = sorted({label for label in labels if label})
    if len(rows) < _FEWEST or len(known) < 2:
        return None
    if len(rows) > _MOST_LABELLED:
        rng = np.random.default_rng(inquiry.seed)
        rows = np.sort(rng.choice(rows, _MOST_LABELLED, replace=False))
    pieces, number = held.pieces, {label: at for at, label in enumerate(known)}
    found = alike(
        held.vectors[rows], [held.names[row] for row in rows], [pieces[row] for row in rows],
        np.array([number[str(labels[row])] for row in rows]), seed=inquiry.seed,
    )  # fmt: skip
    return None if found is None else (rows, found)


def _clusters(inquiry: Inquiry, held: _Arranged, answer: Answer) -> None:
    """Clusters with what they are, largest first."""
    from namebasis.namespace.search.graph_cache import graph_of

    graph = graph_of(held.vectors, _NEIGHBOURS)
    settings = Settings(_NEIGHBOURS, None, "leaf", 0, inquiry.seed)
    found = find_clusters("text", held.vectors, graph, settings).clusters
    sample = Sample(held.names, (found.labels >= 0).astype(np.float64))
    claim = measured(
        _CLUSTERED, "names in a cluster", "share", sample,
        meaning="share of names that lie in a crowd of names, with emptier space around it",
    )  # fmt: skip
    answer.add(claim, sample)
    clusters = summarise_clusters(held.names, held.vectors, found.labels, all_values(held.table))
    rows = [
        (one.size, one.label, ", ".join(one.exemplars[:_EXAMPLES]), one.similarity)
        for one in sorted(clusters, key=lambda one: -one.size)[:_SHOWN]
    ]
    if rows:
        title = f"clusters, the largest {len(rows)} of {len(clusters)}"
        columns = ("names", "label", "most central", "similarity")
        answer.tables.append(Table(columns, rows, title, key="clusters"))


def _spelled(inquiry: Inquiry, held: _Arranged, answer: Answer) -> None:
    """How much of the vectors the pieces predict, cross-validated."""
    from namebasis.analysis.readings.spelling import fit_piece_ridge

    pieces = held.pieces
    none = np.zeros((len(pieces), 0), np.float32)
    try:
        fit = fit_piece_ridge(held.vectors, pieces, none, max_pieces=_MAX_PIECES)
    except ValueError as error:
        answer.remarks.append(f"What pieces predict of the vectors is not measured: {error}")
        return
    away = np.square(held.vectors - held.vectors.mean(axis=0)).sum(axis=1, dtype=np.float64)
    rest = np.square(held.vectors - fit.predict(pieces, none)).sum(axis=1)
    sample = Sample(held.names, (away - rest) / away.mean())
    claim = measured(
        _SPELLED, "variance that pieces predict", "mean", sample,
        meaning="share of the differences between names' vectors that a linear model of their "
        "pieces predicts of names it has not seen",
    )  # fmt: skip
    answer.add(claim, sample)


def _dimension(inquiry: Inquiry, held: _Arranged, answer: Answer) -> None:
    """Dimension around each name, and how many directions the vectors use."""
    from namebasis.analysis.graph.neighbours import duplicate_groups
    from namebasis.analysis.shape.dimension import local_dimension, two_nn_dimension

    distinct = duplicate_groups(held.vectors).first
    if len(distinct) < _FEWEST:
        answer.remarks.append(
            f"Only {len(distinct)} different vectors: their dimension is not measured."
        )
        return
    vectors = held.vectors[distinct]
    local = local_dimension(vectors, _OF_DIMENSION)
    known = np.isfinite(local)
    sample = Sample(
        tuple(held.names[row] for row in distinct[known]), local[known].astype(np.float64)
    )
    claim = measured(
        _DIMENSION, "dimension around a name", "mean", sample, on_card=True,
        meaning=f"in how many directions the {_OF_DIMENSION} nearest names spread out around a "
        "name; more: names are told apart in more ways",
    )  # fmt: skip
    answer.add(claim, sample)
    rng = np.random.default_rng(inquiry.seed)
    some = vectors
    if len(some) > _ENTROPY_ROWS:
        some = some[np.sort(rng.choice(len(some), _ENTROPY_ROWS, replace=False))]
    nulls = entropy_against_nulls(some, method="exact", n_draws=_ENTROPY_DRAWS, seed=inquiry.seed)
    rows: list[tuple[object, ...]] = [
        ("intrinsic dimension (TwoNN)", two_nn_dimension(vectors, seed=inquiry.seed), None, None),
        ("directions of equal variance", _directions(vectors), None, None),
        *(
            (f"entropy of {len(some):,} names (bits)", one.bits, f"{one.null}: {one.null_bits:.2f}",
             z_score(one.z))
            for one in nulls
        ),
    ]  # fmt: skip
    columns = ("measure", "value", "null", "z")
    answer.tables.append(Table(columns, rows, "dimension and entropy", key="dimension"))


def _directions(vectors: FloatArray) -> float:
    """How many directions of equal variance have the entropy that these have."""
    wide = vectors.astype(np.float64) - vectors.mean(axis=0, dtype=np.float64)
    values = np.linalg.eigvalsh(wide.T @ wide)
    shares = values[values > 0] / values[values > 0].sum()
    return float(np.exp(-(shares * np.log(shares)).sum()))
