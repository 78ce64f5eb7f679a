"""One question asked of a name space each; modules load on first use."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
