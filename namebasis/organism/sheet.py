"""A contact sheet: what every attribute, context and person looks like."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from namebasis.organism.people import People, random_people
from namebasis.organism.renderer import Pixels, render
from namebasis.organism.words import ATTRIBUTES, CONTEXTS
from namebasis.organism.world import N_FINE

if TYPE_CHECKING:
    from PIL.Image import Image

_ZOOM, _GAP, _LABEL = 2, 4, 12


def contact_sheet(*, seed: int = 0, columns: int = 8) -> Image:
    """Draw one row per value of every attribute and context, and rows of single people.

    All in a row share what the label says; the rest is drawn at random. In the last rows one
    person is seen in several contexts.

    Returns
    -------
    PIL image
    """
    from PIL import Image, ImageDraw

    rows = _rows(seed, columns)
    cell = 48 * _ZOOM + _GAP
    sheet = Image.new(
        "RGB", (2 * (columns * cell + _GAP) + _GAP, -(-len(rows) // 2) * (cell + _LABEL)), "white"
    )
    pen = ImageDraw.Draw(sheet)
    half = -(-len(rows) // 2)
    for at, (label, pixels) in enumerate(rows):
        left = _GAP + (at // half) * (columns * cell + 2 * _GAP)
        top = (at % half) * (cell + _LABEL)
        pen.text((left, top), label, fill="black")
        for column, face in enumerate(pixels):
            tile = Image.fromarray(face).resize((48 * _ZOOM, 48 * _ZOOM), Image.Resampling.NEAREST)
            sheet.paste(tile, (left + column * cell, top + _LABEL))
    return sheet


def _rows(seed: int, columns: int) -> list[tuple[str, Pixels]]:
    rng = np.random.default_rng(seed)
    rows = []
    for position, (key, values) in enumerate([*ATTRIBUTES.items(), *CONTEXTS.items()]):
        for code, value in enumerate(values):
            people = random_people(columns, rng)
            if position < len(ATTRIBUTES):
                people.attributes[:, position] = code
                label = f"{key.replace('_', ' ')}: {value}"
            else:
                people.contexts[:, position - len(ATTRIBUTES)] = code
                label = value
            rows.append((label, render(people, seed=[seed, position, code])))
    for person in range(3):
        people = random_people(columns, rng)
        one = People(
            np.repeat(people.attributes[:1], columns, 0),
            np.repeat(
                (rng.choice([-1, 1], (1, N_FINE)) * rng.uniform(0.3, 1, (1, N_FINE))).astype(
                    np.float32
                ),
                columns,
                0,
            ),
            people.contexts,
        )
        rows.append((f"one person, {'abc'[person]}", render(one, seed=[seed, 99, person])))
    return rows
