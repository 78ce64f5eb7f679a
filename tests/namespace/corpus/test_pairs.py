"""Full names: given × family, drawn by weight within a locale."""

from __future__ import annotations

import math
from collections import Counter

import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.faker_source import read_faker
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.corpus.pairs import full_names

Record = dict[str, object]


def corpus(given: list[Record], family: list[Record]) -> Names:
    return make_names(
        [{**r, "part": "given"} for r in given] + [{**r, "part": "family"} for r in family]
    )


def plain(*texts: str, **more: object) -> list[Record]:
    return [{"name": text, **more} for text in texts]


def test_faker_pairs_share_a_locale_and_agree_in_gender() -> None:
    base = read_faker()
    rows: dict[tuple[str, str], Record] = {
        (r["part"], r["name"]): r for r in base.table.to_pylist()
    }
    made = full_names(2_000, seed=3)
    assert len(set(made.strings)) == len(made) == 2_000
    assert set(made.table["part"].to_pylist()) == {"full"}
    checked = 0
    for row in made.table.to_pylist():
        (locale,) = row["locales"]
        if locale[:2] in ("hu", "ja", "ko", "vi", "zh"):
            continue
        words = row["name"].split(" ")
        splits = [
            (rows.get(("given", " ".join(words[:i]))), rows.get(("family", " ".join(words[i:]))))
            for i in range(1, len(words))
        ]
        assert any(
            first and last and locale in first["locales"] and locale in last["locales"]  # type: ignore[operator]
            and (row["gender"] == first["gender"] or first["gender"] in ("U", None))
            and {row["gender"], last["gender"]} != {"F", "M"}
            for first, last in splits
        ), row  # fmt: skip
        checked += 1
    assert checked > 1_700
    assert len({row[0] for row in made.table["locales"].to_pylist()}) > 50


@pytest.mark.long
def test_a_seed_gives_the_same_pairs() -> None:
    assert full_names(200, seed=5).table.equals(full_names(200, seed=5).table)
    assert full_names(200, seed=5).strings != full_names(200, seed=6).strings


def test_the_family_name_stands_where_its_language_puts_it() -> None:
    base = corpus(
        [*plain("真", "Makoto", locale="ja_JP"), *plain("Éva", locale="hu_HU")],
        [*plain("佐藤", "Sato", locale="ja_JP"), *plain("Nagy", locale="hu_HU")],
    )
    assert set(full_names(3, corpus=base).strings) == {"佐藤真", "Makoto Sato", "Nagy Éva"}


def test_counts_decide_how_often_a_name_is_drawn() -> None:
    given = [{"name": "Many", "count": 900}, {"name": "Few", "count": 100}]
    base = corpus(given, [{"name": f"F{chr(97 + i // 26)}{chr(97 + i % 26)}"} for i in range(676)])
    shares = []
    for seed in range(40):
        drawn = Counter(name.split()[0] for name in full_names(50, corpus=base, seed=seed).strings)
        shares.append(drawn["Many"] / 50)
    # 2,000 draws, nearly without repetition: 0.9 less the few that came up twice.
    assert sum(shares) / len(shares) == pytest.approx(0.9, abs=0.025)


@pytest.mark.long
def test_listing_all_pairs_is_a_weighted_draw_too() -> None:
    base = corpus(
        [{"name": "Many", "weight": 0.9}, {"name": "Few", "weight": 0.1}], plain("X", "Y")
    )  # 4 pairs for 2 names: listed
    first = Counter(full_names(2, corpus=base, seed=s).strings[0].split()[0] for s in range(400))
    assert first["Many"] / 400 == pytest.approx(0.9, abs=4 * math.sqrt(0.09 / 400))


def test_all_pairs_come_out_where_all_are_asked_for() -> None:
    base = corpus(plain("Ann", "Bo", "Cy"), plain("X", "Y"))
    expected = {f"{g} {f}" for g in ("Ann", "Bo", "Cy") for f in "XY"}
    assert set(full_names(6, corpus=base, seed=1).strings) == expected
    zero = corpus([{"name": "Ann", "count": 0}, {"name": "Bo", "count": 5}], plain("X", "Y"))
    assert len(full_names(4, corpus=zero)) == 4


def test_pairs_that_several_locales_share_count_once() -> None:
    everywhere = {"locales": list("abcde")}
    letters = [chr(97 + i) for i in range(12)]
    base = corpus(
        [{"name": f"G{x}", **everywhere} for x in letters],
        [{"name": f"F{x}", **everywhere} for x in letters],
    )
    assert len(full_names(144, corpus=base)) == 144
    with pytest.raises(CorpusError, match="makes only 144 different full names of the 145"):
        full_names(145, corpus=base)


def test_locales_and_scripts_do_not_mix_unless_asked() -> None:
    base = corpus(plain("Ann", locale="en_US"), plain("Sato", locale="ja_JP"))
    with pytest.raises(CorpusError, match=r"makes at most 0 pairs of the 1 .*or pair over locales"):
        full_names(1, corpus=base)
    assert full_names(1, corpus=base, within_locale=False).strings == ["Ann Sato"]
    mixed = corpus(plain("Иван", locale="x"), plain("Smith", locale="x"))
    with pytest.raises(CorpusError, match="at most 0 pairs"):
        full_names(1, corpus=mixed)


def test_a_corpus_that_lacks_a_part_is_told_which() -> None:
    with pytest.raises(CorpusError, match=r"holds no family name\. Name a source that has both"):
        full_names(1, corpus=make_names([{"name": "Ann"}]))
    with pytest.raises(CorpusError, match="holds no given name"):
        full_names(1, corpus=make_names([{"name": "Lee", "part": "family"}]))
    with pytest.raises(ValueError, match="n must be an integer, at least 1"):
        full_names(0)
