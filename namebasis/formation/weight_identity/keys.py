"""MLPs as memories: the keys of names, and what the second matrices write for them.

The second matrix of an MLP maps a key, its input, to a value that it writes into the residual
stream. Two tokens of a prompt matter: the last of the name, where its parts first meet, and the end
token, which is pooled. What the MLPs write at each adds up over the blocks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

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

    def written(self, pairs: Sequence[Pair], weights: Sequence[FloatArray]) -> FloatArray:
        """What matrices write for names' keys at both sites, summed over blocks, (n, 2 * width)."""
        import torch

        device = self._matrices[0].weight.device
        maps = [torch.from_numpy(one).to(device) for one in weights]

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
        ids, sources = prompts_of(self.encoder, self._tower, pairs, self.template)
        last = np.array([int(np.flatnonzero(one == _FAMILY)[-1]) for one in sources])
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

    A pair that is a name asked about or known to be somebody's is no swap, as long as a part has
    enough others.
    """
    first, last = asked.partners
    givens = list(dict.fromkeys(given for given, _ in asked.pairs))
    families = list(dict.fromkeys(family for _, family in asked.pairs))
    taken = {*asked.borne, *asked.pairs}

    def free(swaps: list[list[Pair]]) -> BoolArray:
        return usable(swaps, lambda pairs: [pair in taken for pair in pairs])

    by_given = [[(given, family) for family in last] for given in givens]
    by_family = [[(given, family) for given in first] for family in families]

    def cube(swaps: list[list[Pair]]) -> FloatArray:
        rows = embed([pair for row in swaps for pair in row])
        return rows.reshape(len(swaps), -1, rows.shape[1])

    return Swaps(
        embed(asked.pairs), cube([[(given, family) for family in last] for given in first]),
        cube(by_given), cube(by_family), free(by_given), free(by_family),
        np.array([givens.index(given) for given, _ in asked.pairs], dtype=np.int64),
        np.array([families.index(family) for _, family in asked.pairs], dtype=np.int64),
    )  # fmt: skip
