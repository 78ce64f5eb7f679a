"""MLPs as memories: the keys of names, and what the second matrices write for them.

The second matrix of an MLP maps a key, its input, to a value that it writes into the residual
stream. Two tokens of a prompt matter: the last of the name, where its parts first meet, and the end
token, which is pooled. What the MLPs write at each adds up over the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from namebasis.analysis.identity.own_parts import Swaps
from namebasis.checks import BoolArray, Float64Array, FloatArray, IntArray
from namebasis.formation.towers import HookedTower
from namebasis.formation.weight_identity.asked import Asked
from namebasis.formation.weight_identity.writer_results import SOURCES
from namebasis.formation.weight_identity.writers import prompts_of
from namebasis.studies.identity.swaps import usable

if TYPE_CHECKING:
    from torch import Tensor

    from namebasis.encoders.base import Encoder
    from namebasis.namespace.corpus.full_names import Pair

Weights = npt.NDArray[np.floating]
SITES = ("name", "end")
"""Tokens at which a key is taken: the name's last, and the one that is pooled."""
_FAMILY = SOURCES.index("family")
_TOKENS_AT_ONCE = 8_192


class Memories:
    """The second matrices of an encoder's text tower, and the keys that names have for them.

    Parameters
    ----------
    encoder : Encoder
        A CLIP text tower of ``hf:`` or ``open_clip:``.
    template : str

    Raises
    ------
    EncoderError
        If it is another tower, or its MLPs are not of two matrices.
    """

    def __init__(self, encoder: Encoder, template: str = "{}") -> None:
        self.encoder, self.template = encoder, template
        self._tower = HookedTower(encoder)
        self._matrices = self._tower.second_matrices()
        self.n_layers = len(self._matrices)
        self._prompts: dict[Pair, tuple[list[int], int]] = {}

    @property
    def sites(self) -> tuple[tuple[int, int], ...]:
        """(block from 0, site) of every key that counts, in the order in which they are computed.

        What the last block writes at the name's last token, nothing reads.
        """
        cells = [(layer, site) for layer in range(self.n_layers) for site in range(len(SITES))]
        return tuple(cell for cell in cells if cell != (self.n_layers - 1, 0))

    def weights(self) -> list[FloatArray]:
        """The second matrices, each (width, hidden)."""
        return [part.weight.detach().float().cpu().numpy().copy() for part in self._matrices]

    def rows(self, pairs: Sequence[Pair]) -> FloatArray:
        """Unit rows of names as the weights are now, (n, dim)."""
        return self._run(pairs, lambda _layer, _keys: None)[0]

    def keys(self, pairs: Sequence[Pair], layer: int) -> Float64Array:
        """Keys of names for one block, (n, 2, hidden): at each of `SITES`."""
        found = self._run(pairs, lambda at, keys: keys.double() if at == layer else None)[1]
        return np.asarray(found[layer], dtype=np.float64)

    def written(self, pairs: Sequence[Pair], weights: Sequence[Weights]) -> FloatArray:
        """What matrices write for names' keys at both sites, summed over blocks, (n, 2 * width)."""
        import torch

        device = self._matrices[0].weight.device
        maps = [torch.from_numpy(one).float().to(device) for one in weights]

        def write(layer: int, keys: Tensor) -> Tensor:
            values = keys.float() @ maps[layer].T
            if layer == self.n_layers - 1:
                values[:, 0] = 0.0
            return values

        found = self._run(pairs, write)[1]
        return np.asarray(sum(found.values()), dtype=np.float32).reshape(len(pairs), -1)

    @contextmanager
    def changed(self, edits: Mapping[int, Float64Array]) -> Iterator[None]:
        """Weights with something added to the matrices of some blocks; put back at the end."""
        import torch

        before = {layer: self._matrices[layer].weight.detach().clone() for layer in edits}
        try:
            self.add(edits)
            yield
        finally:
            with torch.no_grad():
                for layer, kept in before.items():
                    self._matrices[layer].weight.copy_(kept)

    def add(self, edits: Mapping[int, Float64Array]) -> None:
        """Add to the matrices of blocks, in the model that is in memory."""
        import torch

        with torch.no_grad():
            for layer, edit in edits.items():
                weight = self._matrices[layer].weight
                weight += torch.from_numpy(edit).to(weight)

    def _run(
        self, pairs: Sequence[Pair], take: Callable[[int, Tensor], Tensor | None]
    ) -> tuple[FloatArray, dict[int, FloatArray]]:
        """Unit rows, and what `take` makes of the keys of each block, (n, 2, hidden) at a time."""
        prompts = self._prompts_of(pairs)
        ids, last = [one for one, _ in prompts], np.array([at for _, at in prompts])
        lengths = np.array([len(one) for one in ids])
        rows: list[FloatArray] = []
        kept: dict[int, list[FloatArray]] = {}
        order = []
        for length in np.unique(lengths):
            same = np.flatnonzero(lengths == length)
            step = max(1, _TOKENS_AT_ONCE // int(length))
            for start in range(0, len(same), step):
                some = same[start : start + step]
                found, taken = self._batch([ids[row] for row in some], last[some], take)
                rows.append(found)
                for layer, values in taken.items():
                    kept.setdefault(layer, []).append(values)
                order.append(some)
        back = np.argsort(np.concatenate(order))
        return (
            np.concatenate(rows)[back],
            {layer: np.concatenate(parts)[back] for layer, parts in kept.items()},
        )

    def _prompts_of(self, pairs: Sequence[Pair]) -> list[tuple[list[int], int]]:
        """Token ids of each name in the template, and the last token of the name."""
        new = [pair for pair in dict.fromkeys(pairs) if pair not in self._prompts]
        found = prompts_of(self.encoder, self._tower, new, self.template) if new else ([], [])
        for pair, ids, sources in zip(new, *found, strict=True):
            self._prompts[pair] = ids, int(np.flatnonzero(sources == _FAMILY)[-1])
        return [self._prompts[pair] for pair in pairs]

    def _batch(
        self, ids: Sequence[Sequence[int]], last: IntArray, take: Callable[[int, Tensor], Any]
    ) -> tuple[FloatArray, dict[int, FloatArray]]:
        """As `_run`, of prompts of one length, with the last token of each name."""
        import torch

        at, places = torch.arange(len(ids)), torch.from_numpy(last)
        taken = {}

        def see(layer: int, inputs: Tensor) -> None:
            found = take(layer, torch.stack([inputs[at, places], inputs[:, -1]], dim=1))
            if found is not None:
                taken[layer] = found.cpu().numpy()

        rows = self._tower.inputs_of(self._matrices, torch.tensor(ids), see)
        return rows.cpu().numpy(), taken


def swaps_of(asked: Asked, embed: Callable[[Sequence[Pair]], FloatArray]) -> Swaps:
    """Names with their parts beside other partners, in what `embed` makes of pairs, (n, d).

    A pair is no swap of its own parts; pairs that somebody bears are none of any, as long as a
    part has enough others.
    """
    first, last = asked.partners
    sides = [_Side.of(asked, embed, side) for side in (0, 1)]
    grid = embed([(given, family) for given in first for family in last])
    return Swaps(
        embed(asked.pairs), grid.reshape(len(first), len(last), -1), sides[0].rows, sides[1].rows,
        sides[0].valid, sides[1].valid, sides[0].of_name, sides[1].of_name,
    )  # fmt: skip


@dataclass(frozen=True)
class _Side:
    """Given or family names of all pairs beside partners; once more without each that makes one.

    `of_name` says which row each pair has.
    """

    rows: FloatArray
    valid: BoolArray
    of_name: IntArray

    @classmethod
    def of(cls, asked: Asked, embed: Callable[[Sequence[Pair]], FloatArray], side: int) -> _Side:
        partners = asked.partners[1 - side]
        known = {partner: at for at, partner in enumerate(partners)}
        keys = [(pair[side], known.get(pair[1 - side])) for pair in asked.pairs]
        units = {key: row for row, key in enumerate(dict.fromkeys(keys))}
        parts = {part: row for row, part in enumerate(dict.fromkeys(part for part, _ in units))}
        swaps = [
            [(part, other) if side == 0 else (other, part) for other in partners] for part in parts
        ]
        embedded = embed([pair for row in swaps for pair in row])
        of_unit = [parts[part] for part, _ in units]
        valid = usable(swaps, asked.real)[of_unit]
        for row, (_, own) in enumerate(units):
            if own is not None:
                valid[row, own] = False
        return cls(
            embedded.reshape(len(parts), len(partners), -1)[of_unit], valid,
            np.array([units[key] for key in keys], dtype=np.int64),
        )  # fmt: skip
