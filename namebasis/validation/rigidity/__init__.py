"""Which attributes of a name its pictures hold rigid, and which they leave free."""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {
        "picture_rigidity": ".study",
        "PictureRigidity": ".results",
    },
)
