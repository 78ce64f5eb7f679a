"""An audit of few names, draws and parts, for tests of the whole way."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from namebasis.auditing.claims import Claim, Sample, measured
from namebasis.auditing.corpora import FAMILY, GIVEN, MADE_UP, OWN, WORLD, Corpora
from namebasis.auditing.parts import PARTS
from namebasis.auditing.plan import Plan, Size, load_plan
from namebasis.auditing.results import Audit, Listing, Part, with_corrected
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
    """Let `audit` ask these parts (all, where none is named) of few names."""
    patch.setattr("namebasis.auditing.study.load_plan", tiny_plan)
    patch.setattr("namebasis.auditing.study.read_corpora", tiny_corpora)
    made_up = "namebasis.studies.attributes.study.made_up_names"
    patch.setattr(made_up, lambda n, seed: NOBODYS[:n])
    asked = tuple(one for one in PARTS if one.key in parts or not parts)
    for module in ("study", "request"):
        patch.setattr(f"namebasis.auditing.{module}.PARTS", asked)


def made_claims(seed: int = 0, follow: float = 1.0) -> tuple[list[Claim], dict[str, Sample]]:
    """One claim of each measure over 80 names: those of truth follow it, the share is within
    chance, and the mean is a fact."""
    rng = np.random.default_rng(11)  # truth is the same for every encoder
    names = tuple(f"name {at}" for at in range(80))
    truth = rng.random(80)
    noise = np.random.default_rng(seed)
    values = follow * truth + noise.normal(size=80) / 5
    draws = {"Spearman": 0.0, "AUC": 0.5, "difference": 0.0, "d": 0.0}
    claims, samples = [], {}
    for measure, neutral in draws.items():
        sample = Sample(names, values, truth)
        chance = neutral + noise.normal(size=499) * 0.02
        claims.append(measured(f"x.{measure.lower()}", f"follows, {measure}", measure, sample,
                               chance=chance, against="draws", meaning=f"says <{measure}>",
                               on_card=True))  # fmt: skip
        samples[claims[-1].key] = sample
    held = Sample(names, (noise.random(80) < 0.5).astype(float))
    claims.append(
        measured(
            "x.share",
            "held",
            "share",
            held,
            neutral=0.5,
            against="draws",
            chance=0.5 + noise.normal(size=499) / 5,
            meaning="half",
            on_card=True,
        )
    )
    fact = Sample(names[:60], values[:60] + 3)
    claims.append(measured("x.mean", "pieces", "mean", fact, meaning="pieces a name"))
    samples |= {"x.share": held, "x.mean": fact}
    return claims, samples


def made_audit(
    spec: str = "a", seed: int = 0, follow: float = 1.0
) -> tuple[Audit, Mapping[str, Mapping[str, Sample]]]:
    """An audit of one part, with a long list and a part that was skipped."""
    claims, samples = made_claims(seed, follow)
    rows = tuple((f"<b>{at}</b>", at, at / 3) for at in range(40))
    most = Listing("most", ("name", "names", "value"), rows)
    parts = (
        Part("age", "Age and era", tuple(claims), (most,), ("a remark",), 7),
        Part("gender", "Gender", skipped="no name has a gender."),
    )  # fmt: skip
    audit = Audit(
        {"spec": spec, "fingerprint": f"sha256:{spec}", "revision": None, "dim": 4},
        {"version": 1, "fingerprint": "sha256:p", "is_quick": True, "level": 0.05, "n_draws": 499,
         "seed": 0, "template_set": "plain", "templates": ["{}"]},
        {"world": {"title": "names of the world", "n_names": 80, "n_read": 80,
                   "fingerprint": "sha256:w"}},
        with_corrected(parts), "0.2.0",
    )  # fmt: skip
    return audit, {"age": samples}
