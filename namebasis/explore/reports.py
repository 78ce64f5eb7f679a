"""Reports as pages in a frame: made once by a job, kept beside the space's indices."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from namebasis.explore.warm import Warm
from namebasis.namespace.search.kept_answers import find_answer, keep_answer
from namebasis.reading import UnreadableError, parse_json
from namebasis.results import Result, plain
from namebasis.space import Space

KIND = "pages"
_FORMAT = 1  # of what is kept
_MOST = 64
"""Pages whose addresses are known; one that was forgotten is found again by its question."""

POLICY = (
    "sandbox allow-scripts allow-downloads; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; font-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'self' http://localhost:* http://127.0.0.1:*"
)
"""A report brings its script with it, and may ask nobody for anything, not even this service."""

Tell = Callable[[Result], dict[str, Any]]


class Reports:
    """What reports said, and their pages, by question.

    Parameters
    ----------
    warm : Warm
    tell : callable
        A result as JSON beside the page.
    """

    def __init__(self, warm: Warm, tell: Tell) -> None:
        self._warm = warm
        self._tell = tell
        self._asked: dict[str, tuple[str, object]] = {}

    def find(self, space: str, question: object) -> dict[str, Any] | None:
        """What is kept of a report, with the key of its page; None where it must be made."""
        found = self._read(space, question)
        return None if found is None else self._shown(space, question, *found)

    def make(self, space: str, question: object, ask: Callable[[Space], Result]) -> dict[str, Any]:
        """What is kept of a report, or what is made and kept now."""
        found = self.find(space, question)
        return found if found is not None else self.remake(space, question, ask)

    def remake(
        self, space: str, question: object, ask: Callable[[Space], Result]
    ) -> dict[str, Any]:
        """A report that is made and kept now, whatever was kept before."""
        result = ask(self._warm.space(space))
        held = {"told": plain(self._tell(result)), "page": result.to_html()}
        # What was written while it was made belongs to the space as it is now.
        opened = self._warm.space(space)
        keep_answer(opened, KIND, [_FORMAT, question], json.dumps(held).encode())
        return self._shown(space, question, held, None)

    def page(self, space: str, key: str) -> str | None:
        """The page of a report as HTML; None where the key is not known, or the space has changed
        since.
        """
        asked = self._asked.get(key)
        if asked is None or asked[0] != space:
            return None
        found = self._read(*asked)
        return None if found is None else str(found[0]["page"])

    def _read(self, space: str, question: object) -> tuple[dict[str, Any], str] | None:
        answer = find_answer(self._warm.space(space), KIND, [_FORMAT, question])
        if answer is None:
            return None
        try:
            held = parse_json(answer.data, "kept report")
            return {"told": held["told"], "page": held["page"]}, answer.when
        except (UnreadableError, KeyError, TypeError):
            return None  # a cache that is damaged costs time alone

    def _shown(
        self, space: str, question: object, held: dict[str, Any], when: str | None
    ) -> dict[str, Any]:
        named = json.dumps([space, question], sort_keys=True).encode()
        key = hashlib.sha256(named).hexdigest()[:24]
        self._asked[key] = (space, question)
        for old in list(self._asked)[:-_MOST]:
            del self._asked[old]
        return {**held["told"], "page": key, "when": when}
