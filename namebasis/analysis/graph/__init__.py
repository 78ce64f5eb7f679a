"""The graph of nearest neighbours and what is measured on it."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
