"""Names and where they come from; knows neither a store nor an encoder."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
