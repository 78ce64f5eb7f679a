"""The command score as its user meets it: readings, leakage, records, groups, refusals."""

from __future__ import annotations

import json
import re
import zipfile
from pathlib import Path

import pytest

from namebasis.space import open_space
from tests.test_cli import NAMES, folder, run

__all__ = ["folder"]


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("births") / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for year in (1950, 2010):
            lines = [f"{n},{'FM'[i % 3 == 0]},{500 + i * year % 300}" for i, n in enumerate(NAMES)]
            archive.writestr(f"yob{year}.txt", "\n".join(lines))
    return f"ssa:{path}"


@pytest.mark.long
def test_four_readings_stand_side_by_side_and_leakage_below(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = run("score", "my.space", "Vicki", "--axis", "gender", "--axis", "skin_tone", cwd=folder)
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    kinds = {kind: [row for row in lines if row[0] == kind] for kind in {row[0] for row in lines}}
    assert [row[:3] for row in kinds["beliefs"]] == [
        ["beliefs", "Vicki", "gender"], ["beliefs", "Vicki", "skin tone"],
    ]  # fmt: skip
    assert {row[4] for row in kinds["table"][1:]} == {"share of women", "cosine", "steps"}
    assert [row[3] for row in kinds["readings_share_of_women"]] == ["expectation", "curve"]
    assert [row[3] for row in kinds["readings_cosine"]] == ["projection", "inferred"] * 2
    assert all(len(row) == 7 for row in lines)
    assert done.stderr.splitlines()[-2].startswith(("Vicki reads as ", "Vicki: no belief"))
    assert "3/3" in done.stderr  # a bar of steps
    monkeypatch.setenv("FORCE_COLOR", "1")
    words = ("score", "my.space", "Vicki", "--axis", "gender", "--axis", "era", "-q")
    assert "leakage" in run(*words, "--all", cwd=folder).stdout
    shown = run(*words, cwd=folder)
    assert "leakage" not in shown.stdout
    assert len((shown.stdout + shown.stderr).splitlines()) <= 25


@pytest.mark.long
def test_a_terminal_shows_what_the_result_prints(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")
    space = open_space(folder / "my.space")
    for words, found in (
        (("--axis", "age"), space.score(["age"])),
        (("--groups", "n_tokens", "--axis", "age"), space.groups("n_tokens", ["age"])),
    ):
        done = run("score", "my.space", *words, "-q", cwd=folder)
        shown = re.sub(r"\x1b\[[\d;]*m", "", done.stdout + done.stderr)
        # What is said goes to stderr, tables to stdout.
        assert sorted(line.rstrip() for line in shown.splitlines()) == sorted(
            line.rstrip() for line in str(found).splitlines()
        )


def test_no_header_leaves_the_names_of_columns_out(folder: Path) -> None:
    words = ("score", "my.space", "Vicki", "--axis", "gender", "-q", "--no-header")
    assert run(*words, cwd=folder).stdout.startswith("beliefs\tVicki\tgender\t")


@pytest.mark.long
def test_records_print_tables_and_write_a_page_once(
    folder: Path, tmp_path: Path, births: str
) -> None:
    page = tmp_path / "r.html"
    words = ("score", str(folder / "my.space"), "--records", births, "--html", str(page))
    words += ("--figure", str(tmp_path / "r.png"))
    done = run(*words, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    kinds = {line.split("\t")[0] for line in done.stdout.splitlines()}
    kinds = {kind for kind in kinds if not kind.startswith("misjudged_")}
    assert kinds == {"table", "summary", "measures", "calibration", "popularity", "eras"}
    assert done.stderr.splitlines()[-4].startswith("What my.space reads of ")
    assert "<svg" in page.read_text(encoding="utf-8")
    assert "by their letters alone" in page.read_text(encoding="utf-8")
    assert (tmp_path / "r.png").read_bytes()[:4] == b"\x89PNG"
    again = run(*words, cwd=tmp_path)
    assert again.returncode == 1
    assert "overwrite" in again.stderr


def test_groups_are_counted(folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "groups.toml"
    path.write_text(
        '[groups]\nold = ["Mildred", "Ethel", "Bertha"]\nyoung = ["Kayla", "Madison"]\n'
    )
    done = run("score", "my.space", "--groups", str(path), "--axis", "age", "--json", cwd=folder)
    found = json.loads(done.stdout)
    assert [(row["group"], row["n"]) for row in found["groups"]] == [("old", 3), ("young", 2)]
    assert found["left_out"] == {"in no group": len(NAMES) - 5}
    assert "names left out: in no group" in done.stderr


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["--records", "ssa:none.zip"], 1, "none.zip"),
        (["--records", "births.csv"], 1, "records must be ssa:ZIP"),
        (["--groups", "shoe_size"], 1, "there is no column 'shoe_size'"),
        (["--html", "x.html"], 2, "it needs --records"),
        (["--records", "locales", "--figure", "x.pdf"], 2, ".png or .svg"),
        (["--records", "locales", "--groups", "gender"], 2, "one at a time"),
        (["Vicki", "--groups", "gender"], 2, "take no NAME"),
        (["--records", "locales", "--axis", "age"], 2, "leave --axis out"),
        (["Nobody"], 1, "'Nobody' is not in"),
        (["Vickey"], 1, "Near spellings stored: Vicki."),
        (["--axis", "gendr"], 1, "Did you mean 'gender'?"),
        (["--groups", "n_token"], 1, "Did you mean 'n_tokens'?"),
    ],
)
def test_refusals(words: list[str], code: int, message: str, folder: Path) -> None:
    done = run("score", "my.space", *words, cwd=folder)
    assert done.returncode == code
    assert message in " ".join(done.stderr.replace("│", " ").split())
