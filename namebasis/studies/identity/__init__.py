"""What kind of identity has a model formed for a name, and how rigid is it?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"identity": ".study", "Identity": ".results", "Rigidity": ".rigidity"},
)
