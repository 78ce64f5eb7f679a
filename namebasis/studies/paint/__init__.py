"""Which prompt of names comes nearest to a target?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"paint": ".study", "ready": ".weights", "Painting": ".results"},
)
