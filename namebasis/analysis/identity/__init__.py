"""What a name is beyond its parts, and how firmly it keeps its place."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
