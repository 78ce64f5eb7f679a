"""Dictionaries of phrases: the packaged one, files of one's own, and files that are none."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

import namebasis as nb
from namebasis.errors import NamebasisError, NamebasisHint
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.phrases.dictionary import Phrase, load_phrases
from namebasis.namespace.phrases.sentences import subject, with_article
from namebasis.studies.attributes.axis_files import axis_names


def test_the_packaged_dictionary_has_the_groups_that_are_named() -> None:
    phrases = load_phrases()
    sizes = Counter(one.group for one in phrases)
    assert 500 <= len(phrases) <= 800
    assert set(sizes) >= {
        "age", "gender presentation", "ethnicity and region", "skin", "hair colour", "hair length",
        "hair style", "facial hair", "eyes", "build", "clothing", "accessories", "expression",
        "occupation", "era", "setting", "light",
    }  # fmt: skip
    assert min(sizes.values()) >= 10
    assert len({fold(one.text) for one in phrases}) == len({one.sentence for one in phrases})
    assert len(axis_names()) == 11  # what it grew from; a new axis wants phrases too


def test_every_sentence_is_of_a_person_and_holds_its_phrase() -> None:
    for one in load_phrases():
        assert one.sentence.split()[0] in ("a", "an"), one
        assert one.text.removeprefix("a ") in one.sentence, one
        after = one.sentence.split()[1]
        assert (one.sentence.startswith("an ")) == (
            after[0].lower() in "aeiou" and after not in ("European", "Ukrainian")
        ), one


def test_a_corpus_of_them_says_group_and_sentence() -> None:
    names = nb.read_names("phrases")
    assert set(names.table["part"].to_pylist()) == {"phrase"}
    assert names.own_columns == ("phrase_group", "sentence")
    rows = {row["name"]: row for row in names.table.to_pylist()}
    assert rows["red hair"]["sentence"] == "a person with red hair"
    assert rows["red hair"]["phrase_group"] == "hair colour"
    assert rows["bald"]["sentence"] == "a bald person"


def test_files_of_both_forms_say_the_same(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(
        '[[groups]]\nname = "mood"\nreads = "a {} person"\n'
        'phrases = ["glad", ["uneasy", "an uneasy soul"]]\n'
    )
    (tmp_path / "own.txt").write_text(
        "\ufeff# mine\n\n[mood] a {} person\nglad\nuneasy = an uneasy soul\n", encoding="utf-8"
    )
    expected = (Phrase("glad", "a glad person", "mood"), Phrase("uneasy", "an uneasy soul", "mood"))
    assert load_phrases(tmp_path / "own.toml").entries == expected
    assert load_phrases(str(tmp_path / "own.txt")).entries == expected
    assert nb.read_names(f"phrases:{tmp_path / 'own.txt'}").strings == ["glad", "uneasy"]


def test_a_bare_list_stands_for_itself(tmp_path: Path) -> None:
    (tmp_path / "own.txt").write_text("a red hat\nwith a dog\ngothic\n")
    assert [(one.group, one.sentence) for one in load_phrases(tmp_path / "own.txt")] == [
        (None, "a red hat"), (None, "a person with a dog"), (None, "a person, gothic"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "it holds no phrase"),
        ("[hair]\n", "group 'hair' holds no phrase, and a group is what at most one"),
        ("[hair]\nred hair\n", "group 'hair' holds one phrase alone"),
        ("[hair]\nred hair\nRed Hair\n", "'Red Hair' comes twice, in group 'hair' and in"),
        ("red hair\n[hair]\nred hair\nx\n", "comes twice, in no group and in group 'hair'"),
        ("[hair]\na\nb\n[Hair]\nc\nd\n", "group 'Hair' comes twice"),
        ("[]\na\nb\n", "the name of a group is refused, ''"),
        ("[hair] a {person\na\nb\n", "how a group reads holds {} once"),
        ("[hair]\na{}\nb\n", "must hold no brace"),
        ("a\x07b\n", "control character"),
        ("x" * 300, "longer than 200"),
    ],
)
def test_text_files_are_refused_for_what_they_hold(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.txt").write_text(text)
    with pytest.raises(NamebasisError) as error:
        load_phrases(tmp_path / "bad.txt")
    assert said in str(error.value)
    assert "bad.txt" in str(error.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a = 1", "it must hold [[groups]] tables"),
        ("groups = []", "it must hold [[groups]] tables"),
        ("groups = [1]", "each of groups needs name and phrases"),
        ('[[groups]]\nname = "a"\nphrases = []', "group 'a' holds no phrase"),
        ('[[groups]]\nname = "a"\nphrases = ["b"]', "one phrase alone"),
        ('[[groups]]\nname = 5\nphrases = ["b", "c"]', "name and reads must be texts"),
        ('[[groups]]\nname = "a"\nphrases = ["b", 5]', "a phrase is a text, or that"),
        ('[[groups]]\nname = "a"\nphrases = ["b", ["c", "d", "e"]]', "a phrase is a text"),
        ("x" * 10, "cannot be read"),
    ],
)
def test_toml_files_are_refused_for_what_they_hold(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "bad.toml").write_text(text)
    with pytest.raises(NamebasisError) as error:
        load_phrases(tmp_path / "bad.toml")
    assert said in str(error.value)


def test_what_is_no_dictionary_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NamebasisError, match=r"must be a \.toml or a \.txt file"):
        load_phrases("phrases.csv")
    with pytest.raises(NamebasisError, match="cannot be read"):
        load_phrases(tmp_path / "none.txt")
    with pytest.raises(ValueError, match="phrases must be True"):
        load_phrases(5)  # type: ignore[arg-type]


SENTENCES = {one.text: one.sentence for one in load_phrases()}


@pytest.mark.parametrize(
    ("phrases", "with_names", "without"),
    [
        ((), "{}", ""),
        (("elderly", "woman", "white hair"), "an elderly woman, {}, with white hair",
         "an elderly woman with white hair"),
        (("white hair", "blue eyes", "a beret", "on a beach"),
         "{}, with white hair and blue eyes, wearing a beret, on a beach",
         "a person with white hair and blue eyes, wearing a beret, on a beach"),
        (("elderly",), "an elderly person, {}", "an elderly person"),
        (("smiling", "tall", "Korean", "fisherman"), "a smiling tall Korean fisherman, {}",
         "a smiling tall Korean fisherman"),
        (("Korean", "woman", "nurse", "in soft light"),
         "a Korean woman, a nurse, {}, in soft light", "a Korean woman, a nurse in soft light"),
    ],
)  # fmt: skip
def test_phrases_and_names_read_as_a_sentence(
    phrases: tuple[str, ...], with_names: str, without: str
) -> None:
    told = [SENTENCES[phrase] for phrase in phrases]
    assert subject(told) == with_names
    assert subject(told, has_names=False) == without


def test_a_tag_keeps_its_comma() -> None:
    assert subject(["a person, gothic"], has_names=False) == "a person, gothic"
    assert subject(["a person, gothic"]) == "{}, gothic"


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("a old man", "an old man"), ("an young man", "a young man"), ("a hour", "an hour"),
        ("a university student", "a university student"), ("a unshaven man", "an unshaven man"),
        ("the old man", "the old man"), ("a", "a"),
    ],
)  # fmt: skip
def test_articles_follow_the_sound(said: str, written: str) -> None:
    assert with_article(said) == written


def test_of_a_phrase_that_stands_twice_in_a_plain_list_one_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("red hair\ntall\nRed Hair\n", encoding="utf-8")
    with pytest.warns(NamebasisHint, match=r"more than once \('Red Hair'\) one is kept"):
        found = load_phrases(tmp_path / "a.txt")
    assert [one.text for one in found] == ["red hair", "tall"]


def test_an_error_of_a_toml_file_shows_a_group(tmp_path: Path) -> None:
    (tmp_path / "a.toml").write_text("hair = 1\n", encoding="utf-8")
    with pytest.raises(NamebasisError, match='name = "hair"'):
        load_phrases(tmp_path / "a.toml")
