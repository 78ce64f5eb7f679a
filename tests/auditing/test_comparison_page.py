"""A comparison as a page, a figure and a folder: what they say, hold and refuse."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from namebasis.auditing.claims import Sample
from namebasis.auditing.compared import SCHEMA, AuditComparison
from namebasis.auditing.comparison import compare_audits
from namebasis.auditing.comparison_files import read_comparison, refuse_place, write_comparison
from namebasis.auditing.comparison_page import gap_of
from namebasis.auditing.files import DOCUMENT, SAMPLES, write_samples
from namebasis.errors import NamebasisError, SpaceError
from tests.auditing.tiny import made_audit
from tests.test_cli import run

DOCUMENTED = (Path(__file__).parents[2] / "docs" / "audit.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Path]]:
    """Three audits; the second asked by another template, the third reads 73 names of 80."""
    patch = pytest.MonkeyPatch()
    patch.setattr("namebasis.auditing.parts.Asked.say", lambda *_: "said.")
    made = []
    for spec, seed, follow, n_unread in (("a", 0, 1.0, 0), ("<i>b", 5, 0.0, 0), ("c", 0, 1.0, 7)):
        audit, samples = made_audit(spec, seed, follow)
        templates = ["a photo of {}"] if n_unread == 0 and seed else ["{}"]
        audit = replace(audit, plan={**audit.plan, "templates": templates})
        folder = tmp_path_factory.mktemp("audit")
        (folder / DOCUMENT).write_text(audit.to_json(), encoding="utf-8")
        write_samples(
            folder / SAMPLES,
            {"age": {key: _cut(one, n_unread) for key, one in samples["age"].items()}},
        )
        made.append(folder)
    yield made
    patch.undo()


@pytest.fixture(scope="module")
def found(folders: list[Path]) -> AuditComparison:
    return compare_audits(folders, n_resamples=199)


def _cut(sample: Sample, n: int) -> Sample:
    truth = None if sample.truth is None else sample.truth[n:]
    return Sample(sample.names[n:], sample.values[n:], truth)


def test_the_page_says_what_the_table_says(found: AuditComparison) -> None:
    page = found.to_html()
    text = html.unescape(re.sub(r"<[^>]+>", "", page))
    assert found.headline() in text
    assert found.sentence("age") in text
    (age,) = re.findall(r'<section id="part-age">.*?</section>', page, re.DOTALL)
    assert age.index('class="sentence"') < age.index("<table")
    lanes = re.findall(r'<tr class="(beyond)?[^"]*">(.*?)</tr>', age, re.DOTALL)[-18:]
    assert len(lanes) == 6 * 3  # a dot of each encoder on each claim's scale
    assert all(lane.count('role="img"') == 1 for _, lane in lanes)
    for at, one in enumerate(found.differences):
        claim, encoder = at % 6, found.labels.index(one.encoder)
        flag, lane = lanes[3 * claim + encoder]
        assert (flag == "beyond") is found.is_beyond(one) is ("◆" in lane)
        assert gap_of(one) in lane
        assert f'data-label="only one reads">{one.n_left_out}<' in lane
    assert "at most 7 of a claim" in text
    assert "templates differ: <i>b 1, a 1; 2 of them only in one." in text


def test_the_page_is_escaped_and_asks_no_host(found: AuditComparison) -> None:
    page = found.to_html()
    assert "&lt;i&gt;b" in page
    assert "<i>b" not in page
    assert "says &lt;AUC&gt;" in page
    assert not re.search(r'(?:src|action)="https?:|url\(https?:|@import', page)
    for tag in ("table", "tbody", "tr", "td", "section", "div", "ul", "main"):
        assert len(re.findall(rf"<{tag}\b", page)) == page.count(f"</{tag}>"), tag
    ids = re.findall(r'\bid="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'href="#([^"]+)"', page)) <= set(ids)


def test_audits_without_a_claim_in_common_have_a_page(found: AuditComparison) -> None:
    page = replace(found, differences=()).to_html()
    assert "No figure of the card is in two of the audits." in page


def test_the_card_is_drawn(found: AuditComparison, tmp_path: Path) -> None:
    found.write_figure(tmp_path / "card.svg")
    drawn = (tmp_path / "card.svg").read_text(encoding="utf-8")
    assert drawn.count("follows, AUC") == 1 + drawn.count("<!-- follows, AUC")
    assert "&lt;i&gt;b" in drawn


def test_a_folder_is_read_as_it_was_written(found: AuditComparison, tmp_path: Path) -> None:
    place = write_comparison(found, tmp_path / "new")
    assert place == tmp_path / "new"
    again = read_comparison(place)
    assert again == found
    assert again.to_html() == (place / "comparison.html").read_text(encoding="utf-8")
    rows = pq.read_table(place / "comparison.parquet").to_pylist()
    assert [row["difference"] for row in rows] == [one.difference for one in found.differences]
    assert write_comparison(found, place) == place  # the same takes its own place
    other = replace(found, seed=1)
    assert write_comparison(other, place) == tmp_path / "new-2"
    assert read_comparison(place) == found
    document = json.loads((place / "comparison.json").read_text(encoding="utf-8"))
    (tmp_path / "newer.json").write_text(json.dumps({**document, "schema": SCHEMA + 1}))
    with pytest.raises(NamebasisError, match=f"of schema {SCHEMA + 1}; this version reads"):
        read_comparison(tmp_path / "newer.json")


def test_every_key_of_the_document_is_documented(found: AuditComparison) -> None:
    told = DOCUMENTED[DOCUMENTED.index("## The folder of a comparison") :]
    data = found.to_dict()
    kinds = [data, data["encoders"][0], data["plan"], *data["corpora"].values(),
             data["differences"][0]]  # fmt: skip
    assert {key for kind in kinds for key in kind if f"`{key}`" not in told} == set()


def test_a_folder_of_others_is_refused_before_the_audits_are_read(
    folders: list[Path], tmp_path: Path
) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    done = run("audit", "--compare", "none", "nor-this", "-o", "mine", cwd=tmp_path)
    assert done.returncode == 1
    assert "mine holds files that no comparison wrote" in done.stderr
    assert [one.name for one in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    with pytest.raises(SpaceError, match="that no comparison wrote"):
        refuse_place(folders[0])  # an audit's


@pytest.mark.long
@pytest.mark.parametrize("output", [(), ("-o", "out")])
def test_the_page_is_opened_with_a_folder_and_without(
    folders: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, output: tuple[str, ...]
) -> None:
    opened: list[str] = []
    monkeypatch.setattr("webbrowser.open", opened.append)
    done = run("audit", "--compare", *map(str, folders[:2]), "--open", *output, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (address,) = opened
    assert "audits compared" in Path(address.removeprefix("file://")).read_text(encoding="utf-8")
    assert (tmp_path / "out").exists() is bool(output)
