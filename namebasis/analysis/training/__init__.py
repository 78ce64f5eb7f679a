"""What changes while a model trains: change points and spectra of weights."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
