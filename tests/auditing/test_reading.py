"""What an audit says of a tokenizer, against a tokenizer that is known in full."""

from __future__ import annotations

import numpy as np
import pytest

from namebasis.auditing.claims import Claim
from namebasis.auditing.inquiry import Answer
from namebasis.auditing.parts import reading
from tests.auditing.fakes import FakeSpace, inquiry

CYRILLIC = [f"Иван{'а' * at}" for at in range(12)]
THAI = [f"สม{'า' * at}" for at in range(12)]
LATIN = [f"Bjørn{'a' * at}" for at in range(10)]
LONG = "Bjørn" + "x" * 20
WORLD = ["Zoë", "Zoe", LONG, *CYRILLIC, *THAI, *LATIN]
US = ["Mary", "Anna", "Johnny"]


def pieces(name: str) -> list[str]:
    """Whole US names, two letters of others in small letters without ë; Thai is not known."""
    if name in US:
        return [name.lower()]
    if name in THAI:
        return ["?"]
    letters = name.lower().replace("ë", "e")
    return [letters[at : at + 2] for at in range(0, len(letters), 2)]


@pytest.fixture(scope="module")
def asked() -> Answer:
    read = [*US, *(name for name in WORLD if name not in THAI)]
    vectors = np.eye(len(read))
    vectors[read.index("Иванааа")] = vectors[read.index("Иванаа")]  # one vector, other pieces
    space = FakeSpace([(n, "given") for n in read], vectors, pieces, unknown_piece="?",
                      max_tokens=14)  # fmt: skip
    rows = {"us_given": [(n, "given") for n in US], "world": [(n, "given") for n in WORLD]}
    locales = dict.fromkeys(CYRILLIC, ("ru_RU",)) | dict.fromkeys(LATIN, ("no_NO",))
    return reading.run(inquiry(space, rows, locales))


def value(asked: Answer, key: str) -> float:
    return next(one.value for one in asked.claims if one.key == key)


def rows(asked: Answer, key: str) -> dict[object, tuple[object, ...]]:
    return {row[0]: tuple(row) for row in next(t for t in asked.tables if t.key == key).rows}


def test_shares_and_pieces_are_counted(asked: Answer) -> None:
    # Thai is not read, and LONG does not fit beside the six pieces of "a photo of ".
    assert value(asked, "whole") == pytest.approx(1 - 13 / len(WORLD))
    assert value(asked, "whole.script.thai") == 0
    assert value(asked, "pieces.frequent") == 1
    own = np.mean([np.ceil(len(name) / 2) for name in LATIN])
    assert value(asked, "pieces.region.western_europe") == pytest.approx(own)
    assert all(one.p is None for one in asked.claims), "facts have no chance"
    assert asked.remarks == [
        "1 name with the longest sentence of the audit is longer than the 14 pieces that the "
        "encoder reads, and cut."
    ]


def test_names_that_are_merged_are_told_by_what_tells_them_apart(asked: Answer) -> None:
    assert value(asked, "shared") == pytest.approx((2 + 2 + 12) / len(WORLD))
    assert rows(asked, "merged")["accents, points or letters' forms"][:4] == (
        "accents, points or letters' forms", 2, 1, 2,
    )  # fmt: skip
    assert rows(asked, "merged")["letters that are not known"][1:4] == (12, 1, 12)
    assert rows(asked, "merged")["other letters"][1:4] == (2, 1, 2)
    assert rows(asked, "unread")["Thai"][1:4] == (12, 1.0, 0.0)


def test_other_writings_are_read_again(asked: Answer) -> None:
    found = rows(asked, "writings")
    assert found["without accents"][1:3] == (1, 1.0)  # Zoë; ø is no accent
    # US names are known in one writing alone.
    assert found["WRITTEN IN CAPITALS"][2] < 1


def test_the_sentence_names_who_fares_worst(asked: Answer) -> None:
    told = reading.say({one.key: one for one in asked.claims}, 0.05)
    assert "names are read whole, fewest in Thai (0 %)" in told
    assert "frequent US given names take 1.0 pieces in the mean" in told
    assert reading.say({}, 0.05) == ""


def test_an_encoder_without_pieces_tells_equal_vectors_alone() -> None:
    names = ["Anna", "Hanna", "Kofi"]
    space = FakeSpace([(n, "given") for n in names], np.eye(3)[[0, 0, 1]], list,
                      has_tokenizer=False)  # fmt: skip
    found = reading.run(inquiry(space, {"world": [(n, "given") for n in names]}))
    assert [(one.key, one.value) for one in found.claims] == [("shared", pytest.approx(2 / 3))]
    assert found.remarks == [
        "The encoder shows no pieces: only names with equal vectors are counted."
    ]
    claim: Claim = found.claims[0]
    assert reading.say({"shared": claim}, 0.05).startswith("66.7 % of the world's names")
