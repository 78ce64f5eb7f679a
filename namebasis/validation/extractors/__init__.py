"""What measures images: classifiers, taggers, probes, questions, skin colour."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
