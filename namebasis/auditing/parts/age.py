"""Age and era: does the model order given names as births do?"""

from __future__ import annotations

from collections.abc import Mapping

from namebasis.auditing.claims import Claim
from namebasis.auditing.corpora import GIVEN
from namebasis.auditing.inquiry import Answer, Inquiry, Skipped
from namebasis.auditing.parts import beliefs
from namebasis.auditing.parts.one_vector import as_one


def run(inquiry: Inquiry) -> Answer:
    """Read age and year of birth beside the births of the United States."""
    found = beliefs.read(inquiry, "us", GIVEN, with_era=True)
    facts = [fact for fact in found.known.facts if fact.axis in ("age", "era")]
    if "age" not in [fact.axis for fact in facts]:
        raise Skipped(as_one(["age"]))
    answer = Answer([], {})
    beliefs.claims_of(inquiry, found, facts, [fact.name for fact in facts], answer)
    answer.tables.extend(beliefs.tables_of(inquiry, found, facts))
    answer.remarks.append(beliefs.held_of(inquiry, found, GIVEN))
    return answer


def say(claims: Mapping[str, Claim], level: float) -> str:
    """Whether age is read, and how well."""
    age = claims["age.age.by_words"]
    if age.is_beyond(level) and age.value > 0:
        told = f"Words for age order {age.n:,} given names as births do (Spearman {age.told()})"
    else:
        told = f"Words for age do not order given names as births do (Spearman {age.told()})"
    return told + beliefs.and_vectors(claims.get("age.age.beyond_spelling"), level)
