"""Names of one part, which have no pair of parts to be more than."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
