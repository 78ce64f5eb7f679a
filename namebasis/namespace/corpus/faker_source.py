"""Names from the Faker library's person providers: lists read whole, nothing sampled."""

from __future__ import annotations

import difflib
import functools
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import Refusals, restore_capitals
from namebasis.namespace.corpus.merging import join_gender
from namebasis.namespace.corpus.names import Names, names_from_columns

_PROVIDERS = "faker.providers.person"
_PARTS = {"first": "given", "last": "family"}
_WORDS = {"female": "F", "male": "M", "nonbinary": "U", "unisex": "U"}
# Icelandic family names come as stems; the provider's own methods append these.
_STEMS = "last_names_without_suffix"
_SUFFIXES = {"M": "son", "F": "dóttir"}
_BRACKETS = re.compile(r"\([^()]*\)|\[[^\[\]]*\]")
_PARTICLE = re.compile(r"(?:van|von|de|del|della|den|der|di|du|la|le|ter|ten|'t|zu)(?: \w+)*")
# Where a text was read in a wrong encoding these stand for letters.
_LOST = re.compile("[˜\ufffd¿¡^~|\\\\{}<>@#$%*=_0-9]")

_Values = list[object] | tuple[object, ...] | Mapping[object, float | None]


@dataclass
class _Entry:
    genders: set[str] = field(default_factory=set)
    locales: set[str] = field(default_factory=set)
    weight: float | None = None
    gender: str | None = None
    is_anyones: bool = False


@dataclass(frozen=True)
class _List:
    """One list of a provider: the part and gender of its names, and its entries."""

    part: str
    gender: str | None
    values: _Values
    is_romanized: bool = False

    def weights(self) -> dict[str, float | None]:
        return _weights(self.values, self.is_romanized)


def faker_locales() -> tuple[str, ...]:
    """Return the locales whose person provider has names of its own, sorted."""
    package = importlib.import_module(_PROVIDERS)
    found = sorted(module.name for module in pkgutil.iter_modules(package.__path__))
    return tuple(locale for locale in found if next(_lists(locale), None) is not None)


def read_faker(argument: str = "") -> Names:
    """Read given and family names from Faker's person providers.

    Every list of first and last names is read: also those in romanised or kana writing, and
    those that only some of a provider's formats use. Middle names, titles and the placeholders
    of the base class are left aside. An entry of several names is several, remarks in brackets go,
    and names that a wrong encoding has robbed of a letter are left out and counted.

    Gender is F or M where a name is in a list of that gender and U where it is in both, in one
    locale or over all of them, also where one locale gives a family name to men or women only
    and another to all; null where no provider says. Weight is the name's share
    of its list, the largest over lists and locales; null where the provider has none.

    Parameters
    ----------
    argument : str
        Locales and parts to keep, separated by commas or colons: "is_IS", "given",
        "family:de_DE,de_AT". Empty: all.

    Returns
    -------
    Names
        Locales in alphabetical order; in each, names in the provider's order.

    Raises
    ------
    CorpusError
        If a locale is unknown.
    """
    return _read_faker(argument)  # kept by position: without an argument it is the same ""


# Studies ask for the same lists again and again, and a corpus is immutable.
@functools.lru_cache(maxsize=8)
def _read_faker(argument: str) -> Names:
    wanted = [word for word in argument.replace(":", ",").split(",") if word]
    parts = {word for word in wanted if word in _PARTS.values()} or set(_PARTS.values())
    locales = _choose([word for word in wanted if word not in _PARTS.values()])
    entries: dict[tuple[str, str], _Entry] = {}
    refusals = Refusals()
    for locale in locales:
        _read_locale(locale, parts, entries, refusals)
    rows = entries.values()
    return names_from_columns(
        {
            "name": [name for _, name in entries],
            "part": [part for part, _ in entries],
            "gender": [entry.gender for entry in rows],
            "locales": [sorted(entry.locales) for entry in rows],
            "weight": [entry.weight for entry in rows],
        },
        where="faker",
        source="faker",
        refusals=refusals,
    )


def _choose(wanted: list[str]) -> tuple[str, ...]:
    known = faker_locales()
    if not wanted:
        return known
    spellings = {locale.lower(): locale for locale in known}
    unknown = [word for word in wanted if word.lower().replace("-", "_") not in spellings]
    if unknown:
        near = difflib.get_close_matches(unknown[0].lower(), spellings, n=5, cutoff=0.4)
        hint = ", ".join(sorted(spellings[word] for word in near)) or ", ".join(known)
        raise CorpusError(
            f"faker has no person names for locale {unknown[0]!r} "
            f"(there are {len(known)} locales). Use one such as: {hint}."
        )
    chosen = {spellings[word.lower().replace("-", "_")] for word in wanted}
    return tuple(sorted(chosen))


def _read_locale(
    locale: str,
    parts: set[str],
    entries: dict[tuple[str, str], _Entry],
    refusals: Refusals,
) -> None:
    """Add one locale's names; what gender a name has is settled within the locale first."""
    found: dict[tuple[str, str], _Entry] = {}
    clean: dict[str, str | None] = {}
    open_lists: list[tuple[_List, dict[str, float | None]]] = []
    for names in _lists(locale):
        if names.part not in parts:
            continue
        weights = names.weights()
        total = sum(weight or 0.0 for weight in weights.values())
        for text, weight in weights.items():
            if text not in clean:
                is_whole = not _LOST.search(text)
                clean[text] = refusals.clean(text, "faker") if is_whole else None
                if not is_whole:
                    refusals.add("a letter that its list has lost", text)
            name = clean[text]
            if name is None:
                continue
            entry = found.get((names.part, name))
            if entry is None:
                entry = found[names.part, name] = _Entry()
            if names.gender in ("F", "M"):
                entry.genders.add(names.gender)
            if weight is not None and total > 0:
                entry.weight = max(entry.weight or 0.0, weight / total)
        if names.gender == "U":
            open_lists.append((names, weights))
    for names, weights in open_lists:
        _mark_unisex(names, {text: clean[text] for text in weights}, found)
    for key, entry in found.items():
        gender = "U" if "U" in entry.genders or len(entry.genders) > 1 else None
        gender = gender or next(iter(entry.genders), None)
        known = entries.setdefault(key, _Entry())
        known.gender = join_gender(known.gender, gender)
        # Where family names do not go by gender, all bear them; elsewhere they may.
        known.is_anyones |= key[0] == "family" and gender is None
        if known.is_anyones and known.gender:
            known.gender = "U"
        known.locales.add(locale)
        if entry.weight is not None:
            known.weight = max(known.weight or 0.0, entry.weight)


def _mark_unisex(
    names: _List, clean: Mapping[str, str | None], found: dict[tuple[str, str], _Entry]
) -> None:
    """Mark the names of a unisex list U.

    Some providers' unisex list is merely both gendered lists joined, so where it holds them all
    it speaks only for the names that are in neither.
    """
    listed = {name for name in clean.values() if name is not None}
    gendered = {
        name for (part, name), entry in found.items() if part == names.part and entry.genders
    }
    for name in listed - gendered if gendered <= listed else listed:
        found[names.part, name].genders.add("U")


def _lists(locale: str) -> Iterator[_List]:
    """Yield a provider's lists of names, gendered ones first."""
    base = importlib.import_module(_PROVIDERS).Provider
    provider = importlib.import_module(f"{_PROVIDERS}.{locale}").Provider
    found = []
    for attribute in dir(provider):
        parts = [part for word, part in _PARTS.items() if f"{word}_" in attribute]
        if not parts or "name" not in attribute:
            continue
        values = getattr(provider, attribute)
        if isinstance(values, str):
            # One provider has had its whole list as one text.
            values = [name for name in re.split(r"[,;\s]+", values) if name]
        is_placeholder = getattr(provider, attribute) is getattr(base, attribute, None)
        if is_placeholder or not isinstance(values, (list, tuple, Mapping)):
            continue
        part = parts[0]
        if attribute == _STEMS:
            for bearer, suffix in _SUFFIXES.items():
                found.append(_List(part, bearer, {stem + suffix: None for stem in values}))
            continue
        gender = next((_WORDS[word] for word in attribute.split("_") if word in _WORDS), None)
        found.append(_List(part, gender, values, "romanized" in attribute))
    yield from sorted(found, key=lambda names: names.gender is None)


def _weights(values: _Values, is_romanized: bool) -> dict[str, float | None]:
    """Return names with their weights; an entry may hold one name in several writings."""
    pairs: Iterable[tuple[object, float | None]] = (
        values.items() if isinstance(values, Mapping) else ((value, None) for value in values)
    )
    weights: dict[str, float | None] = {}
    for entry, weight in pairs:
        for text in entry if isinstance(entry, tuple) else (entry,):
            for written in _names_in(str(text)):
                # Romanised lists are written in capitals by some providers.
                name = restore_capitals(written) if is_romanized else written
                weights[name] = None if weight is None else float(weight)
    return weights


def _names_in(text: str) -> list[str]:
    """Return the names of an entry: "Bourgondië, van" is one, "ஆதர்ஷ்,ஆதேஷ்" are two.

    What stands in brackets behind a name is a remark; a name that is all in brackets is one.
    """
    if text.isalpha():  # as most are
        return [text]
    bare = _BRACKETS.sub(" ", text).strip() or text.strip().strip("()[]")
    pieces = [piece.strip() for piece in re.split("[,;،、]", bare) if piece.strip(" ()[]")]
    if len(pieces) == 2 and pieces[1].islower() and _PARTICLE.fullmatch(pieces[1]):
        return [f"{pieces[1]} {pieces[0]}"]
    return pieces or [text]
