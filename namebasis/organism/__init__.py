"""A model whose truth is known: a world of names and faces, and a small CLIP trained on it."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
