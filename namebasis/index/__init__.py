"""Vectors and ids to nearest ids."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "exact_search": ".tuning",
        "merge_hits": ".hits",
        "VectorIndex": ".vector_index",
    },
)
