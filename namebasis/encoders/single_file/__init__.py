"""Text encoders of Stable Diffusion out of one file, as people download it."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(__name__)
