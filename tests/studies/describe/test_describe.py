"""A name in words, where its words are known."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import FilterError, NamebasisError, TargetError
from namebasis.namespace.phrases import vectors as phrase_vectors
from namebasis.namespace.phrases.dictionary import load_phrases
from namebasis.namespace.phrases.encoding import phrase_templates
from namebasis.namespace.store.filters import quote
from namebasis.space import Space, open_space
from namebasis.studies.describe.study import label_of
from tests.studies.worded import PHRASES, WordEncoder, meanings, worded_space

TRUTH = meanings(60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Path]:
    return worded_space(tmp_path_factory.mktemp("worded"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return worded_space(tmp_path_factory.mktemp("stored"), with_phrases=True)[0]


def told(space: Space, file: Path | bool, name: str) -> set[str]:
    return set(space.describe(name, 3, phrases=file, n_null=0, n_resamples=0).phrases)


def f1(said: dict[str, set[str]]) -> float:
    hits = sum(len(words & set(TRUTH[name])) for name, words in said.items())
    return 2 * hits / sum(len(words) + len(TRUTH[name]) for name, words in said.items())


def test_names_are_said_in_their_own_words(made: tuple[Space, Path]) -> None:
    space, file = made
    said = {name: told(space, file, name) for name in list(TRUTH)[:12]}
    assert f1(said) > 0.9
    shuffled = dict(zip(said, [*list(said.values())[1:], said["Name000"]], strict=True))
    assert f1(shuffled) < 0.5  # three of four groups, one of three phrases each: 0.25 by chance


def test_at_most_one_phrase_of_a_group(made: tuple[Space, Path]) -> None:
    space, file = made
    for target in ({"Name000": 1.0, "Name001": 1.0}, "an elderly young man on a beach on a train"):
        (words,) = space.describe(target, 4, phrases=file, n_null=0, n_resamples=0).ends
        assert max(Counter(words.groups).values()) == 1
        assert set(words.groups) <= set(PHRASES)


def test_phrases_of_the_space_are_those_of_the_file(
    made: tuple[Space, Path], stored: Space
) -> None:
    space, file = made
    for name in list(TRUTH)[:2]:
        own = stored.describe(name, 3, n_null=0, n_resamples=0).ends[0]
        given = space.describe(name, 3, phrases=file, n_null=0, n_resamples=0).ends[0]
        assert own.phrases == given.phrases
        assert own.sentences == given.sentences
        np.testing.assert_allclose(own.weights, given.weights, atol=1e-4)


def test_stored_phrases_are_read_in_their_own_templates(stored: Space) -> None:
    row = stored.find("red hair", "phrase")
    assert row is not None
    encoder = WordEncoder(TRUTH)
    texts = [t.replace("{}", "a person with red hair") for t in phrase_templates()]
    mean = encoder.encode_text(texts).mean(axis=0)
    np.testing.assert_allclose(stored.vectors(ids=[row])[0], mean / np.linalg.norm(mean), atol=1e-6)


def test_chance_stands_beside_it(made: tuple[Space, Path]) -> None:
    space, file = made
    found = space.describe("Name000", 3, phrases=file, n_null=30, n_resamples=20)
    (words,) = found.ends
    assert words.null is not None
    assert words.null.observed == pytest.approx(words.similarity)
    assert words.residual == pytest.approx(1 - words.similarity**2)
    assert words.null.z > 2
    assert found.verdict == "Better than chance."
    assert words.below is not None
    assert words.below.min() > 0.5  # nearer to its own phrases than most others
    assert words.stability is not None
    assert words.stability.min() > 0.5
    noise = np.random.default_rng(3).standard_normal(space.provenance.dim)
    by_chance = space.describe(noise, 3, phrases=file, n_null=60, n_resamples=0)
    assert by_chance.ends[0].null is not None
    assert abs(by_chance.ends[0].null.z) < 4
    assert by_chance.ends[0].below is None


def test_forms(made: tuple[Space, Path]) -> None:
    space, file = made
    found = space.describe("Name000", 3, phrases=file, n_null=3, n_resamples=3)
    words = found.ends[0]
    assert found.headline().startswith(f"Name000 in words: {' + '.join(words.phrases)} (cosine ")
    assert found.to_arrow().column_names == [
        "of", "phrase", "group", "weight", "stability", "names_below",
    ]  # fmt: skip
    assert found.to_arrow()["phrase"].to_pylist() == list(words.phrases)
    plain = json.loads(found.to_json())
    assert plain["ends"][0]["sentence"] == words.sentence
    assert plain["ends"][0]["residual"] == pytest.approx(words.residual)
    assert "chosen again" in str(found)
    assert "<table" in found._repr_html_()
    assert len(found.plot().axes) == 1
    page = found.to_html()
    assert all(phrase in page for phrase in words.phrases)
    assert "<svg" in page


def test_a_group_of_names_and_a_component(made: tuple[Space, Path]) -> None:
    space, file = made
    elderly = [name for name in TRUTH if "elderly" in TRUTH[name]]
    where = f"name IN ({', '.join(map(quote, elderly))})"
    group = space.describe(where=where, n_phrases=1, phrases=file, n_null=0, n_resamples=0)
    assert group.phrases == ("elderly",)
    assert f"({len(elderly)} names)" in group.label
    both = space.describe(component=1, n_phrases=2, phrases=file, n_null=0, n_resamples=0)
    low, high = (set(end.phrases) for end in both.ends)
    assert low
    assert high
    assert not low & high
    first, last = (", ".join(end.phrases) for end in both.ends)
    assert f"component 1: from {first} to {last}." in both.headline()
    assert len(both.plot().axes) == 2


def test_a_label_in_words_where_phrases_are_at_hand(
    made: tuple[Space, Path], stored: Space
) -> None:
    names = [name for name in TRUTH if "elderly" in TRUTH[name]]
    ids = np.array(stored.find_all(names), dtype=np.int64)
    label = label_of(stored, ids)
    assert label is not None
    assert label.startswith("elderly")
    every = stored.ids("part <> 'phrase'")
    some = np.random.default_rng(0).permutation(every)[:30]
    assert label_of(stored, some) is None  # names that have nothing in common
    assert label_of(made[0], ids) is None


def test_a_phrase_does_not_describe_itself(made: tuple[Space, Path], stored: Space) -> None:
    space, file = made
    for target in ("red hair", "a person with red hair"):
        found = space.describe(target, 2, phrases=file, n_null=0, n_resamples=0)
        assert "red hair" not in found.phrases
        assert found.remarks[-1].startswith("red hair: the target itself, and left out")
    assert "red hair" not in stored.describe("red hair", 2, n_null=0, n_resamples=0).phrases


def test_vectors_are_kept_and_damage_costs_time_alone(
    made: tuple[Space, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    space, file = made
    phrases = load_phrases(file)
    monkeypatch.setattr(phrase_vectors, "_in_memory", {})  # else of another test's space
    rows = phrase_vectors.phrase_rows(space, phrases)
    monkeypatch.setattr(phrase_vectors, "_in_memory", {})
    encoder = WordEncoder(TRUTH)
    np.testing.assert_array_equal(
        phrase_vectors.phrase_rows(open_space(space.path, encoder=encoder), phrases), rows
    )
    assert encoder.encoded == []
    (kept,) = space.path.glob("**/phrases.npz")
    for damage in (b"", b"PK\3\4", kept.read_bytes()[:200]):
        kept.write_bytes(damage)
        monkeypatch.setattr(phrase_vectors, "_in_memory", {})
        np.testing.assert_array_equal(phrase_vectors.phrase_rows(space, phrases), rows)


def test_refused(made: tuple[Space, Path], tmp_path: Path) -> None:
    space, file = made
    with pytest.raises(ValueError, match="one of target, cluster, component and where; got none"):
        space.describe(phrases=file)
    with pytest.raises(ValueError, match="got 2 of them"):
        space.describe("Name000", component=1, phrases=file)
    with pytest.raises(ValueError, match="n_phrases is 13, but only 12"):
        space.describe("Name000", 13, phrases=file)
    with pytest.raises(ValueError, match="n_null must be 0 or at least 2"):
        space.describe("Name000", phrases=file, n_null=1)
    with pytest.raises(ValueError, match=r"has no clusters yet; `namebasis topology .* --write`"):
        space.describe(cluster=1, phrases=file)
    with pytest.raises(FilterError, match="leaves no name to describe"):
        space.describe(where="name = 'Nobody'", phrases=file)
    with pytest.raises(TargetError):
        space.describe(" ", phrases=file)
    long = tmp_path / "long.txt"
    long.write_text(f"red hair\nwith {'a ' * 60}long hair\n")
    with pytest.raises(NamebasisError, match=r"takes \d+ tokens in .* reads 40: its end would be"):
        space.describe("Name000", 1, phrases=long)
