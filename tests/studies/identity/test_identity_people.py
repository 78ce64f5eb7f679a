"""Identity of people whom a training set names often and rarely, with the packaged encoder."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.encoders.registry import load_encoder
from namebasis.studies.identity.counts import auc, compare_counts, read_counts
from namebasis.studies.identity.study import identity
from tests.studies.toy import EncoderSpace

COUNTS = Path(__file__).parents[4] / "shared" / "data" / "laion400m-name-counts.csv"


def test_people_named_often_have_more_of_their_own_than_people_named_rarely() -> None:
    if not COUNTS.is_file():
        pytest.skip(f"no {COUNTS.name} beside the checkout, in shared/data")
    counts = read_counts(COUNTS)
    two = sorted((n for n in counts if len(n.split()) == 2), key=lambda n: (counts[n], n))
    chosen = {name: counts[name] for name in (*two[:16], *two[-16:])}
    space = EncoderSpace(load_encoder("minilm"))
    found = identity(space, list(chosen), n_made_up=20, with_contexts=False)  # type: ignore[arg-type]
    score = dict(zip(chosen, found.column("own_score"), strict=True))
    often = np.array([score[name] for name in two[-16:]])
    rare = np.array([score[name] for name in two[:16]])
    # All 514 people: AUC 0.80 (0.76 to 0.85) against recombined names above 3,000 mentions.
    assert auc(often, rare) > 0.75
    assert compare_counts(found, chosen).spearman.low > 0
    assert auc(rare, found.recombined["own_score"]) < 0.7
