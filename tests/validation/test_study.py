"""The whole loop on tiny models: space, images, measurement, agreement, columns, page."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError, NamebasisError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.attributes.study import score
from namebasis.studies.identity.rigidity import rigidity
from namebasis.validation import page
from namebasis.validation.extractors.base import Extractor
from namebasis.validation.extractors.registry import load_extractor
from namebasis.validation.study import validate
from tests.test_cli import run
from tests.validation.test_faces import export, heads

NAMES = ["Vicki", "Winona", "Roger", "Anna", "Ivan", "<b>Bo</b>"]
MADE_UP = ["Zorvik", "Plunra", "Mektil"]


@pytest.fixture(scope="module")
def place(tiny: Callable[[str], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A space of six names and three made-up ones, and noisy pictures: three of each."""
    where = tmp_path_factory.mktemp("user")
    encoder = load_encoder(f"hf:{tiny('clip')}")
    rows = [{"name": name, "part": "given", "gender": "F"} for name in NAMES]
    rows += [{"name": name, "part": "pseudo", "gender": None} for name in MADE_UP]
    build_space(make_names(rows), where / "my.space", encoder=encoder, templates="plain")
    rng = np.random.default_rng(0)
    for number, name in enumerate([*NAMES, *MADE_UP]):
        folder = where / "images" / name.replace("/", "∕")
        folder.mkdir(parents=True)
        for shot in range(3):
            grey = rng.integers(20 * number, 20 * number + 60, (16, 16, 3), dtype=np.uint8)
            Image.fromarray(grey).save(folder / f"{shot}.png")
    names = [path.name for path in (where / "images").iterdir()]
    (where / "images" / names[names.index("<b>Bo<∕b>")]).rename(where / "images" / "tmp")
    (where / "images" / "tmp").rename(where / "images" / "Bo")
    return where


@pytest.fixture
def user(place: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(place, tmp_path / "user"))


def opened(user: Path) -> Space:
    return open_space(user / "my.space")


@pytest.mark.long
def test_images_are_compared_with_every_reading_of_the_text(user: Path) -> None:
    space = opened(user)
    zero = load_extractor(f"zero-shot:{space.provenance.encoder}", axes=["gender"])
    found = validate(space, user / "images", [zero], with_rigidity=False, n_resamples=50)
    rows = {row.reading: row for row in found.agreement.attributes}
    assert set(rows) == {"expectation", "projection", "curve", "inferred"}
    known = ["Anna", "Ivan", "Roger", "Vicki", "Winona"]
    assert {row.n_names for row in rows.values()} == {5}
    text = score(space, ["gender"]).pick(space, known).scores[0].readings["projection"]
    assert found.text["gender", "projection"] == pytest.approx(
        dict(zip(known, text.tolist(), strict=True))
    )
    assert found.agreement.n_made_up == 3  # and Bo, who is not stored so, is a stranger
    [told] = [note for note in found.notes() if "not in the space" in note]
    assert told.startswith("1 name with images is not in the space, such as Bo: measured, but ")
    assert found.provenance["n_images"] == 27


@pytest.mark.long
def test_the_spread_of_images_is_compared_with_rigidity(user: Path) -> None:
    space = opened(user)
    found = validate(space, user / "images", [load_extractor("skin")], n_resamples=50)
    readings = {row.reading for row in found.agreement.attributes if row.attribute == "div"}
    assert readings == {"div", "displacement_ratio", "interaction", "leakage"}
    known = ["Anna", "Ivan", "Roger", "Vicki", "Winona"]
    alone = {row.name: row.contexts["leakage"] for row in rigidity(space, known).rows}
    assert found.text["div", "leakage"] == pytest.approx(alone)
    # The tiny tokenizer cuts skin tones off: they read alike, which is said and stops nothing.
    assert any(note.startswith("skin_tone is not compared") for note in found.agreement.remarks)
    first = next(note for note in found.agreement.remarks if "nothing measured on" in note)
    assert first.startswith("skin_lightness and ")


def test_the_face_step_reaches_the_extractors(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From the object and from the command; its licence is said as an extractor's is."""
    file = export(user / "yunet.onnx", heads("yunet"))
    reached: list[str] = []

    def seen(_: Space, folder: Path, extractors: list[Extractor], **options: object) -> None:
        reached.extend(one.faces.spec for one in extractors if one.faces is not None)
        raise EncoderError("seen")

    monkeypatch.setattr("namebasis.validation.study.validate", seen)
    with pytest.raises(EncoderError, match="seen"):
        opened(user).validate(user / "images", ["skin", "whole:skin"], faces=file)
    assert reached == [f"yunet={file}"] * 2
    told = run("validate", "report", "my.space", "images", "--extractor", "skin",
               "--faces", "yunet.onnx", "-q", cwd=user)  # fmt: skip
    assert told.returncode == 1
    assert reached[2:] == ["yunet=yunet.onnx"]
    assert "yunet=yunet.onnx: licence MIT" in told.stderr


def test_measures_become_columns_of_the_space(user: Path) -> None:
    space = opened(user)
    zero = load_extractor(f"zero-shot:{space.provenance.encoder}", axes=["gender"])
    found = validate(space, user / "images", [zero], with_rigidity=False, n_resamples=50)
    assert found.write(space) == 8
    stored = open_space(user / "my.space").table(["name", "image_count", "image_gender"])
    by_name = {row["name"]: row for row in stored.to_pylist()}
    assert by_name["Anna"]["image_count"] == 3
    assert by_name["<b>Bo</b>"]["image_count"] is None
    means = {row.name: row.means["gender"] for row in found.agreement.names}
    assert by_name["Anna"]["image_gender"] == pytest.approx(means["Anna"])


@pytest.mark.long
def test_the_page_holds_the_images_and_asks_nobody(user: Path) -> None:
    space = opened(user)
    zero = load_extractor(f"zero-shot:{space.provenance.encoder}", axes=["gender"])
    found = validate(space, user / "images", [zero], with_rigidity=False, n_resamples=50)
    found.write_html(user / "page.html")
    html = (user / "page.html").read_text()
    assert html.count("data:image/jpeg;base64,") >= 27
    assert "default-src 'none'" in html
    assert "http" not in html.replace("http-equiv", "").replace("http://www.w3.org", "")
    assert "Images from a folder, which say nothing of what made them." in html
    painted = replace(found, provenance={**found.provenance, "images": ["organism"]}).to_html()
    assert "Images made by a model" in painted
    assert "They show nobody" in painted
    with pytest.raises(NamebasisError, match="already exists"):
        found.write_html(user / "page.html")


def test_a_reader_is_told_what_the_page_shows(user: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    space = opened(user)
    zero = load_extractor(f"zero-shot:{space.provenance.encoder}", axes=["gender", "hair_colour"])
    found = validate(space, user / "images", [zero], with_rigidity=False, n_resamples=50)
    first = found.agreement.first_readings
    assert [row.attribute for row in first][:1] == ["gender"]
    assert len({row.attribute for row in first}) == len(first)
    n_names = len(found.agreement.names)
    captions = [page.caption(row) for row in found.agreement.names]
    assert sum(one.startswith("made up · div@3 ") for one in captions) == n_names - 6
    assert not any(" to " in one for one in captions)  # of three images: no interval
    monkeypatch.setattr(page, "_MOST_NAMES", 2)
    html = found.to_html()
    assert f"2 of {n_names} names’ images" in html
    assert "names in 2 groups" in html
    n_more = len(found.agreement.attributes) - len(first)
    assert f"<summary>The same by {n_more} other readings of the text" in html
    others = html[html.index("<summary>The same by") :].partition("</details>")[0]
    for reading in ("projection", "curve", "inferred"):
        assert f'<td data-label="text reading">{reading}</td>' in others
    assert '<td data-label="text reading">expectation</td>' not in others
    assert html.index("<h2>Notes") < html.index("<h2>Text against images")
    shots = [html.index(f"<p>{one}</p>") for one in sorted(captions) if f"<p>{one}</p>" in html]
    assert len(shots) >= 2


@pytest.mark.long
def test_a_validation_shows_itself_as_the_command_does(user: Path) -> None:
    space = opened(user)
    zero = load_extractor(f"zero-shot:{space.provenance.encoder}", axes=["gender"])
    found = validate(space, user / "images", [zero], with_rigidity=False, n_resamples=50)
    table, *_ = found.tables()
    assert table.title == "text against images"
    assert [row[1] for row in table.rows] == [row.reading for row in found.agreement.attributes]
    assert table.rows[0][-1] == found.agreement.first_readings[0].verdict
    assert [row[-1] for row in table.rows[1:]] == [""] * (len(table.rows) - 1)
    assert str(found).startswith(found.headline())
    assert "<caption" in found._repr_html_()
    axes = found.plot().axes[0]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points == [row.spearman.value for row in found.agreement.attributes]
    assert found.agreement.plot().axes[0].get_yticklabels()[0].get_text() == (
        "gender: expectation (n = 5)"
    )
    (user / "images" / "Vicki" / "0.png").write_bytes(b"")
    bare = validate(space, user / "images", [load_extractor("skin")], with_rigidity=False)
    assert bare.tables()[0].title == "images"
    assert list(bare.tables()[0].columns) == ["name", "images", "similarity", "spread"]
    measured = bare.tables()[1]
    assert [row[0] for row in measured.rows] == list(bare.agreement.units)
    assert len(measured.columns) == 5
    seen = [row for row in bare.agreement.names if row.n_images and not row.is_prior]
    few = replace(bare.agreement, names=tuple(seen[:3]))
    assert few.headline() == (
        "A comparison with text needs four names with images; there are three."
    )
    told = bare.headline().splitlines()
    assert told[0] == "Nothing was both measured on images and read in text."
    assert told[1].endswith("beside 3 made-up names.")
    with pytest.raises(ValueError, match="nothing can be drawn"):
        bare.plot()


def test_names_are_escaped(user: Path) -> None:
    (user / "images" / "Bo").rename(user / "images" / "<i>x")
    space = opened(user)
    found = validate(space, user / "images", [load_extractor("skin")], with_rigidity=False)
    found.write_html(user / "page.html")
    html = (user / "page.html").read_text()
    assert "&lt;i&gt;x" in html
    assert "<i>x" not in html


def test_what_cannot_be_validated_is_refused(user: Path) -> None:
    space = opened(user)
    with pytest.raises(NamebasisError, match="at least one extractor"):
        validate(space, user / "images", [])
    with pytest.raises(EncoderError, match="minilm reads no images"):
        validate(space, user / "images", [load_extractor("skin")], encoder=load_encoder("minilm"))
    (user / "empty").mkdir()
    with pytest.raises(EncoderError, match="holds no image file"):
        validate(space, user / "empty", [load_extractor("skin")])


def test_how_many_images_are_to_be_made_counts_made_up_names(user: Path) -> None:
    asked = ("validate", "generate", "my.space", "new", "--pipeline", "diffusers:./nowhere")
    done = run(*asked, "-n", "2", "--n-made-up", "3", cwd=user)
    n = len(opened(user)) + 3
    assert f"{n} names (3 made up) × 2 images; --where or names ask for fewer" in done.stderr


@pytest.mark.long
def test_the_commands_go_from_names_to_a_page(user: Path, models: Callable[[str], Path]) -> None:
    pytest.importorskip("diffusers", reason="the extra diffusers is not installed")
    pipeline = f"diffusers:{models('pipeline')}"
    quick = ("--steps", "1", "--size", "16", "--guidance", "1")
    made = run(
        "validate", "generate", "my.space", "made", "Vicki", "Anna", "--pipeline", pipeline,
        "-n", "3", "--n-made-up", "3", *quick, "--json", cwd=user,
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    assert "has no safety checker: look before you show its images" in made.stderr
    document = json.loads(made.stdout)
    assert (len(document["images"]), document["n_made"]) == (15, 15)
    again = run(
        "validate", "generate", "my.space", "made", "Vicki", "Anna", "--pipeline", pipeline,
        "-n", "3", "--n-made-up", "3", *quick, cwd=user,
    )  # fmt: skip
    assert "0 images made, 15 already existed, of 5 names" in again.stderr
    done = run(
        "validate", "report", "my.space", "images", "--axis", "gender", "--html", "page.html",
        "--write", cwd=user,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "page written to page.html" in done.stderr
    assert "gender\texpectation\t5\t" in done.stdout
    refused = run("validate", "report", "my.space", "images", "--html", "page.html", cwd=user)
    assert refused.returncode == 1
    assert "page.html already exists" in refused.stderr
    probe = run(
        "validate", "train-probe", "hair.safetensors", "--axis", "hair_length", "--encoder",
        opened(user).provenance.encoder, "--folder", "probe", "--pipeline", pipeline,
        "--n-names", "8", "--n-images", "1", *quick, cwd=user,
    )  # fmt: skip
    assert probe.returncode == 0, probe.stderr
    assert "probe saved to hair.safetensors" in probe.stderr
    used = run(
        "validate", "report", "my.space", "images", "--extractor", "probe:hair.safetensors",
        "--json", cwd=user,
    )  # fmt: skip
    assert used.returncode == 0, used.stderr
    assert "hair_length" in json.loads(used.stdout)["units"]
