"""CLIP's text towers, run at the cost of the tokens that matter."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
