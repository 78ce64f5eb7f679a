"""Views that another model than the encoder computes: stored, filled and refused when stale."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "compute_views": ".making",
        "ComputedFacts": ".facts",
        "ViewMaker": ".makers",
    },
)
