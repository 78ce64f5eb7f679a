"""How varied the pictures of names are, on pictures of the packaged organism's world."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pytest
from PIL import Image

from namebasis.errors import SpaceError, TargetError
from namebasis.space import Space, open_space
from tests.test_cli import run


@pytest.mark.long
def test_many_people_one_person_and_one_context_part_in_both(
    space: Space, made: tuple[Path, dict[str, str]]
) -> None:
    found = space.diversity()
    kinds = made[1]
    assert found.n_matched == 2  # two thirds of 3, which nine in ten have
    found = space.diversity(n_matched=5)
    for key in ("trace", "log_det"):
        of = {
            kind: [getattr(one, key).value for one in found.names if kinds[one.name] == kind]
            for kind in "ACD"
        }
        assert max(of["D"]) < min(of["C"])
        assert max(of["C"]) < min(of["A"])
    # Shuffled pictures show many people in many contexts, as those of A nearly do.
    below = {one.name: one.trace_below for one in found.names if one.trace_below is not None}
    assert all(below[name] < 0.05 for name, kind in kinds.items() if kind in "CD")
    assert found.names[0].trace == min(
        (one.trace for one in found.names if one.trace), key=lambda one: one.value
    )
    assert found.shuffled.shape == (200, 2)


def test_few_pictures_have_no_value_and_a_reason(
    space: Space, made: tuple[Path, dict[str, str]]
) -> None:
    few = [name for name, kind in made[1].items() if kind == "N"]
    found = {one.name: one for one in space.diversity([*few, few[0]], n_matched=3).names}
    one, two, three = (found[name] for name in few)
    assert (one.trace, one.log_det, one.reason) == (None, None, "1 picture has no variance")
    assert one.path is not None
    assert one.medoid_similarity is None
    assert two.trace is not None
    assert two.trace.low is None
    assert two.reason == "2 pictures, fewer than the 3 that log-determinants are compared at"
    assert three.log_det is not None
    many = space.diversity(list(made[1])[:3], n_matched=100, n_null=20)
    assert many.headline().endswith(
        " No name has the 100 pictures that log-determinants were to be compared at; by default it "
        "takes fewer."
    )
    none = space.diversity([few[0], "Vicki"] if "Vicki" in space else [few[0]])
    assert "none has the pictures that it takes" in none.headline()
    with pytest.raises(ValueError, match="view must be image"):
        space.diversity(view="text")
    with pytest.raises(ValueError, match="n_matched must be an integer, at least 2"):
        space.diversity(n_matched=1)
    one = space.diversity([next(iter(made[1]))], n_null=20)
    assert one.headline().endswith(" by chance).")
    with pytest.raises(SpaceError, match=r"none of the names that are asked for has a picture; .*"):
        space.diversity([name for name in space if name not in made[1]][:2])
    with pytest.raises(TargetError, match="is not in"):
        space.diversity(["Nobody Nowhere"])


def test_it_is_written_drawn_and_put_on_a_page(
    made: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    place = tmp_path / "a.space"
    shutil.copytree(made[0] / "a.space", place)
    words = ("diversity", "a.space", "--n-matched", "5", "--write", "--json", "-q")
    done = run(*words, "--html", "d.html", "--figure", "d.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    rows = {row["name"]: row for row in json.loads(done.stdout)["names"]}
    stored = open_space(place).table(["name", "picture_trace", "picture_log_det", "medoid"])
    kept = [row for row in stored.to_pylist() if row["name"] in rows]
    assert len(kept) == len(rows) == 21
    for row in kept:
        told = rows[row["name"]]
        assert row["picture_trace"] == told["trace"]
        assert row["picture_log_det"] == told["log_det"]
        assert row["medoid"] == told["medoid_path"]
    card = open_space(place).card(kept[0]["name"]).to_html()
    assert card.count("data:image/jpeg") == 1
    assert "most like its others" in card
    page = (tmp_path / "d.html").read_text(encoding="utf-8")
    assert page.count("data:image/jpeg") > 20
    assert not re.search(r'(?:src|href)="(?!data:|#)', page)
    assert len(re.findall(r'class="name" tabindex', page)) == 18
    assert "<li>1 name: 1 picture has no variance</li>" in page
    with Image.open(tmp_path / "d.png") as drawn:
        assert min(drawn.size) > 500
