"""The shape of a cloud of points: entropy, dimension, homology, a map."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
