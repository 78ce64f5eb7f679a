"""From names to rows: encoding, committing, adding, images and what spelling predicts."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
