"""The organism's own text-to-image model, and its training."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
