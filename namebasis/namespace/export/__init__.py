"""A subset of a space as a file in the form that a tool reads."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
