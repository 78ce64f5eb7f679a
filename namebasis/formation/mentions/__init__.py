"""How often the captions of a training set name people."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "count_mentions": ".study",
        "Mentions": ".results",
        "Matcher": ".matching",
    },
)
