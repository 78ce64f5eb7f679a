"""Templates with {names} and attribute slots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from string import Formatter

from namebasis.namespace.phrases.sentences import subject
from namebasis.studies.attributes.axis_files import axis_names, load_axis
from namebasis.wording import did_you_mean

NAMES = "names"


@dataclass(frozen=True)
class Layout:
    """A template, cut at its fields.

    Attributes
    ----------
    literals : tuple of str
        What stands before each field, and behind the last: one more than `fields`.
    fields : tuple of str
        `names` once, and the slots.
    options : mapping of str to tuple of str
        The phrases each slot may take.
    separator : str
        Between two names.
    """

    literals: tuple[str, ...]
    fields: tuple[str, ...]
    options: Mapping[str, tuple[str, ...]]
    separator: str

    @property
    def slots(self) -> tuple[str, ...]:
        """The fields other than the names, in the template's order."""
        return tuple(field for field in self.fields if field != NAMES)

    def prompt(
        self, names: Sequence[str], phrases: Sequence[str], sentences: Sequence[str] = ()
    ) -> str:
        """Put names in, a phrase per slot in the order of `slots`, and optional phrases.

        Parameters
        ----------
        names, phrases : sequence of str
        sentences : sequence of str
            How optional phrases read of a person; they stand around the names.
        """
        told = subject(sentences, bool(names)) if sentences else "{}"
        told = told.replace("{}", self.separator.join(names))
        phrase = iter(phrases)
        parts = [self.literals[0]]
        for field, literal in zip(self.fields, self.literals[1:], strict=True):
            parts += [told if field == NAMES else next(phrase), literal]
        return "".join(parts)


def parse_layout(
    template: str, slots: Mapping[str, str | Sequence[str]] | None, separator: str
) -> Layout:
    """Read a template such as "a photo of {names}, {age}".

    Parameters
    ----------
    template : str
        Holds `{names}` once; every other field is a slot. `{{` and `}}` stand for braces.
    slots : mapping, optional
        Phrases per slot, or the path of an axis file; packaged axes need no entry.
    separator : str

    Raises
    ------
    ValueError
        If `{names}` is not there once, a slot is unknown, twice there or without phrases, or an
        entry of `slots` is not in the template.
    """
    literals, fields = [""], []
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(f"template {template!r} cannot be read: {error}.") from None
    for literal, field, spec, conversion in parsed:
        literals[-1] += literal
        if field is None:
            continue
        if spec or conversion or not field.isidentifier():
            raise ValueError(
                f"template {template!r}: a field is {{names}} or {{slot}}; "
                f"got {{{field}{'!' if conversion else ''}{conversion or ''}"
                f"{':' if spec else ''}{spec}}}."
            )
        fields.append(field)
        literals.append("")
    for field in fields:
        if fields.count(field) > 1:
            raise ValueError(f"template {template!r}: {{{field}}} must stand there once.")
    if NAMES not in fields:
        raise ValueError(f"template {template!r} needs {{names}}, as in 'a photo of {{names}}'.")
    given = dict(slots or {})
    options = {field: _options(field, given) for field in fields if field != NAMES}
    unused = sorted(set(given) - set(options))
    if unused:
        raise ValueError(
            f"slots names {', '.join(unused)}, which template {template!r} does not hold."
        )
    return Layout(tuple(literals), tuple(fields), options, separator)


def _options(slot: str, given: Mapping[str, str | Sequence[str]]) -> tuple[str, ...]:
    if slot not in given and slot not in axis_names():
        raise ValueError(
            f"unknown slot {{{slot}}}; there are {', '.join(axis_names())}, "
            f"or give its phrases: slots={{{slot!r}: [...]}}.{did_you_mean(slot, axis_names())}"
        )
    entry = given.get(slot, slot)
    if isinstance(entry, str):
        return load_axis(entry).phrases
    phrases = tuple(dict.fromkeys(entry))
    if not phrases or not all(isinstance(phrase, str) for phrase in phrases):
        raise ValueError(f"slot {slot!r} needs at least one phrase, all text; got {entry!r}.")
    return phrases
