"""Which full names are more than their parts? Chooses names for a basis without a hand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pyarrow as pa

from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.full_names import split
from namebasis.wording import percent

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

COLUMN = "own_residual"
_FEWEST = 20  # full names, or pseudo names, below which no threshold is set
_N_RECOMBINED = 512
_QUANTILE = 0.95


@dataclass(frozen=True)
class MeasuredIdentity:
    """How much of each full name its parts do not explain.

    Attributes
    ----------
    ids : ndarray of shape (n,), int64
        Rows of the full names that were measured.
    scores : ndarray of shape (n,), float32
        Larger means more of an identity of its own.
    threshold : float
        95 % of names without an identity lie below it.
    measure : str
        Where scores and threshold come from, in words.
    """

    ids: IntArray
    scores: FloatArray
    threshold: float
    measure: str

    @property
    def chosen(self) -> IntArray:
        """Rows whose score lies above the threshold."""
        return self.ids[self.scores > self.threshold]

    def to_arrow(self) -> pa.Table:
        """One row per name: id, identity, is_chosen."""
        return pa.table(
            {
                "id": self.ids,
                "identity": self.scores,
                "is_chosen": self.scores > self.threshold,
            }
        )


def measure_identity(
    space: StoredSpace, *, where: str | None = None, seed: int = 0
) -> MeasuredIdentity:
    """Score the full names of a space by what their parts leave unexplained.

    Where the space has the column `own_residual` (study `anchors`) and at least 20 pseudo names,
    that column counts, and the threshold is its 95 % quantile among the pseudo names.

    Otherwise a full name's centred vector is predicted as ``a * given + b * family``, the centred
    vectors of its first words and of its last word, with one a and one b for all names (least
    squares). Its score is the length of what remains over the length of the whole. The threshold
    is the 95 % quantile of the same among 512 recombined names, the first words of one with the
    last word of another, which nobody need bear. Parts that the space does not hold are encoded.

    Raises
    ------
    ValueError
        If fewer than 20 full names of two or more words pass `where`.
    """
    full = np.intersect1d(space.ids(where), space.ids_of_part("full"))
    if COLUMN in space.columns:
        pseudo = _column(space, space.ids_of_part("pseudo"))[1]
        if pseudo.size >= _FEWEST:
            ids, scores = _column(space, full)
            return MeasuredIdentity(
                ids,
                scores,
                float(np.quantile(pseudo, _QUANTILE)),
                f"{COLUMN}, above the {percent(_QUANTILE)} quantile of {pseudo.size:,} "
                "pseudo names",
            )
    return _from_parts(space, full, seed)


def _column(space: StoredSpace, ids: IntArray) -> tuple[IntArray, FloatArray]:
    rows = space.table(["id", COLUMN], ids=ids)
    scores = np.asarray(rows[COLUMN].to_numpy(), dtype=np.float32)
    known = ~np.isnan(scores)
    return np.asarray(rows["id"].to_numpy(), dtype=np.int64)[known], scores[known]


def _from_parts(space: StoredSpace, full: IntArray, seed: int) -> MeasuredIdentity:
    rows = space.table(["id", "name"], ids=full)
    pairs_of = [split(str(name)) for name in rows["name"].to_pylist()]
    two = np.array([pair is not None for pair in pairs_of], dtype=bool)
    if two.sum() < _FEWEST:
        raise ValueError(
            f"the automatic filter needs at least {_FEWEST} names of a given and a family name; "
            f"{int(two.sum())} pass. Add full names, or choose names with where."
        )
    ids = np.asarray(rows["id"].to_numpy(), dtype=np.int64)[two]
    given = [pair[0] for pair in pairs_of if pair]
    family = [pair[1] for pair in pairs_of if pair]
    vectors = space.vectors("text", ids=ids)
    first, last = _centred(_parts(space, "given", given)), _centred(_parts(space, "family", family))
    middle = vectors.mean(axis=0)
    weights = _fit(vectors - middle, first, last)

    pairs = _recombine(given, family, np.random.default_rng(seed))
    made = _encode(space, [f"{given[i]} {family[j]}" for i, j in pairs])
    null = _remainder(made - middle, first[pairs[:, 0]], last[pairs[:, 1]], weights)
    return MeasuredIdentity(
        ids,
        _remainder(vectors - middle, first, last, weights),
        float(np.quantile(null, _QUANTILE)),
        f"remainder after given and family name, above the {percent(_QUANTILE)} quantile of "
        f"{len(pairs):,} recombined names",
    )


def _centred(rows: FloatArray) -> FloatArray:
    return np.asarray(rows - rows.mean(axis=0), dtype=np.float32)


def _fit(whole: FloatArray, first: FloatArray, last: FloatArray) -> tuple[float, float]:
    """Least squares a and b of ``whole = a * first + b * last`` over all rows."""
    gram = np.array([[np.vdot(x, y) for y in (first, last)] for x in (first, last)])
    moments = np.array([np.vdot(x, whole) for x in (first, last)])
    a, b = np.linalg.lstsq(gram.astype(np.float64), moments.astype(np.float64), rcond=None)[0]
    return float(a), float(b)


def _remainder(
    whole: FloatArray, first: FloatArray, last: FloatArray, weights: tuple[float, float]
) -> FloatArray:
    """Length of what the parts leave over the length of the whole, (n,)."""
    left = np.linalg.norm(whole - weights[0] * first - weights[1] * last, axis=1)
    lengths = np.linalg.norm(whole, axis=1)
    return np.asarray(left / np.maximum(lengths, np.finfo(np.float32).tiny), dtype=np.float32)


def _recombine(given: list[str], family: list[str], rng: np.random.Generator) -> IntArray:
    """Pairs (i, j) whose name nobody in the list bears, (n, 2); up to 512, without repeats."""
    taken = {(fold(one), fold(last)) for one, last in zip(given, family, strict=True)}
    pairs = []
    for i, j in rng.integers(len(given), size=(8 * _N_RECOMBINED, 2)):
        key = fold(given[i]), fold(family[j])
        if key not in taken:
            taken.add(key)
            pairs.append((i, j))
    if len(pairs) < _FEWEST:
        raise ValueError(
            f"the automatic filter needs names to recombine; {len(given)} full names give "
            f"{len(pairs)} new pairs, at least {_FEWEST} are needed. Add full names."
        )
    return np.array(pairs[:_N_RECOMBINED], dtype=np.int64)


def _parts(space: StoredSpace, part: str, names: list[str]) -> FloatArray:
    """Vectors of first or last words: stored where the space has them, else encoded."""
    wanted = dict.fromkeys(names)
    stored = space.table(["id", "name"], ids=space.ids_of_part(part))
    rows = dict(zip(stored["name"].to_pylist(), stored["id"].to_pylist(), strict=True))
    known = [name for name in wanted if name in rows]
    new = [name for name in wanted if name not in rows]
    blocks = [space.vectors("text", ids=[rows[name] for name in known])] if known else []
    blocks += [_encode(space, new)] if new else []
    place = {name: row for row, name in enumerate([*known, *new])}
    return np.concatenate(blocks)[[place[name] for name in names]]


def _encode(space: StoredSpace, names: list[str]) -> FloatArray:
    """Vectors as the `text` view has them: the mean over the space's templates, length 1."""
    encoder = space.encoder()
    total = np.zeros((len(names), encoder.dim))
    for template in space.provenance.templates:
        total += encoder.encode_names(names, template)
    return np.asarray(total / np.linalg.norm(total, axis=1, keepdims=True), dtype=np.float32)
