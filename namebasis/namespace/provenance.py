"""Where a name space comes from: kept in the data set's own metadata, committed with its rows."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.errors import SpaceError
from namebasis.reading import UnreadableError, parse_json

if TYPE_CHECKING:
    from namebasis.namespace.store import Store

SCHEMA_VERSION = 1
KEY = "namebasis"
MEANS_KEY = "namebasis.means"
IMAGE_MEAN_KEY = "namebasis.image_mean"


@dataclass(frozen=True)
class Provenance:
    """What a space was built from, and how far the build came.

    Attributes
    ----------
    schema_version : int
        Of the store's layout; a newer one than this package knows is refused.
    encoder, revision, fingerprint : str
        Spec, revision (or None) and weight digest of the encoder.
    dim, token_dim : int
        Width of the `text` and `token` views.
    template_set, templates : str, tuple of str
        Name of the set and its sentences.
    seed : int
        Of the build.
    package_version : str
        That wrote the space.
    state : str
        `building` or `done`.
    corpus : str
        Digest of the names the build was given.
    n_names : int
        How many those are; names added later are not counted here.
    build_id : str
        Random; an index cache of another build is not taken for this one's.
    """

    schema_version: int
    encoder: str
    revision: str | None
    fingerprint: str
    dim: int
    token_dim: int
    template_set: str
    templates: tuple[str, ...]
    seed: int
    package_version: str
    state: str
    corpus: str
    n_names: int
    build_id: str

    def to_json(self) -> str:
        """One JSON object with every field."""
        return json.dumps(asdict(self), ensure_ascii=False)

    def differences(self, other: Provenance) -> list[str]:
        """Fields in which two builds would give other rows; none for the same job."""
        free = {"state", "build_id", "package_version", "template_set"}
        return [
            field.name
            for field in fields(self)
            if field.name not in free and getattr(self, field.name) != getattr(other, field.name)
        ]

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None, where: str) -> Provenance:
        """Read provenance from a data set's schema metadata.

        Raises
        ------
        SpaceError
            If there is none, it is damaged, or a newer package wrote it.
        """
        raw = (metadata or {}).get(KEY.encode())
        if raw is None:
            raise SpaceError(f"{where}: a Lance data set, but not one of namebasis.")
        try:
            values: dict[str, Any] = parse_json(raw, where)
            version = int(values["schema_version"])
        except (UnreadableError, ValueError, KeyError, TypeError) as error:
            raise SpaceError(f"{where}: its provenance is damaged ({error!r}).") from None
        if version > SCHEMA_VERSION:
            raise SpaceError(
                f"{where}: written by namebasis {values.get('package_version', '?')} with schema "
                f"{version}; this one reads up to {SCHEMA_VERSION}. Upgrade namebasis."
            )
        known = {field.name for field in fields(cls)}
        try:
            kept = {name: value for name, value in values.items() if name in known}
            return cls(**kept | {"templates": tuple(values["templates"])})
        except (KeyError, TypeError) as error:
            raise SpaceError(f"{where}: its provenance is damaged ({error!r}).") from None


@dataclass(frozen=True)
class ViewSum:
    """Sum and digest of the first `n_rows` vectors of a view.

    Attributes
    ----------
    n_rows : int
    total : ndarray of shape (dim,), float64
        From which the mean follows.
    digest : str
        SHA-256 over the rows' float32 values in order, by which damage is found; empty in spaces
        that earlier versions wrote.
    """

    n_rows: int
    total: npt.NDArray[np.float64]
    digest: str = ""


def view_sums(store: Store) -> dict[str, ViewSum]:
    """Sum the vectors of every view over all rows."""
    return {view: sum_view(store, view) for view in store.views}


def sum_view(store: Store, view: str, n_rows: int | None = None) -> ViewSum:
    """Sum the first rows of a view, of all by default."""
    left = store.n_rows if n_rows is None else min(n_rows, store.n_rows)
    total, digest, seen = np.zeros(store.dim(view)), hashlib.sha256(), 0
    for block in store.blocks(view):
        part = np.ascontiguousarray(block[: left - seen], dtype="<f4")
        total += part.sum(axis=0, dtype=np.float64)
        digest.update(part.data)
        seen += len(part)
        if seen >= left:
            break
    return ViewSum(seen, total, digest.hexdigest())


@dataclass(frozen=True)
class ImageMean:
    """Mean of the unit vectors of all images of a space, those of no stored name among them."""

    n_images: int
    mean: npt.NDArray[np.float64]

    def to_json(self) -> str:
        """Write it for the data set's metadata."""
        coded = base64.b64encode(self.mean.tobytes()).decode()
        return json.dumps({"images": self.n_images, "mean": coded})

    @classmethod
    def from_metadata(cls, metadata: Mapping[bytes, bytes] | None) -> ImageMean | None:
        """Read it; None where a space has no images."""
        raw = (metadata or {}).get(IMAGE_MEAN_KEY.encode())
        if raw is None:
            return None
        entry = json.loads(raw)
        return cls(entry["images"], np.frombuffer(base64.b64decode(entry["mean"]), np.float64))


def sums_to_json(sums: Mapping[str, ViewSum]) -> str:
    """Write sums for the data set's metadata."""
    return json.dumps(
        {
            view: {
                "rows": s.n_rows,
                "sum": base64.b64encode(s.total.tobytes()).decode(),
                "sha256": s.digest,
            }
            for view, s in sums.items()
        }
    )


def sums_from_metadata(metadata: Mapping[bytes, bytes] | None) -> dict[str, ViewSum]:
    """Read the sums; empty where none were written yet."""
    raw = (metadata or {}).get(MEANS_KEY.encode())
    if raw is None:
        return {}
    return {
        view: ViewSum(
            entry["rows"],
            np.frombuffer(base64.b64decode(entry["sum"]), np.float64),
            entry.get("sha256", ""),
        )
        for view, entry in json.loads(raw).items()
    }
