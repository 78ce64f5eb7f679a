"""Made-up names: like real ones, and none of them real."""

from __future__ import annotations

import re
import unicodedata

import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.cleaning import clean_name
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.corpus.pseudo import pseudo_names


def given_names(*texts: str) -> Names:
    return make_names([{"name": text, "part": "given"} for text in texts])


def bare(text: str) -> str:
    """Case and accents folded, written apart from the package's own way; й and ѓ are letters."""
    text = unicodedata.normalize("NFKD", text)
    accent = r"(?<![гкГК])[\u0300-\u0305\u0307\u0309-\u036f]|(?<=[a-zA-Z])[\u0306\u0308]"
    return unicodedata.normalize("NFC", re.sub(accent, "", text)).casefold()


def scripts(text: str) -> frozenset[str]:
    return frozenset(unicodedata.name(c).split()[0] for c in text if c.isalpha())


@pytest.fixture(scope="module")
def made() -> Names:
    return pseudo_names(20_000, seed=1)


@pytest.mark.long
def test_none_of_them_is_a_real_name_in_any_case_or_accent(made: Names) -> None:
    real = {bare(word) for name in read_faker().strings for word in [name, *name.split()]}
    folded = [bare(name) for name in made.strings]
    assert len(set(folded)) == len(made) == 20_000
    assert not real & set(folded)


def test_they_are_written_like_names(made: Names) -> None:
    real = read_faker().strings
    written = {scripts(name) for name in real}  # some lists do mix: Greek epsilon in Twi
    assert set(made.table["part"].to_pylist()) == {"pseudo"}
    assert made.table["sources"].to_pylist()[0] == ["pseudo"]
    for name in made.strings:
        assert clean_name(name) == name
        assert " " not in name
        assert name[0] == name[0].title()
        assert scripts(name) in written, name
    lengths = sorted(map(len, real)), sorted(map(len, made.strings))
    middle = [values[len(values) // 2] for values in lengths]
    assert abs(middle[0] - middle[1]) <= 1
    assert max(map(len, made.strings)) <= lengths[0][int(len(real) * 0.995)]


def test_every_three_letters_occur_in_a_real_name(made: Names) -> None:
    real = set()
    for name in read_faker().strings:
        real |= {name[i : i + 3].lower() for i in range(len(name))}
    made_up = {n[i : i + 3].lower() for n in made.strings for i in range(len(n) - 2)}
    assert made_up <= real


def test_a_seed_gives_the_same_names_and_a_larger_number_goes_on(made: Names) -> None:
    assert pseudo_names(300, seed=1).strings == made.strings[:300]
    assert pseudo_names(300, seed=2).strings != made.strings[:300]


def test_a_corpus_and_a_part_of_it_are_modelled() -> None:
    names = make_names(
        [{"name": n, "part": "given"} for n in ("Борис", "Барбара", "Роберта", "Тобиас", "Сара")]
        + [{"name": n, "part": "family"} for n in ("LARSON", "CARLSON", "MCARLAN", "ARNOLDSON")]
    )
    cyrillic = pseudo_names(5, corpus=names, part="given").strings
    assert all("CYRILLIC" in unicodedata.name(c) for name in cyrillic for c in name)
    latin = pseudo_names(5, corpus=names, part="family").strings
    assert all(name.isascii() and name[0].isupper() and not name.isupper() for name in latin)


def test_names_to_avoid_do_not_come_out() -> None:
    first = pseudo_names(50, seed=4)
    upper = given_names(*(name.upper() for name in first.strings))
    second = pseudo_names(50, seed=4, avoid=[upper])
    assert not {bare(n) for n in first.strings} & {bare(n) for n in second.strings}
    words = make_names([{"name": " ".join(first.strings[:4])}])
    assert not {bare(n) for n in first.strings[:4]} & {
        bare(n) for n in pseudo_names(50, seed=4, avoid=[words]).strings
    }


def test_too_small_a_corpus_is_an_error() -> None:
    with pytest.raises(CorpusError, match=r"2 names to learn from gave only \d+ new ones of the"):
        pseudo_names(1000, corpus=given_names("Qx", "Zv"))
    with pytest.raises(CorpusError, match="no one-word name"):
        pseudo_names(1, corpus=given_names("Mary Ann", "J. R."))
    with pytest.raises(ValueError, match="n must be an integer, at least 1"):
        pseudo_names(0)
    with pytest.raises(ValueError, match="seed must be an integer"):
        pseudo_names(1, seed=-1)
    with pytest.raises(ValueError, match="part must be one of"):
        pseudo_names(1, part="first")
