"""The documented lines: what they name is parsed, and folders of their kinds are audited whole."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
import torch

import namebasis as nb
from namebasis.auditing.parts import PARTS
from namebasis.auditing.plan import Plan
from namebasis.auditing.results import Audit
from namebasis.auditing.schema import schema
from namebasis.encoders.specs import full_spec
from tests.auditing.tiny import make_tiny, tiny_plan
from tests.encoders import conftest as models

pytestmark = pytest.mark.long

DOCUMENT = Path(__file__).parents[2] / "docs" / "audit.md"
KINDS = {
    "open_clip": "open_clip:local-dir:{}",
    "clip": "hf:{}",
    "siglip2_as_published": "hf:{}",
    "sd": "diffusers:{}#text_encoder",
}
"""As ViT-B-32 and ViT-L-14, their Hugging Face form, SigLIP 2 and Stable Diffusion 1.5 come."""


def short_plan(*, quick: bool = False) -> Plan:
    plan = tiny_plan(quick=quick)
    size = replace(plan.size, described=4)
    return replace(
        plan, size=size, n_draws=49, attributes=plan.attributes[:3], things=plan.things[:30]
    )


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    with pytest.MonkeyPatch.context() as patch:
        make_tiny(patch)
        patch.setattr("namebasis.auditing.study.load_plan", short_plan)
        yield tmp_path_factory.mktemp("models")


def audited(folders: Path, kind: str) -> tuple[Audit, Path]:
    model, place = folders / kind, folders / f"audit-{kind}"
    if not model.exists():
        model.mkdir()
        torch.manual_seed(len(kind))
        models.MAKERS[kind](model)
    return nb.audit(KINDS[kind].format(model), place, progress=None), place


@pytest.mark.parametrize("kind", KINDS)
def test_a_folder_of_each_kind_is_audited_whole(folders: Path, kind: str) -> None:
    if kind == "open_clip":
        pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    found, place = audited(folders, kind)
    document = json.loads((place / "audit.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, schema())
    assert [part["key"] for part in document["parts"]] == [one.key for one in PARTS]
    for part in document["parts"]:
        assert bool(part["claims"]) != bool(part["skipped"]), part["key"]
        assert part["sentence"]
    asked = {part.key for part in found.parts if not part.skipped}
    assert {"reading", "associations", "arrangement"} <= asked
    reasons = " ".join(part.skipped for part in found.parts if part.skipped)
    assert not re.search(r"--\w|max_tokens|ValueError|space\'s names", reasons)
    if kind == "siglip2_as_published":  # 15 pieces of one letter do not reach what phrases say
        assert "for age, gender and era one vector, as it cuts texts short" in reasons
        assert "cuts texts at 15 tokens, too few for a prompt of 3 names" in reasons
    else:
        assert {"age", "gender", "region", "prompts"} <= asked
    assert (place / "audit.html").stat().st_size > 10_000
    assert np.isfinite([one.value for _, one in found.claims]).all()


def test_the_documented_specs_are_what_is_loaded() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    specs = re.findall(r"^namebasis audit '?([a-z_]+:[^\s']+)", text, re.MULTILINE)
    assert len(specs) == 5
    for spec in specs:
        assert full_spec(spec) == spec
    open_clip = pytest.importorskip("open_clip", reason="the extra open-clip is not installed")
    tagged = [spec.removeprefix("open_clip:").split("/") for spec in specs if "/openai" in spec]
    assert [model for model, _ in tagged] == ["ViT-B-32", "ViT-L-14"]
    for model, tag in tagged:
        assert tag in open_clip.list_pretrained_tags_by_model(model)
