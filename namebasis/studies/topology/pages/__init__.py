"""The pages of the topology study: maps, shape, neighbours, two spaces compared."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
