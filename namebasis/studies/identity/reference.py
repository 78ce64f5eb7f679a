"""What full names are measured against: fixed by the space, whoever is asked about."""

from __future__ import annotations

import heapq
import json
import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from namebasis.checks import Float64Array, FloatArray
from namebasis.namespace.actors.crew import Advance
from namebasis.namespace.corpus.full_names import Pair, split
from namebasis.reading import parse_json
from namebasis.studies.identity.kept import Arrays, kept, kept_before, numbers
from namebasis.studies.identity.swaps import (
    MOST_FREQUENT,
    Known,
    Measured,
    Partners,
    Real,
    count_prompts,
    crossed_pairs,
    draw_partners,
    embed_grid,
    measure,
    packaged_partners,
    unnamed_pairs,
)

if TYPE_CHECKING:
    from namebasis.namespace.space import StoredSpace

UNKNOWN_PIECES = frozenset({"[UNK]", "<unk>"})
_PARTS = ("given", "family")
_FILE, _GRID_FILE = "identity.npz", "identity-grid.npz"
_BARE_FILE = "identity-partners-grid.npz"  # until a whole reference is made
_CHOICE = 1.25  # a part is drawn from at least this number of names for each partner


@dataclass(frozen=True)
class Reference:
    """Swap partners, their own pairs, and made-up names measured with them.

    Attributes
    ----------
    partners : Partners
    source : str
        Where the partners come from, in a sentence.
    grid : ndarray of shape (n_partners, n_partners, dim)
    made : mapping of measure to ndarray of shape (n_made_up,)
    made_left_out : mapping of evidence to ndarray of shape (n_groups, n_made_up)
        See `Measured.left_out`. Like `made` empty in a bare reference.
    """

    partners: Partners
    source: str
    grid: FloatArray
    made: Mapping[str, Float64Array]
    made_left_out: Mapping[str, Float64Array]


@dataclass(frozen=True)
class Plan:
    """What a reference is made of; equal plans of one space make one reference."""

    n_swaps: int
    templates: tuple[str, ...]
    n_made_up: int
    seed: int

    def prompts(self, *, is_bare: bool = False) -> int:
        """How many prompts making it embeds, unless it is kept already."""
        # Made-up names take longer than a kept reference.
        made = [] if is_bare else unnamed_pairs(self.n_made_up)
        slots = [""] * self.n_swaps
        return count_prompts(made, (slots, slots), self.templates)


def swap_columns(found: Measured) -> dict[str, Float64Array]:
    """The measures of `SWAP_MEASURES`, by name."""
    return {
        "own_length": found.own.length,
        "own_score": found.own.score,
        "strength": found.own.strength,
        "hold": np.maximum(found.hold_given, found.hold_family),
        "hold_given": found.hold_given,
        "hold_family": found.hold_family,
        "capture_given": found.capture_given,
        "capture_family": found.capture_family,
    }


def space_partners(space: StoredSpace, n_swaps: int, seed: int) -> tuple[Partners, str]:
    """Draw the space's swap partners: of its own given and family names where it has enough.

    Taken are names of one word that its encoder reads: of each part the most frequent 500 where
    counts are known, else those that the encoder writes in the fewest pieces, 500 or more, which
    it has seen the most; else parts of its full names. The packaged ones take their place where
    either part has fewer than a quarter more than are drawn, or where a drawn partner would make
    somebody's name with most parts of the space. Kept beside the space.

    Returns
    -------
    (Partners, str)
        And where they come from, in a sentence.
    """
    found, _ = kept(
        # A file for each number: a card asks for two.
        space, f"identity-partners-{n_swaps}.npz", [seed], lambda: _draw(space, n_swaps, seed),
        lambda made: {"told": np.array(json.dumps(made))},
        lambda saved: _unpacked_partners(saved, n_swaps), of_rows=True,
    )  # fmt: skip
    return found


def space_grid(
    space: StoredSpace, n_swaps: int, templates: Sequence[str], seed: int
) -> tuple[Partners, FloatArray]:
    """The space's swap partners, and what `embed_grid` gives of them; kept beside the space."""
    partners, _ = space_partners(space, n_swaps, seed)
    grid, _ = kept(
        space, _GRID_FILE, _grid_settings(partners, templates),
        lambda: embed_grid(space.encoder(), partners, templates),
        lambda made: {"grid": made}, _GridReader(space, n_swaps),
    )  # fmt: skip
    return partners, grid


@dataclass(frozen=True)
class _GridReader:
    """Unpacks a grid that was kept."""

    space: StoredSpace
    n_swaps: int

    def __call__(self, saved: Arrays) -> FloatArray | None:
        grid = saved["grid"].astype(np.float32)
        shape = (self.n_swaps, self.n_swaps, self.space.provenance.dim)
        return grid if grid.shape == shape and np.isfinite(grid).all() else None


def _unpacked_partners(saved: Arrays, n: int) -> tuple[Partners, str] | None:
    (first, last), source = parse_json(str(saved["told"]), "what is kept")
    return ((first, last), str(source)) if len(first) == len(last) == n else None


def _draw(space: StoredSpace, n_swaps: int, seed: int) -> tuple[Partners, str]:
    encoder = space.encoder()
    fewest = math.ceil(_CHOICE * n_swaps)
    pools, pairs = _pools(space, fewest)
    drawn = []
    for part, pool in zip(_PARTS, pools, strict=True):
        readable = _readable(space, pool)
        if len(readable) < fewest:
            return packaged_partners(n_swaps, seed, encoder), (
                f"swap partners: {n_swaps} packaged US given and {n_swaps} family names, as the "
                f"space holds {len(readable):,} {part} names (at least {fewest} are needed)"
            )
        drawn.append(draw_partners(encoder, readable, n_swaps, seed, part))
    if _most_real(pairs, drawn) > n_swaps // 2:
        return packaged_partners(n_swaps, seed, encoder), (
            f"swap partners: {n_swaps} packaged US given and {n_swaps} family names, as the "
            "space's own make names of its people with each other"
        )
    return (drawn[0], drawn[1]), (
        f"swap partners: {n_swaps} given and {n_swaps} family names drawn from the space, the "
        "same for every name"
    )


def borne_in(space: StoredSpace) -> Real:
    """Tells which pairs the space stores as a full name."""

    def real(pairs: Sequence[Pair]) -> list[bool]:
        return [row is not None for row in space.find_all([" ".join(pair) for pair in pairs])]

    return real


def reference(
    space: StoredSpace,
    plan: Plan,
    *,
    is_bare: bool = False,
    chosen: tuple[Partners, str] | None = None,
    advance: Advance | None = None,
    known: Known | None = None,
) -> Reference:
    """The reference of a space: read from its cache, or made and kept there.

    Parameters
    ----------
    space : Space
    plan : Plan
    is_bare : bool
        Leave out the made-up full names, which take three quarters of the prompts: all that a name
        of one word is measured with.
    chosen : (Partners, str), optional
        What `space_partners` gives, where it has been asked already.
    advance : callable, optional
        Is told how many prompts were embedded, or need not be.
    known : dict, optional
        Gets the rows of what is embedded; see `swaps.embedder`.
    """
    making = _Making(space, plan, chosen, advance, known)
    return making.bare() if is_bare else making.whole()


def _grid_settings(partners: Partners, templates: Sequence[str]) -> list[object]:
    return [list(templates), *partners]


def _settings(plan: Plan) -> list[object]:
    return [plan.n_swaps, list(plan.templates), plan.n_made_up, plan.seed]


@dataclass(frozen=True)
class _Making:
    """Makes references of a space, or reads what is kept of them."""

    space: StoredSpace
    plan: Plan
    chosen: tuple[Partners, str] | None = None
    advance: Advance | None = None
    known: Known | None = None

    def whole(self) -> Reference:
        settings = _settings(self.plan)
        found, was_kept = kept(
            self.space, _FILE, settings, self.make, _packed, self._unpacked, of_rows=True
        )
        if was_kept:
            self._tell(self.plan.prompts())
        return found

    def bare(self) -> Reference:
        """Its grid is a whole reference's where one is kept; else it is kept by itself."""
        settings = _settings(self.plan)
        whole = kept_before(self.space, _FILE, settings, self._unpacked, of_rows=True)
        if whole is not None:
            self._tell(self.plan.prompts(is_bare=True))
            return replace(whole, made={}, made_left_out={})
        partners, source = self._partners()
        grid, was_kept = kept(
            self.space, _BARE_FILE, _grid_settings(partners, self.plan.templates),
            lambda: self._grid(partners), lambda made: {"grid": made}, self._grid_reader(),
        )  # fmt: skip
        if was_kept:
            self._tell(self.plan.prompts(is_bare=True))
        return Reference(partners, source, grid, {}, {})

    def make(self) -> Reference:
        """A whole one, with the grid of a bare one that is kept."""
        plan, (partners, source) = self.plan, self._partners()
        settings = _grid_settings(partners, plan.templates)
        grid = kept_before(self.space, _BARE_FILE, settings, self._grid_reader())
        if grid is None:
            grid = self._grid(partners)
        else:
            self._tell(plan.prompts(is_bare=True))
        found = measure(
            self.space.encoder(), crossed_pairs(plan.n_made_up, plan.seed), partners,
            plan.templates, real=borne_in(self.space), grid=grid, advance=self.advance,
            known=self.known,
        )  # fmt: skip
        return Reference(partners, source, grid, swap_columns(found), found.left_out)

    def _partners(self) -> tuple[Partners, str]:
        return self.chosen or space_partners(self.space, self.plan.n_swaps, self.plan.seed)

    def _grid(self, partners: Partners) -> FloatArray:
        encoder = self.space.encoder()
        return embed_grid(encoder, partners, self.plan.templates, self.advance, self.known)

    def _grid_reader(self) -> _GridReader:
        return _GridReader(self.space, self.plan.n_swaps)

    def _unpacked(self, saved: Arrays) -> Reference | None:
        return _unpacked(saved, self.space, self.plan)

    def _tell(self, n_prompts: int) -> None:
        if self.advance is not None:
            self.advance(n_prompts)


def _pools(space: StoredSpace, fewest: int) -> tuple[list[set[str]], list[Pair]]:
    """Given and family names that partners are drawn from, and the space's full names in two.

    Of names with a recorded count the most frequent: rare ones scatter what they are paired with.
    Parts of full names are taken where the space has too few names of one part.
    """
    ranked: list[dict[str, float]] = [{}, {}]
    pairs: list[Pair] = []
    if not {"name", "part"} <= set(space.columns):
        return [set(), set()], pairs
    columns = ["name", "part", *(["count"] if "count" in space.columns else [])]
    table = space.table(columns)
    counts = table["count"].to_pylist() if "count" in columns else [None] * len(table)
    rows = zip(table["name"].to_pylist(), table["part"].to_pylist(), counts, strict=True)
    for name, part, count in rows:
        if part in _PARTS and " " not in name:
            ranked[_PARTS.index(part)][name] = -1.0 if count is None else float(count)
        elif part == "full" and (pair := split(name)) is not None:
            pairs.append(pair)
    pools = []
    for side, of_part in enumerate(ranked):
        counted = [name for name, count in of_part.items() if count >= 0]
        most = max(MOST_FREQUENT, fewest)
        pool = set(heapq.nlargest(most, counted, key=lambda name: (of_part[name], name)))
        if len(pool) < fewest:
            pool = set(of_part)
        if len(pool) < fewest:
            pool |= {pair[side] for pair in pairs}
        pools.append(pool)
    return pools, pairs


def _readable(space: StoredSpace, pool: set[str]) -> list[str]:
    """The names that the encoder reads; of more than 500 those of the fewest pieces."""
    names = sorted(pool)
    pieces = space.encoder().pieces(names) if names else []
    n_pieces = {
        name: len(of_name)
        for name, of_name in zip(names, pieces, strict=True)
        if UNKNOWN_PIECES.isdisjoint(of_name)
    }
    if len(n_pieces) <= MOST_FREQUENT:
        return list(n_pieces)
    longest = sorted(n_pieces.values())[MOST_FREQUENT - 1]
    return [name for name, n in n_pieces.items() if n <= longest]


def _most_real(pairs: Sequence[Pair], partners: Sequence[Sequence[str]]) -> int:
    """The most people of the space that any part makes with these partners."""
    first, last = (set(side) for side in partners)
    real = Counter((0, one) for one, other in pairs if other in last)
    real += Counter((1, other) for one, other in pairs if one in first)
    return max(real.values(), default=0)


def _packed(found: Reference) -> Arrays:
    arrays = {f"made_{key}": column for key, column in found.made.items()}
    arrays |= {f"left_{key}": column for key, column in found.made_left_out.items()}
    told = json.dumps([found.partners, found.source])
    return {"told": np.array(told), "grid": found.grid, **arrays}


def _unpacked(saved: Arrays, space: StoredSpace, plan: Plan) -> Reference | None:
    """What is kept; None where it does not fit."""
    n, m = plan.n_swaps, plan.n_made_up
    (first, last), source = parse_json(str(saved["told"]), "what is kept")
    grid = saved["grid"].astype(np.float32)
    made, left = numbers(saved, "made_"), numbers(saved, "left_")
    fits = (
        {"own_score", "hold"} <= set(made) & set(left)
        and grid.shape == (n, n, space.provenance.dim)
        and np.isfinite(grid).all()
        and len(first) == len(last) == n
        and all(one.shape == (m,) and np.isfinite(one).all() for one in made.values())
        and all(one.shape[1:] == (m,) and np.isfinite(one).all() for one in left.values())
    )
    return Reference((first, last), str(source), grid, made, left) if fits else None
