"""Which attributes does a name carry, and do public records agree?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"score": ".study", "Attributes": ".results"},
)
