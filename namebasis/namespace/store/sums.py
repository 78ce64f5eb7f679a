"""Sums and digests of a view's vectors, and the mean of images: noted before they are valid.

Each entry is noted under the id of the writing of the view that it is of, in a commit before the
one that puts that view in place. So whenever a process dies, what is noted of a view is of it.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from namebasis.checks import FloatArray
from namebasis.errors import SpaceError
from namebasis.namespace.store.view_ids import VIEW_ID_KEY

if TYPE_CHECKING:
    from namebasis.namespace.store.dataset import Store

MEANS_KEY = "namebasis.means"
IMAGE_MEAN_KEY = "namebasis.image_mean"
BY_ROW = "rows:"
"""Begins digests that are sums over rows; others are of all rows at once, by earlier versions."""
_MODULUS = 2**256


@dataclass(frozen=True)
class ViewSum:
    """Sum and digest of the first `n_rows` vectors of a view.

    Attributes
    ----------
    n_rows : int
    total : ndarray of shape (dim,), float64
        From which the mean follows.
    digest : str
        By which damage is found: the sum, modulo 2^256, of the SHA-256 of every row's number and
        float32 values, so that rows can be added without a look at the older ones. In spaces of
        earlier versions SHA-256 over all rows in order, or empty.
    """

    n_rows: int
    total: npt.NDArray[np.float64]
    digest: str = ""

    @property
    def can_grow(self) -> bool:
        """Whether rows can be added to it."""
        return self.digest.startswith(BY_ROW)

    def plus(self, blocks: Iterable[FloatArray]) -> ViewSum:
        """The sum with the rows that follow added."""
        n_rows, total = self.n_rows, self.total.copy()
        digest = int(self.digest.removeprefix(BY_ROW), 16)
        for block in blocks:
            rows = np.ascontiguousarray(block, dtype="<f4")
            total += rows.sum(axis=0, dtype=np.float64)
            digest += _digest(rows, n_rows)
            n_rows += len(rows)
        return ViewSum(n_rows, total, f"{BY_ROW}{digest % _MODULUS:064x}")


def _digest(rows: FloatArray, first: int) -> int:
    content, width = rows.reshape(-1).view(np.uint8).data, rows.shape[1] * 4
    digest = 0
    for at in range(len(rows)):
        row = hashlib.sha256((first + at).to_bytes(8, "little"))
        row.update(content[at * width : (at + 1) * width])
        digest += int.from_bytes(row.digest(), "little")
    return digest


def no_rows(dim: int) -> ViewSum:
    """The sum of no rows."""
    return ViewSum(0, np.zeros(dim), BY_ROW + "0")


def sum_blocks(blocks: Iterable[FloatArray], dim: int, n_rows: int) -> ViewSum:
    """Sum the first rows of blocks, each of shape (n, dim)."""
    return no_rows(dim).plus(_first(blocks, n_rows))


def whole_digest(store: Store, view: str, n_rows: int) -> str:
    """SHA-256 over the first rows of a view, as earlier versions noted it."""
    digest = hashlib.sha256()
    for block in _first(store.blocks(view), n_rows):
        digest.update(np.ascontiguousarray(block, dtype="<f4").data)
    return digest.hexdigest()


def _first(blocks: Iterable[FloatArray], left: int) -> Iterable[FloatArray]:
    for block in blocks:
        if left <= 0:
            return
        yield block[:left]
        left -= len(block)


def noted_sums(store: Store) -> dict[str, ViewSum]:
    """What is noted of the views as they are; a view that nothing is noted of is left out.

    Raises
    ------
    SpaceError
        If what is noted is damaged.
    """
    entries = _entries(store, MEANS_KEY)
    found = {}
    for view in store.views:
        # Spaces of earlier versions have no ids; there the name of the view is the key.
        entry = entries.get(sum_key(store.schema, view), entries.get(view))
        if entry is not None:
            try:
                total = np.frombuffer(base64.b64decode(entry["sum"], validate=True), np.float64)
                found[view] = ViewSum(int(entry["rows"]), total, str(entry.get("sha256", "")))
            except (ValueError, KeyError, TypeError) as error:
                raise _damaged(store, MEANS_KEY, error) from None
            if total.shape != (store.dim(view),) or not np.isfinite(total).all():
                raise _damaged(store, MEANS_KEY, ValueError(f"of {view}: {total.shape}"))
    return found


def sum_key(schema: pa.Schema, view: str) -> str:
    """Under which the sum of a writing of a view is noted."""
    own = (schema.field(view).metadata or {}).get(VIEW_ID_KEY.encode(), b"").decode()
    return f"{view} {own}" if own else view


def grown_sums(store: Store) -> dict[str, ViewSum]:
    """The sums of all rows, from those noted of the first ones where they can grow."""
    noted, grown = noted_sums(store), {}
    for view in store.views:
        known = noted.get(view)
        if known is None or not known.can_grow or known.n_rows > store.n_rows:
            known = no_rows(store.dim(view))
        grown[view] = known.plus(store.blocks(view, known.n_rows))
    return grown


def sums_entry(store: Store, sums: Mapping[str, ViewSum], **staged: ViewSum) -> dict[str, str]:
    """Metadata that notes sums of the views as they are, and of ones that will take their place.

    Parameters
    ----------
    store : Store
    sums : mapping of str to ViewSum
        By view.
    **staged : ViewSum
        By the key that `sum_key` will give.
    """
    by_key = {sum_key(store.schema, view): total for view, total in sums.items()} | staged
    entries = {
        key: {
            "rows": total.n_rows,
            "sum": base64.b64encode(total.total.tobytes()).decode(),
            "sha256": total.digest,
        }
        for key, total in by_key.items()
    }
    return {MEANS_KEY: json.dumps(entries)}


@dataclass(frozen=True)
class ImageMean:
    """Mean of the unit vectors of all images of a space, those of no stored name among them."""

    n_images: int
    mean: npt.NDArray[np.float64]


def image_mean(store: Store) -> ImageMean | None:
    """The mean noted of the image view as it is; None where a space has no images.

    Raises
    ------
    SpaceError
        If what is noted is damaged.
    """
    entries = _entries(store, IMAGE_MEAN_KEY)
    # Earlier versions noted one entry, of whatever view there was.
    entry = entries if "images" in entries else entries.get(_image_key(store.schema))
    if entry is None:
        return None
    try:
        mean = np.frombuffer(base64.b64decode(entry["mean"], validate=True), np.float64)
        return ImageMean(int(entry["images"]), mean)
    except (ValueError, KeyError, TypeError) as error:
        raise _damaged(store, IMAGE_MEAN_KEY, error) from None


def image_mean_entry(store: Store, mean: ImageMean, staged: str | None = None) -> dict[str, str]:
    """Metadata that notes the mean of images, of the view as it is or of a staged one.

    Parameters
    ----------
    store : Store
    mean : ImageMean
    staged : str, optional
        The key that `sum_key` will give for the view that will be put in place; what is noted of
        the view as it is stays beside it.
    """
    own = {"images": mean.n_images, "mean": base64.b64encode(mean.mean.tobytes()).decode()}
    now = _image_key(store.schema)
    entries: dict[str, Any] = {now if staged is None else staged: own}
    before = _entries(store, IMAGE_MEAN_KEY)
    older = before if "images" in before else before.get(now)
    if staged is not None and older is not None:
        entries[now] = older
    return {IMAGE_MEAN_KEY: json.dumps(entries)}


def _image_key(schema: pa.Schema) -> str:
    return sum_key(schema, "image") if "image" in schema.names else ""


def _entries(store: Store, key: str) -> dict[str, Any]:
    raw = store.metadata.get(key.encode())
    if raw is None:
        return {}
    try:
        values = json.loads(raw)
        if not isinstance(values, dict):
            raise ValueError("no JSON object")
    except ValueError as error:
        raise _damaged(store, key, error) from None
    return values


def _damaged(store: Store, key: str, error: Exception) -> SpaceError:
    return SpaceError(
        f"{store.uri}: what is noted of its vectors ({key}) is damaged ({error}). "
        "Build the space again."
    )
