"""Which names, of many, are a list that is good for something?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"select": ".study", "Selection": ".results"},
)
