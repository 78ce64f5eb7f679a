"""Which few names add up to a target, what do names rest on, and who lies along a direction?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"fit": ".study", "Basis": ".results"},
)
