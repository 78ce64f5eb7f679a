"""Gender: does the model tell women's given names from men's as births do?"""

from __future__ import annotations

from collections.abc import Mapping

from namebasis.auditing.claims import Claim
from namebasis.auditing.corpora import GIVEN
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import beliefs


def run(inquiry: Inquiry) -> Answer:
    """Read the share of women beside the births of the United States."""
    found = beliefs.read(inquiry, "us", GIVEN, with_era=True)  # as the age did: read once
    facts = [fact for fact in found.known.facts if fact.axis == "gender"]
    answer = Answer([], {})
    beliefs.claims_of(inquiry, found, facts, ["women"], answer)
    if not answer.claims:
        raise Skipped("births tell of too few women's or men's names that the encoder reads.")
    answer.tables.extend(beliefs.tables_of(inquiry, found, facts))
    answer.remarks.append(beliefs.held_of(inquiry, found, GIVEN))
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Whether words tell women's names from men's, and whether the vectors know more."""
    words = claims["gender.women.by_words"]
    able = words.is_beyond(level) and words.value > 0.5
    told = (
        f"Words for gender {'tell' if able else 'do not tell'} women's names from men's among "
        f"{words.n:,} given names (AUC {words.told()})"
    )
    return told + beliefs.and_vectors(claims.get("gender.women.beyond_spelling"), level)
