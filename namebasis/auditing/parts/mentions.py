"""From how many mentions on does the model know a person?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from namebasis.analysis.intervals import Interval, resampled_ends
from namebasis.auditing.claims import Sample, measured
from namebasis.auditing.draws import exchanged
from namebasis.auditing.inquiry import Answer, Inquiry
from namebasis.checks import Float64Array
from namebasis.namespace.corpus.count_files import by_fold
from namebasis.studies.identity.counts import compare_counts
from namebasis.studies.identity.results import Identity

MOST = 2
"""A list of one's own may be longer than the packaged one by this factor."""
KEY = "identity.mentions"
_FEWEST_EACH, _N_RESAMPLES, _ENDLESS = 5, 200, 1e12


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


def threshold(counts: Float64Array, known: np.ndarray, seed: int) -> Interval:
    """The mentions at which a person is as likely known as not.

    A logistic regression on the logarithm of the mentions, with a bootstrap over people.

    Parameters
    ----------
    counts : ndarray of shape (n,)
    known : ndarray of shape (n,), bool
    seed : int

    Returns
    -------
    Interval
        NaN, with the reason, where the people do not tell.
    """
    nothing = float("nan")
    if min(known.sum(), (~known).sum()) < _FEWEST_EACH:
        few = "known" if known.sum() < _FEWEST_EACH else "unknown"
        return Interval(nothing, None, None, f"fewer than {_FEWEST_EACH} people are {few}")
    found = _even_odds(counts, known)
    if not np.isfinite(found) or not counts.min() <= found <= counts.max():
        return Interval(nothing, None, None, "no number of mentions parts known from unknown")
    rng = np.random.default_rng(seed)
    draws = []
    for _ in range(_N_RESAMPLES):
        rows = rng.integers(0, len(counts), len(counts))
        at = _even_odds(counts[rows], known[rows])
        draws.append(at if np.isfinite(at) else np.inf)
    low, high = resampled_ends(draws, len(counts))
    return Interval(found, min(low, found), max(high, found))


def _even_odds(counts: Float64Array, known: np.ndarray) -> float:
    """NaN where those that are mentioned more are not known more often."""
    from sklearn.linear_model import LogisticRegression

    if known.all() or not known.any():
        return float("nan")
    logs = np.log10(1 + counts)[:, None]
    fitted = LogisticRegression(C=100.0).fit(logs, known)
    slope = float(fitted.coef_[0, 0])
    if slope <= 0:
        return float("nan")
    return float(10 ** min(-float(fitted.intercept_[0]) / slope, 300.0) - 1)


def told_threshold(found: Interval) -> str:
    """In a sentence."""
    if not np.isfinite(found.value):
        return f"From how many mentions on the model knows a person is not told: {found.reason}."
    ends = ""
    if found.low is not None and found.high is not None:
        high = f"to {found.high:,.0f}" if found.high < _ENDLESS else "without an upper end"
        ends = f" (95 % interval {max(found.low, 0):,.0f} {high})"
    return (
        f"From about {found.value:,.0f} mentions on{ends} a person is more likely known than not."
    )
