"""An audit of few names, draws and parts, for tests of the whole way."""

from __future__ import annotations

from dataclasses import replace

import pytest

from namebasis.auditing.corpora import FAMILY, GIVEN, MADE_UP, OWN, WORLD, Corpora
from namebasis.auditing.parts import PARTS
from namebasis.auditing.plan import Plan, Size, load_plan
from namebasis.namespace.corpus.names import Names, merge_names
from namebasis.namespace.corpus.sources import as_names, read_names

SIZE = Size(given=40, family=20, world=20, made_up=20, people=4, templates="plain")
WORLDLY = (
    "Zoë", "Łucja", "Šárka", "José", "Đorđe", "Ольга", "Іван", "Νίκος", "Ελένη", "يوسف", "مریم",
    "דוד", "さくら", "田中", "王伟", "김민준", "สมชาย", "ऋषिता", "Յովսեփ", "ნინო",
)  # fmt: skip
NOBODYS = (
    "Brelin", "Tavoma", "Kindra", "Solwen", "Merrag", "Ditola", "Vashen", "Quorby", "Nelith",
    "Farado", "Jomesk", "Pilura", "Ostren", "Wandel", "Yurita", "Gropin", "Helvar", "Cimsa",
    "Zandro", "Luthea",
)  # fmt: skip


def tiny_plan(*, quick: bool = False) -> Plan:
    """The packaged questions of a few names, told apart by its fingerprint."""
    plan = load_plan(quick=quick)
    return replace(plan, size=SIZE, n_draws=199, fingerprint=f"sha256:tiny-{quick:d}")


def tiny_corpora(size: Size, own: Names | None = None, *, seed: int = 0) -> tuple[Corpora, Names]:
    """As `read_corpora`, without the seconds that Faker's lists take."""
    read = {
        **({OWN: own} if own is not None else {}),
        GIVEN: read_names("us:given", top=size.given),
        FAMILY: read_names("us:family", top=size.family),
        WORLD: as_names(list(WORLDLY)),
        MADE_UP: as_names(list(NOBODYS)),
    }
    rows = {
        corpus: tuple(zip(names.strings, names.table["part"].to_pylist(), strict=True))
        for corpus, names in read.items()
    }
    return Corpora(rows), merge_names(*read.values())


def make_tiny(patch: pytest.MonkeyPatch, *parts: str) -> None:
    """Let `audit` ask these parts of few names."""
    patch.setattr("namebasis.auditing.study.load_plan", tiny_plan)
    patch.setattr("namebasis.auditing.study.read_corpora", tiny_corpora)
    asked = tuple(one for one in PARTS if one.key in parts)
    for module in ("study", "request"):
        patch.setattr(f"namebasis.auditing.{module}.PARTS", asked)
