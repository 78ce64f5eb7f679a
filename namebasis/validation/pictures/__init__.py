"""Pictures of names: made, stored and measured once."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
