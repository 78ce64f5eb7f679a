"""How varied are the pictures of each name, and which one stands for them?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from namebasis.analysis.identity import diversity as arithmetic
from namebasis.analysis.identity.spread import standing
from namebasis.analysis.intervals import Interval
from namebasis.checks import Float64Array, FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.namespace.search.beside import check_columns, stored_columns
from namebasis.studies.pictures.results import NameDiversity, PictureDiversity

if TYPE_CHECKING:
    from namebasis.namespace.search.picture_rows import PictureRows
    from namebasis.namespace.space import StoredSpace

_MOST_MATCHED = 12
_SHARE_MATCHED, _HAVE = 2 / 3, 0.1
"""The number compared is this share of the pictures that nine in ten names have."""


def diversity(
    space: StoredSpace,
    names: Sequence[str] | None = None,
    *,
    where: str | None = None,
    view: str = "image",
    n_matched: int | None = None,
    columns: Sequence[str] = (),
    n_null: int = 200,
    seed: int = 0,
    progress: Progress | None = None,
) -> PictureDiversity:
    """Measure how varied the pictures of names are, by trace and log-determinant.

    Both are of the covariance of a name's picture vectors. The trace sums the variance of all
    directions; the log-determinant asks how many directions have any, see
    `analysis.identity.diversity`. Beside each stands the share of *shuffled* names with less: the
    same number of pictures dealt out at random, as if names meant nothing.

    Parameters
    ----------
    space : Space
    names : sequence of str, optional
        Stored names; by default all that have pictures.
    where : str, optional
        Only such names.
    view : str
        `image`, or ``image:photos`` or ``image:PIPELINE`` for the pictures of one source.
    n_matched : int, optional
        Pictures that every log-determinant is of, as it grows with their number; at least 2. By
        default two thirds of what nine in ten names have, 12 at most.
    columns : sequence of str
        Stored columns to give beside the names.
    n_null : int
        Shuffled names for every number of pictures, at least 20.
    seed : int
        Of the shuffles, and of sets where there are too many to try all.
    progress : callable, optional
        Called with (done, total) numbers of pictures that names have.

    Raises
    ------
    SpaceError
        If the space holds no pictures, or none of the names that are asked for has one.
    TargetError, FilterError
        If a name is not stored, or the filter is refused.
    ValueError
        If a parameter is out of range.

    Examples
    --------
    >>> found = space.diversity()  # doctest: +SKIP
    >>> found.names[0].medoid.path  # doctest: +SKIP
    'photos/Vicki/3.jpg'
    """
    seed = check_seed(seed)
    check_count(n_null, "n_null", 20)
    if n_matched is not None:
        check_count(n_matched, "n_matched", 2)
    kind, _, source = view.partition(":")
    if kind != "image":
        raise ValueError(f"view must be image, image:photos or image:PIPELINE; got {view!r}.")
    columns = check_columns(space, columns)
    asked = None
    if names is not None:
        asked = np.array(list(dict.fromkeys(space.rows_of(names))), np.int64)
    rows = space.picture_rows()
    at = np.flatnonzero(rows.owners >= 0)
    if source:
        at = np.intersect1d(at, rows.of_source(source))
    if where is not None:
        at = at[np.isin(rows.owners[at], space.ids(where, view="text"))]
    if not len(at) or (asked is not None and not np.isin(rows.owners[at], asked).any()):
        raise SpaceError(
            f"{space.path}: none of the names that are asked for has a picture; "
            f"namebasis add {space.path} --images FOLDER adds some."
        )
    ids = np.unique(rows.owners[at]) if asked is None else asked
    # All pictures are the pool of the shuffles, also where few names are asked for.
    at = at[np.argsort(rows.owners[at], kind="stable")]
    owners, vectors = rows.owners[at], rows.vectors(at)
    first, last = np.searchsorted(owners, ids), np.searchsorted(owners, ids, side="right")
    counts = last - first
    matched = _matched(np.unique(owners, return_counts=True)[1], n_matched)
    told = space.table(["name"], ids=ids)["name"].to_pylist()
    found: list[NameDiversity | None] = [None] * len(ids)
    sizes = np.unique(counts).tolist()
    for step, n in enumerate(sizes):
        if progress is not None:
            progress(step, len(sizes))
        null = _null(vectors, n, matched, n_null, seed)
        for place in np.flatnonzero(counts == n).tolist():
            own = slice(first[place], last[place])
            found[place] = _one(
                int(ids[place]), told[place], rows, at[own], vectors[own], matched, null, seed
            )
    if progress is not None:
        progress(len(sizes), len(sizes))
    done = [one for one in found if one is not None]
    order = sorted(range(len(done)), key=lambda i: (done[i].trace is None, _value(done[i])))
    beside = stored_columns(space, ids[order].tolist(), columns) if columns else None
    common = int(np.bincount(counts[counts >= 2]).argmax()) if (counts >= 2).any() else 0
    drawn = _null(vectors, common, matched, n_null, seed)
    return PictureDiversity(
        names=tuple(done[i] for i in order),
        n_matched=matched,
        shuffled=np.empty((0, 2)) if drawn is None else np.stack(drawn, axis=1),
        n_shuffled=common,
        parameters={
            "space": space.path.name, "encoder": space.provenance.encoder, "view": view,
            "where": where, "n_matched": matched, "floor": arithmetic.FLOOR, "n_null": n_null,
            "seed": seed,
        },
        beside=beside,
    )  # fmt: skip


def _value(one: NameDiversity) -> float:
    return one.trace.value if one.trace is not None else 0.0


def _matched(counts: IntArray, asked: int | None) -> int:
    """Pictures that every log-determinant is of."""
    if asked is not None:
        return asked
    several = counts[counts >= 2]
    if not len(several):
        return 2
    most = _SHARE_MATCHED * float(np.quantile(several, _HAVE, method="lower"))
    return int(np.clip(int(most + 1e-9), 2, _MOST_MATCHED))


def _null(
    pool: FloatArray, n: int, matched: int, n_draws: int, seed: int
) -> tuple[Float64Array, Float64Array] | None:
    """Traces and log-determinants of shuffled names of n pictures; None where there are none."""
    if n < 2 or len(pool) <= n:
        return None
    found = arithmetic.shuffled(pool, n, min(matched, n), n_draws=n_draws, seed=seed)
    return found[0], found[1] if n >= matched else np.full(n_draws, np.nan)


def _one(
    row: int,
    name: str,
    rows: PictureRows,
    positions: IntArray,
    vectors: FloatArray,
    matched: int,
    null: tuple[Float64Array, Float64Array] | None,
    seed: int,
) -> NameDiversity:
    n = len(positions)
    if not n:
        return NameDiversity(row, name, 0, reason="no picture")
    best, similarity = arithmetic.medoid(vectors)
    fact = rows.facts(positions[best : best + 1]).to_pylist()[0]
    known: dict[str, Any] = {
        "medoid": int(rows.numbers[positions[best]]), "path": fact["path"],
        "medoid_similarity": None if n == 1 else similarity,
    }  # fmt: skip
    if n == 1:
        return NameDiversity(row, name, 1, reason="1 picture has no variance", **known)
    made = arithmetic.diversity(vectors, min(matched, n), seed=seed)
    known |= {"trace": made.trace, "trace_below": _below(made.trace, null and null[0])}
    if n < matched:
        why = f"{n} pictures, fewer than the {matched} that log-determinants are compared at"
        return NameDiversity(row, name, n, reason=why, **known)
    known |= {"log_det": made.log_det, "log_det_below": _below(made.log_det, null and null[1])}
    return NameDiversity(row, name, n, **known)


def _below(value: Interval, null: Float64Array | None) -> float | None:
    """Share of shuffled names with less; None where there are no others to shuffle with."""
    if null is None or np.ptp(null) == 0:
        return None
    return float(standing([value.value], null).percentile[0])
