"""A misspelt word is refused in one line with the nearest right one; specs stand for encoders."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from PIL import Image

import namebasis as nb
from namebasis.encoders.image_files import ImageFailure
from namebasis.errors import EncoderError, NamebasisError
from namebasis.namespace.building.added_images import AddedImages
from namebasis.wording import did_you_mean

LISTED = ["Anna", "Vicki", "Winona", "Björk", "Giulia", "Keisha"]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> nb.Space:
    path = tmp_path_factory.mktemp("spelt") / "my.space"
    return nb.build_space(LISTED, path, encoder="minilm", templates="plain")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        ("viki", ["Vicki", "Anna"], " Did you mean 'Vicki'?"),
        ("VIEW", ["view"], " Did you mean 'view'?"),
        ("zzz", ["text", "token"], ""),
        ("", ["text"], ""),
        (None, ["text"], ""),
        ("text", [], ""),
    ],
)
def test_the_nearest_word_whatever_its_case(word: object, known: list[str], hint: str) -> None:
    assert did_you_mean(word, known) == hint


MISSPELT: dict[str, tuple[Callable[[Any], object], str, str]] = {
    "view": (lambda s: s.nearest("Anna", view="txt"), "view must be one of text, token", "text"),
    "view of a basis": (lambda s: s.basis("Anna", view="tokens"), "view must be", "token"),
    "column": (lambda s: s.table(["nam"]), "there is no column 'nam'", "name"),
    "order": (lambda s: s.table(order_by="gendr desc"), "there is no column 'gendr'", "gender"),
    "axis": (lambda s: s.walk("aeg"), "along must be the number of a component, an axis", "age"),
    "axis in capitals": (lambda s: s.walk("Age"), "got 'Age'", "age"),
    "syntax": (lambda s: s.paint("x", syntax="a111"), "syntax must be one of plain", "a1111"),
    "slot": (lambda s: s.paint("x", template="{names} {aeg}"), "unknown slot {aeg}", "age"),
    "suffix": (lambda s: s.export("names.cvs"), "the suffix of 'names.cvs'", "csv"),
    "format": (lambda s: s.export("-", format="jsnl"), "format 'jsnl'", "jsonl"),
    "exported column": (lambda s: s.export("x.csv", columns=["nme"]), "no column nme", "name"),
    "exported view": (lambda s: s.export("x.json", views=["tex"]), "no view tex", "text"),
    "scored axis": (lambda s: s.score(("agee",)), "no axis 'agee'", "age"),
}


@pytest.mark.parametrize("case", MISSPELT)
def test_a_misspelt_word_is_refused_with_the_nearest(
    case: str, space: nb.Space, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ask, said, near = MISSPELT[case]
    with pytest.raises((ValueError, NamebasisError)) as caught:
        ask(space)
    message = str(caught.value)
    assert said in message
    assert message.endswith(f"Did you mean {near!r}?")
    assert "\n" not in message
    assert not list(tmp_path.iterdir())


def test_templates_are_named_by_the_nearest_set(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got 'portait'\. Did you mean 'portrait'\?"):
        nb.build_space(["Anna"], tmp_path / "a.space", templates="portait")
    assert not list(tmp_path.iterdir())


def test_a_component_is_named_by_its_number_as_on_the_command_line(space: nb.Space) -> None:
    assert space.walk("2", n_steps=3) == space.walk(2, n_steps=3)
    with pytest.raises(ValueError, match=r"number of a component must be .* between 1 and \d"):
        space.walk("999")
    with pytest.raises(NamebasisError, match="got 'component 2'"):
        space.walk("component 2")


def test_a_spec_stands_for_its_encoder(space: nb.Space, tmp_path: Path) -> None:
    opened = nb.open_space(space.path, encoder="minilm")
    assert opened.encoder().spec == "minilm"
    made = nb.build_space(LISTED[:2], tmp_path / "two.space", templates="plain")
    grown = nb.add_names(made, ["Zoë"], encoder="minilm")
    assert grown.table(["name"])["name"].to_pylist() == [*LISTED[:2], "Zoë"]
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    Image.new("RGB", (8, 8)).save(pictures / f"{LISTED[0]}.png")
    for refused, message in (
        ("minilmm", "unknown encoder 'minilmm'. Did you mean minilm?"),
        (3, "or be the spec of one, such as 'minilm'; got int."),
        (["minilm"], "got list."),
        ("organism", "organism has other weights"),
    ):
        for ask in (
            lambda encoder: nb.open_space(space.path, encoder=encoder),
            lambda encoder: nb.add_names(made, ["Bo"], encoder=encoder),
            lambda encoder: nb.add_images(made, pictures, encoder=encoder),
        )[: 2 if refused == "organism" else 3]:  # whose vectors of pictures are kept beside
            with pytest.raises(EncoderError) as caught:
                ask(refused)
            assert message in str(caught.value)
    with pytest.raises(EncoderError, match="got int"):
        nb.build_space(["Anna"], tmp_path / "b.space", encoder=3)  # type: ignore[arg-type]
    assert not (tmp_path / "b.space").exists()


def test_encoders_and_names_say_what_they_hold_and_what_to_call(space: nb.Space) -> None:
    encoder = space.encoder()
    assert repr(encoder).startswith("Encoder('minilm': text to 384 dimensions, up to ")
    assert ".encode_text(texts)" in repr(encoder)
    assert ".encode_images" not in repr(encoder)
    names = nb.read_names(["Anna", "Bo Lee", "Zoë", "Ida", "", "\u202eIda\x1b[31m"])
    assert repr(names).startswith("Names(4 names (3 given, 1 full): Anna, Bo Lee, Zoë, …; 2 left")
    assert "see .dropped" in repr(names)
    assert ".select(part, limit)" in repr(names)
    assert "build_space(names, path)" in repr(names)
    empty = names.select(part="pseudo")
    assert repr(empty).startswith("Names(no names; 2 left out")
    own = nb.read_names({"name": ["Anna"], "height": [1.7]})
    assert "own columns height" in repr(own)


def test_what_was_exported_and_added_is_told_in_a_sentence(space: nb.Space, tmp_path: Path) -> None:
    path = tmp_path / "names.csv"
    done = space.export(path, columns=["name"])
    assert str(done) == f"6 names written to {path}"
    assert done.to_dict() == {"path": str(path), "format": "csv", "n_rows": 6, "dropped": []}
    assert "6 names written" in done._repr_html_()
    assert done.to_pandas().columns.tolist() == ["reason", "count", "examples"]
    added = AddedImages(
        2, 1, 4, 1_200, ("Zora",), (ImageFailure("a.png", "is no image."),), ("read by folder",)
    )
    assert str(added).splitlines() == [
        "2 images added, 1 was in the space already; 1,200 in all, of 4 stored names",
        "read by folder",
        "left out 1: is no image (such as a.png)",
        "1 names of images are not in the space (such as 'Zora'); their images count in the mean "
        "of images only",
    ]
    assert added.to_arrow().equals(pa.table({"path": ["a.png"], "reason": ["is no image."]}))
    assert added.to_dict()["failures"] == [{"path": "a.png", "reason": "is no image."}]
