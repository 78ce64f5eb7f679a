"""An encoder that believes what it is told to, and otherwise is a random function of words."""

from __future__ import annotations

from dataclasses import replace
from functools import cache, lru_cache

import numpy as np

from namebasis.auditing.plan import Plan, Size, load_plan
from namebasis.checks import FloatArray
from namebasis.namespace.corpus.sources import read_names
from namebasis.studies.attributes.axis_files import load_axis
from namebasis.studies.attributes.record_facts import region
from tests.campaign.tiny import Tiny, drawn

SIZE = Size(given=120, family=100, world=240, made_up=40, people=8, templates="person")
DIM, STRENGTH = 48, 1
HATED = ("servant", "assistant", "cleaner", "waiter", "clerk", "helper", "labourer", "trainee")


def small_plan(n_draws: int = 199) -> Plan:
    """The packaged plan with few names and draws."""
    return replace(load_plan(quick=True), size=SIZE, n_draws=n_draws)


@lru_cache(maxsize=1)
def beliefs() -> tuple[dict[str, FloatArray], dict[str, FloatArray]]:
    """What names and phrases are taken for beside their words: sex, and region of the world."""
    sex = drawn("belief sex", DIM)
    table = read_names("us:given", top=SIZE.given).table
    names = {
        name: (2 * share - 1) * sex
        for name, share in zip(table["name"].to_pylist(), table["share_female"].to_pylist())  # noqa: B905
    }
    table = read_names("faker").table
    for name, locales in zip(table["name"].to_pylist(), table["locales"].to_pylist(), strict=True):
        regions = {region(locale) for locale in locales}
        if len(regions) == 1 and None not in regions:
            names[name] = names.get(name, 0) + drawn(f"belief {next(iter(regions))}", DIM)
    man, _, woman = load_axis("gender").values
    phrases = {phrase: sign * sex for sign, v in ((-1, man), (1, woman)) for phrase in v.phrases}
    for value in load_axis("region").values:
        phrases |= dict.fromkeys(value.phrases, drawn(f"belief {value.label}", DIM))
    phrases |= {f"a photo of a {word}": sex for word in HATED}
    return names, phrases


class Believer(Tiny):
    """Takes names and phrases for what `beliefs` says; without that it knows words alone."""

    spec = "believer"
    fingerprint = "sha256:" + "b" * 64
    dim = DIM

    def __init__(self, *, believes: bool = True) -> None:
        self._names, self._phrases = beliefs() if believes else ({}, {})

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        rows = np.zeros((len(texts), self.dim), np.float32)
        for row, text in zip(rows, texts, strict=True):
            for word in text.lower().split():
                row += _kept(word) + _kept("^" + word[:3])
            for phrase, told in self._phrases.items():
                if text.endswith(phrase):
                    row += STRENGTH * told
            name = text.partition(" named ")[2]
            if name in self._names:
                row += STRENGTH * self._names[name]
        return rows


@cache
def _kept(text: str) -> FloatArray:
    return drawn(text, DIM)
