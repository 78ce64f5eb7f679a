"""Models of open_clip, and the checkpoints that its trainer writes."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
