"""Words that say what somebody looks like: a dictionary of phrases, their sentences and vectors."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "load_phrases": ".dictionary",
        "Phrase": ".dictionary",
        "Phrases": ".dictionary",
        "phrase_rows": ".vectors",
        "subject": ".sentences",
    },
)
