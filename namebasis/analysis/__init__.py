"""Arrays in, arrays out: never a path, a store or an encoder."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
