"""A celeb basis: the space that the pieces of names span, and points in it beside the names."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"CelebBasis": ".study", "Address": ".points", "Point": ".points"},
)
