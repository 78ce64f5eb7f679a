"""Ids identical to the libraries' tokenizers, for whole texts and for prompts put together."""

from __future__ import annotations

import importlib
import pkgutil
import re
import unicodedata
from functools import cache
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from namebasis.encoders.towers.clip_rules import known_characters
from namebasis.encoders.towers.tokenizer import ClipTokenizer
from tests.lazily import library

open_clip = library("open_clip", "the extra open-clip is not installed")
ftfy = library("ftfy", "the extra open-clip is not installed")


@cache
def theirs() -> Any:
    return open_clip.get_tokenizer("ViT-B-32")


@cache
def ours() -> ClipTokenizer:
    return ClipTokenizer.from_open_clip(theirs())


@cache
def hf_theirs() -> Any:
    """A transformers CLIPTokenizer with open_clip's vocabulary, under its own special names."""
    from transformers import CLIPTokenizer

    names = {"<start_of_text>": "<|startoftext|>", "<end_of_text>": "<|endoftext|>"}
    vocabulary = {names.get(piece, piece): i for piece, i in theirs().encoder.items()}
    merges = list(theirs().bpe_ranks)
    return CLIPTokenizer(vocab=vocabulary, merges=merges, model_max_length=77)


@cache
def hf_ours() -> ClipTokenizer:
    return ClipTokenizer.from_transformers(hf_theirs())


def their_ids(texts: list[str]) -> np.ndarray:
    return theirs()(texts).numpy()


def hf_ids(texts: list[str]) -> list[list[int]]:
    return hf_theirs()(texts, truncation=True)["input_ids"]


def our_hf_ids(texts: list[str]) -> list[list[int]]:
    return [row.tolist() for row in hf_ours().encode_batch(texts).rows()]


def faker_names() -> list[str]:
    """Every string in Faker's person providers: the corpus, and what else stands there."""
    from faker.providers import person

    found: set[str] = set()
    for module in pkgutil.iter_modules(person.__path__):
        provider = importlib.import_module(f"faker.providers.person.{module.name}").Provider
        for attribute in dir(provider):
            values = getattr(provider, attribute)
            if "name" in attribute and isinstance(values, (tuple, list, dict)):
                found |= {value for value in values if isinstance(value, str)}
    return sorted(found)


TEMPLATES = (
    "{}", "a photo of {}", "{} smiling", "a photo of {} in the rain", "portrait of {}, 1920",
    "is it {}?", "({})", "hey {}! look", "this is {}.", "{}. Next", "{}.com", "{}'s face",
    "a &{}", "{}&amp; b", "a {} &amp;", "é {} ü", "Ã {}", "a <b> {}", "a\t{}\tb", "a  {}  b",
    "A PHOTO OF {}", "x{}y", "{}5", "{0} b", "{}; {{}}", "mr.{} jr.", "a photo of {},s", "a {}:b",
)  # fmt: skip
FRAGMENTS = (
    "&amp;", "&#233;", "&eacute", "&amp;amp;lt;", "&", "<b>", "<", ">", "\x1b[31m", "\x00", "\x85",
    "â€œ", "Ã", "Ã ", "Â", "Ãš", "ÃŸ", "éÉ", "ï¿½",
    "œ", "Œ", "é", "É", "É€", "ß", "İ", "Σ", "ς", "ΑΣ", "'s", "'ſ",
    "’", "“", "'", " ", "\u3000", "\xa0", "\u200d", "\u2028", "\t", "\n", "ﬁ", "ĳ", "Ａ", "ｶﾞ",
    "😀", "👩‍👩‍👧", "🇮🇸", "e\u0301", "\u0301", "한", "ᄒ", "李", "ЖЁ", "ГўВЂВ", "à²", "٣", "½", "²",
    "12", "a", "Zoë", "<start_of_text>", "<END_OF_TEXT>", "<|endoftext|>", "{", "}", "\ufeff", "-",
)  # fmt: skip
TEXTS = st.one_of(
    st.text(max_size=12),
    st.lists(st.sampled_from(FRAGMENTS), max_size=6).map("".join),
    st.text(
        alphabet=st.sampled_from(sorted(known_characters()[0] | known_characters()[1] | {" "}))
    ),
)


@pytest.fixture(scope="module")
def corpus() -> list[str]:
    return faker_names()


@pytest.mark.long
def test_the_whole_corpus_of_faker(corpus: list[str]) -> None:
    assert len(corpus) > 60_000
    read = ours().read(corpus)
    assert read.fits.mean() > 0.99  # else the fast path is not the one that is tested
    assert [row.tolist() for row in read.pieces.rows()] == [theirs().encode(n) for n in corpus]
    np.testing.assert_array_equal(ours().count(corpus[:50]), read.pieces.lengths[:50])


@pytest.mark.long
def test_prompts_of_the_corpus(corpus: list[str]) -> None:
    some = corpus[::29]
    read, hf_read = ours().read(some), hf_ours().read(some)
    for template in ("a photo of {} in the rain", "portrait of {}, 1920"):
        prompts = [template.format(name) for name in some]
        np.testing.assert_array_equal(
            ours().encode_prompts(template, read).padded(77), their_ids(prompts)
        )
        rows = hf_ours().encode_prompts(template, hf_read).rows()
        assert [row.tolist() for row in rows] == hf_ids(prompts)


@pytest.mark.long
@settings(max_examples=400, deadline=None)
@given(st.lists(TEXTS, min_size=1, max_size=8))
@example(["", " ", "x" * 500, "many words " * 80, "&lt;start_of_text&gt;"])
def test_any_text(texts: list[str]) -> None:
    np.testing.assert_array_equal(ours().encode_batch(texts).padded(77), their_ids(texts))
    assert our_hf_ids(texts) == hf_ids(texts)


@pytest.mark.long
@settings(max_examples=600, deadline=None)
@given(template=st.sampled_from(TEMPLATES), names=st.lists(TEXTS, min_size=1, max_size=5))
@example(template="a photo of {}", names=["", "Σ", "many words " * 80])
@example(template="a photo of {} in the rain", names=["Ã", "Ãš", "xÃŸ", "Ã la"])
@example(template="{} smiling", names=["Ã", "Ãš", "Ã la"])
@example(template="portrait of {}, 1920", names=["ᢅ"])
@example(template="{}.com", names=["ΑΣ"])
@example(template="this is {}.", names=["ΑΣ", "a.", "5", "İ"])
def test_any_prompt(template: str, names: list[str]) -> None:
    prompts = [template.format(name) for name in names]
    np.testing.assert_array_equal(
        ours().encode_prompts(template, names).padded(77), their_ids(prompts)
    )
    rows = hf_ours().encode_prompts(template, names).rows()
    assert [row.tolist() for row in rows] == hf_ids(prompts)


@pytest.mark.long
def test_every_known_character_stands_for_itself() -> None:
    letters, marks = known_characters()
    assert len(letters) > 40_000
    every = sorted(letters | marks)
    words = [f"a{c}b,{c}!7{c}" for c in every]
    composed = [c for c in every if unicodedata.is_normalized("NFC", f"a{c}")]
    assert [c for c in composed if ftfy.fix_text(f"a{c}") != f"a{c}"] == []
    # The same split in Rust and in the library's pattern, whatever Unicode table each has.
    fast = ours()._read.__self__._fast
    split = fast.pre_tokenizer.pre_tokenize_str
    for word in words:
        found = ["".join(word.lower()[a:b]) for _, (a, b) in split(word.lower())]
        assert found == re.findall(r".+", "\n".join(theirs().pat.findall(word.lower()))), word


def taken_apart() -> list[str]:
    """Every character that composing does not leave as it is: the letters that NFC takes apart."""
    kept = (chr(code) for code in range(0x110000) if not 0xD800 <= code < 0xE000)
    return [letter for letter in kept if unicodedata.normalize("NFC", letter) != letter]


@pytest.mark.long
@pytest.mark.parametrize("template", ["{}, smiling", "{}. He", "a photo of {}!", "{}", "({}) b"])
def test_names_that_end_in_a_letter_that_composing_takes_apart(template: str) -> None:
    names = [f"Ra{letter}" for letter in taken_apart()]
    assert len(names) > 1000
    assert "Ra\u095c" in names
    prompts = [template.format(name) for name in names]
    found = [row.tolist() for row in hf_ours().encode_prompts(template, names).rows()]
    wrong = [n for n, a, b in zip(names, found, hf_ids(prompts), strict=True) if a != b]
    assert not wrong, [f"U+{ord(name[-1]):04X}" for name in wrong]
    padded = ours().encode_prompts(template, names).padded(77)
    np.testing.assert_array_equal(padded, their_ids(prompts))


def test_lone_surrogates_are_repaired_as_the_library_does() -> None:
    texts = ["a\ud83d\ude00", "\ud800", "x \udfff y"]
    np.testing.assert_array_equal(ours().encode_batch(texts).padded(77), their_ids(texts))


def test_over_long_prompts_keep_the_end() -> None:
    ids = ours().encode_prompts("{} smiling", ["word " * 200, "vicki"])
    assert ids.lengths.tolist() == [77, 4]
    assert ids.rows()[0][-1] == ours().end == theirs().eot_token_id
    short = ClipTokenizer.from_open_clip(theirs(), context_length=16)
    assert short is not None
    np.testing.assert_array_equal(
        short.encode_prompts("a photo of {}", ["a b c d " * 9]).padded(16),
        theirs()(["a photo of " + "a b c d " * 9], context_length=16).numpy(),
    )


def test_pieces() -> None:
    assert ours().pieces("Winona Vickismith") == [
        theirs().decoder[i] for i in theirs().encode("Winona Vickismith")
    ]
    assert hf_ours().pieces("Winona Vickismith") == hf_theirs().tokenize("Winona Vickismith")
    assert ours().pieces("") == []
    assert ours().all_pieces(["vicki", "", "a&amp;b"]) == [
        ["vicki</w>"],
        [],
        ["a</w>", "&</w>", "b</w>"],
    ]
    assert ours().encode_batch([]).lengths.tolist() == []
    assert ours().encode_prompts("a {}", []).lengths.tolist() == []


def test_tokenizers_of_another_kind_are_declined() -> None:
    from transformers import BertTokenizer

    assert ClipTokenizer.from_open_clip(hf_theirs()) is None
    other = open_clip.tokenizer.SimpleTokenizer(clean="canonicalize")
    assert ClipTokenizer.from_open_clip(other) is None
    masked = open_clip.tokenizer.SimpleTokenizer(reduction_mask="random")
    assert ClipTokenizer.from_open_clip(masked) is None
    more = open_clip.tokenizer.SimpleTokenizer(additional_special_tokens=["<x>"])
    assert ClipTokenizer.from_open_clip(more) is None
    bert = BertTokenizer(vocab={"[PAD]": 0, "[UNK]": 1, "[CLS]": 2, "[SEP]": 3, "[MASK]": 4})
    assert ClipTokenizer.from_transformers(bert) is None
    assert ClipTokenizer.from_transformers(theirs()) is None
    spaced = hf_theirs.__wrapped__()
    spaced.add_tokens(["of vicki"])
    assert ClipTokenizer.from_transformers(spaced) is None
