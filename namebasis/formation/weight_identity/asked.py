"""Which names the weights are asked about: those given, and names that nobody bears beside them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from namebasis.formation.plan import make_plan
from namebasis.formation.truth import UNSEEN, Truth
from namebasis.formation.weight_identity.writer_results import NULLS
from namebasis.namespace.corpus.full_names import Pair, cut, split
from namebasis.namespace.corpus.names import distinct_names
from namebasis.studies.identity.swaps import (
    Partners,
    packaged_partners,
    pseudo_pairs,
    recombined_pairs,
)
from namebasis.wording import counted

ASKED = "asked"
"""The kind of a name of which no kind is known."""


@dataclass(frozen=True)
class Asked:
    """Full names asked about, then those of the null.

    Attributes
    ----------
    names, kinds : tuple of str
        Kinds of the truth, else `ASKED`; of the null, one of `NULLS`.
    pairs : tuple of (given, family)
    partners : pair of sequences of str
        Given and family names to swap in.
    borne : frozenset of (given, family)
        Names that are somebody's, as far as is known: no swaps.
    remarks : tuple of str
        Which names were left out, and why.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    pairs: tuple[Pair, ...]
    partners: Partners
    borne: frozenset[Pair]
    remarks: tuple[str, ...]

    @property
    def n_asked(self) -> int:
        """How many are not of the null; they stand first."""
        return sum(kind not in NULLS for kind in self.kinds)

    def real(self, pairs: Sequence[Pair]) -> list[bool]:
        """Which pairs are somebody's."""
        return [pair in self.borne for pair in pairs]


def ask(
    names: Sequence[str] | None,
    truth: Truth | None,
    *,
    n_swaps: int,
    n_null: int,
    seed: int,
) -> Asked:
    """Choose names, partners and the null.

    The null is made of parts of the names put together otherwise, `n_null` at most, and of names of
    kind N where the truth knows any, else of made-up ones, `n_null` at most.

    Raises
    ------
    ValueError
        If no name has a given and a family name.
    """
    known = truth.names if truth else {}
    wanted = distinct_names(list(known) if names is None else names)
    unseen = [name for name, told in known.items() if told.kind == UNSEEN and split(name)]
    told_of = [name for name in wanted if name not in set(unseen)]
    pairs: dict[str, Pair] = {}
    remarks = []
    for name in told_of:
        pair = split(name)
        if pair is None:
            remarks.append(f"{name!r} has no own direction: {cut(name).reason}.")
        else:
            pairs[name] = pair
    if len(remarks) > 3:
        remarks = [*remarks[:2], f"{counted(len(remarks) - 2, 'name')} more have none either."]
    if not pairs:
        first = remarks[0] if remarks else "every name is of kind N, a control."
        raise ValueError(f"no name can be asked about: {first} Give full names, as 'Vicki Stone'.")
    partners = _partners(truth, n_swaps, seed)
    borne = frozenset(pair for name in (*known, *pairs) if (pair := split(name)))
    mixed = recombined(list(pairs.values()), partners, borne, n_null, seed)
    others = [pair for name in unseen[:n_null] if (pair := split(name))]
    kind = NULLS[1] if others else NULLS[2]
    others = others or pseudo_pairs(n_null, seed)
    everyone = [*pairs.values(), *mixed, *others]
    kinds = [(known[name].kind if name in known else None) or ASKED for name in pairs]
    kinds += [NULLS[0]] * len(mixed) + [kind] * len(others)
    return Asked(
        (*pairs, *(" ".join(pair) for pair in everyone[len(pairs) :])),
        tuple(kinds), tuple(everyone), partners, borne, tuple(remarks),
    )  # fmt: skip


def _partners(truth: Truth | None, n_swaps: int, seed: int) -> Partners:
    if truth is None:
        return packaged_partners(n_swaps, seed)
    return make_plan(list(truth.names), truth=truth, n_swaps=n_swaps, seed=seed).partners


def recombined(
    pairs: Sequence[Pair], partners: Partners, borne: frozenset[Pair], n: int, seed: int
) -> list[Pair]:
    """Parts of the names with those of others or, where that gives too few, with partners."""
    made = dict.fromkeys(recombined_pairs(pairs, ((), ()), seed, sorted(borne)))
    for given, family in pairs:
        for first, last in zip(*partners, strict=True):
            if len(made) >= n:
                break
            for pair in ((given, last), (first, family)):
                if pair not in borne:
                    made[pair] = None
    return list(made)[:n]
