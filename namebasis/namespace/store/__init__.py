"""The data set of a space on disk: its versions, locks, columns and damage."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
