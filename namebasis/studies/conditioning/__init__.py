"""How does an image model read the names, and how far is that what the pooled vector says?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"condition": ".study", "Conditioning": ".results", "ViewsCompared": ".results"},
)
