"""Names as letters alone: what a reader knows who has seen no model."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from namebasis.checks import Float64Array

_N_COMPONENTS = 384
"""As many as a small encoder has dimensions."""


def letter_features(names: Sequence[str], *, seed: int = 0) -> Float64Array:
    """Principal directions of the names' letter runs, one to four long, ends marked.

    Parameters
    ----------
    names : sequence of str, length n
    seed : int
        Of the random projection.

    Returns
    -------
    ndarray of shape (n, k), float64
        k is 384, or less than the number of names and of different runs.
    """
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import TfidfVectorizer

    runs = TfidfVectorizer(analyzer="char_wb", ngram_range=(1, 4), sublinear_tf=True)
    counts = runs.fit_transform(names)
    k = min(_N_COMPONENTS, min(counts.shape) - 1)
    if k < 1:
        return np.zeros((len(names), 1))
    return np.asarray(TruncatedSVD(k, random_state=seed).fit_transform(counts), dtype=np.float64)
