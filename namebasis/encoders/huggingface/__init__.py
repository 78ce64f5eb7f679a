"""Models of transformers and sentence-transformers."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
