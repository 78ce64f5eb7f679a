"""Files of names as people have them, from bytes to columns."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
