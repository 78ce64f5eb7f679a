"""Which column of somebody's table holds the names, and what the others are."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.files import content
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.values import (
    CANONICAL,
    is_count,
    is_part,
    is_within,
    share_of_genders,
)

# The first group that a table has decides.
WHOLE = (
    "name", "full name", "fullname", "primary name", "display name", "person", "person name",
    "item", "itemlabel", "label", "celebrity", "artist", "actor", "actress", "character",
    "nombre completo", "nom complet", "imie i nazwisko", "姓名", "氏名", "name full",
)  # fmt: skip
GIVEN = (
    "first name", "firstname", "forename", "given name", "givenname", "fname", "first", "given",
    "forenames", "first names", "given names", "prenom", "prenoms", "prenom usuel", "preusuel",
    "vorname", "vornamen", "voornaam", "nombre", "nombres", "imie", "fornavn", "fornamn",
    "etunimi", "keresztnev", "baby name", "babyname", "child first name", "tilltalsnamn", "utonev",
    "ime", "имя", "名", "이름",
)  # fmt: skip
PLAIN = ("names", "localized name", "nome", "namn", "naam", "navn", "nimi", "nev", "名前")
FAMILY = (
    "last name", "lastname", "surname", "family name", "familyname", "lname", "last", "family",
    "surnames", "last names", "family names", "nom", "nom de famille", "patronyme", "nachname",
    "familienname", "achternaam", "apellido", "apellidos", "apellido1", "apellido 1",
    "primer apellido", "apellido paterno", "cognome", "sobrenome", "nazwisko",
    "etternavn", "efternamn", "sukunimi", "vezeteknev", "фамилия", "姓", "성",
)  # fmt: skip
SECOND = ("apellido2", "apellido 2", "segundo apellido", "apellido materno", "second surname")
GIVEN_WORDS = frozenset(
    "firstname forename forenames vorname vornamen prenom prenoms voornaam voornamen imie imiona "
    "fornavn fornamn tilltalsnamn etunimi utonev".split()
)
FAMILY_WORDS = frozenset(
    "surname surnames nachname nachnamen familienname familiennamen patronyme apellido apellidos "
    "cognome cognomi sobrenome nazwisko nazwiska achternaam etternavn efternavn efternamn sukunimi "
    "vezeteknev".split()
)
NAME_WORDS = frozenset({"name", "names"}) | GIVEN_WORDS | FAMILY_WORDS
# A name of these is no person's.
OTHERS = frozenset(
    "file filename folder user username login nick host domain column table field country state "
    "city town county region district nation club team league company firm org organisation "
    "organization brand product event school street group department category class species code "
    "id variable month day dataset project repo package server path image page site parent book "
    "film movie song album station model".split()
)
SEXES = {
    **dict.fromkeys(
        "male males boy boys jungen knaben mannlich garcons hommes ninos hombres pojkar drenge "
        "gutter maschi jongens chlopcy".split(), "M"
    ),
    **dict.fromkeys(
        "female females girl girls madchen weiblich filles femmes ninas mujeres flickor piger "
        "jenter femmine meisjes dziewczynki".split(), "F"
    ),
}  # fmt: skip
GENDERS = ("gender", "sex", "sexe", "geschlecht", "genero", "sexo", "genere", "geslacht", "plec",
            "kon", "kjonn", "sukupuoli", "cinsiyet", "pohlavi", "nem", "пол", "性別",
            "性别", "성별")  # fmt: skip
COUNTS = (
    "count", "births", "counts", "frequency count", "frequency", "freq", "number of births",
    "number of babies", "number of bearers", "bearers", "occurrences", "anzahl", "quantity",
    "frecuencia", "frequence", "frequency frequence", "frequenza", "haufigkeit", "aantal", "antal",
    "antall", "liczba", "liczba wystapien", "ilosc", "darab", "lukumaara", "pocet", "adet",
    "количество", "件数", "人数", "numero", "number", "nombre", "n", "total",
)  # fmt: skip


_INDEX = re.compile(r"|unnamed \d+|index|level_0|__index_level_\d+__|index level \d+|rownames|")
_LIMITS = {"weight": 1.0, "share_female": 1.0} | {
    column: 100.0 for column in CANONICAL if column.startswith("pct_")
}
_ENOUGH = 0.5
_SURELY = 0.9
_FEW = 20


@dataclass
class Roles:
    """What the columns of a table are, by their places.

    Attributes
    ----------
    name : tuple of int
        One column, or that of given and that of family names, to be joined.
    fields : dict
        Column of the corpus to place.
    part : str or None
        What the title says that the names are.
    others : tuple of int
        The rest, in order.
    index : tuple of int
        Row numbers that a library wrote along.
    """

    name: tuple[int, ...]
    fields: dict[str, int] = field(default_factory=dict)
    part: str | None = None
    others: tuple[int, ...] = ()
    index: tuple[int, ...] = ()


def normal(title: str) -> str:
    """Return a title in small letters and words: "Child's First Name" is "child first name"."""
    words = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", title)
    words = re.sub(r"'s\b", "", fold(words)).replace("(s)", "s")
    plain = " ".join(re.sub(r"[^\w]+|_", " ", words).split())
    # Wikidata's query service calls the words for an item so: genderLabel, personLabel.
    return re.sub(r"(?<=.) label$", "", plain) or plain


def is_known(title: str) -> bool:
    """Whether a title is one that columns are known to bear."""
    plain = normal(title)
    known = (*WHOLE, *GIVEN, *PLAIN, *FAMILY, *GENDERS, *COUNTS)
    more = ("id", "rank", "year", "url", "age", "country", "email", "index", "gender", "nconst")
    return bool(
        plain in known or plain in more or title.strip().lower() in CANONICAL or _bears_name(plain)
    )


def is_title(line: str) -> bool:
    """Whether a line is surely the title of a column of names: "Name", "First Name", "vorname"."""
    plain = normal(line)
    return (
        len(plain.split()) < 4 and plain in (*WHOLE, *GIVEN, *PLAIN, *FAMILY) and _bears_name(plain)
    )


def choose(
    titles: Sequence[str],
    columns: Sequence[Sequence[object]],
    where: str,
    *,
    part: str | None = None,
    column: str | None = None,
) -> Roles:
    """Choose the column of names by its title and its values, and say what the others are.

    Parameters
    ----------
    titles : sequence of str
    columns : sequence of sequences
        Values, one sequence a title.
    where : str
        The source, as messages should name it.
    part : str, optional
        Wanted: of given and family names in columns of their own, only these are taken.
    column : str, optional
        The title that the user names, or its number from 1.

    Raises
    ------
    CorpusError
        If no column surely holds names, or there is none as `column` says.
    """
    plain = [normal(title) for title in titles]
    index = tuple(
        at for at, title in enumerate(plain)
        if _INDEX.fullmatch(title) and content.flaw(columns[at]) in ("numbers", "empty")
    )  # fmt: skip
    if column is not None:
        places: tuple[int, ...] = (_asked(titles, column, where),)
    else:
        places = _titled(titles, plain, columns, where, part) or (
            _first(titles, columns, index, where),
        )
    roles = Roles(places, _fields(titles, plain, columns, places), None, (), index)
    roles.part = _part_of(plain, places)
    taken = {*places, *roles.fields.values(), *index}
    roles.others = tuple(at for at in range(len(titles)) if at not in taken)
    return roles


def _asked(titles: Sequence[str], column: str, where: str) -> int:
    at = place_of(titles, column)
    if at is None:
        raise CorpusError(lacking(where, column, titles))
    return at


def place_of(titles: Sequence[str], asked: str) -> int | None:
    """Place of the column that a user asks for, by its title or its number from 1."""
    for spellings, one in (
        (list(titles), asked),
        ([title.strip().lower() for title in titles], asked.strip().lower()),
        ([normal(title) for title in titles], normal(asked)),
    ):
        if one in spellings:
            return spellings.index(one)
    if asked.isdecimal() and 0 < int(asked) <= len(titles):
        return int(asked) - 1
    return None


def lacking(where: str, column: str, titles: Sequence[str]) -> str:
    """The refusal of a column that a table has not."""
    return f"{where} has no column {column!r}. There are: {_listed(titles)}."


def _titled(
    titles: Sequence[str],
    plain: Sequence[str],
    columns: Sequence[Sequence[object]],
    where: str,
    part: str | None,
) -> tuple[int, ...]:
    """Places of the columns whose titles say that they hold names; none if there is no such."""
    flaws: dict[int, str] = {}

    def first(wanted: Sequence[str]) -> int | None:
        for title in wanted:
            for at, one in enumerate(plain):
                if one == title and not flaws.setdefault(
                    at, content.flaw(columns[at], is_titled=True)
                ):
                    return at
        return None

    given, family = first(GIVEN), first(FAMILY)
    whole = first(WHOLE)
    if (
        whole is not None
        and given is not None
        and family is None
        and plain[whole] == "name"
        and not _holds(columns[whole], columns[given])
    ):
        # In Germany and elsewhere "Name" beside "Vorname" is the family name.
        whole, family = None, whole
    if whole is None and given is not None and family is not None:
        alone = {"given": given, "family": family}.get(part or "")
        second = first(SECOND)
        places = (given, family) if second is None else (given, family, second)
        return places if alone is None else (alone,)
    for at in (whole, given, first(PLAIN), family):
        if at is not None:
            return (at,)
    bearing = [at for at, title in enumerate(plain) if _bears_name(title)]
    bearing = [at for at in bearing if not content.flaw(columns[at], is_titled=True)]
    _refuse_sexes(titles, plain, columns, bearing or range(len(titles)), where)
    # Roman letters stand for names in another script: those come first.
    bearing.sort(key=lambda at: bool({"romanized", "romanised"} & {*plain[at].split()}))
    if not bearing and any(flaws.values()):
        at, why = next((at, why) for at, why in flaws.items() if why)
        raise CorpusError(_refusal(where, titles, f"the column {titles[at]!r} {_in_words(why)}"))
    return tuple(bearing[:1])


def _holds(whole: Sequence[object], given: Sequence[object]) -> bool:
    """Whether values of a column hold those of the other, as full names hold given names."""
    pairs = [
        (fold(str(one)), fold(str(other)))
        for one, other in zip(whole, given, strict=True)
        if one and other
    ]
    return sum(other in one for one, other in pairs) * 2 > len(pairs)


def _bears_name(plain: str) -> bool:
    words = set(plain.split())
    return bool(words & NAME_WORDS) and not words & OTHERS


def _refuse_sexes(
    titles: Sequence[str],
    plain: Sequence[str],
    columns: Sequence[Sequence[object]],
    places: Sequence[int],
    where: str,
) -> None:
    """Refuse a table with a column of names for each sex: taking one would lose the other."""
    by_sex = {
        SEXES[word]: at
        for at in places
        for word in plain[at].split()
        if word in SEXES and not content.flaw(columns[at])
    }
    if len(by_sex) > 1:
        both = " and ".join(repr(titles[at]) for at in sorted(by_sex.values()))
        raise CorpusError(_refusal(where, titles, f"names stand in {both}"))


def _first(
    titles: Sequence[str], columns: Sequence[Sequence[object]], index: Sequence[int], where: str
) -> int:
    """Return the first column that is no index, if its values may be names."""
    left = [at for at in range(len(titles)) if at not in index]
    if not left:
        raise CorpusError(f"{where} holds numbers of rows only. Give it a column 'name'.")
    at = left[0]
    why = content.flaw(columns[at])
    if not why and not content.is_text_like(columns[at]):
        why = "no text"
    if why:
        what = f"no title says which column holds names, and the first, {titles[at]!r}, "
        raise CorpusError(_refusal(where, titles, what + _in_words(why)))
    return at


def _in_words(flaw: str) -> str:
    return f"is {flaw}" if flaw.startswith(("always", "empty")) else f"holds {flaw}"


def _refusal(where: str, titles: Sequence[str], what: str) -> str:
    return (
        f"{where}: {what}. Say which column to take with --column (column= in Python); "
        f"there are {_listed(titles)}."
    )


def _listed(titles: Sequence[str]) -> str:
    shown = ", ".join(title[:40] or f"(column {at})" for at, title in enumerate(titles[:_FEW], 1))
    return shown + (", …" if len(titles) > _FEW else "")


def _part_of(plain: Sequence[str], places: Sequence[int]) -> str | None:
    if len(places) > 1:
        return "full"
    title = plain[places[0]]
    words = {*title.split()}
    if title in FAMILY or words & (FAMILY_WORDS | {"last", "family"}):
        return "family"
    if words & GIVEN_WORDS:
        return "given"
    return "given" if title in GIVEN and title not in ("nombre", "nombres", "first") else None


def _fields(
    titles: Sequence[str],
    plain: Sequence[str],
    columns: Sequence[Sequence[object]],
    names: Sequence[int],
) -> dict[str, int]:
    found: dict[str, int] = {}
    free = [at for at in range(len(titles)) if at not in names]
    raw = [title.strip().lower() for title in titles]
    # The schema's own word comes before other spellings of it, such as sex for gender.
    for at in sorted(free, key=lambda one: CANONICAL.get(raw[one]) != raw[one]):
        column = CANONICAL.get(raw[at])
        if column in (None, "name", "gender", "count") or column in found:
            continue
        if _fits(column, columns[at]):
            found[column] = at
    for column, spellings in (("gender", GENDERS), ("count", COUNTS)):
        for title in spellings:
            places = [at for at in free if plain[at] == title and at not in found.values()]
            fitting = [at for at in places if _fits(column, columns[at])]
            if fitting and column not in found:
                found[column] = fitting[0]
    if "gender" not in found:
        # "Sex at birth": other columns of such words are ratios and counts.
        bearing = [at for at in free if at not in found.values()
                   and {*plain[at].split()} & {*GENDERS}]  # fmt: skip
        sure = [at for at in bearing if share_of_genders(content.sample(columns[at])) > _SURELY]
        if sure:
            found["gender"] = sure[0]
    return found


def _fits(column: str, values: Sequence[object]) -> bool:
    if column == "births":
        return bool(len(values)) and isinstance(values[0], (list, tuple, pa.Scalar))
    known = content.sample(values)
    known = [value for value in known if not isinstance(value, str) or value.strip()]
    if not known:
        return True
    if column == "gender":
        return share_of_genders(known) >= _ENOUGH
    tests = {"count": is_count, "part": is_part}
    if column in tests:
        return content.share(known, tests[column]) >= _ENOUGH
    if column in _LIMITS:
        limit = _LIMITS[column]
        numbers = [value for value in known if content.is_number(value)]
        fitting = all(is_within(value, limit) for value in numbers)
        return len(numbers) >= _ENOUGH * len(known) and fitting
    return True


def told(titles: Sequence[str], roles: Roles, own: Mapping[int, str], unused: Sequence[int]) -> str:
    """Return a line on which columns were taken for what."""
    names = " + ".join(repr(titles[at]) for at in roles.name)
    parts = [f"names from {names}"]
    parts += [f"{column} from {titles[at]!r}" for column, at in roles.fields.items()
              if column != titles[at]]  # fmt: skip
    same = [column for column, at in roles.fields.items() if column == titles[at]]
    if same:
        parts.append(", ".join(same))
    if own:
        kept = [name if name == titles[at] else f"{name} from {titles[at]!r}"
                for at, name in own.items()]  # fmt: skip
        parts.append(f"kept as columns of your own: {', '.join(kept)}")
    if unused:
        parts.append(f"not used: {', '.join(titles[at] or '(no title)' for at in unused)}")
    return "; ".join(parts)
