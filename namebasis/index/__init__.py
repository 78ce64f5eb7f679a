"""Vectors and ids to nearest ids."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
