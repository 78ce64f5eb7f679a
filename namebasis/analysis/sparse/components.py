"""Principal components of a matrix, and of the pieces that names are written with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.analysis.graph.neighbours import duplicate_groups
from namebasis.atomic import replacing_file
from namebasis.checks import Float64Array, FloatArray, as_embeddings, check_count
from namebasis.errors import NamebasisError
from namebasis.reading import UnreadableError
from namebasis.tensors import OtherFormatError, read_tensors, tensor_bytes

_BLOCK = 8192  # rows that are held in float64 at a time
_EPSILON = 2.0**-23  # of float32, in which rows come
_FORMAT = "namebasis.components/1"
_ARRAYS = ("mean", "directions", "standard_deviations")
_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth")


@dataclass(frozen=True)
class Components:
    """Mean and principal components of a matrix, the largest variance first.

    Attributes
    ----------
    label : str
        What the rows were, such as ``"text"`` or ``"first piece"``.
    mean : ndarray of shape (n_features,), float32
    directions : ndarray of shape (n_components, n_features), float32
        Orthonormal rows; in each the entry of largest magnitude is positive.
    standard_deviations : ndarray of shape (n_components,), float32
        Of the rows along each direction (divisor n_rows - 1), descending, all above zero.
    total_variance : float
        Sum of the variances of all columns: what the components share among them.
    n_rows, n_distinct : int
        Rows that were read, and how many of them differ.
    metadata : mapping of str to JSON values
        Where it came from; kept by `save`.
    """

    label: str
    mean: FloatArray
    directions: FloatArray
    standard_deviations: FloatArray
    total_variance: float
    n_rows: int
    n_distinct: int
    metadata: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        k, width = self.directions.shape if self.directions.ndim == 2 else (-1, -1)
        if self.mean.shape != (width,) or self.standard_deviations.shape != (k,):
            raise ValueError(
                "components need mean (n_features,), directions (n_components, n_features) and "
                f"standard_deviations (n_components,); got {self.mean.shape}, "
                f"{self.directions.shape} and {self.standard_deviations.shape}."
            )

    @property
    def n_components(self) -> int:
        """How many directions there are."""
        return int(self.directions.shape[0])

    @property
    def n_features(self) -> int:
        """The width of the rows."""
        return int(self.directions.shape[1])

    @property
    def explained(self) -> FloatArray:
        """Share of the total variance along each direction, (n_components,), in (0, 1]."""
        variances = self.standard_deviations.astype(np.float64) ** 2
        return np.asarray(variances / self.total_variance, dtype=np.float32)

    def coefficients(self, vectors: object) -> FloatArray:
        """Coordinates of `vectors` (n, n_features) in standard deviations, (n, n_components).

        Raises
        ------
        ValueError
            If the width differs from `n_features` or a value is not finite.
        """
        rows = as_embeddings(vectors, "vectors", self.n_features)
        scaled = self.directions.astype(np.float64) / self.standard_deviations[:, None]
        out = np.empty((rows.shape[0], self.n_components), np.float32)
        for start in range(0, rows.shape[0], _BLOCK):
            part = slice(start, start + _BLOCK)
            out[part] = (rows[part].astype(np.float64) - self.mean) @ scaled.T
        return out

    def reconstruct(self, coefficients: object) -> FloatArray:
        """Rows (n, n_features) that have these `coefficients` (n, k), k <= n_components.

        The inverse of `coefficients` for rows inside the span; fewer columns than components
        means that only the first ones are used.

        Raises
        ------
        ValueError
            If there are more columns than components or a value is not finite.
        """
        weights = as_embeddings(coefficients, "coefficients")
        k = weights.shape[1]
        if k > self.n_components:
            raise ValueError(
                f"coefficients has {k} columns, but there are {self.n_components} components."
            )
        scaled = weights.astype(np.float64) * self.standard_deviations[:k]
        return np.asarray(self.mean + scaled @ self.directions[:k], dtype=np.float32)

    def truncate(self, n_components: int) -> Components:
        """The first `n_components` directions alone."""
        k = check_count(n_components, "n_components", 1, self.n_components)
        return replace(
            self,
            directions=self.directions[:k],
            standard_deviations=self.standard_deviations[:k],
        )

    def save(self, path: str | Path) -> None:
        """Write one safetensors file; `save_components` also writes several bases into one."""
        save_components([self], path)

    @classmethod
    def load(cls, path: str | Path) -> Components:
        """Read the file that `save` wrote.

        Raises
        ------
        NamebasisError
            If it cannot be read, or holds several bases (`load_components` reads those).
        """
        return load_components(path, n_bases=1)[0]


def principal_components(
    embeddings: object,
    max_components: int | None = None,
    *,
    label: str = "rows",
    metadata: Mapping[str, Any] | None = None,
) -> Components:
    """Principal components of the rows of `embeddings`.

    Always exact: the covariance is summed up in float64 block by block (float32 rows lose
    nothing by being squared there) and only its leading eigenvectors are computed, O(n d² + d³).
    A randomised method could only save the d³, half a second at d = 1,024. With fewer rows than
    columns the rows themselves are decomposed.

    Parameters
    ----------
    embeddings : array_like of shape (n_rows, n_features)
        Centred here, not rescaled. Equal rows count as often as they occur.
    max_components : int, optional
        At most this number; there are never more than distinct rows - 1, than columns, or than
        directions in which the rows differ by more than rounding. All of them by default.
    label, metadata
        Kept in the result.

    Returns
    -------
    Components

    Raises
    ------
    ValueError
        If there are fewer than two distinct rows or a value is not finite.
    """
    rows = as_embeddings(embeddings)
    if max_components is not None:
        check_count(max_components, "max_components")
    n_distinct = int(duplicate_groups(rows).first.size)
    if n_distinct < 2:
        raise ValueError(
            f"components of {label!r} need at least 2 distinct rows; got {n_distinct} distinct "
            f"of {rows.shape[0]}."
        )
    n, width = rows.shape
    mean = rows.mean(axis=0, dtype=np.float64)
    limit = min(n_distinct - 1, width, max_components or width)
    solve = _from_rows if n <= width else _from_covariance
    variances, directions, total = solve(rows, mean, limit)
    # Rows come as float32, so a direction narrower than its rounding is no direction.
    scale = float(np.abs(rows).max())
    kept = variances > max((_EPSILON * scale) ** 2 * width, variances[0] * _EPSILON**2)
    if not kept.any():
        raise ValueError(f"components of {label!r}: rows differ by no more than rounding.")
    return Components(
        label=label,
        mean=mean.astype(np.float32),
        directions=_fix_signs(directions[kept]).astype(np.float32),
        standard_deviations=np.sqrt(variances[kept]).astype(np.float32),
        total_variance=total,
        n_rows=n,
        n_distinct=n_distinct,
        metadata=dict(metadata or {}),
    )


def _from_rows(
    rows: FloatArray, mean: Float64Array, limit: int
) -> tuple[Float64Array, Float64Array, float]:
    """Variances, directions and total variance by decomposing the centred rows."""
    _, singular, directions = np.linalg.svd(rows - mean, full_matrices=False)
    variances = singular**2 / (rows.shape[0] - 1)
    return variances[:limit], directions[:limit], float(variances.sum())


def _from_covariance(
    rows: FloatArray, mean: Float64Array, limit: int
) -> tuple[Float64Array, Float64Array, float]:
    """The same by decomposing the covariance, for more rows than columns."""
    from scipy.linalg import eigh

    n, width = rows.shape
    covariance = np.zeros((width, width))
    for start in range(0, n, _BLOCK):
        centred = rows[start : start + _BLOCK] - mean
        covariance += centred.T @ centred
    covariance /= n - 1
    variances, vectors = eigh(covariance, subset_by_index=(width - limit, width - 1))
    return variances[::-1], vectors[:, ::-1].T, float(np.trace(covariance))


def _fix_signs(directions: Float64Array) -> Float64Array:
    """Turn each direction so that its entry of largest magnitude is positive."""
    largest = np.abs(directions).argmax(axis=1)
    signs = np.sign(directions[np.arange(directions.shape[0]), largest])
    return np.asarray(directions * signs[:, None])


def piece_components(
    names: Sequence[str],
    pieces: Sequence[object],
    *,
    n_positions: int = 2,
    max_components: int | None = None,
    metadata: Mapping[str, Any] | None = None,
) -> tuple[Components, ...]:
    """One basis per token position of names, the construction of Celeb Basis [1]_.

    The paper calls its two positions first and last name. They are the first and the second
    *piece* of the encoder's tokenizer, and are labelled so: a given name of two pieces fills
    both. Each name counts once however often it is listed, a position is made of the names that
    reach it, and it never has more components than its distinct rows allow (many names begin
    with the same piece).

    Parameters
    ----------
    names : sequence of str
        Compared after outer white space is taken off.
    pieces : sequence of array_like of shape (n_pieces, token_dim)
        Input token embeddings of each name, in order, without special tokens.
    n_positions : int
        How many positions, from the first on.
    max_components : int, optional
        At most this number per position.
    metadata : mapping, optional
        Kept in every result.

    Returns
    -------
    tuple of Components
        Labelled "first piece", "second piece", …; `n_rows` is the number of names used.

    Raises
    ------
    ValueError
        If lengths or widths differ, a name has no piece, or a position has fewer than two
        distinct rows (use a smaller `n_positions`).

    References
    ----------
    .. [1] Yuan et al. (2023), Inserting Anybody in Diffusion Models via Celeb Basis,
       arXiv:2306.00926, section 3.2.
    """
    check_count(n_positions, "n_positions")
    if len(names) != len(pieces):
        raise ValueError(
            f"pieces must hold one array per name; got {len(pieces)} for {len(names)} names."
        )
    first = {name.strip(): i for i, name in reversed(list(enumerate(names)))}
    rows: list[FloatArray] = []
    for i in sorted(first.values()):
        width = rows[0].shape[1] if rows else None
        rows.append(as_embeddings(pieces[i], f"pieces of {names[i]!r}", width))
    n_reaching = [sum(r.shape[0] > position for r in rows) for position in range(n_positions)]
    for position, n in enumerate(n_reaching):  # before any is fitted, which takes its time
        if n < 2:
            raise ValueError(
                f"{piece_label(position)}: {n} of {len(rows):,} distinct names reach it, 2 are "
                "needed; "
                f"use {f'n_positions={position} or ' if position else ''}more names."
            )
    found = []
    for position in range(n_positions):
        label = piece_label(position)
        stack = np.stack([r[position] for r in rows if r.shape[0] > position])
        found.append(principal_components(stack, max_components, label=label, metadata=metadata))
    return tuple(found)


def piece_label(position: int) -> str:
    """ "first piece" for position 0, …, "9th piece" for position 8."""
    if position < len(_ORDINALS):
        return f"{_ORDINALS[position]} piece"
    return f"{position + 1}th piece"


def save_components(components: Sequence[Components], path: str | Path) -> None:
    """Write bases to one safetensors file; an existing file is replaced whole or not at all.

    Raises
    ------
    ValueError
        If there is none to write.
    """
    if not components:
        raise ValueError("no components to save.")
    heads = [
        {
            "label": basis.label,
            "total_variance": basis.total_variance,
            "n_rows": basis.n_rows,
            "n_distinct": basis.n_distinct,
            "metadata": dict(basis.metadata),
        }
        for basis in components
    ]
    tensors = {
        f"{i}.{key}": getattr(basis, key) for i, basis in enumerate(components) for key in _ARRAYS
    }
    content = tensor_bytes(_FORMAT, "bases", heads, tensors)
    with replacing_file(Path(path), overwrite=True) as stream:
        stream.write(content)


def load_components(path: str | Path, n_bases: int | None = None) -> tuple[Components, ...]:
    """Read the bases that `save_components` wrote.

    Raises
    ------
    NamebasisError
        If the file is missing, no safetensors file, not written by `save_components`, or
        `n_bases` is given and it holds another number of bases.
    """
    try:
        heads, tensors = read_tensors(path, _FORMAT, "bases")
        parts: list[dict[str, Any]] = [
            {**head, **{key: tensors[f"{i}.{key}"] for key in _ARRAYS}}
            for i, head in enumerate(heads)
        ]
        found = tuple(Components(**part) for part in parts)
    except OtherFormatError as error:
        raise NamebasisError(
            f"{path}: no components of this version ({error.reason}); save them again."
        ) from None
    except UnreadableError as error:
        why = "no such file" if error.is_missing else f"damaged components file ({error.reason})"
        raise NamebasisError(f"{path}: {why}.") from None
    except (KeyError, TypeError, ValueError) as error:
        raise NamebasisError(f"{path}: damaged components file ({error}).") from None
    if n_bases is not None and len(found) != n_bases:
        labels = ", ".join(basis.label for basis in found)
        raise NamebasisError(
            f"{path}: holds {len(found)} bases ({labels}), expected {n_bases}; "
            "read it with load_components."
        )
    return found
