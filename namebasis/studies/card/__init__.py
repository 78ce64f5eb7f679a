"""Everything about one name."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"card": ".study", "Card": ".results"},
)
