"""Text and images to unit vectors."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
