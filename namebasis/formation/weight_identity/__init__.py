"""Identity in the weights: who writes a name's own direction, and which weights hold it."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "identity_in_weights": ".study",
        "Writers": ".writer_results",
        "WeightEvidence": ".evidence",
        "WeightIdentity": ".results",
    },
)
