"""How faces are painted: every attribute large, from the back of the picture to the front."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from namebasis.checks import FloatArray
from namebasis.organism.canvas import Canvas
from namebasis.organism.people import Codes, People

_SKIN = np.array([[0.98, 0.82, 0.70], [0.72, 0.48, 0.30], [0.36, 0.21, 0.14]], np.float32)
_HAIR = np.array(
    [[0.06, 0.05, 0.08], [0.42, 0.24, 0.08], [0.97, 0.85, 0.38], [0.86, 0.28, 0.06]], np.float32
)
_EYES = np.array([[0.38, 0.18, 0.04], [0.10, 0.40, 0.95], [0.10, 0.70, 0.20]], np.float32)
_WHITE, _BLACK = (1.0, 1.0, 1.0), (0.05, 0.04, 0.05)
_TEARS, _LIPS, _GOLD = (0.35, 0.75, 1.0), (0.88, 0.10, 0.22), (1.0, 0.8, 0.1)
_MOUTH, _FLUSH, _BLUSH, _TUBES = (
    (0.7, 0.05, 0.15),
    (0.9, 0.0, 0.0),
    (0.95, 0.35, 0.45),
    (0.1, 0.3, 0.7),
)
_OUTFIT = np.array(
    [[0.10, 0.12, 0.30], [0.10, 0.75, 0.75], [0.62, 0.66, 0.72], [0.95, 0.97, 1.0],
     [0.62, 0.25, 0.50]],
    np.float32,
)  # fmt: skip
_CALM, _LAUGHING, _CRYING, _ANGRY = range(4)


class Face:
    """One drawing of all people: geometry first, then paint from the back to the front."""

    def __init__(self, people: People, canvas: Canvas, shift: FloatArray) -> None:
        self.canvas, self.n = canvas, len(people)
        age, gender, length, skin, hair, eyes = people.attributes.T
        self.expression, self.outfit = people.contexts[:, 1], people.contexts[:, 2]
        self.fine = people.fine.T
        self.child, self.elderly = age == 0, age == 2
        self.man, self.length = gender == 1, length
        self.skin, self.hair, self.iris = _SKIN[skin], _HAIR[hair], _EYES[eyes]
        # A child's head is small, round and low; an elderly one long.
        self.rx = _pick(age, 9.5, 11.0, 10.2) + 1.3 * self.fine[0]
        self.ry = _pick(age, 9.5, 12.5, 14.0)
        self.x = 24 + shift[0]
        self.y = _pick(age, 27.0, 22.0, 20.5) + shift[1]
        self.zero = np.zeros(self.n, np.float32)

    def draw(self) -> None:
        self._back_hair()
        self._body()
        self._strands()
        self._head()
        self._age_lines()
        self._front_hair()
        self._eyes()
        self._mouth()
        self._marks()

    def _full(self, value: float) -> FloatArray:
        return np.full(self.n, value, np.float32)

    def _paint(self, colour: tuple[float, float, float]) -> FloatArray:
        return np.broadcast_to(np.array(colour, np.float32), (self.n, 3))

    def _back_hair(self) -> None:
        c, long, medium = self.canvas, self.length == 2, self.length == 1
        c.ellipse(self.x, self.y - 2, self.rx + 3, self.ry + 2.5, self.hair,
                  opacity=_as_float(self.length > 0))  # fmt: skip
        reach = np.where(long, 48.0, self.y + self.ry + 1).astype(np.float32)
        half = (reach - self.y) / 2
        c.bar(self.x, self.y + half, self.rx + 4.0, half, self.hair,
              opacity=_as_float(long | medium))  # fmt: skip

    def _body(self) -> None:
        c = self.canvas
        wide = np.where(self.man, 21.0, 13.5).astype(np.float32) * np.where(
            self.child, 0.78, 1.0
        ).astype(np.float32)
        top = np.where(self.child, 41.0, 38.0).astype(np.float32)
        colour = _OUTFIT[self.outfit]
        c.bar(self.x, self.y + self.ry, self._full(4.0), self._full(5.0), self.skin * 0.88)
        high = 48.0 - top
        square = np.where(self.man, 4.0, 2.0).astype(np.float32)
        c.ellipse(self.x, self._full(48.0), wide, high, colour, power=square)
        worn = [_as_float(self.outfit == kind) for kind in range(5)]
        middle = (48.0 + top) / 2
        # suit: a white shirt and a red tie; swimsuit: bare shoulders under straps
        c.ellipse(self.x, top, self._full(4.5), high * 0.8, self._paint(_WHITE), opacity=worn[0])
        c.bar(self.x, middle + 1, self._full(1.4), high / 2, self._paint(_LIPS), opacity=worn[0])
        c.ellipse(self.x, self._full(48.0), wide, high, self.skin, above=middle + 1.5,
                  power=square, opacity=worn[1])  # fmt: skip
        for side in (-1, 1):
            c.bar(self.x + side * 6, middle, self._full(1.3), high / 2, colour, opacity=worn[1])
        # armour: dark seams; doctor's coat: a dark stethoscope; winter coat: white fur
        for step in (0.25, 0.6):
            c.bar(self.x, top + high * step, wide, self._full(0.9), self._paint(_BLACK),
                  opacity=worn[2])  # fmt: skip
        for side in (-1, 1):
            c.bar(self.x + side * 4, middle, self._full(1.2), high / 2,
                  self._paint(_TUBES), opacity=worn[3])  # fmt: skip
        c.ellipse(self.x, top + 1.5, wide * 0.75, self._full(3.2), self._paint(_WHITE),
                  opacity=worn[4])  # fmt: skip

    def _strands(self) -> None:
        """Long hair falls over the shoulders, or broad ones would hide it."""
        half = (48.0 - self.y) / 2
        for side in (-1, 1):
            self.canvas.bar(
                self.x + side * (self.rx + 1.8), self.y + half, self._full(2.4), half, self.hair,
                opacity=_as_float(self.length == 2),
            )  # fmt: skip

    def _head(self) -> None:
        power = np.where(self.man, 3.4, 2.0).astype(np.float32)
        self.canvas.ellipse(self.x, self.y, self.rx, self.ry, self.skin, power=power)
        # A beard follows the jaw; rosy cheeks and earrings on the other side.
        man, woman = _as_float(self.man), _as_float(~self.man)
        self.canvas.ellipse(self.x, self.y, self.rx, self.ry, self.hair * 0.8, power=power,
                            below=self.y + 0.52 * self.ry, opacity=man)  # fmt: skip
        for side in (-1, 1):
            self.canvas.ellipse(self.x + side * 0.62 * self.rx, self.y + 0.3 * self.ry,
                                self._full(2.6), self._full(2.2),
                                self._paint(_BLUSH),
                                opacity=0.65 * woman)  # fmt: skip
            self.canvas.ellipse(self.x + side * (self.rx + 0.6), self.y + 0.45 * self.ry,
                                self._full(2.0), self._full(2.6), self._paint(_GOLD),
                                opacity=woman)  # fmt: skip

    def _age_lines(self) -> None:
        c, dark, old = self.canvas, self.skin * 0.5, _as_float(self.elderly)
        for row in (-0.62, -0.46):
            c.bar(
                self.x, self.y + row * self.ry, 0.62 * self.rx, self._full(0.7), dark, opacity=old
            )
        for side in (-1, 1):
            c.bar(self.x + side * 0.55 * self.rx, self.y + 0.26 * self.ry, self._full(2.8),
                  self._full(0.8), dark, slope=-0.35 * side, opacity=old)  # fmt: skip

    def _front_hair(self) -> None:
        line = self.y - (0.62 + 0.1 * self.fine[1]) * self.ry - np.where(self.elderly, 1.2, 0)
        self.canvas.ellipse(self.x, self.y - 1.5, self.rx + 1.5, self.ry + 1.5, self.hair,
                            above=line.astype(np.float32), power=2.4)  # fmt: skip
        for side in (-1, 1):  # temples
            self.canvas.ellipse(self.x + side * self.rx, self.y - 0.45 * self.ry,
                                self._full(2.0), 0.4 * self.ry, self.hair)  # fmt: skip

    def _eyes(self) -> None:
        c = self.canvas
        apart = (0.46 + 0.07 * self.fine[2]) * self.rx
        height = self.y - 0.12 * self.ry
        radius = np.where(self.child, 3.6, 3.2).astype(np.float32) + 0.4 * self.fine[3]
        angry, crying = self.expression == _ANGRY, self.expression == _CRYING
        tilt = np.where(angry, 0.55, np.where(crying, -0.5, 0.0)).astype(np.float32)
        thick = (np.where(self.man, 1.4, 0.9) + 0.6 * angry).astype(np.float32)
        brow = self.hair * 0.75
        c.ellipse(self.x, height - radius, 0.95 * self.rx, self._full(4.2),
                  self._paint(_FLUSH), opacity=0.85 * _as_float(angry))  # fmt: skip
        for side in (-1, 1):
            x = self.x + side * apart
            c.ellipse(x, height, radius + 0.6, radius * 0.85, self._paint(_WHITE))
            c.ellipse(x, height, radius * 0.72, radius * 0.78, self.iris)
            c.ellipse(x, height, self._full(0.8), self._full(0.8), self._paint(_BLACK))
            c.bar(x, height - radius - 1.0 - 0.5 * self.fine[4], radius + 0.9, thick, brow,
                  slope=-side * -tilt)  # fmt: skip
            c.ellipse(x + side, height + radius + 5.0, self._full(3.0), self._full(6.0),
                      self._paint(_TEARS), opacity=_as_float(crying))  # fmt: skip
        long = 2.2 + 0.9 * self.fine[5]
        c.bar(self.x, self.y + 0.16 * self.ry, self._full(0.9), long, self.skin * 0.7)

    def _mouth(self) -> None:
        c, y = self.canvas, self.y + 0.6 * self.ry
        wide = (0.4 + 0.08 * self.fine[6]) * self.rx
        laughing = _as_float(self.expression == _LAUGHING)
        lips = np.where(self.man[:, None], self.skin * 0.45, self._paint(_LIPS))
        c.bar(self.x, y, wide, self._full(1.0), lips, opacity=_as_float(self.expression == _CALM))
        c.ellipse(self.x, y - 2.5, wide + 3.2, self._full(7.5), self._paint(_MOUTH),
                  below=y - 2.5, opacity=laughing)  # fmt: skip
        c.bar(self.x, y - 0.8, wide + 2.2, self._full(1.9), self._paint(_WHITE), opacity=laughing)
        c.ellipse(self.x, y + 2.2, wide + 0.6, self._full(3.6), lips, above=y + 0.6,
                  opacity=_as_float(self.expression == _CRYING))  # fmt: skip
        angry = _as_float(self.expression == _ANGRY)
        c.bar(self.x, y, wide + 1.2, self._full(1.9), self._paint(_BLACK), opacity=angry)
        c.bar(self.x, y, wide + 0.6, self._full(0.7), self._paint(_WHITE), opacity=angry)

    def _marks(self) -> None:
        """A coloured mark on cheek or forehead and glasses: no attribute, only this person."""
        c, angle = self.canvas, np.pi * self.fine[7]
        hue = np.stack([np.cos(angle - shift) for shift in (0.0, 2.0944, 4.1888)], 1)
        colour = (0.5 + 0.5 * hue).astype(np.float32)
        x = self.x + 0.55 * self.rx * np.sign(self.fine[8]) * np.float32(1.0)
        y = self.y + np.where(self.fine[9] > 0, 0.3, -0.5).astype(np.float32) * self.ry
        size = (2.0 + 0.7 * self.fine[10]).astype(np.float32)
        c.ellipse(x.astype(np.float32), y, size, size, colour)
        shown = np.clip(4 * (self.fine[11] - 0.2), 0, 1).astype(np.float32)
        frame = colour[:, [1, 2, 0]]
        for side in (-1, 1):
            middle = self.x + side * (0.46 + 0.07 * self.fine[2]) * self.rx
            height = self.y - 0.12 * self.ry
            for row in (-3.9, 3.9):
                c.bar(middle, height + row, self._full(4.4), self._full(0.7), frame, opacity=shown)
            c.bar(middle + side * 4.2, height, self._full(0.7), self._full(4.2), frame,
                  opacity=shown)  # fmt: skip


def _as_float(flags: npt.NDArray[np.bool_]) -> FloatArray:
    return flags.astype(np.float32)


def _pick(age: Codes, child: float, adult: float, elderly: float) -> FloatArray:
    return np.array([child, adult, elderly], np.float32)[age]
