"""What do the single pictures of names show beside each other?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"diversity": ".diversity", "NameDiversity": ".results", "PictureDiversity": ".results"},
)
