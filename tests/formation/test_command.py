from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from namebasis.formation import formation
from tests.formation.test_study import tiny_run
from tests.studies.topology.test_topology_page import Collector
from tests.test_cli import run

__all__ = ["tiny_run"]


@pytest.fixture(scope="module")
def encoded(tiny_run: Path) -> Path:
    """The folder of a run and, beside it, the encodings that every command here asks for."""
    formation(tiny_run, n_resamples=20)
    assert len(list(tiny_run.with_name("run.formation-cache").glob("*.npz"))) == 3
    return tiny_run.parent


@pytest.fixture
def place(encoded: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(encoded, tmp_path, dirs_exist_ok=True))


@pytest.mark.long
def test_the_table_holds_a_line_per_name_and_stderr_the_rest(place: Path) -> None:
    half = place / "run" / "step-000020" / "model.safetensors"
    half.write_bytes(half.read_bytes()[:-4])
    done = run("formation", "run", "--n-resamples", "20", "--all", "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    header, *lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert header[:2] == ["name", "kind"]
    assert len(lines) == 54
    assert {line[1] for line in lines} == {"A", "B", "C", "D", "E"}
    assert {line[4] for line in lines} <= {"", "yes"}
    assert re.search(r"of 40 controls \(unseen\) ever leave phase 1: [\d.]+ % \(", done.stderr)
    assert re.search(r"of 40 controls \(unseen\) ever seem captured by one of their", done.stderr)
    assert "gap: step-000020: half-written: model.safetensors has" in done.stderr
    assert "a fast S-shape is not a discontinuity" in done.stderr
    assert re.match("At the last checkpoint: .* only its parts, ", done.stderr)
    bare = run("formation", "run", "--n-resamples", "20", "--no-header", "-q", cwd=place)
    assert bare.stdout == done.stdout.partition("\n")[2]


def test_json_is_one_document(place: Path) -> None:
    done = run("formation", "run", "--n-resamples", "20", "--json", "--no-weights", "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    assert document["steps"] == [10, 20, 40]
    assert len(document["names"]) == 94
    assert document["weights"] == [[], [], []]


@pytest.mark.long
def test_the_page_is_whole_and_closed(place: Path) -> None:
    words = (
        "formation",
        "run",
        "--n-resamples",
        "20",
        "--html",
        "p.html",
        "--trace",
        "Givena Familyb",
    )
    done = run(*words, "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    html = (place / "p.html").read_text(encoding="utf-8")
    for heading in ("Trajectories by kind", "Phases of 94 names", "The whole set",
                    "In weight space", "Causal tracing"):  # fmt: skip
        assert f"<h2>{heading}</h2>" in html
    assert html.count('role="img"') == 3
    parser = Collector()
    parser.feed(html)
    for tag, attributes in parser.elements:
        for key in ("src", "href"):
            assert not (attributes.get(key) or "").startswith(("http", "//")), (tag, attributes)
    again = run(*words, "-q", cwd=place)
    assert again.returncode == 1
    assert "--overwrite" in again.stderr


REFUSED = {
    "no folder": (["formation", "absent"], "there is no such folder"),
    "no names": (["formation", "bare"], "no names: give some"),
    "a map without a page": (["formation", "run", "--trace", "Anna"], "give --html FILE"),
    "controls": (
        ["formation", "run", "--n-made-up", "1"],
        "--n-made-up must be an integer, at least",
    ),
    "draws": (
        ["formation", "run", "--n-resamples", "1"],
        "--n-resamples must be an integer, at least 20; got",
    ),
    "samples": (["trace", "run", "Anna", "--n-samples", "0"], "--n-samples must be an integer"),
    "no step": (["trace", "run", "Anna", "--step", "7"], "there are 10, 20, 40"),
    "kind": (["trace", "run", "Anna", "--kind", "heads"], "residual, attention, mlp"),
    "no tower": (["trace", "minilm", "Anna"], "minilm cannot be traced"),
    "a map of no tower": (
        ["formation", "minilm", "--name", "Anna Bell", "--trace", "Anna", "--html", "p.html"],
        "minilm cannot be traced",
    ),
    "an empty name": (["trace", "run", " "], "the name to trace must not be empty"),
}


@pytest.mark.parametrize("case", REFUSED, ids=str)
def test_refused_input_is_one_line(case: str, place: Path) -> None:
    words, expected = REFUSED[case]
    shutil.copytree(place / "run" / "step-000010", place / "bare" / "step-000010")
    done = run(*words, "-q", cwd=place)
    assert done.returncode == 1
    assert expected in done.stderr
    assert len([line for line in done.stderr.splitlines() if line.startswith("error")]) == 1


def test_crossings_of_names_without_counts_are_marked_as_steps(place: Path) -> None:
    names = [one["name"] for one in json.loads((place / "run" / "world.json").read_text())["names"]]
    rows = [f"{step},{name},{step}" for step in (10, 20, 40) for name in names[:5]]
    (place / "few.csv").write_text("\n".join(["step,name,count", *rows]))
    done = run(
        "formation", "run", "--n-resamples", "20", "--counts", "few.csv", "--all", "-q", cwd=place
    )
    assert done.returncode == 0, done.stderr
    for line in done.stdout.splitlines():
        name, *cells = line.split("\t")
        crossed = [cell for cell in cells[4:] if " to " in cell]
        assert {cell.startswith("step ") for cell in crossed} <= {name not in names[:5]}
    assert "step " in done.stdout
    assert "counts do not tell 49 names" in done.stderr


def test_trace_prints_a_row_per_token_and_checkpoint(place: Path) -> None:
    done = run("trace", "run", "Anna", "--n-samples", "2", "-q", cwd=place)
    assert done.returncode == 0, done.stderr
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    # Behind the name's own rows come means, and names that nobody bears.
    lines = [line for line in lines if line[0].startswith("step-") and ":" not in line[0]]
    n = len(lines) // 3
    assert [line[0] for line in lines] == [
        f"step-{step:06d}" for step in (10, 20, 40) for _ in range(n)
    ]
    assert "".join(line[1] for line in lines[:n]) == "anna</w>end"
    shown = np.array([line[2:] for line in lines], dtype=float)
    np.testing.assert_allclose(shown[n - 1 :: n, -1], 1, atol=1e-3)
    assert done.stderr.count("cosine under noise") == 3
