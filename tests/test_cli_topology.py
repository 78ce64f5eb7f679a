"""`namebasis topology`: its files, and what it refuses before it computes."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow.parquet as pq

from tests.test_cli import folder, place, run

__all__ = ["folder", "place"]


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
    assert again.stderr.startswith("error: t.html is there already")
    assert again.stdout == ""
