"""How much of a training's change of weights lies along the keys of names."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.intervals import auc_interval
from namebasis.analysis.training.rank_one import rank_one_shares, second_moment
from namebasis.checks import Float64Array
from namebasis.encoders.registry import load_encoder
from namebasis.formation.checkpoints import Checkpoint
from namebasis.formation.weight_identity.asked import Asked
from namebasis.formation.weight_identity.keys import SITES, Memories
from namebasis.formation.weight_identity.writer_results import NULLS
from namebasis.results import Result, Table


@dataclass(frozen=True, repr=False, eq=False)
class KeyChanges(Result):
    """What the change of each MLP's second matrix does to the keys of names.

    Attributes
    ----------
    first, last : str
        The checkpoints between which the change is.
    names, kinds : tuple of n_names str
        Those asked about, then those of the null.
    cells : tuple of n_cells (int, str)
        Block, from 1, and the token whose key it is, one of `keys.SITES`.
    shares : ndarray of shape (n_names, n_cells)
        Of the change that is rank one along the name's whitened key, see `rank_one_shares`.
    lengths : ndarray of shape (n_names, n_cells)
        How far the change moves the value of the name's key, in units of the residual stream.
    """

    _section = "Formation: over checkpoints"

    first: str
    last: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    cells: tuple[tuple[int, str], ...]
    shares: Float64Array
    lengths: Float64Array

    def tables(self) -> tuple[Table, ...]:
        """Both measures, a row per kind and key, beside those of names that nobody bears."""
        told = (
            ("rank one", self.shares, "share of the change that is rank one along names' keys"),
            ("value moved", self.lengths, "how far the change moves the values of names' keys"),
        )
        return tuple(
            Table(
                ("kind", "MLP", "key at", "names", column, "of null", "above null", "95 %"),
                self._rows(values), f"{self.first} to {self.last}: {title}", key=column,
                detail=True,
            )
            for column, values, title in told
        )  # fmt: skip

    def _rows(self, values: Float64Array) -> list[tuple[object, ...]]:
        kinds = np.array(self.kinds)
        null = values[np.isin(kinds, NULLS)]
        rows: list[tuple[object, ...]] = []
        for kind in dict.fromkeys(one for one in self.kinds if one not in NULLS):
            mine = values[kinds == kind]
            for at, (block, site) in enumerate(self.cells):
                cells: tuple[object, ...] = (None, None, None)
                if len(null):
                    found = auc_interval(mine[:, at], null[:, at])
                    ends = None if found.low is None else f"{found.low:.2f} to {found.high:.2f}"
                    cells = (float(np.median(null[:, at])), found.value, ends)
                rows.append((
                    kind, block, site, len(mine), float(np.median(mine[:, at])), *cells
                ))  # fmt: skip
        return rows

    def to_arrow(self) -> pa.Table:
        """One row per name, those of the null too, and key."""
        n, cells = self.shares.shape
        return pa.table({
            "name": np.repeat(np.array(self.names, dtype=object), cells),
            "kind": np.repeat(np.array(self.kinds, dtype=object), cells),
            "MLP": np.tile(np.array([block for block, _ in self.cells]), n),
            "key at": np.tile(np.array([site for _, site in self.cells], dtype=object), n),
            "rank one": self.shares.ravel(),
            "value moved": self.lengths.ravel(),
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"first": self.first, "last": self.last, "keys": self.to_arrow().to_pylist()}


def key_changes(
    first: Checkpoint,
    last: Checkpoint,
    asked: Asked,
    template: str = "{}",
    device: str | None = None,
) -> KeyChanges:
    """Measure the change of weights between two checkpoints along the keys of the second.

    Keys are whitened by those of all partners beside each other and of all names.

    Parameters
    ----------
    first, last : Checkpoint
        With MLPs of the same shapes.
    asked : Asked
    template : str
    device : str, optional

    Raises
    ------
    EncoderError
        If a tower has no keys.
    """
    before = _memories(first, template, device).weights()
    memories = _memories(last, template, device)
    given, family = asked.partners
    corner = [(one, other) for one in given for other in family]
    changes = [
        np.asarray(after, np.float64) - earlier
        for after, earlier in zip(memories.weights(), before, strict=True)
    ]
    found = [
        _along(changes[layer], memories.keys([*corner, *asked.pairs], layer)[:, site], len(corner))
        for layer, site in memories.sites
    ]
    return KeyChanges(
        first.label, last.label, asked.names, asked.kinds,
        tuple((layer + 1, SITES[site]) for layer, site in memories.sites),
        np.stack([shares for shares, _ in found], axis=1),
        np.stack([lengths for _, lengths in found], axis=1),
    )  # fmt: skip


def _memories(one: Checkpoint, template: str, device: str | None) -> Memories:
    return Memories(load_encoder(one.spec, revision=one.revision, device=device), template)


def _along(
    change: Float64Array, keys: Float64Array, n_corner: int
) -> tuple[Float64Array, Float64Array]:
    """Shares and lengths of the names' keys, which follow those of the partners."""
    own = keys[n_corner:]
    lengths = np.linalg.norm(own @ change.T, axis=1)
    return rank_one_shares(change, own, second_moment(keys)), lengths


def ends_of(checkpoints: Sequence[Checkpoint], labels: Sequence[str]) -> tuple[Checkpoint, ...]:
    """The first and the last checkpoint that were measured; none of a single one."""
    by_label = {one.label: one for one in checkpoints}
    return (by_label[labels[0]], by_label[labels[-1]]) if len(labels) > 1 else ()
