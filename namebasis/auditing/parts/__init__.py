"""The parts of an audit, in the order in which they run and stand on the page.

The module of a part holds `run`, which asks an `Inquiry` and returns an `Answer` (or raises
`Skipped`), and `say`, which tells the corrected claims in one sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from namebasis.results import load

if TYPE_CHECKING:
    from namebasis.auditing.claims import Claim
    from namebasis.auditing.inquiry import Answer, Inquiry


@dataclass(frozen=True)
class Asked:
    """One part.

    Attributes
    ----------
    key, title : str
    step : str
        What the bar says while it runs.
    """

    key: str
    title: str
    step: str

    def run(self, inquiry: Inquiry) -> Answer:
        """Ask."""
        found: Answer = load(f"namebasis.auditing.parts.{self.key}:run")(inquiry)
        return found

    def say(self, claims: Mapping[str, Claim], level: float) -> str:
        """What was found, in one sentence."""
        told: str = load(f"namebasis.auditing.parts.{self.key}:say")(claims, level)
        return told


PARTS = (
    Asked("reading", "What the tokenizer reads", "reading pieces"),
    Asked("age", "Age and era", "reading ages"),
    Asked("gender", "Gender", "reading gender"),
    Asked("region", "Region and group", "reading regions"),
    Asked("associations", "Associations", "holding groups against words"),
    Asked("identity", "Identity of people", "measuring people"),
    Asked("rigidity", "Rigidity over contexts", "putting names into contexts"),
    Asked("arrangement", "How names are arranged", "arranging names"),
    Asked("prompts", "Prompts of names", "painting described people"),
)
