"""Names and the data set that holds them."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
