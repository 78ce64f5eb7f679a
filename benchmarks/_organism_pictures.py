"""Rendered pictures as a perfect painter's, probes that read pictures, and the world's own axes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from PIL import Image

from namebasis.organism.captions import Scribe
from namebasis.organism.people import random_people
from namebasis.organism.renderer import render
from namebasis.organism.words import ATTRIBUTES, TEMPLATES, attribute_phrase
from namebasis.organism.world import World
from namebasis.validation.extractors.base import Attribute
from namebasis.validation.extractors.image_probe import LinearProbe, train_probe

PROMPT = "a photo of {}"
NOMINAL = ("hair_colour", "eye_colour")
AGREES = ("skin_tone", "hair_colour", "hair_length", "gender")


class Rendered:
    """Stands for a perfect painter: the world's own pictures of the names in the prompts."""

    spec, has_safety_checker = "rendered", True

    def __init__(self, world: World) -> None:
        self.fingerprint = f"world-{world.seed}"
        self._scribe = Scribe(world)
        self._rows = {PROMPT.format(name.name): at for at, name in enumerate(world.names)}

    def resolved(self, options):
        return options

    def paint(self, prompts, seeds, options):
        made = []
        for prompt, seed in zip(prompts, seeds, strict=True):
            row = self._rows[prompt]
            people = self._scribe.pictures(row, 1, np.random.default_rng([9, row, seed]))
            made.append((Image.fromarray(render(people, seed=[10, row, seed])[0]), False))
        return made


class Pixels:
    """Stands for an encoder that no text had a part in: means of blocks of pixels."""

    spec = fingerprint = "pixels"
    side = 16

    def encode_images(self, images) -> np.ndarray:
        small = [image.resize((self.side, self.side), Image.Resampling.BOX) for image in images]
        rows = np.stack([np.asarray(image, dtype=np.float32).ravel() for image in small])
        rows = rows / 255 - 0.5
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def train_probes(encoder, n_pictures: int, keys=tuple(ATTRIBUTES)) -> dict[str, LinearProbe]:
    """A probe per attribute of the world, on rendered pictures of random people."""
    people = random_people(n_pictures, np.random.default_rng(11))
    faces = render(people, seed=12)
    vectors = encoder.encode_images([Image.fromarray(face) for face in faces])
    each = [str(at) for at in range(n_pictures)]  # every picture shows another person
    found = {}
    for at, (key, values) in enumerate(ATTRIBUTES.items()):
        if key in keys:
            ranks = () if key in NOMINAL else tuple(map(float, range(len(values))))
            labels = [values[code] for code in people.attributes[:, at]]
            found[key] = train_probe(vectors, labels, each, Attribute(key, values, ranks), encoder)
    return found


def write_axes(folder: Path) -> list[Path]:
    """The attributes as axis files in the words of the world's captions."""
    keys = list(ATTRIBUTES)
    written = []
    for key in AGREES:
        lines = [
            f"name = {json.dumps(key)}",
            f'kind = "{"nominal" if key in NOMINAL else "ordinal"}"',
            f"templates = {json.dumps(TEMPLATES[:-1])}",  # nobody is "named a woman"
        ]
        for code, value in enumerate(ATTRIBUTES[key]):
            said = dict.fromkeys(keys) | {key: code}
            also = "age" if key == "gender" else "gender"
            others = [None, *range(len(ATTRIBUTES[also]))]
            phrases = [attribute_phrase(list((said | {also: o}).values())) for o in others]
            lines += ["[[values]]", f"label = {json.dumps(value)}",
                      f"phrases = {json.dumps(phrases)}"]  # fmt: skip
        path = folder / f"{key}.toml"
        path.write_text("\n".join(lines), encoding="utf-8")
        written.append(path)
    return written


def columns(key: str) -> list[str]:
    return [f"{key}_{value}" for value in ATTRIBUTES[key]] if key in NOMINAL else [key]
