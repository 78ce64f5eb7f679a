"""`namebasis topology`: its files, and what it refuses before it computes."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.test_cli import place, run

__all__ = ["place"]


@pytest.mark.long
def test_files_agree_with_what_is_printed(place: Path) -> None:
    done = run("topology", "my.space", "--html", "t.html", "--figures", "drawn", "--json", "-q",
               cwd=place)  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stderr.strip().endswith("report written to t.html, t.json, t.parquet, drawn")
    kept = json.loads((place / "t.json").read_text("utf-8"))
    printed = json.loads(done.stdout)
    assert kept == {"kind": "namebasis.report", **printed}
    table = pq.read_table(place / "t.parquet")
    assert table.num_rows == printed["n_names"]
    assert {"name", "cluster", "hubness", "local_dimension", "bridge"} <= set(table.column_names)
    page = (place / "t.html").read_text("utf-8")
    assert f"{printed['shape']['entropy']['whole']['bits']:.3f}" in page
    assert {"map.png", "map.svg", "entropy.svg"} <= {p.name for p in (place / "drawn").iterdir()}

    again = run("topology", "my.space", "--html", "t.html", "-q", cwd=place)
    assert again.returncode == 1
    assert again.stderr.startswith("error: t.html already exists")
    assert again.stdout == ""


def test_stored_clusters_are_said_how_to_ask_for(place: Path) -> None:
    done = run(
        "topology", "my.space", "--write", "--no-shape", "--n-resamples", "0", "-q", cwd=place
    )
    assert done.returncode == 0, done.stderr
    assert 'clusters stored in my.space: --where "cluster = 0" asks for' in done.stderr
    assert run("export", "my.space", "-", "--where", "cluster >= -1", cwd=place).returncode == 0


@pytest.mark.long
def test_two_views_are_put_side_by_side(place: Path) -> None:
    options = (
        "--compare my.space --compare-view token --no-shape --n-resamples 0 --html both.html -q"
    )
    done = run("topology", "my.space", *options.split(), cwd=place)
    assert done.returncode == 0, done.stderr
    assert "names that both hold" in done.stderr
    assert "my.space, token view" in done.stdout
    assert 'data-map="1"' in (place / "both.html").read_text("utf-8")
    assert "left_cluster" in pq.read_table(place / "both.parquet").column_names


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--compare", "my.space"], "would be compared with itself"),
        (["--compare", "no.space"], "no.space"),
        (["--compare-view", "token"], "belongs to --compare OTHER"),
        (["--compare", "my.space", "--write"], "--write stores columns of one space"),
        (["--compare", "my.space", "--without-spelling"], "say --view unspelled"),
    ],
)
def test_what_does_not_go_together_is_refused(words: list[str], message: str, place: Path) -> None:
    done = run("topology", "my.space", *words, "-q", cwd=place)
    assert done.returncode == 1
    assert message in done.stderr
    assert len(done.stderr.strip().splitlines()) <= 2


@pytest.mark.long
@pytest.mark.parametrize("n_names", [1, 2, 3, 5])
def test_a_handful_of_names_is_refused_or_has_a_finite_map(n_names: int, tmp_path: Path) -> None:
    names = ["Ana", "Bo", "Cy", "Dee", "Eve"][:n_names]
    (tmp_path / "n.txt").write_text("\n".join(names))
    np.save(tmp_path / "v.npy", np.random.default_rng(0).normal(size=(n_names, 8)))
    built = run("build", "t.space", "n.txt", "--vectors", "v.npy", "-q", cwd=tmp_path)
    assert built.returncode == 0, built.stderr
    done = run("topology", "t.space", "--html", "t.html", "-q", cwd=tmp_path)
    if n_names < 3:
        assert done.returncode == 1
        assert done.stderr.startswith("error: a topology needs at least 3 names; ")
        assert done.stderr.endswith(f"t.space has {n_names}.\n")
        return
    assert done.returncode == 0, done.stderr
    drawn = pq.read_table(tmp_path / "t.parquet")
    assert drawn["name"].to_pylist() == names
    places = np.column_stack([drawn["x"].to_numpy(), drawn["y"].to_numpy()])
    assert np.isfinite(places).all()
    assert len(np.unique(places, axis=0)) == n_names
    assert set(drawn["cluster"].to_pylist()) == {-1}
