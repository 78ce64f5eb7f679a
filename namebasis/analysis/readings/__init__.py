"""What vectors say about attributes: axes, associations, probes, calibration."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
