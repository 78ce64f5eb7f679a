"""Are own directions shared or private, what do they span, and does another encoder have them?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity.own_gram import FEWEST, CarryOver, carry_over, own_gram
from namebasis.checks import Float64Array, FloatArray, IntArray, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.full_names import Pair
from namebasis.namespace.search.beside import check_columns, stored_columns
from namebasis.studies.identity.own_null import VIEW, null_directions
from namebasis.studies.identity.own_results import OwnDirections, OwnName, first_of
from namebasis.wording import counted

if TYPE_CHECKING:
    from namebasis.checks import Progress
    from namebasis.namespace.space import StoredSpace

MOST = 2_000
"""Names whose Gram matrix is taken: those with the most evidence."""
EVIDENT = 0.5
EVIDENCE, Z = "identity_own_evidence", "identity_own_z"
PARTS = ("identity_given", "identity_family")


def own(
    space: StoredSpace,
    *,
    where: str | None = None,
    least: float = EVIDENT,
    other: StoredSpace | None = None,
    columns: Sequence[str] = (),
    n_resamples: int = 200,
    n_null: int = 100,
    seed: int = 0,
    progress: Progress | None = None,
) -> OwnDirections:
    """Ask how the own directions that `identity` stored lie to each other.

    Compared are names whose evidence of being more than their parts is at least `least`, of many
    the 2,000 with the most, with as many recombined names, whose own directions are noise of the
    same encoder.

    Parameters
    ----------
    space : Space
        With a view `own`, which `space.identity(…).write(space)` makes.
    where : str, optional
        One boolean SQL expression: only such names.
    least : float
        Evidence, in [0, 1].
    other : Space, optional
        Of another encoder, with a view `own`: how far a rotation learnt on half of the names that
        both have carries the others' directions.
    columns : sequence of str
        Stored columns to give beside the names.
    n_resamples : int
        Random halves for the intervals, at least 20.
    n_null : int
        Shuffles of the other space's names, at least 20.
    seed : int
    progress : callable, optional
        Is told (done, total) prompts, where the null must be embedded again.

    Raises
    ------
    SpaceError
        If fewer than 8 names are left, or both spaces share fewer than 8 of them.
    ValueError
        If the space has no view `own`, or a parameter is out of range.

    Examples
    --------
    >>> people = space.identity(where="part = 'full'", n_swaps=6, n_made_up=20)
    >>> people.write(space)
    """
    seed = check_seed(seed)
    check_count(n_resamples, "n_resamples", 20)
    check_count(n_null, "n_null", 20)
    if not 0 <= least <= 1:
        raise ValueError(f"least must be a probability in [0, 1]; got {least}.")
    columns = check_columns(space, columns)
    ids = _chosen(space, where, least)
    table = space.table(["name", EVIDENCE, Z, *PARTS], ids=ids)
    directions = space.vectors(VIEW, ids=ids)
    null = null_directions(space, progress=progress)
    if progress is not None:
        progress(1, 1)  # also where the null was kept
    gram = own_gram(
        directions, null.directions, alike=_alike(_pairs(table)),
        null_alike=_alike(null.pairs), n_resamples=n_resamples, seed=seed,
    )  # fmt: skip
    carried: CarryOver | None = None
    said: list[str] = []
    if other is not None:
        carried, said = _carried(space, other, ids, directions, n_null, seed)
    names = table["name"].to_pylist()
    order = np.argsort(-np.nan_to_num(gram.cosine, nan=-2.0), kind="stable").tolist()
    rows = tuple(
        OwnName(
            int(ids[at]), names[at], table[Z][at].as_py(), table[EVIDENCE][at].as_py(),
            None if gram.nearest[at] < 0 else names[int(gram.nearest[at])],
            _known(gram.cosine[at]), _known(gram.chance[at]),
            None if gram.cluster[at] < 0 else int(gram.cluster[at]) + 1,
        )
        for at in order
    )  # fmt: skip
    parameters = {
        "where": where, "least": least, "n_resamples": n_resamples, "n_null": n_null, "seed": seed,
        "other": None if other is None else str(other.path),
    }  # fmt: skip
    beside = stored_columns(space, [row.id for row in rows], columns) if columns else None
    return OwnDirections(
        rows, len(null.directions), gram.square, gram.null_square, gram.rank, gram.null_rank,
        gram.n_beyond, int(gram.cluster.max()) + 1, gram.n_null_clusters, gram.limit, carried,
        tuple(said), parameters, beside, gram.null_cosine,
        _among_clusters(directions, gram.cluster, order),
    )  # fmt: skip


def _among_clusters(
    directions: FloatArray, cluster: IntArray, order: Sequence[int]
) -> Float64Array:
    """Cosines between names of clusters, cluster by cluster and in `order` within each."""
    groups: dict[int, list[int]] = {}
    for at in order:
        if cluster[at] >= 0:
            groups.setdefault(int(cluster[at]), []).append(at)
    rows = directions[[at for some in first_of(groups) for at in some]]
    return np.asarray(rows.astype(np.float64) @ rows.astype(np.float64).T)


def _chosen(space: StoredSpace, where: str | None, least: float) -> IntArray:
    """Rows with enough evidence, of many those with the most; ascending."""
    ids = space.ids(where, view=VIEW)
    lacking = [one for one in (EVIDENCE, Z, *PARTS) if one not in space.columns]
    if lacking:
        raise SpaceError(
            f"{space.path}: the columns {', '.join(lacking)} beside the view own are gone; run "
            f"`namebasis identity {space.path} --where … --write` again."
        )
    evidence = np.asarray(space.table([EVIDENCE], ids=ids)[EVIDENCE].to_numpy(), np.float64)
    enough = evidence >= least
    if enough.sum() < FEWEST:
        raise SpaceError(
            f"{space.path}: {counted(int(enough.sum()), 'name')} of {len(ids):,} with an own "
            f"direction {'has' if enough.sum() == 1 else 'have'} evidence of at least {least:g}; "
            f"{FEWEST} are needed. Write more names (`namebasis identity --where … --write`), or "
            "ask for less evidence."
        )
    ids, evidence = ids[enough], evidence[enough]
    return np.sort(ids[np.argsort(-evidence, kind="stable")[:MOST]])


def _pairs(table: pa.Table) -> list[Pair]:
    return list(zip(*(table[one].to_pylist() for one in PARTS), strict=True))


def _alike(pairs: Sequence[Pair]) -> np.ndarray[Any, np.dtype[np.bool_]]:
    """Which of some names share a given or a family name, (n, n)."""
    shared = np.zeros((len(pairs), len(pairs)), dtype=bool)
    for side in (0, 1):
        _, label = np.unique([fold(pair[side] or "") for pair in pairs], return_inverse=True)
        shared |= label[:, None] == label[None, :]
    return shared


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)


def _carried(
    space: StoredSpace,
    other: StoredSpace,
    ids: IntArray,
    directions: FloatArray,
    n_null: int,
    seed: int,
) -> tuple[CarryOver, list[str]]:
    """How own directions are carried to another space, and what is to be said of it."""
    names = space.table(["name"], ids=ids)["name"].to_pylist()
    there: Mapping[int, int | None] = dict(enumerate(other.find_all(names, "full")))
    held = set(other.ids(view=VIEW).tolist())
    both = [(at, row) for at, row in there.items() if row is not None and row in held]
    if len(both) < FEWEST:
        raise SpaceError(
            f"{space.path} and {other.path} share {counted(len(both), 'name')} with an own "
            f"direction; {FEWEST} are needed. Write the view own of the same names in both."
        )
    found = carry_over(
        directions[[at for at, _ in both]],
        other.vectors(VIEW, ids=[row for _, row in both]),
        n_null=n_null, seed=seed,
    )  # fmt: skip
    said = [
        f"Carried over: {len(both):,} of the {len(ids):,} names have an own direction in "
        f"{other.path.name} too ({other.provenance.encoder})."
    ]
    if space.provenance.fingerprint == other.provenance.fingerprint:
        said.append("Both spaces are of one encoder: that its directions are carried says little.")
    return found, said
