"""The names that an audit reads, by where they come from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from namebasis.auditing.plan import Size
from namebasis.namespace.corpus.names import Names, merge_names, names_from_columns
from namebasis.namespace.corpus.sources import as_names, read_names
from namebasis.studies.attributes.study import made_up_names

GIVEN, FAMILY, WORLD, MADE_UP, OWN = "us_given", "us_family", "world", "made_up", "own"
TITLES = {
    GIVEN: "given names of the United States, by births",
    FAMILY: "surnames of the United States, by bearers",
    WORLD: "names of the world, over all locales alike",
    MADE_UP: "made-up names, which nobody bears",
    OWN: "names of your own",
}
Row = tuple[str, str]
"""A name and its part."""


@dataclass(frozen=True)
class Corpora:
    """What an audit reads.

    Attributes
    ----------
    rows : mapping of corpus to tuple of (name, part)
        As they were asked for, those that the encoder cannot read included. One name may be in
        several.
    locales : mapping of name to tuple of str
        The lists that hold a name of the world.
    titles : mapping of corpus to str
        What each is.
    """

    rows: Mapping[str, tuple[Row, ...]]
    locales: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    titles: Mapping[str, str] = field(default_factory=lambda: TITLES)

    def names(self, corpus: str, part: str | None = None) -> list[str]:
        """Names of one corpus, of one part or of all; each once."""
        held = self.rows.get(corpus, ())
        return list(dict.fromkeys(name for name, own in held if part in (None, own)))


def read_corpora(
    size: Size, own: str | Path | Names | Sequence[str] | None = None, *, seed: int = 0
) -> tuple[Corpora, Names]:
    """The packaged corpora in one size, with names of one's own.

    Parameters
    ----------
    size : Size
    own : str, Path, Names or sequence of str, optional
        Anything that `read_names` takes.
    seed : int
        Of the sample of the world, and of the made-up names.

    Returns
    -------
    (Corpora, Names)
        And all of them as one corpus to build from.

    Raises
    ------
    CorpusError
        If `own` cannot be read.
    """
    made = made_up_names(size.made_up, seed)  # kept, as studies read them beside names too
    read = {OWN: as_names(own)} if own is not None else {}  # first, as it may be refused
    read |= {
        GIVEN: read_names("us:given", top=size.given),
        FAMILY: read_names("us:family", top=size.family),
        WORLD: of_the_world(size.world, seed),
        MADE_UP: names_from_columns(
            {"name": list(made), "part": ["pseudo"] * len(made)}, where="pseudo", source="pseudo"
        ),
    }
    rows = {
        corpus: tuple(zip(names.strings, names.table["part"].to_pylist(), strict=True))
        for corpus, names in read.items()
    }
    return Corpora(rows, _locales(read[WORLD])), merge_names(*read.values())


def _locales(names: Names) -> dict[str, tuple[str, ...]]:
    """Lists by name; of one that is given and family name, those of both."""
    held: dict[str, tuple[str, ...]] = {}
    columns = (names.table[column].to_pylist() for column in ("name", "locales"))
    for name, lists in zip(*columns, strict=True):
        held[name] = tuple(dict.fromkeys((*held.get(name, ()), *lists)))
    return held


def of_the_world(n: int, seed: int) -> Names:
    """Names of Faker's lists, in turn from every locale so that small ones count as much.

    Parameters
    ----------
    n : int
        The most names to choose.
    seed : int
        Of the order within each locale.
    """
    names = read_names("faker")
    held: dict[str, list[int]] = {}
    for at, locales in enumerate(names.table["locales"].to_pylist()):
        for locale in locales:
            held.setdefault(locale, []).append(at)
    rng = np.random.default_rng(seed)
    lists = [rng.permutation(held[locale]).tolist() for locale in sorted(held)]
    chosen: dict[int, None] = {}
    for turn in range(max(map(len, lists))):
        for rows in lists:
            if turn < len(rows) and len(chosen) < n:
                chosen[rows[turn]] = None
        if len(chosen) >= n:
            break
    return replace(names, table=names.table.take(sorted(chosen)))
