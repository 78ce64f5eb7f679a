"""Pictures through changes of a space: adding what was measured, undo, removal, merge."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.removing import remove
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search.map_places import read_places, write_places
from namebasis.reading import digest_of
from namebasis.space import Space, open_space
from namebasis.validation.pictures.image_files import ImageFile, write_image
from namebasis.validation.pictures.measurements import Memory
from tests.namespace.building.test_images import Seeing, paint, unit
from tests.namespace.conftest import corpus

RED, GREEN = (255, 0, 0), (0, 255, 0)
AGE = ("extractor 1", "skin|age")


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("empty") / "a.space"
    build_space(corpus(), path, encoder=Seeing())  # type: ignore[arg-type]
    return path


@pytest.fixture
def space(empty: Path, tmp_path: Path) -> Space:
    return open_space(shutil.copytree(empty, tmp_path / "a.space"), encoder=Seeing())  # type: ignore[arg-type]


def measure(space: Space, file: Path, name: str, value: float) -> None:
    """As a report does: a vector and a measure of one picture."""
    key = digest_of(file)
    memory = Memory(space.path, [key])
    colour = np.asarray(unit(*_colour(file)), np.float32)
    memory.add_matrix(f"vector:{Seeing().fingerprint}", [key], colour[None], "seeing")
    memory.add_column(AGE, [key], np.array([value]), [None])
    memory.write([ImageFile(name, file)], [key])


def _colour(file: Path) -> tuple[int, int, int]:
    from PIL import Image

    return Image.open(file).getpixel((0, 0))  # type: ignore[return-value]


def measured(space: Space, file: Path) -> float:
    key = digest_of(file)
    memory = Memory(space.path, [key])
    return memory.value(AGE, key)[0] if memory.has(AGE[0], key) else float("nan")


def test_what_a_report_measured_is_added_without_encoding(space: Space, tmp_path: Path) -> None:
    red = paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    green = paint(tmp_path / "photos" / "Vicki" / "2.png", GREEN)
    measure(space, red, "Vicki", 31.0)
    assert "image" not in open_space(space.path).views  # a report moves no view
    encoder = Seeing()
    grown, added = add_images(open_space(space.path), tmp_path / "photos", encoder=encoder)
    assert (added.n_added, added.n_images, encoder.n_images) == (2, 2, 1)
    assert len(grown.pictures()) == 2
    both = unit(*RED) + unit(*GREEN)
    own = grown.vectors("image", ids=[grown.find("Vicki")])[0]  # type: ignore[list-item]
    assert own == pytest.approx(both / np.linalg.norm(both), abs=1e-6)
    assert measured(grown, red) == 31.0
    assert np.isnan(measured(grown, green))
    assert grown.pictures().measures == ("skin|age",)
    by_file = dict(
        zip(
            grown.pictures().table(["digest"])["digest"].to_pylist(),
            grown.pictures().measured()["skin|age"].to_pylist(),
            strict=True,
        )
    )
    assert by_file == {digest_of(red): 31.0, digest_of(green): None}
    assert grown.pictures().measured(ids=[1, 0])["picture"].to_pylist() == [1, 0]
    with pytest.raises(ValueError, match=r"nothing called 'age' was measured; there are skin\|age"):
        grown.pictures().measured(["age"])


def test_an_undo_takes_back_pictures_and_no_measure(space: Space, tmp_path: Path) -> None:
    red = paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    green = paint(tmp_path / "more" / "King" / "1.png", GREEN)
    grown, _ = add_images(space, tmp_path / "photos")
    measure(grown, red, "Vicki", 31.0)
    measure(grown, green, "King", 40.0)
    back = undo(open_space(space.path)).space
    assert "image" not in back.views
    assert [measured(back, one) for one in (red, green)] == [31.0, 40.0]
    again = undo(back, redo=True).space
    assert [measured(again, one) for one in (red, green)] == [31.0, 40.0]
    rows = again.pictures().table(["label", "is_added"]).to_pylist()
    assert rows == [{"label": "Vicki", "is_added": True}, {"label": "King", "is_added": False}]
    assert again.pictures().image_view().counts.tolist() == [1]


def test_what_was_measured_of_a_removed_name_goes_with_it(space: Space, tmp_path: Path) -> None:
    red = paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    green = paint(tmp_path / "more" / "King" / "1.png", GREEN)
    measure(space, red, "Vicki", 31.0)
    measure(space, green, "King", 40.0)
    left = remove(open_space(space.path), ["Vicki"]).space
    assert left.pictures().table(["label"])["label"].to_pylist() == ["King"]
    assert np.isnan(measured(left, red))
    back = undo(left).space
    assert [measured(back, one) for one in (red, green)] == [31.0, 40.0]
    again = undo(back, redo=True).space
    assert again.pictures().table(["label"])["label"].to_pylist() == ["King"]
    assert measured(again, green) == 40.0


@pytest.mark.long
def test_a_merge_takes_the_pictures_and_measures_of_both(space: Space, tmp_path: Path) -> None:
    red = paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    green = paint(tmp_path / "photos" / "Mia" / "1.png", GREEN)
    measure(space, red, "Vicki", 31.0)
    names = make_names([{"name": name, "part": "given"} for name in ("Vicki", "Mia")])
    other = build_space(names, tmp_path / "b.space", encoder=Seeing())  # type: ignore[arg-type]
    other, _ = add_images(other, tmp_path / "photos")
    measure(other, green, "Mia", 40.0)
    both = merge(open_space(space.path), other, tmp_path / "c.space").space
    rows = both.pictures().table(["id", "label", "is_added"]).to_pylist()
    assert sorted((row["label"], row["is_added"]) for row in rows) == [
        ("Mia", True), ("Vicki", True),
    ]  # fmt: skip
    assert all(row["id"] == both.find(row["label"]) for row in rows)
    assert [measured(both, one) for one in (red, green)] == [31.0, 40.0]
    assert both.pictures().image_view().mean.n_images == 2
    into = merge(open_space(space.path), other, space.path).space
    assert [measured(into, one) for one in (red, green)] == [31.0, 40.0]
    back = undo(into).space
    assert [measured(back, one) for one in (red, green)] == [31.0, 40.0]
    assert "image" not in back.views


def test_a_painted_picture_says_what_it_was_made_of(space: Space, tmp_path: Path) -> None:
    from PIL import Image

    about = {
        "name": "Vicki", "prompt": "Vicki in Rome", "context": "{} in Rome", "seed": 7,
        "source": "diffusers:sd", "fingerprint": "sha256:abcdef12", "is_blank": False,
    }  # fmt: skip
    write_image(tmp_path / "p" / "Vicki" / "7.png", Image.new("RGB", (8, 8), RED), about)
    paint(tmp_path / "p" / "Vicki" / "photo.png", GREEN)
    grown, _ = add_images(space, tmp_path / "p")
    pictures = grown.pictures()
    made, photo = pictures.table().to_pylist()
    assert {key: made[key] for key in ("source", "pipeline", "prompt", "seed", "context")} == {
        "source": "sha256:abcdef12", "pipeline": "diffusers:sd", "prompt": "Vicki in Rome",
        "seed": 7, "context": "{} in Rome",
    }  # fmt: skip
    assert (photo["source"], photo["prompt"], photo["seed"]) == ("photo", None, None)
    assert pictures.sources == {"sha256:abcdef12": "diffusers:sd", "photo": "photo"}
    for asked in ("diffusers:sd", "sha256:abcdef12", "abcdef"):
        assert pictures.vectors(source=asked)[1].tolist() == [0]
        assert pictures.image_view(asked).mean.mean == pytest.approx(unit(*RED), abs=1e-6)
    assert pictures.image_view("photos").mean.mean == pytest.approx(unit(*GREEN), abs=1e-6)


@pytest.mark.parametrize("damage", ["cut", "gone", "manifest"])
def test_a_damaged_store_is_said_in_a_line_and_costs_no_other_view(
    space: Space, tmp_path: Path, damage: str
) -> None:
    paint(tmp_path / "photos" / "Vicki" / "1.png", RED)
    grown, _ = add_images(space, tmp_path / "photos")
    store = grown.path / "images.lance"
    for file in (store / ("_versions" if damage == "manifest" else "data")).iterdir():
        if damage == "gone":
            file.unlink()
        else:
            file.write_bytes(file.read_bytes()[:20])
    again = open_space(grown.path)
    with pytest.raises(SpaceError, match=r"images\.lance.*damaged") as caught:
        again.nearest("Vicki", view="image:photos")
    assert "\n" not in str(caught.value)
    assert again.nearest("Vicki", 3).names


def test_a_view_of_a_pipeline_in_a_folder_is_laid_out_once(space: Space, tmp_path: Path) -> None:
    from PIL import Image

    about = {
        "name": "Vicki", "prompt": "Vicki", "seed": 7, "source": "diffusers:/models/sd",
        "fingerprint": "sha256:abcdef12", "is_blank": False,
    }  # fmt: skip
    write_image(tmp_path / "p" / "Vicki" / "7.png", Image.new("RGB", (8, 8), RED), about)
    grown, _ = add_images(space, tmp_path / "p")
    view = "image:diffusers:/models/sd"
    places = np.zeros((len(grown), 2), np.float32)
    write_places(grown, view, places)
    assert np.array_equal(read_places(grown, view), places)  # type: ignore[arg-type]
    paint(tmp_path / "more" / "Vicki" / "1.png", GREEN)
    more, _ = add_images(grown, tmp_path / "more")
    assert read_places(more, view) is not None  # photos are none of it
    assert read_places(more, "image:photos") is None
