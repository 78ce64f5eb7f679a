"""Pictures of names: a row a picture, with its source, its vectors and what was measured on it."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"ImageView": ".views", "Pictures": ".pictures"},
)
