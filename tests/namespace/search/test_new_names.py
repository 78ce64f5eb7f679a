"""Names that are not stored: asked as names, they stand where they would if they were added."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import EncoderError, TargetError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.unspelled import unspell
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search.new_names import _distance, looks_like_name
from namebasis.space import Space
from tests.namespace.conftest import FakeEncoder, corpus

TEMPLATES = ["a photo of {}", "{}, a portrait", "the face of {}"]


@pytest.fixture(scope="module")
def lacking(tmp_path_factory: pytest.TempPathFactory) -> Space:
    """A space without Vicki and Zoë, of all views that a text encoder makes."""
    kept = [row for row in corpus(200).table.to_pylist() if row["name"] not in ("Vicki", "Zoë")]
    path = tmp_path_factory.mktemp("new") / "lacking.space"
    made = build_space(make_names(kept), path, encoder=FakeEncoder(), templates=TEMPLATES)  # type: ignore[arg-type]
    return Space(unspell(made, n_folds=2).path, FakeEncoder())  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def holding(lacking: Space, tmp_path_factory: pytest.TempPathFactory) -> Space:
    """The same space once the two were added."""
    import shutil

    path = tmp_path_factory.mktemp("held") / "holding.space"
    shutil.copytree(lacking.path, path)
    opened = Space(path, FakeEncoder())  # type: ignore[arg-type]
    records = [row for row in corpus(5).table.to_pylist() if row["name"] in ("Vicki", "Zoë")]
    add_names(opened, make_names(records))
    return Space(path, FakeEncoder())  # type: ignore[arg-type]


@pytest.mark.parametrize("view", ["text", "token", "unspelled"])
@pytest.mark.parametrize("name", ["Vicki", "Zoë"])
def test_a_name_asked_as_new_is_where_it_would_be_stored(
    lacking: Space, holding: Space, name: str, view: str
) -> None:
    asked = lacking.resolve(name, view=view)
    stored = holding.resolve(name, view=view)
    assert (asked.kind, stored.kind) == ("name", "stored")
    np.testing.assert_allclose(asked.vector, stored.vector, atol=1e-6)
    others = {"Vicki", "Zoë"} - {name}
    near = [n for n in holding.nearest(name, 8, view=view).names if n not in others][:6]
    assert list(lacking.nearest(name, 6, view=view).names) == near


def test_a_text_is_asked_as_it_stands(lacking: Space) -> None:
    plain = FakeEncoder().encode_text(["a senior lady"])[0]
    target = lacking.resolve("a senior lady")
    assert target.kind == "text"
    np.testing.assert_allclose(target.vector, plain, atol=1e-6)
    assert target.remarks == ("'a senior lady' is not stored; read as text, as it stands.",)


def test_as_overrides_what_a_target_looks_like(lacking: Space) -> None:
    encoder = FakeEncoder()
    bare = lacking.resolve("Vicki", as_="text")
    assert bare.kind == "text"
    np.testing.assert_allclose(bare.vector, encoder.encode_text(["Vicki"])[0], atol=1e-6)
    rows = [encoder.encode_names(["a senior lady"], t)[0] for t in TEMPLATES]
    mean = np.mean(rows, axis=0)
    named = lacking.resolve("a senior lady", as_="name")
    np.testing.assert_allclose(named.vector, mean / np.linalg.norm(mean), atol=1e-6)
    stored = lacking.resolve("O'Brien", as_="text")
    assert (stored.kind, stored.members) == ("text", ())
    assert lacking.resolve("O'Brien", as_="name").kind == "stored"
    with pytest.raises(ValueError, match=r"as_ must be name or text; got 'nmae'. Did you mean 'na"):
        lacking.resolve("Vicki", as_="nmae")
    for ask in (lacking.nearest, lacking.basis, lacking.paint):
        with pytest.raises(ValueError, match="as_ must be name or text"):
            ask("Vicki", as_="nmae")
    with pytest.raises(ValueError, match="as_ must be name or text"):
        lacking.walk(("Vicki", "King"), as_="nmae")


def test_it_is_said_how_a_name_was_read_and_what_is_near_it(lacking: Space) -> None:
    (told,) = lacking.nearest("Nammab", 2).notes()
    assert told.startswith(
        "'Nammab' is not stored; read as a name, in the space's 3 templates (--as"
    )
    assert "Near spellings stored: Nama" in told
    (told,) = lacking.nearest("king", 2, minus=["vicky"]).notes()
    assert (
        "'vicky' is not stored; read as text, as it stands (--as name reads it as a name)." in told
    )
    assert lacking.nearest("King", 2).notes() == []
    both = lacking.nearest(["King", "Vicki", "Vicki"], 2)
    assert len(both.notes()) == 1
    assert both.of("King").notes() == []
    assert (
        lacking.basis("Vicki", 2, n_null=0, n_resamples=0).notes()[0].startswith("'Vicki' is not")
    )
    walked = lacking.walk(("Vicki", "King"), n_steps=3)
    assert walked.notes()[0].startswith("'Vicki' is not stored; read as a name")


def test_template_resamples_move_a_new_name_as_a_stored_one(lacking: Space, holding: Space) -> None:
    asked = lacking.basis("Vicki", 2, n_null=0, n_resamples=20)
    stored = holding.basis("Vicki", 2, deny=["Zoë"], n_null=0, n_resamples=20)
    assert asked.template_stability is not None
    assert stored.template_stability is not None
    if asked.names == stored.names:  # the means of two more names differ a little
        assert np.abs(asked.template_stability - stored.template_stability).max() < 0.5


SPELLED = {
    "Vickii": ["Vicki", "Vickie", "Vicky"], "Vick": ["Vicki", "Vicky"],
    "vicki": ["Vicki", "Vickie", "Vicky"],
    "Zoe": ["Zoë"], "Zöé": ["Zoë"], "Xqzwt": [], "Bo": [], "Vicky\x00": [], "": [],
    "O'Bryan": ["O'Brien"], "O’Brian": ["O'Brien"], "Vic'); DROP": [],
    "0": [], "A": [],
}  # fmt: skip


def test_near_spellings_are_those_within_two_letters(tmp_path: Path) -> None:
    names = ["Vicki", "Vickie", "Vicky", "Zoë", "O'Brien", "Mary", "王", "I"]
    space = build_space(
        make_names([{"name": n} for n in names]), tmp_path / "s", encoder=FakeEncoder()
    )  # type: ignore[arg-type]
    assert {asked: list(space.near_spellings(asked)) for asked in SPELLED} == SPELLED
    assert space.near_spellings("Vickii", 1) == ("Vicki",)
    with pytest.raises(
        TargetError,
        match=r"'Vickii' is not in .*ed: Vicki, Vickie, Vicky\. Give",
    ):
        Space(space.path).card("Vickii")
    with pytest.raises(TargetError, match=r"'A', 'Zoo' are not in .*stored: Zoë\."):
        space.rows_of(["A", "Mary", "Zoo"])


def test_near_spellings_are_all_that_brute_force_finds(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    drawn = ["".join(rng.choice(list("abé'王"), rng.integers(1, 9))) for _ in range(400)]
    names = sorted({name for name in drawn if fold(name)})
    space = build_space(make_names([{"name": n} for n in names]), tmp_path / "s",
                        encoder=FakeEncoder(), templates="plain")  # type: ignore[arg-type]  # fmt: skip
    for asked in [*names[::9], "abababab'", "b", "éa", "''a"]:
        text = fold(asked)
        far = 1 if len(text) <= 4 else 2
        near = {n for n in names if _distance(fold(n), text) <= far and set(fold(n)) & set(text)}
        assert set(space.near_spellings(asked, 10**6)) == near


def test_a_space_without_an_encoder_offers_near_spellings(tmp_path: Path) -> None:
    names = make_names([{"name": "Vicki"}, {"name": "Mary"}])
    space = build_space(names, tmp_path / "s", vectors=np.eye(2, dtype=np.float32))
    assert space.is_given
    with pytest.raises(EncoderError, match=r"'Vicky' is not stored: .*made of given .*"
                                           r"Near spellings stored: Vicki\."):  # fmt: skip
        space.nearest("Vicky")


NAMES = """Vicky|Vincent van Gogh
van Gogh|Juan de la Cruz|d'Arc|al-Rashid|O'Brien|Jean-Luc
N'Golo Kanté|雅子|김 민준|राम|محمد|Мария|J. R. Tolkien|Mary J. Blige
Martin Luther King Jr.|王|Þór|สมชาย|Đặng|VICKY"""
TEXTS = """vicky|a senior lady|A Senior Lady|photo of Vicki|Vicki 2|the|Old Man|🙂|Anna, Bob|l'homme
Vicki?|Five Words Are Too Many|Ludwig van|A Man|Vicki_Lawrence|<b>Vicki|Vicki\tis nice
{Vicki}|von"""


@pytest.mark.parametrize("text", NAMES.replace("\n", "|").split("|"))
def test_names_of_the_world_look_like_names(text: str) -> None:
    assert looks_like_name(text)


@pytest.mark.parametrize("text", TEXTS.replace("\n", "|").split("|"))
def test_captions_and_signs_do_not(text: str) -> None:
    assert not looks_like_name(text)
