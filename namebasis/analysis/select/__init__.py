"""A subset of rows that is good for something, chosen one after another under limits."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
