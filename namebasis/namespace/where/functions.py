"""The functions that the engine does not have, as columns of all rows of a space."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from weakref import WeakKeyDictionary

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from sqlglot import exp

from namebasis.checks import FloatArray
from namebasis.namespace.corpus.files.reader import read_file
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.search.name_lookup import folded_names
from namebasis.namespace.store.dataset import Store
from namebasis.namespace.where.derived import births_in
from namebasis.namespace.where.words import FUNCTIONS

Resolve = Callable[[object, str], FloatArray]
_KEPT = 8
"""Columns of similarities that are kept for each space, the newest ones."""
_similarities: WeakKeyDictionary[Store, dict[tuple[int, str, str], pa.Array]] = WeakKeyDictionary()
_YEARS = range(1000, 3000)


def call(name: str, given: Sequence[exp.Expr], store: Store, resolve: Resolve) -> pa.Array:
    """Values of a function, one for each row of the space.

    Raises
    ------
    ValueError
        With the reason alone, if an argument does not fit.
    NamebasisError
        If a file or a target is refused.
    """
    if name == "similar":
        return _similar(store, resolve, *(_text(one, name) for one in given))
    if name == "in_file":
        return _in_file(store, *(_text(one, name) for one in given))
    if name == "births_between":
        return _births_between(store, given)
    return _random(store, _whole_number(given[0], name))


def _similar(store: Store, resolve: Resolve, target: str, view: str = "text") -> pa.Array:
    """Cosines with a target; null where a name has no vector in the view."""
    store.dim(view)
    if _has_image_suffix(target):
        return _cosines(store, resolve(Path(target).expanduser(), view), view)
    kept = _similarities.setdefault(store, {})
    key = (store.version, target, view)
    if key not in kept:
        found = _cosines(store, resolve(target, view), view)
        if len(kept) >= _KEPT:
            kept.pop(next(iter(kept)), None)
        kept[key] = found
        return found
    return kept[key]


def _cosines(store: Store, direction: FloatArray, view: str) -> pa.Array:
    found, has_vector = np.empty(store.n_rows), np.empty(store.n_rows, np.bool_)
    done = 0
    for block in store.blocks(view):
        part = slice(done, done + len(block))
        found[part], has_vector[part] = block @ direction, block.any(axis=1)
        done += len(block)
    return pa.array(found, mask=~has_vector)


def is_image(node: exp.Expr) -> bool:
    """Whether a target in an expression is the path of an image."""
    return isinstance(node, exp.Literal) and _has_image_suffix(str(node.this))


def _has_image_suffix(text: str) -> bool:
    from namebasis.encoders.image_files import SUFFIXES

    return text.lower().rstrip().endswith(tuple(SUFFIXES))


def _in_file(store: Store, path: str, column: str | None = None) -> pa.Array:
    """Whether a file of names holds them, whatever their case and accents."""
    names = read_file(Path(path).expanduser(), column=column)
    wanted = pc.unique(
        pa.array([fold(one) for one in names.table["name"].to_pylist()], pa.string())
    )
    return pc.is_in(folded_names(store), wanted)


def _births_between(store: Store, given: Sequence[exp.Expr]) -> pa.Array:
    first, last = (_whole_number(one, "births_between") for one in given[:2])
    if first not in _YEARS or last not in _YEARS or first > last:
        raise ValueError(f"births_between takes a first and a last year; got {first} and {last}")
    sex = _text(given[2], "births_between").upper() if len(given) > 2 else ""
    if sex not in ("", "F", "M"):
        raise ValueError(f"births_between takes 'F' or 'M' after its years; got {sex!r}")
    return births_in(store, first, last, sex)


def _random(store: Store, seed: int) -> pa.Array:
    """Uniform in [0, 1), one for each row; names that are added change no other's."""
    return pa.array(np.random.default_rng(seed).random(store.n_rows))


def quantiles(values: pa.Array) -> pa.Array:
    """The share of known values that are at most as large, equal ones by their mean rank."""
    known = values.is_valid().to_numpy(zero_copy_only=False)
    numbers = values.drop_null().to_numpy(zero_copy_only=False)
    found = np.full(len(values), np.nan)
    if len(numbers):
        _, place, often = np.unique(numbers, return_inverse=True, return_counts=True)
        last = np.cumsum(often)
        found[known] = ((2 * last - often + 1) / 2 / len(numbers))[place]
    return pa.array(found, mask=~known)


def _text(node: exp.Expr, name: str) -> str:
    if not (isinstance(node, exp.Literal) and node.is_string and node.this):
        raise ValueError(f"{name} takes a text in single quotes: {FUNCTIONS[name].usage}")
    return str(node.this)


def _whole_number(node: exp.Expr, name: str) -> int:
    if not (isinstance(node, exp.Literal) and not node.is_string and str(node.this).isdecimal()):
        raise ValueError(f"{name} takes whole numbers: {FUNCTIONS[name].usage}")
    return int(node.this)
