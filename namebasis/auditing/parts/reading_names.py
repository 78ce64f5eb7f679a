"""Names as a tokenizer reads them: pieces, what is unknown, what is cut, script and region."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from namebasis.auditing.inquiry import Inquiry
from namebasis.namespace.building.tokens import is_unread
from namebasis.namespace.corpus.folding import script_of
from namebasis.studies.attributes.record_facts import region as region_of

FREQUENT = 300
"""US given names that are called frequent: the most births."""
_SCRIPTS = {"CJK": "Han", "ORIYA": "Odia"}


@dataclass(frozen=True)
class ReadName:
    """One name as the encoder reads it.

    Attributes
    ----------
    name : str
    pieces : tuple of str
    is_unread : bool
        Whether no letter of it is known.
    is_partly : bool
        Whether some letters are not known, and some are.
    is_cut : bool
        Whether the encoder reads only its beginning in the audit's longest sentence.
    script : str
        Of its first letter, such as "Latin" or "Devanagari"; empty without one.
    region : str or None
        Where the lists that hold it are of one region of the world.
    """

    name: str
    pieces: tuple[str, ...]
    is_unread: bool
    is_partly: bool
    is_cut: bool
    script: str
    region: str | None

    @property
    def n_pieces(self) -> int:
        """How many."""
        return len(self.pieces)

    @property
    def is_whole(self) -> bool:
        """Whether every letter is read."""
        return not (self.is_unread or self.is_partly or self.is_cut)


def read_all(inquiry: Inquiry) -> dict[str, ReadName]:
    """Every name of the corpora, those that are not in the space included."""
    names = list(dict.fromkeys(name for rows in inquiry.corpora.rows.values() for name, _ in rows))
    encoder = inquiry.encoder
    unknown = getattr(encoder, "unknown_piece", None)
    templates = list(inquiry.space.provenance.templates)
    around = max(map(len, encoder.pieces([t.replace("{}", "") for t in templates])), default=0)
    most = getattr(encoder, "max_tokens", None)
    found = {}
    for name, pieces in zip(names, encoder.pieces(names), strict=True):
        is_none = is_unread(pieces, unknown)
        regions = {region_of(locale) for locale in inquiry.corpora.locales.get(name, ())}
        found[name] = ReadName(
            name, tuple(pieces), is_none,
            is_partly=not is_none and unknown is not None and unknown in pieces,
            is_cut=most is not None and around + len(pieces) > most,
            script=script_name(name),
            region=regions.pop() if len(regions) == 1 else None,
        )  # fmt: skip
    return found


def script_name(name: str) -> str:
    """The script of a name's first letter, as people call it."""
    code = script_of(name)
    return _SCRIPTS.get(code, code.capitalize())


def letters(name: str) -> int:
    """How many letters a name has, each with its marks."""
    return sum(c.isalpha() for c in unicodedata.normalize("NFC", name))
