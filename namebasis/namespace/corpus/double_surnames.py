"""Spanish full names end with two family names; which words are such, Faker's lists tell."""

from __future__ import annotations

import functools
import re

from namebasis.namespace.corpus.folding import fold

# María del Carmen, María de los Ángeles: given names that look like family names with a particle.
_MARIAN = re.compile(
    r"(?:maria|m\.?ª?|ana|rosa) (?:de|del|de la|de las|de los) (?:carmen|pilar|rosario|mar|rocio"
    r"|angeles|dolores|mercedes|milagros|nieves|luz|cruz|paz|sol|valle|consuelo|socorro|remedios"
    r"|fatima|lourdes|concepcion|soledad|jesus|refugio|guadalupe|amparo|carmelo)(?= \S)"
)


@functools.lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], frozenset[str]]:
    """Spanish given names and family names, folded."""
    from faker.providers.person.es_ES import Provider

    given = {fold(word) for name in Provider.first_names for word in name.split()}
    family = {fold(word) for word in Provider.last_names}
    return frozenset(given), frozenset(family)


def marian_length(full_name: str) -> int:
    """Return how many words of a name are a given name such as María del Carmen; 0 if none."""
    found = _MARIAN.match(fold(full_name))
    return 0 if found is None else len(found.group().split())


def is_double(given: str, family: str) -> bool:
    """Whether the last word of a given part belongs to the family name: Gabriel García | Márquez.

    It is a Spanish family name and no Spanish given name; at least one given name stands in front
    of it, and either that is Spanish or the family name is.

    Parameters
    ----------
    given, family : str
        As a name is cut where the last word alone is the family name.
    """
    *before, last = (fold(word) for word in given.split())
    if not before:
        return False
    givens, families = _words()
    if last not in families or last in givens:
        return False
    return before[0] in givens or fold(family).split()[-1] in families
