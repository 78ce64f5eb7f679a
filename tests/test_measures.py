"""The document of measures knows every measure that columns and pages show."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from namebasis.analysis.identity.spread import MEASURES
from namebasis.analysis.readings.axes import READINGS
from namebasis.formation import page
from namebasis.studies.identity.results import COLUMNS

TEXT = (Path(__file__).parents[1] / "docs" / "measures.md").read_text(encoding="utf-8")
OF_PAGES = [row[0] for rows in (page._PANELS, page._CROSSED, page._WEIGHTS) for row in rows]
STORED = (
    "template_spread", "token_norm", "piece_names", "same_pieces", "own_residual", "anchor_rank",
    "anchor_pagerank", "anchor_uses", "hubness", "local_dimension", "bridge", "nearest_cluster",
    "cluster_probability", "nearest_cluster_probability",
)  # fmt: skip
SHORT = {"capture": "capture_given", "leaves": "Crossing"}


@pytest.mark.parametrize("measure", sorted({*COLUMNS, *MEASURES, *READINGS, *OF_PAGES, *STORED}))
def test_every_measure_is_explained(measure: str) -> None:
    assert re.search(rf"[`*]{SHORT.get(measure, measure)}[`*]", TEXT), measure


def test_every_paragraph_names_its_measure_first() -> None:
    sections = TEXT.split("\n## ")[1:]
    assert len(sections) >= 7
    paragraphs = [p for section in sections for p in section.split("\n\n")[1:]]
    assert sum(p.lstrip().startswith("**") for p in paragraphs) >= 50
