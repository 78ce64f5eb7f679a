"""What is a name, a picture, a cluster or a component in words?"""

from namebasis.lazy import attach

__getattr__, __dir__ = attach(
    __name__,
    {"describe": ".study", "Description": ".results", "Words": ".results"},
)
