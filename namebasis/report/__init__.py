"""Figures and pages drawn from result objects."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
