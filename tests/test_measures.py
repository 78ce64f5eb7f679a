"""The document of measures knows every measure that columns and pages show."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import namebasis as nb
from namebasis.analysis.identity.spread import MEASURES
from namebasis.analysis.readings.axes import READINGS
from namebasis.formation import page as formation_page
from namebasis.namespace.corpus.names import NAME_SCHEMA
from namebasis.report.page import _templates
from namebasis.studies.identity.results import COLUMNS
from namebasis.terms import PLACES, explain, find, sentence, terms
from tests.test_cli import run

PACKAGE = Path(nb.__file__).parent
TEXT = (Path(__file__).parents[1] / "docs" / "measures.md").read_text(encoding="utf-8")
OF_PAGES = [
    row[0]
    for rows in (
        formation_page._PANELS,
        formation_page._CROSSED,
        formation_page._WEIGHTS,
    )
    for row in rows
]
STORED = (
    "template_spread", "token_norm", "piece_names", "same_pieces", "own_residual", "anchor_rank",
    "anchor_pagerank", "anchor_uses", "hubness", "local_dimension", "bridge", "nearest_cluster",
    "cluster_probability", "nearest_cluster_probability", "selected_rank", "selected_group",
    "conditioning_norm", "conditioning_last_norm", "denoiser_norm",
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


def heads_of(tree: ast.AST) -> Iterator[str]:
    """Constant titles of columns: the first argument of `Table(…)`, and what it is a name for."""
    for function in ast.walk(tree):
        if not isinstance(function, ast.FunctionDef):
            continue
        calls = [
            node for node in ast.walk(function)
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
            and node.func.id == "Table" and node.args
        ]  # fmt: skip
        named = {node.id for call in calls for node in ast.walk(call.args[0])
                 if isinstance(node, ast.Name)}  # fmt: skip
        sources = [call.args[0] for call in calls]
        for node in ast.walk(function):
            targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", 0)]
            for target in targets:
                inner = target.value if isinstance(target, ast.Subscript) else target
                if isinstance(node, ast.comprehension):  # its names are of the rows
                    continue
                if isinstance(inner, ast.Name) and inner.id in named and node.value:
                    is_dict = isinstance(node.value, ast.Dict)
                    sources += node.value.keys if is_dict else [node.value]
                    if isinstance(target, ast.Subscript):
                        sources.append(target.slice)
        for source in sources:
            yield from _titles(source)


def _titles(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value
    elif isinstance(node, (ast.Tuple, ast.List)):
        for one in node.elts:
            yield from _titles(one)
    elif isinstance(node, ast.Starred):
        yield from _titles(node.value)
    elif isinstance(node, ast.IfExp):
        yield from (*_titles(node.body), *_titles(node.orelse))
    elif isinstance(node, ast.Call) and node.args:
        yield from _titles(node.args[0])


def heads() -> dict[str, str]:
    """Every title of a column in the code and the templates, with a place that uses it."""
    found = {}
    for path in sorted(PACKAGE.rglob("*.py")):
        code = path.read_text(encoding="utf-8")
        if "Table(" in code:
            found |= dict.fromkeys(heads_of(ast.parse(code)), path.name)
    for path in sorted(PACKAGE.rglob("*.j2")):
        for listed in re.findall(r"kit\.table\(\[(.*?)\]", path.read_text(encoding="utf-8")):
            titles = re.sub(r"{[^}]*} ?", "", listed)  # what is filled in: a number of names
            found |= dict.fromkeys(re.findall(r'"([^"]*)"', titles), path.name)
    return {head.removeprefix("#").strip(): at for head, at in found.items() if head.strip("# ")}


@pytest.mark.long
def test_every_head_of_a_column_is_explained() -> None:
    found = heads()
    known = {"chosen again", "more than its parts", "of rare names", "reads as"}
    assert known | {"neighbours alike"} <= set(found)
    assert {head: at for head, at in found.items() if not sentence(head)} == {}


@pytest.mark.parametrize("column", [
    *NAME_SCHEMA.names, *STORED, *COLUMNS, *(f"identity_{one}" for one in (*COLUMNS, "kind")),
    *(f"rigidity_{one}" for one in MEASURES), "rigidity_div_percentile", "identity_p_flexible",
    *(f"age_{one}" for one in READINGS), "hair_colour_expectation_z", "age_curve_spread",
    "image_count", "image_div", "image_skin_lightness", "image_age_variance", "image_age_z",
    "image_smile", "cluster", "births", "name_folded", "pieces", "n_tokens",
])  # fmt: skip
def test_every_stored_column_is_explained(column: str) -> None:
    assert sentence(column)


def test_a_word_is_found_as_people_write_it() -> None:
    (own,) = find("own_score")
    assert own.section.startswith("Full names")
    assert find("Own Score") == find("own-score") == (own,)
    assert [term.section.split(":")[0] for term in find("leakage")] == [
        "Readings of axes", "Full names",
    ]  # fmt: skip
    assert [term.title for term in find("age_expectation_z")] == ["expectation", "z"]
    assert sentence("leakage", "Full names") == ("Whether the bare name brings a context with it.")
    assert find("no such word") == ()
    assert find("age of names") == ()


@pytest.mark.parametrize(("word", "remedy"), [
    ("chosn again", "Did you mean 'chosen again'?"),
    ("xyzzy", "`namebasis explain` lists what is."),
])  # fmt: skip
def test_an_unknown_word_is_refused_with_near_ones(word: str, remedy: str) -> None:
    with pytest.raises(ValueError) as refused:
        explain(word)
    assert str(refused.value) == f"{word!r} is not explained. {remedy}"


def test_tooltips_are_one_short_sentence_each() -> None:
    for term in terms():
        assert term.sentence.endswith(".")
        assert not set("*`") & set(term.sentence), term.sentence
        assert 8 < len(term.sentence) < 240, term.sentence


def test_the_command_prints_the_paragraph_and_options(tmp_path: Path) -> None:
    shown = run("explain", "chosen", "again", cwd=tmp_path).stdout
    assert shown.startswith("Basis, anchors, walk and paint\nStability (")
    assert "Efron (1979)." in shown
    assert "\n\nColumns of names\nid, part" in run("explain", cwd=tmp_path).stdout
    option = run("explain", "n_resamples", cwd=tmp_path).stdout
    assert option.startswith("--n-resamples (")
    refused = run("explain", "hodl", cwd=tmp_path)
    assert refused.returncode == 1
    assert refused.stderr.splitlines()[-1] == "error: 'hodl' is not explained. Did you mean 'hold'?"


def test_a_wheel_holds_the_document_where_it_is_read() -> None:
    config = tomllib.loads((PACKAGE.parent / "pyproject.toml").read_text(encoding="utf-8"))
    held = config["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    assert [PACKAGE.parent / place for place in held["docs/measures.md"].split()] == [PLACES[0]]
    assert PLACES[1] == PACKAGE.parent / "docs" / "measures.md"


def test_pages_and_notebooks_explain_their_heads() -> None:
    said = sentence("chosen again")
    kit = _templates().get_template("kit.html.j2").module
    grid = str(kit.table(["# chosen again", "zzz"], sortable=True, caller=str))
    assert f'<button type="button" class="term" title="{said}">chosen again</button>' in grid
    assert '<button type="button">zzz</button>' in grid
    still = str(kit.table(["chosen again"], caller=str))
    assert f'<span class="term" tabindex="0" title="{said}">chosen again</span>' in still
    walk = nb.Table(("chosen again",), [(1.0,)])

    class Shown(nb.Result):
        def tables(self) -> list[nb.Table]:
            return [walk]

        def to_arrow(self) -> Any: ...

        def to_dict(self) -> dict[str, Any]:
            return {}

    assert f'<th title="{said}"' in Shown()._repr_html_()
