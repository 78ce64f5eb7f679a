"""The image view and the mean of images, from folders of good, bad and strange files."""

from __future__ import annotations

import os
import shutil
import tarfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.encoders.images import open_image
from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.building import images as module
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.pictures import views
from namebasis.space import Space, open_space
from namebasis.studies.basis import study as basis
from tests.encoders.conftest import tiny as tiny  # a fixture of a folder beside this one
from tests.namespace.conftest import FakeEncoder, corpus
from tests.test_cli import run

add_images = partial(module.add_images, unmatched="keep")


class Seeing(FakeEncoder):
    """An image's vector is its mean colour, then zeros."""

    has_images = True

    def __init__(self, salt: str = "") -> None:
        super().__init__("seeing", salt)
        self.n_images = 0

    def encode_images(
        self, images: Sequence[object], *, batch_size: int | None = None
    ) -> np.ndarray:
        self.n_images += len(images)
        rows = np.zeros((len(images), self.dim), np.float32)
        for row, image in zip(rows, images, strict=True):
            row[:3] = np.asarray(open_image(image), dtype=np.float32).mean(axis=(0, 1)) + 1
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def paint(path: Path, colour: tuple[int, int, int]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def unit(*colour: int) -> np.ndarray:
    row = np.zeros(16)
    row[:3] = np.array(colour) + 1
    return row / np.linalg.norm(row)


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return build_space(corpus(), tmp_path / "a.space", encoder=Seeing())  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    where = tmp_path / "pictures"
    paint(where / "Vicki" / "one.png", (255, 0, 0))
    paint(where / "Vicki" / "deep" / "two.jpg", (0, 255, 0))
    paint(where / "zoe_03.png", (0, 0, 255))
    paint(where / "Nobody (2).png", (255, 255, 0))
    (where / "Vicki" / "bad.png").write_bytes(b"no picture")
    (where / "notes.txt").write_text("not an image")
    return where


def test_the_view_is_the_mean_of_a_names_images_and_the_mean_is_of_all(
    space: Space, folder: Path
) -> None:
    grown, added = add_images(space, folder)
    assert "image" in grown.views
    assert (added.n_added, added.n_known, added.n_names, added.n_images) == (4, 0, 2, 4)
    assert added.strangers == ("Nobody (2)",)
    assert [Path(failure.path).name for failure in added.failures] == ["bad.png"]
    vicki, zoe, other = (grown.find(name) for name in ("Vicki", "Zoë", "O'Brien"))
    rows = grown.vectors("image", ids=[vicki, zoe, other])
    # JPEG keeps a plain colour to within a level or two.
    red, green, blue, yellow = (
        unit(255, 0, 0), unit(0, 255, 1), unit(0, 0, 255), unit(255, 255, 0)
    )  # fmt: skip
    mean = red + green
    np.testing.assert_allclose(rows[0], mean / np.linalg.norm(mean), atol=0.02)
    np.testing.assert_allclose(rows[1], blue, atol=1e-6)
    assert not rows[2].any()
    everyone = (red + green + blue + yellow) / 4
    np.testing.assert_allclose(grown.image_mean(), everyone, atol=0.01)
    np.testing.assert_array_equal(grown.mean("image"), grown.image_mean())
    counts = grown.table(["name", "n_images"], where="n_images > 0").to_pylist()
    assert {row["name"]: row["n_images"] for row in counts} == {"Vicki": 2, "Zoë": 1}
    assert space.image_mean() is None  # opened before


def test_a_search_of_the_image_view_finds_only_names_with_images(
    space: Space, folder: Path
) -> None:
    grown, _ = add_images(space, folder)
    assert set(grown.nearest(unit(1, 2, 255), k=5, view="image").names) == {"Vicki", "Zoë"}
    near = grown.nearest(folder / "zoe_03.png", k=5, view="image", where="gender = 'F'")
    assert near.names[0] == "Zoë"
    assert set(grown.nearest(-unit(1, 2, 3), k=5, view="image").names) == {"Vicki", "Zoë"}
    with pytest.raises(TargetError, match=r"O'Brien.* has no vector in the view image"):
        grown.nearest("O'Brien", view="image")
    with pytest.raises(ValueError, match="view must be one of text, token; got 'image'"):
        space.nearest("Vicki", view="image")


def test_what_is_there_is_not_encoded_again(
    space: Space, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = Seeing()
    add_images(space, folder, encoder=encoder)  # type: ignore[arg-type]
    assert encoder.n_images == 4
    paint(folder / "King.png", (9, 9, 9))
    grown, added = add_images(space, folder, encoder=encoder)  # type: ignore[arg-type]
    assert encoder.n_images == 5
    assert (added.n_added, added.n_known, added.n_images) == (1, 4, 5)
    assert grown.vectors("image", ids=[grown.find("King")]).any()


def test_a_tar_archive_is_added_where_it_lies(space: Space, folder: Path, tmp_path: Path) -> None:
    """Its pictures are those of the folder that it was made of, so they are known already."""
    with tarfile.open(tmp_path / "p.tar", "w") as tar:
        tar.add(folder, ".")
    encoder = Seeing()
    grown, added = add_images(space, tmp_path / "p.tar", encoder=encoder)  # type: ignore[arg-type]
    assert (added.n_added, added.n_names, encoder.n_images) == (4, 2, 4)
    assert [one.path for one in added.failures] == [str(tmp_path / "p.tar/Vicki/bad.png")]
    assert added.notes()[0].startswith("left out 1: is not an image that Pillow can read (such as")
    _, again = add_images(grown, folder, encoder=encoder)  # type: ignore[arg-type]
    assert (again.n_added, again.n_known, encoder.n_images) == (0, 4, 4)


def test_a_run_that_was_stopped_goes_on(
    space: Space, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "CHUNK", 1)
    encoder = Seeing()
    calls: list[int] = []

    def stop(done: int, total: int) -> None:
        calls.append(done)
        if done == 3:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        add_images(space, folder, encoder=encoder, progress=stop)  # type: ignore[arg-type]
    before = encoder.n_images
    assert 0 < before < 4
    assert "image" not in open_space(space.path).views
    _, added = add_images(space, folder, encoder=encoder)  # type: ignore[arg-type]
    assert added.n_images == encoder.n_images == 4
    assert added.n_known > 0


def test_copies_count_once_whenever_they_are_given(space: Space, tmp_path: Path) -> None:
    """Three copies in one run, a fourth later, a fifth beside another file of the same name."""

    def give(folder: str, *names: str) -> tuple[Space, object]:
        for name in names:
            paint(tmp_path / folder / name, (250, 0, 0))
        return add_images(space, tmp_path / folder)

    grown, added = give("p", "Vicki/a.png", "Vicki/b.png", "Vicki/c.png")
    assert (added.n_added, added.n_known, added.n_images) == (1, 2, 1)
    for folder, name in [("q", "Vicki/d.png"), ("r", "Vicki_2.png"), ("s", "vicki.png")]:
        grown, added = give(folder, name)
        assert (added.n_names, added.n_images) == (1, 1)
        assert grown.table(["n_images"], where="n_images > 0")["n_images"].to_pylist() == [1]
        np.testing.assert_allclose(grown.image_mean(), unit(250, 0, 0), atol=1e-6)
    grown, added = give("t", "King.png")  # of another name: an image of that one too
    assert (added.n_added, added.n_names, added.n_images) == (1, 2, 2)


def test_the_view_is_the_same_a_few_images_at_a_time(
    space: Space, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copy(folder / "Vicki" / "one.png", folder / "Vicki" / "copy.png")
    paint(folder / "vicki_4.png", (7, 9, 200))
    grown, _ = add_images(space, folder)
    whole = views.view_of_images(grown.path / "images.lance", grown.find_all, 16)
    monkeypatch.setattr(views, "_BLOCK", 1)
    parts = views.view_of_images(grown.path / "images.lance", grown.find_all, 16)
    assert whole is not None
    assert parts is not None
    assert parts.mean.n_images == whole.mean.n_images == 5
    np.testing.assert_array_equal(parts.counts, [3, 1])
    np.testing.assert_allclose(parts.sums, whole.sums, atol=1e-12)
    np.testing.assert_allclose(parts.mean.mean, whole.mean.mean, atol=1e-12)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes here")
def test_what_is_no_file_and_names_of_other_encodings_cost_only_themselves(
    space: Space, tmp_path: Path
) -> None:
    root = tmp_path / "odd"
    paint(root / "Vicki" / "1.png", (9, 0, 0))
    (root / "Vicki" / "zero.png").symlink_to("/dev/zero")
    (root / "Vicki" / "loop.png").symlink_to("loop.png")
    os.mkfifo(root / "Vicki" / "pipe.png")
    expected = {
        "zero.png": "it is a device, not a file",
        "pipe.png": "it is a named pipe, not a file",
        "loop.png": "levels of symbolic links",
    }
    latin_1, folder = (os.fsdecode(name) for name in (b"\xff.png", b"\xfe dir"))
    try:
        paint(root / "Vicki" / latin_1, (0, 0, 9))
        paint(root / folder / "1.png", (0, 0, 9))
        odd = {r"Vicki/\udcff.png", r"\udcfe dir/1.png"}
    except OSError:  # a file system that takes UTF-8 alone
        odd = set()
    space, done = add_images(space, root)
    assert (done.n_added, done.n_known, done.n_names) == (1, 0, 1)
    reasons = {Path(one.path).relative_to(root).as_posix(): one.reason for one in done.failures}
    assert {path for path, why in reasons.items() if "is not UTF-8; rename it" in why} >= odd
    for name, reason in expected.items():
        assert reason in reasons[f"Vicki/{name}"]
    np.testing.assert_allclose(space.vectors("image", ids=[space.find("Vicki")])[0], unit(9, 0, 0),
                               atol=1e-6)  # fmt: skip
    if odd:  # a root of such a name is the user's own choice
        paint(root / folder / "King" / "1.png", (0, 9, 0))
        _, done = add_images(space, root / folder)
        assert done.n_added == 2


def test_copies_of_a_bad_file_are_all_bad(space: Space, folder: Path) -> None:
    (folder / "Vicki" / "bad too.png").write_bytes(b"no picture")
    _, added = add_images(space, folder)
    names = sorted(Path(failure.path).name for failure in added.failures)
    assert names == ["bad too.png", "bad.png"]
    assert (added.n_added, added.n_known) == (4, 0)


def test_names_added_later_have_no_image_until_they_are_given_again(
    space: Space, folder: Path
) -> None:
    grown, _ = add_images(space, folder)
    more = add_names(grown, make_names([{"name": "Nobody", "part": "given"}]))
    row = more.find("Nobody")
    assert not more.vectors("image", ids=[row]).any()
    assert len(more.ids(view="image")) == 2
    again, added = add_images(more, folder)
    assert (added.n_added, added.n_names, added.strangers) == (0, 3, ())
    np.testing.assert_allclose(again.vectors("image", ids=[row])[0], unit(255, 255, 0), atol=1e-6)


def test_an_image_target_is_centred_by_them(space: Space, folder: Path) -> None:
    target = folder / "zoe_03.png"
    with pytest.raises(TargetError, match=r"namebasis add .*a\.space --images FOLDER"):
        basis.fit(space, target, 2)
    grown, _ = add_images(space, folder)
    found = basis.fit(grown, target, 2)
    atoms = grown.vectors(ids=found.ids) - grown.mean()
    wanted = unit(0, 0, 255) - grown.image_mean()
    combined = found.weights @ atoms
    cosine = combined @ wanted / np.linalg.norm(combined) / np.linalg.norm(wanted)
    assert found.similarity == pytest.approx(float(cosine), abs=1e-4)
    in_images = basis.fit(grown, target, 1, view="image", exclude_self=False)
    assert (in_images.n_atoms, in_images.names) == (2, ("Zoë",))


def test_only_strangers_give_a_mean_and_no_view(space: Space, tmp_path: Path) -> None:
    paint(tmp_path / "p" / "a.png", (255, 0, 0))
    grown, added = add_images(space, tmp_path / "p")
    assert (added.n_names, added.strangers) == (0, ("a",))
    assert "image" not in grown.views
    np.testing.assert_allclose(grown.image_mean(), unit(255, 0, 0), atol=1e-6)
    assert basis.fit(grown, paint(tmp_path / "b.png", (0, 255, 0)), 2).similarity > 0


def test_the_folder_of_one_person_is_told_from_the_folder_of_all(
    space: Space, tmp_path: Path
) -> None:
    paint(tmp_path / "people" / "Vicki" / "1.png", (255, 0, 0))
    with pytest.raises(EncoderError, match=r"but the folder is \(Vicki\)\. Give the folder above"):
        module.add_images(space, tmp_path / "people" / "Vicki")
    assert module.add_images(space, tmp_path / "people")[1].n_added == 1


def test_images_of_nobody_stop_before_they_are_encoded(space: Space, tmp_path: Path) -> None:
    paint(tmp_path / "p" / "00000" / "000000000.png", (255, 0, 0))
    encoder = space.encoder()
    before = encoder.n_images  # type: ignore[attr-defined]
    with pytest.raises(EncoderError, match=r"none of its 1 images belongs to a stored name; the "
                       r"names read are '00000'\. .* Nothing was encoded"):  # fmt: skip
        module.add_images(space, tmp_path / "p")
    assert encoder.n_images == before  # type: ignore[attr-defined]
    assert not (space.path / "images.lance").exists()


def test_images_of_nobody_are_skipped_unless_they_are_kept(space: Space, folder: Path) -> None:
    before = encoder = space.encoder()
    grown, added = module.add_images(space, folder)
    assert before is encoder
    assert added.skipped == ("Nobody (2)",)
    assert added.strangers == ()
    assert any("left out 1 image of names" in told for told in added.notes())
    kept, more = add_images(grown, folder)
    assert more.n_added == added.n_skipped > 0
    assert more.n_images == added.n_images + added.n_skipped
    assert not np.allclose(kept.image_mean(), grown.image_mean())
    with pytest.raises(ValueError, match=r"unmatched must be skip or keep; got 'kep'\. Did you"):
        module.add_images(kept, folder, unmatched="kep")


def test_refusals(space: Space, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(EncoderError, match="holds no image file"):
        add_images(space, tmp_path / "empty")
    (tmp_path / "empty" / "Vicki.png").write_bytes(b"")
    with pytest.raises(EncoderError, match=r"none of its 1 image files can be read.*is empty"):
        add_images(space, tmp_path / "empty")
    blind = build_space(corpus(), tmp_path / "b.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="fake, which reads no images"):
        add_images(blind, tmp_path / "empty")


@pytest.mark.long
def test_a_real_clip_reads_a_folder_on_the_command_line(
    tiny: Callable[[str], Path], folder: Path, tmp_path: Path
) -> None:
    (tmp_path / "names.txt").write_text("Vicki\nZoe\nAnna\nLars\nMei\nOlga\n", encoding="utf-8")
    model = f"hf:{tiny('clip')}"
    done = run("build", "c.space", "names.txt", "--encoder", model, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    refused = run("basis", "c.space", "--image", "pictures/zoe_03.png", "-n", "2", cwd=tmp_path)
    assert refused.returncode == 1
    assert "--images FOLDER" in refused.stderr
    done = run(
        "add", "c.space", "--images", "pictures", "--unmatched", "keep", "--quiet", cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert "left out 1: is not an image that Pillow can read" in done.stderr
    assert "4 images added, 0 were in the space already; 4 in all, of 2 stored names" in done.stderr
    assert "a few hundred are better" in done.stderr
    found = run(
        "basis", "c.space", "--image", "pictures/zoe_03.png", "-n", "2", "--n-null", "8",
        "--n-resamples", "4", cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    assert len(found.stdout.splitlines()) >= 1
    encoder = open_space(tmp_path / "c.space").encoder()
    expected = encoder.encode_images([folder / "zoe_03.png"])[0]
    opened = open_space(tmp_path / "c.space")
    np.testing.assert_allclose(
        opened.vectors("image", ids=[opened.find("Zoe")])[0], expected, atol=1e-5
    )
    nothing = run("add", "c.space", cwd=tmp_path)
    assert nothing.returncode == 1
    assert "nothing to add" in nothing.stderr
    shutil.rmtree(tmp_path / "c.space")
