"""Density clusters, their hierarchy, and how far they can be trusted."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
