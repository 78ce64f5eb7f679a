"""Full names beside the same parts with other partners: what `studies.identity` measures on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity.own_direction import (
    OwnDirection,
    PartEffects,
    own_direction,
    part_capture,
    part_effects,
    part_hold,
    partner_grid,
)
from namebasis.checks import FloatArray, IntArray, unit_rows
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.full_names import Pair
from namebasis.namespace.corpus.full_names import split as split
from namebasis.namespace.corpus.pseudo import pseudo_names
from namebasis.studies.identity.contexts import Advance

if TYPE_CHECKING:
    from namebasis.checks import Float64Array
    from namebasis.encoders.base import Encoder

_BLOCK = 256  # parts, or names, whose swaps are widened to float64 at a time
_CORPUS = "en_US"


@dataclass(frozen=True)
class Measured:
    """What the swaps say about pairs, one value each."""

    own: OwnDirection
    whole: FloatArray
    hold_given: Float64Array
    hold_family: Float64Array
    capture_given: Float64Array
    capture_family: Float64Array


def choose_partners(pairs: Sequence[Pair], n_swaps: int, seed: int) -> tuple[list[str], list[str]]:
    """Given and family names to swap in: of the pairs themselves if there are enough of both.

    Otherwise, and where a part's pairs with them are mostly real names, common US names from
    Faker, without those of the pairs.
    """
    rng = np.random.default_rng(seed)
    pools = [sorted({pair[side] for pair in pairs}) for side in (0, 1)]
    if min(map(len, pools)) >= 2 * n_swaps:
        given, family = (_draw(pool, n_swaps, rng) for pool in pools)
        if _most_real(pairs, given, family) <= n_swaps // 2:
            return given, family
    faker = read_faker(_CORPUS)
    taken = {word for pair in pairs for word in pair}
    given, family = (
        _draw([name for name in faker.select(part).strings if name not in taken], n_swaps, rng)
        for part in ("given", "family")
    )
    return given, family


def _draw(pool: Sequence[str], n: int, rng: np.random.Generator) -> list[str]:
    if len(pool) < n:
        raise ValueError(f"n_swaps is {n}, but there are only {len(pool)} partners; take fewer.")
    return [pool[i] for i in rng.permutation(len(pool))[:n].tolist()]


def _most_real(pairs: Sequence[Pair], given: Sequence[str], family: Sequence[str]) -> int:
    """The most real names that any part makes with these partners."""
    first, last = set(given), set(family)
    real = Counter(("given", one) for one, other in pairs if other in last)
    real += Counter(("family", other) for one, other in pairs if one in first)
    return max(real.values(), default=0)


def pseudo_pairs(n: int, seed: int) -> list[Pair]:
    """Made-up full names, spelled like US ones: no one bears either part."""
    words = pseudo_names(2 * n, corpus=read_faker(_CORPUS), seed=seed).strings
    return list(zip(words[:n], words[n:], strict=True))


def recombined_pairs(
    pairs: Sequence[Pair], partners: tuple[Sequence[str], Sequence[str]], seed: int
) -> list[Pair]:
    """Given names of some with family names of others, none of them among the pairs.

    Names that serve as partners are left out: their swaps would hold the pair itself.
    """
    real, rng = set(pairs), np.random.default_rng(seed)
    givens = [given for given, _ in pairs if given not in partners[0]]
    families = [family for _, family in pairs if family not in partners[1]]
    rng.shuffle(families)
    made = dict.fromkeys(zip(givens, families, strict=False))
    return [pair for pair in made if pair not in real]


def measure(
    encoder: Encoder,
    pairs: Sequence[Pair],
    real: set[Pair],
    partners: tuple[Sequence[str], Sequence[str]],
    templates: Sequence[str],
    *,
    advance: Advance | None = None,
) -> Measured:
    """Measure pairs against swaps, in the mean of `templates`; `real` pairs are never a swap."""
    givens = list(dict.fromkeys(given for given, _ in pairs))
    families = list(dict.fromkeys(family for _, family in pairs))
    first, last = partners

    def embed(names: list[str]) -> FloatArray:
        total = sum(encoder.encode_names(names, template) for template in templates)
        if advance is not None:
            advance(len(names) * len(templates))
        rows = np.asarray(total, dtype=np.float32)
        return rows if len(templates) == 1 else unit_rows(rows)

    corner = embed([_join(g, f) for g in first for f in last])
    grid = partner_grid(corner.reshape(len(first), len(last), -1))
    whole = embed([_join(*pair) for pair in pairs])
    at_given = {given: row for row, given in enumerate(givens)}
    at_family = {family: row for row, family in enumerate(families)}
    given_rows = np.array([at_given[given] for given, _ in pairs], dtype=np.int64)
    family_rows = np.array([at_family[family] for _, family in pairs], dtype=np.int64)
    ahead = [[(given, other) for other in last] for given in givens]
    behind = [[(other, family) for other in first] for family in families]
    given_side = _side(embed, givens, ahead, real, grid.family, grid.grand, whole, given_rows)
    family_side = _side(embed, families, behind, real, grid.given, grid.grand, whole, family_rows)
    own = own_direction(
        whole, given_side.effects, family_side.effects, grid.grand, given_rows, family_rows
    )
    return Measured(
        own, whole, given_side.hold, family_side.hold, given_side.capture, family_side.capture
    )


def count_prompts(
    pairs: Sequence[Pair], partners: tuple[Sequence[str], Sequence[str]], templates: Sequence[str]
) -> int:
    """How many prompts `measure` embeds."""
    first, last = (len(side) for side in partners)
    givens, families = (len({pair[side] for pair in pairs}) for side in (0, 1))
    each = first * last + len(pairs) + givens * (last + 1) + families * (first + 1)
    return each * len(templates)


def _join(given: str, family: str) -> str:
    return f"{given} {family}"


@dataclass(frozen=True)
class _Side:
    effects: PartEffects
    hold: Float64Array
    capture: Float64Array


def _side(
    embed: Callable[[list[str]], FloatArray],
    parts: Sequence[str],
    swaps: Sequence[Sequence[Pair]],
    real: set[Pair],
    partners: Float64Array,
    centre: Float64Array,
    whole: FloatArray,
    rows: IntArray,
) -> _Side:
    """Effects of parts, and how they hold and capture the whole names that have them.

    A block of parts at a time, so that the swaps of many names are never held together.
    """
    effects, noise = [], []
    hold, capture = np.empty(len(whole)), np.empty(len(whole))
    for start in range(0, len(parts), _BLOCK):
        some = swaps[start : start + _BLOCK]
        cube = embed([_join(*pair) for row in some for pair in row])
        cube = cube.reshape(len(some), len(partners), -1)
        valid = np.array([[pair not in real for pair in row] for row in some])
        found = part_effects(cube, partners, valid)
        effects.append(found.effects)
        noise.append(found.noise)
        alone = embed(list(parts[start : start + _BLOCK]))
        bearers = np.flatnonzero((rows >= start) & (rows < start + len(some)))
        for first in range(0, len(bearers), _BLOCK):
            few = bearers[first : first + _BLOCK]
            part = rows[few] - start
            hold[few] = part_hold(whole[few], cube[part], centre, valid[part])
            capture[few] = part_capture(whole[few], alone[part], cube[part], valid[part])
    return _Side(PartEffects(np.concatenate(effects), np.concatenate(noise)), hold, capture)
