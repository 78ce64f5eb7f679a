"""Full names beside the same parts with other partners: what `studies.identity` measures on."""

from __future__ import annotations

import hashlib
import heapq
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.own_direction import (
    BoolArray,
    OwnDirection,
    PartEffects,
    PartnerGrid,
    own_direction,
    part_capture,
    part_effects,
    part_hold,
    partner_grid,
)
from namebasis.checks import FloatArray, IntArray, unit_rows
from namebasis.namespace.actors.crew import Advance
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.full_names import Pair
from namebasis.namespace.corpus.full_names import split as split
from namebasis.namespace.corpus.pseudo import pseudo_names

if TYPE_CHECKING:
    from namebasis.checks import Float64Array
    from namebasis.encoders.base import Encoder

MOST_FREQUENT = 500
"""The names of a part that partners are drawn from, at most."""
_SIDE = 4  # made-up given names that meet as many made-up family names
_FEWEST_BLOCKS = 10  # of such, below which every part is used once
_MOST_SHUFFLES = 8  # of family names, to recombine as many pairs as there are
_BLOCK = 128  # parts, or names, whose swaps are widened to float64 at a time
_CORPUS = "en_US"
_N_GROUPS = 12  # of partners, which a jackknife leaves out in turn
FEWEST_FREE = 6
"""Swaps that leave enough without one's own name and one group."""


Partners = tuple[Sequence[str], Sequence[str]]
"""Given and family names to swap in."""
Known = dict[str, FloatArray]
"""Rows of names that were embedded already, in the mean of the same templates."""
Real = Callable[[Sequence[Pair]], Sequence[bool]]
"""Tells which pairs somebody bears: these are no swaps."""


@dataclass(frozen=True)
class Measured:
    """What the swaps say about pairs, one value each.

    `left_out` has the evidences `own_score`, `strength` and `hold` once more, without each group
    of partners: arrays of shape (n_groups, n), from which a jackknife tells what the choice of
    partners is worth.
    """

    own: OwnDirection
    whole: FloatArray
    hold_given: Float64Array
    hold_family: Float64Array
    capture_given: Float64Array
    capture_family: Float64Array
    left_out: Mapping[str, Float64Array]


def packaged_partners(n_swaps: int, seed: int, encoder: Encoder | None = None) -> Partners:
    """Common US given and family names from Faker; with an encoder as `draw_partners` draws."""
    faker = read_faker(_CORPUS)
    given, family = (
        draw_names(names, n_swaps, seed, part)
        if encoder is None
        else draw_partners(encoder, names, n_swaps, seed, part)
        for part in ("given", "family")
        for names in (faker.select(part).strings,)
    )
    return given, family


def draw_partners(encoder: Encoder, pool: Iterable[str], n: int, seed: int, part: str) -> list[str]:
    """Draw names of every kind that the encoder tells apart: one of each of n clusters.

    Clusters are Ward's of at most 500 names that `draw_names` takes of the pool, on their
    embeddings. Draws of two seeds are then more alike in what they are paired with than random
    ones. Neighbouring partners lie in neighbouring clusters.
    """
    from scipy.cluster.hierarchy import cut_tree, leaves_list, linkage

    names = sorted(draw_names(pool, n, seed, part, at_most=MOST_FREQUENT))
    if len(names) == n or n < 2:
        return names[:n]
    tree = linkage(encoder.encode_names(names, "{}").astype(np.float64), "ward")
    of_name = cut_tree(tree, n)[:, 0]
    drawn: dict[int, list[str]] = {}
    for at in leaves_list(tree).tolist():
        drawn.setdefault(int(of_name[at]), []).append(names[at])
    return [draw_names(some, 1, seed, part)[0] for some in drawn.values()]


def draw_names(
    pool: Iterable[str], n: int, seed: int, part: str, at_most: int | None = None
) -> list[str]:
    """Draw n names, or up to `at_most`, so that a draw hardly changes when the pool grows.

    Every name has a place of its own, drawn by a hash of seed, part and name; the first ones are
    taken.
    """
    names = set(pool)
    if len(names) < n:
        raise ValueError(f"n_swaps is {n}, but there are only {len(names)} partners; take fewer.")
    n = n if at_most is None else max(n, at_most)
    return heapq.nsmallest(n, names, key=lambda name: (_place(seed, part, name), name))


def _place(seed: int, part: str, name: str) -> bytes:
    return hashlib.blake2b(f"{seed}\0{part}\0{name}".encode(), digest_size=8).digest()


def groups_of(n_swaps: int) -> IntArray:
    """The group of each partner: at most 12, of nearly equal size, each with some of all kinds."""
    return np.arange(n_swaps, dtype=np.int64) % min(_N_GROUPS, n_swaps)


def pseudo_pairs(n: int, seed: int) -> list[Pair]:
    """Made-up full names, spelled like US ones: no one bears either part."""
    words = pseudo_names(2 * n, corpus=read_faker(_CORPUS), seed=seed).strings
    return list(zip(words[:n], words[n:], strict=True))


def crossed_pairs(n: int, seed: int) -> list[Pair]:
    """Made-up full names, from 160 on four of each part: the swaps of a part serve all of them."""
    return _crossed(n, lambda count: pseudo_pairs(count, seed))


def unnamed_pairs(n: int) -> list[Pair]:
    """Numbers that share parts as `crossed_pairs` do, to count prompts without making names up."""
    return _crossed(n, lambda count: [(str(place), str(place)) for place in range(count)])


def _crossed(n: int, make: Callable[[int], list[Pair]]) -> list[Pair]:
    n_blocks = -(-n // _SIDE**2)
    if n_blocks < _FEWEST_BLOCKS:
        return make(n)
    words = make(n_blocks * _SIDE)
    pairs = []
    for start in range(0, len(words), _SIDE):
        some = words[start : start + _SIDE]
        pairs += [(given, family) for given, _ in some for _, family in some]
    return pairs[:n]


def blocks_of(n: int) -> IntArray:
    """Which of `crossed_pairs` share parts: equal numbers do, others do not."""
    crossed = -(-n // _SIDE**2) >= _FEWEST_BLOCKS
    return np.arange(n, dtype=np.int64) // (_SIDE**2 if crossed else 1)


def recombined_pairs(
    pairs: Sequence[Pair], partners: Partners, seed: int, borne: Sequence[Pair] = ()
) -> list[Pair]:
    """Given names of some with family names of others, none among the pairs or those borne.

    As many as there are pairs, where they can be recombined so often. Names that serve as partners
    are left out: their swaps would hold the pair itself.
    """
    real, rng = {*pairs, *borne}, np.random.default_rng(seed)
    givens = [given for given, _ in pairs if given not in partners[0]]
    families = [family for _, family in pairs if family not in partners[1]]
    made: dict[Pair, None] = {}
    for _ in range(_MOST_SHUFFLES):
        rng.shuffle(families)
        made |= dict.fromkeys(
            pair for pair in zip(givens, families, strict=False) if pair not in real
        )
        if len(made) >= len(pairs):
            break
    return list(made)[: len(pairs)]


def measure(
    encoder: Encoder,
    pairs: Sequence[Pair],
    partners: Partners,
    templates: Sequence[str],
    *,
    real: Real | None = None,
    grid: FloatArray | None = None,
    advance: Advance | None = None,
    known: Known | None = None,
) -> Measured:
    """Measure pairs against swaps, in the mean of `templates`.

    A pair's values depend on the pair, the partners and `real` alone, never on which others are
    measured with it. A pair is no swap of its own parts; pairs that `real` names are none of any,
    as long as enough others are left.

    Parameters
    ----------
    encoder : Encoder
    pairs : sequence of (given, family)
    partners : pair of sequences of n_partners names each
    templates : sequence of str
    real : callable, optional
    grid : ndarray of shape (n_partners, n_partners, dim), optional
        What `embed_grid` gave for the same partners and templates.
    advance : callable, optional
        Is told how many prompts were embedded.
    known : dict of str to ndarray of shape (dim,), optional
        See `embedder`.
    """
    first, last = partners
    embed = embedder(encoder, templates, advance, known)
    corner = embed_grid(encoder, partners, templates, advance) if grid is None else grid
    given_groups, family_groups = groups_of(len(first)), groups_of(len(last))
    grids = [partner_grid(corner)]
    for group in range(int(given_groups.max()) + 1):
        # Of what is left out, any finite rows will do: they are not used.
        kept = partner_grid(corner[given_groups != group][:, family_groups != group])
        given, family = grids[0].given.copy(), grids[0].family.copy()
        given[given_groups != group], family[family_groups != group] = kept.given, kept.family
        grids.append(PartnerGrid(kept.grand, given, family))
    whole = embed([_join(*pair) for pair in pairs])
    sides = [
        _Side.of(embed, pairs, side, (last, first)[side], real, grids, whole) for side in (0, 1)
    ]
    found = [
        own_direction(
            whole, sides[0].effects[at], sides[1].effects[at], one.grand, sides[0].rows,
            sides[1].rows,
        )
        for at, one in enumerate(grids)
    ]  # fmt: skip
    left_out = {
        "own_score": np.array([one.score for one in found[1:]]),
        "strength": np.array([one.strength for one in found[1:]]),
        "hold": np.maximum(sides[0].hold[1:], sides[1].hold[1:]),
    }
    return Measured(
        found[0], whole, sides[0].hold[0], sides[1].hold[0], sides[0].capture, sides[1].capture,
        left_out,
    )  # fmt: skip


def embed_grid(
    encoder: Encoder,
    partners: Partners,
    templates: Sequence[str],
    advance: Advance | None = None,
    known: Known | None = None,
) -> FloatArray:
    """All pairs of the partners with each other, (n_given, n_family, dim)."""
    first, last = partners
    rows = embedder(encoder, templates, advance, known)([_join(g, f) for g in first for f in last])
    return rows.reshape(len(first), len(last), -1)


def embedder(
    encoder: Encoder,
    templates: Sequence[str],
    advance: Advance | None,
    known: Known | None = None,
) -> Callable[[list[str]], FloatArray]:
    """What embeds names in the mean of templates, scaled to length 1.

    Names that are in `known` are not embedded again, and others are entered there.
    """

    def encode(names: list[str]) -> FloatArray:
        total = sum(encoder.encode_names(names, template) for template in templates)
        rows = np.asarray(total, dtype=np.float32)
        return rows if len(templates) == 1 else unit_rows(rows)

    def embed(names: list[str]) -> FloatArray:
        if known is None:
            rows = encode(names)
        else:
            fresh = [name for name in dict.fromkeys(names) if name not in known]
            known.update(zip(fresh, encode(fresh) if fresh else (), strict=True))
            rows = np.stack([known[name] for name in names])
        if advance is not None:
            advance(len(names) * len(templates))
        return rows

    return embed


def count_prompts(
    pairs: Sequence[Pair], partners: Partners, templates: Sequence[str], *, with_grid: bool = True
) -> int:
    """How many prompts `measure` embeds."""
    first, last = (len(side) for side in partners)
    givens, families = (len({pair[side] for pair in pairs}) for side in (0, 1))
    each = len(pairs) + givens * (last + 1) + families * (first + 1) + with_grid * first * last
    return each * len(templates)


def _join(given: str, family: str) -> str:
    return f"{given} {family}"


@dataclass(frozen=True)
class _Side:
    """What one part of pairs does: first with all partners, then without each group of them.

    Effects are those of a part without one partner, where that makes the very pair: `rows` says
    which effect each pair has.
    """

    effects: list[PartEffects]
    rows: IntArray
    hold: Float64Array
    capture: Float64Array

    @classmethod
    def of(
        cls,
        embed: Callable[[list[str]], FloatArray],
        pairs: Sequence[Pair],
        side: int,
        partners: Sequence[str],
        real: Real | None,
        grids: Sequence[PartnerGrid],
        whole: FloatArray,
    ) -> _Side:
        """Embed a block of parts at a time: the swaps of many are never held together."""
        parts = list(dict.fromkeys(pair[side] for pair in pairs))
        at = {part: row for row, part in enumerate(parts)}
        known, groups = set(partners), groups_of(len(partners))
        own = [pair[1 - side] if pair[1 - side] in known else None for pair in pairs]
        keys = [(at[pair[side]], one) for pair, one in zip(pairs, own, strict=True)]
        units = sorted(set(keys), key=lambda key: (key[0], key[1] or ""))
        unit = {key: row for row, key in enumerate(units)}
        rows = np.array([unit[key] for key in keys], dtype=np.int64)
        part_of = np.array([part for part, _ in units], dtype=np.int64)
        kept = [np.ones(len(partners), dtype=bool)]
        kept += [groups != group for group in range(len(grids) - 1)]
        effects: list[list[PartEffects]] = [[] for _ in grids]
        hold, capture = np.empty((len(grids), len(whole))), np.empty(len(whole))
        for start in range(0, len(parts), _BLOCK):
            some = parts[start : start + _BLOCK]
            swaps = [
                [(part, other) if side == 0 else (other, part) for other in partners]
                for part in some
            ]
            cube = embed([_join(*pair) for row in swaps for pair in row])
            cube = cube.reshape(len(some), len(partners), -1)
            alone = embed(some)
            here = np.flatnonzero((part_of >= start) & (part_of < start + len(some)))
            free = usable(swaps, real)[part_of[here] - start]
            for row, number in enumerate(here.tolist()):
                if (other := units[number][1]) is not None:
                    free[row, list(partners).index(other)] = False
            mine = cube[part_of[here] - start]
            for number, (grid, keep) in enumerate(zip(grids, kept, strict=True)):
                others = grid.given if side else grid.family
                effects[number].append(part_effects(mine, others, free & keep))
            bearers = np.flatnonzero((rows >= here[0]) & (rows <= here[-1]))
            for first in range(0, len(bearers), _BLOCK):
                few = bearers[first : first + _BLOCK]
                at_unit = rows[few] - here[0]
                swapped, valid = mine[at_unit], free[at_unit]
                for number, (grid, keep) in enumerate(zip(grids, kept, strict=True)):
                    hold[number, few] = part_hold(whole[few], swapped, grid.grand, valid & keep)
                of_few = alone[part_of[rows[few]] - start]
                capture[few] = part_capture(whole[few], of_few, swapped, valid)
        joined = [
            PartEffects(
                np.concatenate([one.effects for one in many]),
                np.concatenate([one.noise for one in many]),
            )
            for many in effects
        ]
        return cls(joined, rows, hold, capture)


def usable(swaps: Sequence[Sequence[Pair]], real: Real | None) -> BoolArray:
    """Which swaps nobody bears, (n_parts, n_partners); all of a part that has too few such."""
    n = len(swaps[0])
    if real is None:
        return np.ones((len(swaps), n), dtype=bool)
    borne = real([pair for row in swaps for pair in row])
    free = ~np.array(borne, dtype=bool).reshape(len(swaps), n)
    free[free.sum(axis=1) < max(n // 2, FEWEST_FREE)] = True
    return free
