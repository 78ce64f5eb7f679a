"""Spaces in object storage: their addresses, their data sets, what storage refuses."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
