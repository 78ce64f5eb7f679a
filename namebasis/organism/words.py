"""The world's vocabulary: attributes and how captions say them, contexts, names nobody bears."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

ATTRIBUTES: dict[str, tuple[str, ...]] = {
    "age": ("child", "adult", "elderly"),
    "gender": ("woman", "man"),
    "hair_length": ("short", "medium", "long"),
    "skin_tone": ("light", "brown", "dark"),
    "hair_colour": ("black", "brown", "blond", "red"),
    "eye_colour": ("brown", "blue", "green"),
}
"""What a face shows; named like the axes of `data/axes`, in the order of every code array."""
GIVEN_ATTRIBUTES = ("age", "gender", "hair_length")
"""What a given name suggests; the rest is what a family name suggests."""
FAMILY_ATTRIBUTES = ("skin_tone", "hair_colour", "eye_colour")

CONTEXTS: dict[str, tuple[str, ...]] = {
    "scene": (
        "on a beach",
        "in a snowy forest",
        "in an office",
        "on a stage",
        "in a kitchen",
        "in a crowded street",
    ),
    "expression": ("looking calm", "laughing", "crying", "looking angry"),
    "outfit": (
        "wearing a business suit",
        "wearing a swimsuit",
        "wearing a knight's armour",
        "wearing a doctor's coat",
        "wearing a winter coat",
    ),
}
"""What changes from picture to picture; worded as in `data/contexts.toml` where that has it."""

TEMPLATES = (
    "{}",
    "a photo of {}",
    "a portrait of {}",
    "a picture of {}",
    "a close-up of {}",
    "this is {}",
    "a photo of a person named {}",
)

_NOUNS = {
    (None, None): "a person",
    (0, None): "a child",
    (1, None): "an adult",
    (2, None): "an elderly person",
    (None, 0): "a feminine person",
    (None, 1): "a masculine person",
    (0, 0): "a girl",
    (0, 1): "a boy",
    (1, 0): "a woman",
    (1, 1): "a man",
    (2, 0): "an elderly woman",
    (2, 1): "an elderly man",
}
_ONSETS = "b d f g k l m n p r s t v z br dr gr kr tr vl".split()
_VOWELS = "a e i o u".split()
_GIVEN_ENDS = ("", "n", "l", "s")
_FAMILY_ENDS = ("rk", "nd", "lt", "mar", "dov", "ske", "nt", "rst")


def attribute_phrase(codes: Sequence[int | None]) -> str:
    """Say attributes in words.

    Parameters
    ----------
    codes : sequence of int or None
        A value's number for each of `ATTRIBUTES`; None leaves it out.

    Returns
    -------
    str
        Such as "an elderly woman with long red hair, dark skin and green eyes".
    """
    age, gender, length, skin, colour, eyes = codes
    hair = [
        ATTRIBUTES[key][code]
        for key, code in (("hair_length", length), ("hair_colour", colour))
        if code is not None
    ]
    told = [" ".join([*hair, "hair"])] if hair else []
    if skin is not None:
        told.append(f"{ATTRIBUTES['skin_tone'][skin]} skin")
    if eyes is not None:
        told.append(f"{ATTRIBUTES['eye_colour'][eyes]} eyes")
    noun = _NOUNS[age, gender]
    if not told:
        return noun
    listed = ", ".join(told[:-1]) + " and " + told[-1] if len(told) > 1 else told[0]
    return f"{noun} with {listed}"


def make_words(n: int, part: str, rng: np.random.Generator, taken: set[str]) -> list[str]:
    """Make up names, such as Brelon (given) or Tavurdov (family).

    Parameters
    ----------
    n : int
    part : str
        given or family.
    rng : numpy.random.Generator
    taken : set of str
        Words in lower case that may not come out; the new ones are added.

    Returns
    -------
    list of str
        Different, capitalised.
    """
    ends = _GIVEN_ENDS if part == "given" else _FAMILY_ENDS
    made: list[str] = []
    while len(made) < n:
        picks = [_ONSETS, _VOWELS, _ONSETS[:14], _VOWELS, ends]
        word = "".join(options[rng.integers(len(options))] for options in picks)
        if word not in taken:
            taken.add(word)
            made.append(word.capitalize())
    return made


def caption_words() -> set[str]:
    """Every word that captions hold beside names, in lower case."""
    texts = [template.format("") for template in TEMPLATES]
    texts += [phrase for phrases in CONTEXTS.values() for phrase in phrases]
    texts += list(_NOUNS.values())
    texts += [value for values in ATTRIBUTES.values() for value in values]
    texts += ["with hair, skin and eyes"]
    return {word for text in texts for word in text.replace(",", " ").lower().split()}
