"""Work on many processes or machines: a Ray, its actors, and spaces that each of them opens."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
