"""Full names beside the same parts with other partners: what `studies.identity` measures on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from namebasis.analysis.identity import (
    OwnDirection,
    PartEffects,
    own_direction,
    part_capture,
    part_effects,
    partner_grid,
)
from namebasis.checks import FloatArray, IntArray
from namebasis.namespace.faker_source import read_faker
from namebasis.namespace.pseudo import pseudo_names

if TYPE_CHECKING:
    from namebasis.analysis.identity import BoolArray, Float64Array
    from namebasis.encoders.base import Encoder

Pair = tuple[str, str]
_BLOCK = 256  # names whose swaps are widened to float64 at a time
_CORPUS = "en_US"


@dataclass(frozen=True)
class Measured:
    """What the swaps say about pairs, one value each."""

    own: OwnDirection
    capture_given: Float64Array
    capture_family: Float64Array


def split(name: str) -> Pair | None:
    """First words and last word; None for a name of one word."""
    given, _, family = " ".join(name.split()).rpartition(" ")
    return (given, family) if given else None


def choose_partners(pairs: Sequence[Pair], n_swaps: int, seed: int) -> tuple[list[str], list[str]]:
    """Given and family names to swap in: of the pairs themselves if there are enough of both.

    Otherwise common US names from Faker, without those of the pairs.
    """
    rng = np.random.default_rng(seed)
    pools = [sorted({pair[side] for pair in pairs}) for side in (0, 1)]
    if min(map(len, pools)) < 2 * n_swaps:
        faker = read_faker(_CORPUS)
        taken = {word for pair in pairs for word in pair}
        pools = [
            [name for name in faker.select(part).strings if name not in taken]
            for part in ("given", "family")
        ]
    given, family = (
        [pool[i] for i in rng.permutation(len(pool))[:n_swaps].tolist()] for pool in pools
    )
    return given, family


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
    template: str,
) -> Measured:
    """Measure pairs against swaps; `real` pairs are never used as a swap."""
    givens = list(dict.fromkeys(given for given, _ in pairs))
    families = list(dict.fromkeys(family for _, family in pairs))
    first, last = partners

    def embed(names: list[str]) -> FloatArray:
        return encoder.encode_names(names, template)

    grid = partner_grid(_cube(embed([f"{g} {f}" for g in first for f in last]), len(first)))
    given_swaps = _cube(embed([f"{g} {f}" for g in givens for f in last]), len(givens))
    family_swaps = _cube(embed([f"{g} {f}" for f in families for g in first]), len(families))
    given_valid = np.array([[(g, f) not in real for f in last] for g in givens])
    family_valid = np.array([[(g, f) not in real for g in first] for f in families])
    given_effects = _effects(given_swaps, grid.family, given_valid)
    family_effects = _effects(family_swaps, grid.given, family_valid)

    at_given = {given: row for row, given in enumerate(givens)}
    at_family = {family: row for row, family in enumerate(families)}
    given_rows = np.array([at_given[given] for given, _ in pairs], dtype=np.int64)
    family_rows = np.array([at_family[family] for _, family in pairs], dtype=np.int64)
    whole = embed([f"{given} {family}" for given, family in pairs])
    own = own_direction(whole, given_effects, family_effects, grid.grand, given_rows, family_rows)
    return Measured(
        own,
        _capture(whole, embed(givens), given_swaps, given_valid, given_rows),
        _capture(whole, embed(families), family_swaps, family_valid, family_rows),
    )


def _cube(rows: FloatArray, n: int) -> FloatArray:
    return rows.reshape(n, -1, rows.shape[1])


def _effects(swaps: FloatArray, partners: Float64Array, valid: BoolArray) -> PartEffects:
    parts = [
        part_effects(swaps[at : at + _BLOCK], partners, valid[at : at + _BLOCK])
        for at in range(0, len(swaps), _BLOCK)
    ]
    return PartEffects(
        np.concatenate([part.effects for part in parts]),
        np.concatenate([part.noise for part in parts]),
    )


def _capture(
    whole: FloatArray, alone: FloatArray, swaps: FloatArray, valid: BoolArray, rows: IntArray
) -> Float64Array:
    out = []
    for at in range(0, len(rows), _BLOCK):
        part = rows[at : at + _BLOCK]
        out.append(part_capture(whole[at : at + _BLOCK], alone[part], swaps[part], valid[part]))
    return np.concatenate(out)
