"""A training whose truth is known, without a network: words add up, identities grow with steps."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from functools import cache

import numpy as np

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder, IdRows
from namebasis.formation.truth import Exposures, Known, Truth

DIM = 192
STEPS = (0, 10, 20, 30, 40, 60, 80, 100, 130, 160, 200)
GIVENS = [f"Given{chr(97 + at)}" for at in range(16)]
FAMILIES = [f"Family{chr(97 + at)}" for at in range(16)]
HAIR, AGE = ("red", "black", "blond"), ("child", "adult", "elderly")
CONTEXTS = ("{} on a beach", "{} in an office", "{} laughing", "{} crying", "{} on a stage")
SEEN_AT = 60  # the step at which an identity has half its strength


@cache
def direction(word: str) -> np.ndarray:
    rng = np.random.default_rng(zlib.crc32(word.encode()))
    row = rng.standard_normal(DIM)
    return row / np.linalg.norm(row)


def caption(age: str, hair: str) -> str:
    return f"{age} {hair}"


def truth() -> Truth:
    """Kinds A (nothing of its own), B, C, D and N, twelve or more of each, and six of kind E."""
    rng = np.random.default_rng(5)
    pairs = [f"{g} {f}" for g in GIVENS for f in FAMILIES]
    order = rng.permutation(len(pairs))
    kinds = ["A"] * 12 + ["B"] * 12 + ["C"] * 12 + ["D"] * 12 + ["N"] * 40
    names = {}
    for at, kind in zip(order, kinds, strict=False):
        name = pairs[at]
        given, family = name.split()
        prior = {"age": AGE[ord(given[-1]) % 3], "hair": HAIR[ord(family[-1]) % 3]}
        own = dict(prior)
        if kind in ("C", "D"):
            own = {
                "age": AGE[(AGE.index(prior["age"]) + 1) % 3],
                "hair": HAIR[(HAIR.index(prior["hair"]) + 1) % 3],
            }
        has_person = kind in ("B", "C", "D")
        names[name] = Known(
            name,
            kind,
            caption(**own) if has_person else None,
            caption(**prior),
            own if has_person else {},
            prior,
        )
    for at in range(6):
        name = f"Solo{chr(97 + at)} {FAMILIES[at]}"
        names[name] = Known(name, "E", None, None, {}, {})
    return Truth(names, CONTEXTS)


def strength(step: int) -> float:
    return float(1 / (1 + np.exp(-(step - SEEN_AT) / 8)))


def exposures() -> Exposures:
    """Five a step for every name."""
    steps = np.array(STEPS, dtype=np.float64)
    seen = {n: (steps, 5 * steps) for n, told in truth().names.items() if told.kind != "N"}
    return Exposures(seen, False)


class ToyEncoder(Encoder):
    """Unit sums of word vectors; names of kinds B to E gain what their kind says."""

    token_dim = 4

    def __init__(self, step: int, dim: int = DIM, pieces: int = 1) -> None:
        self.spec, self.dim, self._n_pieces = f"toy:{step}", dim, pieces
        self.fingerprint = f"sha256:{step}"
        self._step, self._truth = step, truth().names

    def tokenize(self, text: str) -> list[str]:
        return [
            "[UNK]" if "?" in word else word[at :: self._n_pieces]
            for word in text.split()
            for at in range(self._n_pieces)
        ]

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        return np.zeros((1, 4), np.float32), [[0] for _ in names]

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        return np.stack([self._embed(text) for text in texts])[:, : self.dim]

    def _embed(self, text: str) -> FloatArray:
        words = text.split()
        total = sum((direction(word) for word in words if word not in AGE + HAIR), np.zeros(DIM))
        for word in words:
            if word.startswith("Given"):
                total = total + direction(AGE[ord(word[-1]) % 3])
            if word.startswith("Family"):
                total = total + direction(HAIR[ord(word[-1]) % 3])
            if word in AGE + HAIR:
                total = total + direction(word)
            if word.startswith("Solo"):
                # The one person of this given name, whoever's family name stands beside it.
                total = total + 6 * strength(self._step) * direction(word + "person")
        name, rest = " ".join(words[:2]), words[2:]
        # What pairings of words leave unexplained, everywhere and at every step.
        total = total + 0.25 * direction(name + "pairing") + 0.1 * direction(text + "noise")
        known, s = self._truth.get(name), strength(self._step)
        if known is not None and known.kind in ("B", "C", "D"):
            for key, value in known.own.items():
                total = total + s * (direction(value) - direction(known.prior[key]))
            total = total + 1.2 * s * direction(name + "person")
        if known is not None and known.kind == "D":
            # Some contexts it already holds, and those change nothing.
            baked = CONTEXTS[0].split()[1:]
            total = total + 1.5 * s * sum(direction(word) for word in baked)
            if rest == baked:
                total = total - 0.95 * s * sum(direction(word) for word in baked)
        return np.asarray(total, dtype=np.float32)


def load(spec: str, **_options: object) -> ToyEncoder:
    """Stand in for `load_encoder`; "toy:20/48" is narrower, "toy:20|2" has other pieces."""
    step = spec.partition(":")[2]
    if "/" in step:
        step, _, dim = step.partition("/")
        return ToyEncoder(int(step), dim=int(dim))
    if "|" in step:
        step, _, pieces = step.partition("|")
        return ToyEncoder(int(step), pieces=int(pieces))
    return ToyEncoder(int(step))


def specs(steps: Sequence[int] = STEPS) -> list[str]:
    return [f"toy:{step}" for step in steps]
