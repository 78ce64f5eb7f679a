"""How many directions do the names of a space keep apart, against nulls and between groups?"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.clusters.agreement import encode
from namebasis.analysis.shape.entropy import (
    DENSE_ROWS,
    NEIGHBOURS,
    EntropyReport,
    NullComparison,
    check_options,
    diffusion_spectral_mutual_information,
    entropy_against_nulls,
    entropy_report,
)
from namebasis.analysis.shape.mutual_information import MutualInformation
from namebasis.checks import FloatArray, IntArray, Progress, check_count, check_seed
from namebasis.errors import SpaceError
from namebasis.results import Result, Table, plain_dict
from namebasis.wording import MOST_Z, percent, z_score

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

_SMALLEST_GROUP = 20
_GRAPH_ROWS = 100_000
_MAX_ROWS = 1000  # a resample for nulls and groups: an exact spectrum each time


@dataclass(frozen=True)
class GroupEntropy:
    """The entropy of one group, from samples of as many names as every other group gives.

    Attributes
    ----------
    group : str
    n_names : int
        Names of the group.
    n_rows : int
        Names per sample.
    bits, deviation : float
        Mean and standard deviation over samples; 0 deviation where the sample is the group.
    share : float
        ``bits / log2(n_rows)``.
    """

    group: str
    n_names: int
    n_rows: int
    bits: float
    deviation: float
    share: float


@dataclass(frozen=True, repr=False)
class EntropyStudy(Result):
    """Entropy of a space's names with what it takes to read it.

    Attributes
    ----------
    entropy : EntropyReport
        Of all names asked for.
    nulls : tuple of NullComparison
        Of at most 1,000 of them, `n_null_rows`, with the bandwidth of `entropy`.
    by : str or None
        The column of `groups`.
    groups : tuple of GroupEntropy
        Largest entropy first.
    information : MutualInformation or None
        What the groups tell; None without groups.

    See Also
    --------
    namebasis.studies.entropy.report : Makes one.
    """

    _figure = "namebasis.studies.topology.pages.drawings:draw_entropy"

    entropy: EntropyReport
    nulls: tuple[NullComparison, ...]
    n_null_rows: int
    by: str | None
    groups: tuple[GroupEntropy, ...]
    information: MutualInformation | None
    parameters: dict[str, Any]

    def headline(self) -> str:
        """The entropy, and how much of what is possible that is."""
        whole = self.entropy
        return (
            f"Diffusion spectral entropy of {whole.n_rows:,} names: {whole.bits:.2f} bits, "
            f"{percent(whole.share)} of the {np.log2(whole.n_rows):.2f} bits that it would have if "
            "each name had a direction of its own."
        )

    def notes(self) -> list[str]:
        """What it may be compared with."""
        whole = self.entropy
        told = [
            f"It compares only with entropies of as many names, by the same method "
            f"({whole.method}), bandwidth ({whole.bandwidth:.3g}) and t; --method and --bandwidth "
            "set them."
        ]
        if any(abs(null.z) > MOST_Z for null in self.nulls):
            told.append(
                f"A z beyond ±{MOST_Z:.0f} rests on the spread of a few draws: it says "
                "far from chance, not how far."
            )
        if self.nulls and self.n_null_rows < whole.n_rows:
            told.append(
                f"Two entropies: {whole.bits:.2f} bits is that of all {whole.n_rows:,} names; "
                f"beside the nulls stands that of {self.n_null_rows:,} of them drawn at random, "
                f"{self.nulls[0].bits:.2f} bits by the exact method: an entropy grows with the "
                "number of names."
            )
        return told

    def tables(self) -> list[Table]:
        """The entropy, its curve over t, and where asked for its nulls and groups."""
        whole = self.entropy
        facts = [
            ("entropy (bits)", whole.bits),
            ("standard error", whole.standard_error),
            ("share of log2 n", whole.share),
            ("bandwidth", whole.bandwidth),
            ("method", whole.method),
            ("names", whole.n_rows),
            *([("true neighbours found", whole.recall)] if whole.recall is not None else []),
        ]
        curve = list(zip(whole.times, whole.curve, strict=True))
        found = [
            Table(("what", "value"), facts, "diffusion spectral entropy"),
            Table(("t", "bits"), curve, "entropy at other t", bars=("bits",)),
        ]
        if self.nulls:
            columns = ("null", "bits", "null bits", "deviation", "z")
            rows = [
                (c.null, c.bits, c.null_bits, c.null_deviation, z_score(c.z)) for c in self.nulls
            ]
            of_them = " drawn of them" if self.n_null_rows < whole.n_rows else ""
            title = f"against nulls, {self.n_null_rows:,} names{of_them}"
            found.append(Table(columns, rows, title))
        return [*found, *self._group_tables()]

    def _group_tables(self) -> list[Table]:
        told = self.information
        if told is None:
            return []
        rows = [(g.group, g.n_names, g.bits, g.deviation, g.share) for g in self.groups]
        groups = Table(
            ("group", "names", "bits", "deviation", "share"), rows,
            f"by {self.by}, {self.groups[0].n_rows:,} names of each", bars=("bits",),
        )  # fmt: skip
        tells = [(told.bits, told.null_bits, told.p, told.n_rows)]
        return [groups, Table(("bits", "null bits", "p", "names"), tells, f"what {self.by} tells")]

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain values."""
        return plain_dict(asdict(self))

    def to_arrow(self) -> pa.Table:
        """Return one row per group, or one of all names (its group null) without groups."""
        rows = [asdict(row) for row in self.groups]
        if not rows:
            whole = self.entropy
            n = whole.n_rows
            rows = [asdict(GroupEntropy("", n, n, whole.bits, 0.0, whole.share)) | {"group": None}]
        schema = pa.schema(
            [("group", pa.string()), ("n_names", pa.int64()), ("n_rows", pa.int64()),
             *((name, pa.float64()) for name in ("bits", "deviation", "share"))]
        )  # fmt: skip
        return pa.Table.from_pylist(rows, schema)


def report(
    space: StoredSpace,
    *,
    view: str = "text",
    where: str | None = None,
    by: str | None = None,
    bandwidth: float | None = None,
    t: float = 1,
    method: str = "auto",
    n_null: int = 5,
    n_permutations: int = 49,
    seed: int = 0,
    progress: Progress | None = None,
) -> EntropyStudy:
    """Measure the diffusion spectral entropy of names.

    Parameters
    ----------
    space : Space
    view : str
        Which vectors.
    where : str, optional
        One boolean SQL expression; only such names count.
    by : str, optional
        ``locale`` (names of one locale only) or any column of text or whole numbers, such as
        gender, part or cluster. Groups under 20 names are left out; a negative cluster is none.
    bandwidth, t, method
        As for `analysis.entropy.diffusion_spectral_entropy`; all parts share one bandwidth.
    n_null : int
        Draws of each null and samples of each group, at least 2: one has no spread. 0 for no
        nulls, and then 2 samples of each group.
    n_permutations : int
        Shuffles of the groups for the p of the mutual information.
    seed : int
        Of everything random.
    progress : callable, optional
        Called with (steps done, steps in all).

    Returns
    -------
    EntropyStudy

    Raises
    ------
    FilterError
        If `where` is refused.
    SpaceError
        If fewer than 2 names are left, or `by` leaves fewer than two groups.
    ValueError
        If a parameter is out of range, or a view or column is not there.
    """
    tell = progress or (lambda done, total: None)
    if check_count(n_null, "n_null", 0) == 1:
        raise ValueError("n_null must be 0, for no nulls, or at least 2; one draw has no spread.")
    seed = check_seed(seed)
    check_options(bandwidth, t, method)
    ids = space.ids(where, view=view)
    if len(ids) < 2:
        raise SpaceError(f"an entropy needs at least 2 names; got {len(ids)} in {space.path}.")
    tell(0, 3)
    vectors = space.vectors(view, ids=None if len(ids) == len(space) else ids)
    groups = _read_groups(space, ids, by) if by else None
    whole = entropy_report(
        vectors,
        bandwidth=bandwidth,
        t=t,
        method=method,
        neighbours=_stored_neighbours(space, view, len(ids), method),
        seed=seed,
    )
    shared = None if np.isnan(whole.bandwidth) else whole.bandwidth
    tell(1, 3)
    rng = np.random.default_rng(seed)
    sample = vectors
    if len(vectors) > _MAX_ROWS:
        sample = vectors[np.sort(rng.choice(len(vectors), _MAX_ROWS, replace=False))]
    nulls: tuple[NullComparison, ...] = ()
    if n_null:
        nulls = entropy_against_nulls(
            sample, bandwidth=shared, t=t, method="exact", n_draws=n_null, seed=seed
        )
    tell(2, 3)
    rows: tuple[GroupEntropy, ...] = ()
    information = None
    if groups is not None:
        rows = _measure_groups(vectors, *groups, shared, t, max(n_null, 2), rng)
        information = diffusion_spectral_mutual_information(
            vectors, groups[0], bandwidth=shared, t=t, n_permutations=n_permutations, seed=seed
        )
    tell(3, 3)
    return EntropyStudy(
        entropy=whole,
        nulls=nulls,
        n_null_rows=len(sample),
        by=by,
        groups=rows,
        information=information,
        parameters={"view": view, "where": where, "t": t, "method": method, "seed": seed},
    )


def _stored_neighbours(space: StoredSpace, view: str, n: int, method: str) -> IntArray | None:
    """Neighbours from the graph of the space, where a sparse kernel of all its names needs them.

    Above 100,000 names an approximate search of the entropy's own costs far less than the graph.
    """
    sparse = method == "sparse" or (method == "auto" and n > DENSE_ROWS)
    if not sparse or n != len(space) or not NEIGHBOURS < n <= _GRAPH_ROWS:
        return None
    return space.graph(view, NEIGHBOURS).indices


def _read_groups(space: StoredSpace, ids: IntArray, by: str) -> tuple[IntArray, list[str]]:
    """Codes of the groups large enough, -1 for other names, and the groups' names."""
    column = "locales" if by == "locale" else by
    if column not in (*space.columns, *space.derived_columns):
        raise ValueError(f"by: no column {by!r}; this space has {', '.join(space.columns)}.")
    values = space.table([column], ids=ids)[column].to_pylist()
    if by == "locale":
        values = [row[0] if row and len(row) == 1 else None for row in values]
    if any(isinstance(value, (float, list, dict)) for value in values):
        raise ValueError(f"by: column {by!r} does not hold labels; take text or whole numbers.")
    texts = [
        None if value is None or (isinstance(value, int) and value < 0) else str(value)
        for value in values
    ]
    codes, names = encode(texts)
    counts = np.bincount(codes[codes >= 0], minlength=len(names))
    kept = np.flatnonzero(counts >= _SMALLEST_GROUP)
    if kept.size < 2:
        raise SpaceError(
            f"by {by}: fewer than two groups have {_SMALLEST_GROUP} names among {len(ids)}."
        )
    number = np.full(len(names) + 1, -1)  # the last place is that of code -1
    number[kept] = np.arange(kept.size)
    return number[codes].astype(np.int64), [names[code] for code in kept]


def _measure_groups(
    vectors: FloatArray,
    codes: IntArray,
    names: list[str],
    bandwidth: float | None,
    t: float,
    n_samples: int,
    rng: np.random.Generator,
) -> tuple[GroupEntropy, ...]:
    """Entropy per group over samples of equal size: it grows with the number of rows."""
    counts = np.bincount(codes[codes >= 0])
    size = int(min(counts.min(), _MAX_ROWS))
    found = []
    for code, name in enumerate(names):
        own = np.flatnonzero(codes == code)
        bits = [
            entropy_report(
                vectors[rng.choice(own, size, replace=False)],
                bandwidth=bandwidth, t=t, times=(), method="exact",
            ).bits
            for _ in range(n_samples if own.size > size else 1)
        ]  # fmt: skip
        deviation = float(np.std(bits, ddof=1)) if len(bits) > 1 else 0.0
        mean = float(np.mean(bits))
        found.append(
            GroupEntropy(name, int(own.size), size, mean, deviation, mean / float(np.log2(size)))
        )
    return tuple(sorted(found, key=lambda row: -row.bits))
