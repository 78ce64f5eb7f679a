"""What is known of names from elsewhere: their kind, what they show, and how often they came."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from namebasis.checks import Float64Array
from namebasis.errors import NamebasisError
from namebasis.namespace.corpus.count_files import by_fold, count_rows
from namebasis.namespace.corpus.folding import fold
from namebasis.reading import LARGE, UnreadableError, read_json, read_table

UNSEEN = "N"
"""The kind of names that the training never showed: they serve as controls."""
WORLD, EXPOSURES = "world.json", "exposures.csv"


@dataclass(frozen=True)
class Known:
    """What is known of one name; None or empty where it is not.

    Attributes
    ----------
    name : str
    kind : str or None
    own_caption, prior_caption : str or None
        How the person it means looks, and how its parts alone suggest that they look.
    own, prior : dict
        The same as attribute to value.
    contexts : tuple of str
        Phrases or templates of the contexts that the training showed the name in, where these are
        not all; empty where that is not known.
    """

    name: str
    kind: str | None = None
    own_caption: str | None = None
    prior_caption: str | None = None
    own: Mapping[str, str] = field(default_factory=dict)
    prior: Mapping[str, str] = field(default_factory=dict)
    contexts: tuple[str, ...] = ()

    def was_seen_in(self, template: str) -> bool:
        """Whether the training showed the name in a context, given as a template with ``{}``."""
        return template in self.contexts or template.replace("{}", "").strip() in self.contexts

    @property
    def contradicts(self) -> bool:
        """Whether both captions are known and differ, so that a margin between them has a sign."""
        return bool(
            self.own_caption and self.prior_caption and self.own_caption != self.prior_caption
        )


@dataclass(frozen=True)
class Truth:
    """What is known of names, and the contexts that the training used.

    Attributes
    ----------
    names : dict
        Name to `Known`, in the file's order.
    contexts : tuple of str
        Templates with ``{}``; empty where the file names none.
    """

    names: Mapping[str, Known]
    contexts: tuple[str, ...] = ()


def read_truth(path: str | Path) -> Truth:
    """Read a table (csv, tsv, json) or a ``world.json`` of what is known of names.

    Parameters
    ----------
    path : str or Path
        A list of objects, or an object with the list ``names``; in a table, columns. Keys: `name`,
        and any of `kind`, `own_caption`, `prior_caption` (or `own_text`, `prior_text`); in JSON
        also `own` and `prior`, each an object of attribute to value, and `contexts` (or
        `context`), a list of the phrases that the name was seen in, where these are not all.
        Others are left aside. An object ``contexts``, of lists of phrases such as "on a beach",
        gives the contexts.

    Raises
    ------
    NamebasisError
        If it cannot be read, has no names, or a name comes twice.
    """
    file = Path(path)
    try:
        if file.suffix.lower() == ".json":
            document: Any = read_json(file, LARGE)
        else:
            delimiter = "\t" if file.suffix.lower() == ".tsv" else ","
            document = [row for _, row in read_table(file, delimiter).rows]
    except UnreadableError as error:
        raise NamebasisError(f"{file}: cannot be read as a truth file ({error.reason}).") from None
    rows = document.get("names") if isinstance(document, dict) else document
    if not isinstance(rows, list) or not rows:
        raise NamebasisError(f"{file}: a truth file is a list of names with what is known of each.")
    names: dict[str, Known] = {}
    for at, row in enumerate(rows, start=1):
        known = _known(row, f"{file}, name {at}")
        if known.name in names:
            raise NamebasisError(f"{file}: {known.name!r} comes twice.")
        names[known.name] = known
    return Truth(names, _contexts(document, file))


def _known(row: object, where: str) -> Known:
    if not isinstance(row, dict) or not str(row.get("name") or "").strip():
        raise NamebasisError(f"{where}: needs the key or column name; got {str(row)[:80]}.")

    def text(*keys: str) -> str | None:
        found = next((row[key] for key in keys if row.get(key)), None)
        return str(found) if found is not None else None

    def values(key: str) -> dict[str, str]:
        found = row.get(key)
        if not isinstance(found, dict):
            return {}
        return {str(name): str(value) for name, value in found.items()}

    return Known(
        " ".join(str(row["name"]).split()),
        text("kind"),
        text("own_caption", "own_text"),
        text("prior_caption", "prior_text"),
        values("own"),
        values("prior"),
        _seen_in(row.get("contexts") or row.get("context"), where),
    )


def _seen_in(found: object, where: str) -> tuple[str, ...]:
    phrases = [found] if isinstance(found, str) else found
    if not phrases:
        return ()
    if not isinstance(phrases, list) or not all(isinstance(one, str) for one in phrases):
        raise NamebasisError(
            f"{where}: contexts must be a list of phrases that the name was seen in; got "
            f"{str(found)[:80]}."
        )
    return tuple(dict.fromkeys(" ".join(one.split()) for one in phrases))


def _contexts(document: object, file: Path) -> tuple[str, ...]:
    groups = document.get("contexts") if isinstance(document, dict) else None
    if not isinstance(groups, dict):
        return ()
    if not all(isinstance(group, list) for group in groups.values()):
        raise NamebasisError(f"{file}: contexts must be lists of phrases.")
    phrases = [phrase for group in groups.values() for phrase in group]
    if any(not isinstance(phrase, str) or set(phrase) & set("{}") for phrase in phrases):
        raise NamebasisError(f"{file}: contexts must be phrases without braces.")
    return tuple(f"{{}} {phrase}" for phrase in dict.fromkeys(phrases))


@dataclass(frozen=True)
class Exposures:
    """How often names had been shown, at steps.

    Attributes
    ----------
    counts : dict
        Name to its steps and cumulative counts, both rising, each of shape (m,).
    spread_evenly : bool
        Whether the file told totals only, taken as spread evenly over the run.
    """

    counts: Mapping[str, tuple[Float64Array, Float64Array]]
    spread_evenly: bool

    @cached_property
    def find(self) -> Callable[[str], tuple[Float64Array, Float64Array] | None]:
        """Steps and counts of a name, in any spelling that folds to one of the file; or None."""
        return by_fold(self.counts)

    def at(self, name: str, steps: Sequence[int]) -> Float64Array | None:
        """Exposures of a name at steps, straight between the known ones; None if unknown."""
        known = self.find(name)
        if known is None:
            return None
        places, values = known
        if self.spread_evenly:
            last = max(max(steps), 1)
            return np.asarray(values[-1] * np.asarray(steps, dtype=np.float64) / last)
        return np.interp(np.asarray(steps, dtype=np.float64), places, values, left=0.0)


def read_exposures(path: str | Path) -> Exposures:
    """Read a table with the columns name and count, and step where counts are cumulative.

    Without the column `step`, a count is the total by the last checkpoint. Spellings that fold to
    one name are one, as it is written first; their totals are added up.

    Raises
    ------
    NamebasisError
        If it cannot be read, lacks a column, a number is none, or a name's counts fall.
    """
    file = Path(path)
    rows: dict[str, list[tuple[float, float]]] = {}
    first: dict[str, str] = {}
    steps, table = count_rows(file, "step")
    for line, name, texts in table:
        count, step = (_number(text, line, file) for text in (*texts, "0")[:2])
        pairs = rows.setdefault(first.setdefault(fold(name), name), [])
        if pairs and not steps:
            count += pairs.pop()[1]
        pairs.append((step, count))
    counts = {}
    for name, pairs in rows.items():
        known = np.array(sorted(pairs), dtype=np.float64)
        if (np.diff(known[:, 1]) < 0).any() or len(np.unique(known[:, 0])) < len(known):
            raise NamebasisError(
                f"{file}: counts of {name!r} must be cumulative, one for each step."
            )
        counts[name] = (known[:, 0], known[:, 1])
    return Exposures(counts, not steps)


def _number(text: str | None, line: int, file: Path) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = -1.0
    if not 0 <= value < float("inf"):
        raise NamebasisError(
            f"{file}, line {line}: step and count must be numbers of at least 0; got {text!r}."
        )
    return value
