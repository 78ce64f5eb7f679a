"""From how many mentions on does the model know a person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from namebasis.auditing.claims import Sample, measured
from namebasis.auditing.draws import exchanged
from namebasis.auditing.inquiry import Answer, Inquiry
from namebasis.checks import Float64Array
from namebasis.namespace.corpus.count_files import by_fold
from namebasis.studies.identity.counts import compare_counts
from namebasis.studies.identity.mentions import threshold, told_threshold
from namebasis.studies.identity.results import Identity

MOST = 2
"""A list of one's own may be longer than the packaged one by this factor."""
KEY = "identity.mentions"


def chosen(counts: Mapping[str, int], n: int) -> list[str]:
    """At most n people, evenly over the order of their mentions."""
    ranked = sorted(counts, key=lambda name: (counts[name], name))
    if len(ranked) <= n:
        return ranked
    return [ranked[at] for at in np.linspace(0, len(ranked) - 1, n).round().astype(int)]


def add(inquiry: Inquiry, people: Identity, others: Float64Array, answer: Answer) -> None:
    """Add what mentions tell of people.

    Parameters
    ----------
    inquiry : Inquiry
        With counts.
    people : Identity
    others : ndarray
        Own scores of their parts, paired otherwise.
    answer : Answer
    """
    find = by_fold(inquiry.counts or {})
    told = {row.name: find(row.name) for row in people.rows}
    rows = [row for row in people.rows if told[row.name] is not None and row.own_score is not None]
    counts = np.array([told[row.name] for row in rows], dtype=np.float64)
    scores = np.array([row.own_score for row in rows], dtype=np.float64)
    try:
        agreement = compare_counts(
            replace(people, recombined={"own_score": others}), dict(inquiry.counts or {})
        )
    except ValueError as error:
        answer.remarks.append(f"mentions: {error}")
        return
    sample = Sample(tuple(row.name for row in rows), scores, counts)
    answer.add(
        measured(
            KEY, "people mentioned more have more of their own", "Spearman", sample,
            chance=exchanged("Spearman", sample, [row.n_tokens for row in rows], inquiry),
            one_sided=True, on_card=True,
            against="mentions exchanged between names of as many pieces",
            meaning="1: the more a person is mentioned, the more the model has of them; 0: nothing",
        ),
        sample,
    )  # fmt: skip
    answer.tables.extend(agreement.tables())
    known = scores > people.thresholds["own_score"]
    answer.remarks.append(told_threshold(threshold(counts, known, inquiry.seed)))
