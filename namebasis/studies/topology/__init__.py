"""How are the names of a space arranged, and what does the arrangement follow?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "report": ".study",
        "compare": ".comparison",
        "TopologyReport": ".results",
        "TopologyComparison": ".comparison",
    },
)
