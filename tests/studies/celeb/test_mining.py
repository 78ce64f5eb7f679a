"""Words of components where what every word does is known."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

import namebasis as nb
from namebasis.studies.celeb import CelebBasis, word_effects
from namebasis.studies.celeb.mined_words import MinedWords
from tests.studies.celeb.bag import Bag, table

RNG = np.random.default_rng(5)
GIVEN = {f"given{at}": row for at, row in enumerate(RNG.normal(size=(10, 2)) * (1, 0.3))}
FAMILY = {f"family{at}": (0, 0, *row) for at, row in enumerate(RNG.normal(size=(10, 2)) * (1, 0.3))}
NAMES = [f"Given{a} Family{b}" for a in range(10) for b in (a, (a + 3) % 10, (a + 4) % 10)]
NEUTRAL = [f"neutral{at}" for at in range(8)]
SCATTERED = {f"word{at}": row for at, row in enumerate(RNG.normal(scale=0.4, size=(150, 12)))}
MANY = 100.0  # of the constant: rows are nearly linear in the words


@pytest.fixture(scope="module")
def basis(tmp_path_factory: pytest.TempPathFactory) -> CelebBasis:
    folder = tmp_path_factory.mktemp("mining")
    words = dict(GIVEN) | FAMILY
    plain = Bag(table(words), MANY)
    first = nb.build_space(NAMES, folder / "first.space", encoder=plain, templates="person")
    one = first.celeb_basis().positions[0]
    along = one.standard_deviations[0] * one.directions[0]
    words |= {"tall": 1.5 * along, "small": -1.0 * along, "tallish": 0.4 * along}
    words |= {word: (0, 0, 0, 0, *np.eye(8)[at]) for at, word in enumerate(NEUTRAL)}
    words |= {word: tuple(row) for word, row in SCATTERED.items()}
    encoder = Bag(table({word: tuple(row) for word, row in words.items()}), MANY)
    space = nb.build_space(NAMES, folder / "my.space", encoder=encoder, templates="person")
    return space.celeb_basis()


@pytest.fixture(scope="module")
def found(basis: CelebBasis, tmp_path_factory: pytest.TempPathFactory) -> MinedWords:
    file = tmp_path_factory.mktemp("phrases") / "phrases.txt"
    words = ["tall", "small", "tallish", *NEUTRAL]
    file.write_text("\n".join(f"{word} = a {word} person" for word in words))
    return basis.mine(["1", "2.1"], phrases=file)


def test_a_phrase_has_the_slope_of_its_word(found: MinedWords) -> None:
    high, low = found.end("1.1", 1), found.end("1.1", -1)
    assert [word.text for word in high.phrases[:2]] == ["tall", "tallish"]
    assert low.phrases[0].text == "small"
    for word, slope in zip((*high.phrases[:2], low.phrases[0]), (1.5, 0.4, 1.0), strict=True):
        assert word.slope == pytest.approx(slope, abs=0.02)
        assert word.recurs == 1
        assert word.low is not None
        assert word.high is not None
        assert word.low <= word.slope <= word.high
        assert word.is_clear
    assert high.phrases[0].likeness > 0.95
    assert "'tall' stands for 1.1+" in str(found.headline())


def test_what_moves_no_prompt_is_not_said_to(found: MinedWords) -> None:
    for sign in (1, -1):
        for word in found.end("2.1", sign).phrases:
            assert abs(word.slope) < 0.02
            assert not word.is_clear


def test_names_move_prompts_by_their_pieces(basis: CelebBasis, found: MinedWords) -> None:
    for address, at in (("1.1", 0), ("2.1", 1)):
        end = found.end(address, 1)
        assert end.names
        used = {*found.starts, *found.tested_starts}
        for word in end.names:
            assert word.text not in used
            own = basis.positions[at].directions[0] @ basis.point(word.text).rows[at]
            expected = own / basis.positions[at].standard_deviations[0]
            assert word.slope == pytest.approx(float(expected), abs=0.03)
            assert word.is_clear == (word.slope > max(word.others_high, 0))


def test_names_and_templates_of_the_test_are_others(found: MinedWords) -> None:
    assert len(found.starts) == len(found.tested_starts) == 8
    assert not set(found.starts) & set(found.tested_starts)
    assert len(found.templates) == len(found.tested_templates) == 3
    assert not set(found.templates) & set(found.tested_templates)
    rows = found.to_arrow().to_pylist()
    assert {(row["position"], row["component"]) for row in rows} == {(1, 1), (2, 1)}
    words = {row["word"]: row for row in rows if row["sign"] == 1 and row["position"] == 1}
    assert words["tall"]["is_clear"]
    text = str(found)
    assert "tall*" in text
    assert "other templates. * marks words that pass" in " ".join(text.split())
    few = replace(found, ends=found.ends[:2], tested_starts=found.tested_starts[:4])
    assert "No word can pass the test: the interval of its slope needs 5" in few.notes()[0]
    assert few.headline().startswith("2 of 2 ends of 1 component have words")
    with pytest.raises(KeyError, match=r"component 1\.2 was not mined"):
        found.end("1.2", 1)


def test_what_cannot_be_mined_is_refused(basis: CelebBasis, tmp_path: Path) -> None:
    for wrong, message in (
        ({"components": ["1.9"]}, "the number of a component of the first piece must be"),
        ({"components": ["x"]}, "a component is written 3"),
        ({"n_starts": 1}, "n_starts must be"),
        ({"n_starts": 16}, r"mine needs 32 names of at least 2 pieces .* there are 30"),
        ({"deviations": 0}, "deviations must be above 0; got 0"),
        ({"k": 0}, "k must be"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            basis.mine(**wrong)  # type: ignore[arg-type]


def _keep(counts: list[tuple[int, int]], *both: int) -> None:
    done, total = both
    counts.append((done, total))


def test_many_phrases_are_shortlisted_without_another_answer(
    basis: CelebBasis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "phrases.txt"
    words = ["tall", "small", "tallish", *NEUTRAL, *SCATTERED]
    file.write_text("\n".join(f"{word} = a {word} person" for word in words))
    found, told = [], []
    for few in (word_effects.FEW, len(words)):
        counts: list[tuple[int, int]] = []
        monkeypatch.setattr(word_effects, "FEW", few)
        found.append(basis.mine(["1", "2.1"], phrases=file, progress=partial(_keep, counts)))
        assert counts[-1][0] == counts[-1][1]
        assert [done for done, _ in counts] == sorted(done for done, _ in counts)
        told.append(counts[-1][0])
    assert told[1] >= 2 * 24 * len(words)
    assert told[0] < told[1] / 2.5
    # "tall" is the longest of many words along 1.1, each with a little of every direction.
    assert found[0].end("1.1", 1).phrases[0].text == "tall"
    for short, whole in zip(found[0].ends, found[1].ends, strict=True):
        assert len(short.phrases) == len(whole.phrases) == 3
        for one, other in zip(short.phrases, whole.phrases, strict=True):
            assert one.text == other.text
            assert one.slope == pytest.approx(other.slope, abs=1e-5)
            assert one.likeness == pytest.approx(other.likeness, abs=0.01)
            assert one.others_high == pytest.approx(other.others_high, abs=0.02)
