"""Taking a name out of the weights: rank-one edits in closed form, and what names lose by them.

At each key of a name the value is set to what the parts of the name predict, by the edit that
changes the values of other keys least [1]_. Blocks are edited in the order in which they are
computed, each on the keys that the edits before it leave.

.. [1] Meng et al. (2022), Locating and editing factual associations in GPT; Arad et al. (2024),
   ReFACT: updating text-to-image models by editing the text encoder.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from namebasis.analysis.identity.own_direction import PartnerGrid, partner_grid
from namebasis.analysis.intervals import median_interval
from namebasis.analysis.training.rank_one import second_moment, value_edit
from namebasis.checks import Float64Array, Progress
from namebasis.formation.weight_identity.asked import Asked
from namebasis.formation.weight_identity.keys import Memories, swaps_of
from namebasis.formation.weight_identity.writer_results import NULLS
from namebasis.results import Result, Table
from namebasis.wording import percent


@dataclass(frozen=True, repr=False, eq=False)
class KnockOut(Result):
    """What names lose of their own when one of them is taken out of the weights.

    Attributes
    ----------
    label : str
        The checkpoint or encoder.
    names, kinds : tuple of n_names str
        Those that were taken out, one at a time.
    length : ndarray of shape (n_names,)
        Of what each has beyond its parts.
    lost : ndarray of shape (n_names,)
        Share of it that is gone from its direction; above 1 where it is turned round.
    others, null : ndarray of shape (n_names,)
        What all other names asked about, and names that nobody bears, lose or gain, over what
        they have; NaN where there are none.
    change : ndarray of shape (n_names,)
        Length of the edits over that of the matrices.
    """

    _section = "Formation: over checkpoints"

    label: str
    names: tuple[str, ...]
    kinds: tuple[str, ...]
    length: Float64Array
    lost: Float64Array
    others: Float64Array
    null: Float64Array
    change: Float64Array

    def headline(self) -> str | None:
        """What the median name loses, and others by it."""
        lost = median_interval(self.lost)
        told = (
            f"{self.label}: a name that is taken out of the MLPs loses {percent(lost.value)} of "
            "what it has of its own"
        )
        if lost.low is not None:
            told += f" (median; {percent(lost.low)} to {percent(lost.high)})"
        has_others = bool(np.isfinite(self.others).any())
        beside = self.others if has_others else self.null
        who = "other names" if has_others else "names that nobody bears"
        return f"{told}, {who} {percent(np.nanmedian(beside), 1)} of theirs."

    def tables(self) -> tuple[Table, ...]:
        """A row per name."""
        table = Table.of(
            self.to_arrow(), title=f"{self.label}: what is lost when a name is taken out",
            key="knock out",
        )  # fmt: skip
        return (table,)

    def to_arrow(self) -> pa.Table:
        """One row per name that was taken out."""

        def known(values: Float64Array) -> pa.Array:
            return pa.array(values, mask=np.isnan(values))

        return pa.table({
            "name": list(self.names), "kind": list(self.kinds), "own length": self.length,
            "lost": self.lost, "lost by others": known(self.others),
            "lost by null": known(self.null), "weights moved": self.change,
        })  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"label": self.label, "names": self.to_arrow().to_pylist()}


class Remover:
    """Takes names out of an encoder's weights, and measures what all of them lose.

    Parameters
    ----------
    memories : Memories
    asked : Asked
    """

    def __init__(self, memories: Memories, asked: Asked) -> None:
        self._memories, self._asked = memories, asked
        self._swaps = swaps_of(asked, memories.rows)
        self._before = np.asarray(self._swaps.measure().remainder, dtype=np.float64)
        self.length = np.linalg.norm(self._before, axis=1)
        first, last = asked.partners
        corner = [(given, family) for given in first for family in last]
        self._moments: dict[tuple[int, int], Float64Array] = {}
        self._grids: dict[tuple[int, int], PartnerGrid] = {}
        known = list(dict.fromkeys([*corner, *self._swapped(), *asked.pairs]))
        for layer, sites in self._by_layer().items():
            keys = memories.keys(known, layer)
            for site in sites:
                self._moments[layer, site] = second_moment(keys[:, site])
                grid = keys[: len(corner), site].reshape(len(first), len(last), -1)
                self._grids[layer, site] = partner_grid(grid)

    def _by_layer(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for layer, site in self._memories.sites:
            found.setdefault(layer, []).append(site)
        return found

    def _swapped(self) -> Iterator[tuple[str, str]]:
        first, last = self._asked.partners
        for given, family in self._asked.pairs:
            yield from ((given, other) for other in last)
            yield from ((other, family) for other in first)

    @contextmanager
    def without(self, row: int) -> Iterator[float]:
        """Weights without the name of a row for a while; yields how far the matrices moved."""
        weights = self._memories.weights()
        with self._memories.changed({layer: np.zeros(w.shape) for layer, w in enumerate(weights)}):
            self.remove(row)
            moved = sum(
                float(np.square(after - before).sum())
                for after, before in zip(self._memories.weights(), weights, strict=True)
            )
            yield float(np.sqrt(moved / sum(float(np.square(one).sum()) for one in weights)))

    def remove(self, row: int) -> None:
        """Take the name of a row out of the weights that are in memory."""
        name = self._asked.pairs[row]
        first, last = self._asked.partners
        given_free = self._swaps.given_valid[self._swaps.given_rows[row]]
        family_free = self._swaps.family_valid[self._swaps.family_rows[row]]
        pairs = [
            name,
            *((name[0], other) for other in last),
            *((other, name[1]) for other in first),
        ]
        for layer, site in self._memories.sites:
            keys = self._memories.keys(pairs, layer)[:, site]
            grid = self._grids[layer, site]
            of_given, of_family = np.split(keys[1:], [len(last)])
            own = keys[0] - grid.grand
            own -= (of_given - grid.family)[given_free].mean(axis=0)
            own -= (of_family - grid.given)[family_free].mean(axis=0)
            weight = self._memories.weights()[layer].astype(np.float64)
            edit = value_edit(-weight @ own, keys[0], self._moments[layer, site])
            self._memories.add({layer: edit})

    def lost(self) -> Float64Array:
        """What each name has lost of its own direction with the weights as they are, (n,)."""
        after = swaps_of(self._asked, self._memories.rows).measure().remainder
        return np.asarray(np.einsum("nd,nd->n", self._before - after, self._before) / self.length)


def take_out(
    memories: Memories,
    asked: Asked,
    rows: Sequence[int],
    label: str,
    progress: Progress | None = None,
) -> KnockOut:
    """Take names out of the weights one at a time; the weights are put back.

    Parameters
    ----------
    memories : Memories
    asked : Asked
        Everyone whose loss is measured.
    rows : sequence of int
        Which of them are taken out.
    label : str
    progress : callable, optional
        Called with names done and in all.

    Raises
    ------
    EncoderError
        If a name has no pieces of its own in the template.
    """
    remover = Remover(memories, asked)
    is_null = np.array([kind in NULLS for kind in asked.kinds])
    found = np.empty((4, len(rows)))
    for done, row in enumerate(rows):
        if progress is not None:
            progress(done, len(rows))
        with remover.without(row) as change:
            lost = remover.lost()
        beside = np.arange(len(lost)) != row
        found[:, done] = (
            lost[row] / remover.length[row],
            *(_share(lost, remover.length, beside & group) for group in (~is_null, is_null)),
            change,
        )
    if progress is not None:
        progress(len(rows), len(rows))
    return KnockOut(
        label, tuple(asked.names[row] for row in rows), tuple(asked.kinds[row] for row in rows),
        remover.length[list(rows)], *found,
    )  # fmt: skip


def _share(lost: Float64Array, length: Float64Array, chosen: np.ndarray[Any, Any]) -> float:
    """Losses and gains over what there was."""
    return float(np.abs(lost[chosen]).sum() / length[chosen].sum()) if chosen.any() else np.nan
