"""What every encoder owes its caller, shown on one that only counts letters."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from namebasis.checks import FloatArray
from namebasis.encoders.base import Encoder, IdRows, check_batch, check_template
from namebasis.encoders.image_files import encode_image_files
from namebasis.errors import EncoderError

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=5)


class Letters(Encoder):
    """Rows (1, sum of code points, length): closed form, unequal for unequal short texts.

    Parameters
    ----------
    scale : float
        Of the raw rows; a contract of unit rows must not depend on it.
    """

    spec, fingerprint, dim, token_dim, has_images = "letters", "sha256:0", 3, 2, True

    def __init__(self, scale: float = 7.0) -> None:
        self.scale = scale
        self.seen: list[list[str]] = []
        self.image_batches: list[int] = []

    def tokenize(self, text: str) -> list[str]:
        return list(text)

    def _pieces_in_table(self, names: list[str]) -> tuple[FloatArray, IdRows]:
        table = np.arange(512, dtype=np.float32).reshape(256, 2)
        return table, [[ord(letter) for letter in name] for name in names]

    def _embed_texts(self, texts: list[str], batch_size: int | None) -> FloatArray:
        self.seen.append(texts)
        return (closed_form(texts) * self.scale).astype(np.float32)

    def _embed_images(self, images: list[Image.Image]) -> FloatArray:
        self.image_batches.append(len(images))
        return np.array([image.getpixel((0, 0)) for image in images], dtype=np.float32) + 1


def closed_form(texts: Sequence[str]) -> npt.NDArray[np.float64]:
    return np.array([[1, sum(map(ord, text)), len(text)] for text in texts], dtype=float)


def unit(rows: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


@given(st.lists(TEXT, max_size=8), st.sampled_from([1e-3, 1.0, 1e6]))
def test_rows_keep_order_and_length_and_equal_texts_cost_once(
    texts: list[str], scale: float
) -> None:
    encoder = Letters(scale)
    rows = encoder.encode_text(texts, batch_size=2)
    assert (rows.shape, rows.dtype) == ((len(texts), 3), np.float32)
    if texts:
        np.testing.assert_allclose(rows, unit(closed_form(texts)), atol=1e-6)
        assert encoder.seen == [list(dict.fromkeys(texts))]
    else:
        assert encoder.seen == []


@given(st.lists(TEXT, min_size=1, max_size=6))
def test_names_are_the_filled_prompts(names: list[str]) -> None:
    rows = Letters().encode_names(names, "a photo of {}!")
    prompts = [f"a photo of {name}!" for name in names]
    np.testing.assert_allclose(rows, unit(closed_form(prompts)), atol=1e-6)
    assert Letters().count_tokens(names).tolist() == [len(name) for name in names]


def test_token_embeddings_are_means_over_the_table() -> None:
    encoder = Letters()
    expected = [[2 * 97.5, 2 * 97.5 + 1], [0, 0], [2 * 99, 2 * 99 + 1]]
    np.testing.assert_allclose(encoder.token_embeddings(["ab", "", "c"]), expected)
    pieces = encoder.piece_embeddings(["ab", ""])
    np.testing.assert_array_equal(pieces[0], [[194, 195], [196, 197]])
    assert pieces[1].shape == (0, 2)


def test_any_iterable_of_texts_is_read_once() -> None:
    expected = Letters().encode_text(["a", "bc"])
    for texts in (("a", "bc"), np.array(["a", "bc"]), iter(["a", "bc"])):
        np.testing.assert_array_equal(Letters().encode_text(texts), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("call", ["encode_text", "encode_names", "count_tokens"])
@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ("Vicki", r"(texts|names) must be a list of strings; put a single one into \[ \]"),
        (b"Vicki", r"(texts|names) must be a list of strings"),
        (["ok", 3], r"(texts|names)\[1\] must be a string; got int"),
        (["ok", "a\udc80b"], r"(texts|names)\[1\] holds half of a surrogate pair: 'a\\udc80b'"),
    ],
)
def test_wrong_texts_are_refused(call: str, texts: list[str], message: str) -> None:
    encoder = Letters()
    more = ("{}",) if call == "encode_names" else ()
    with pytest.raises(ValueError, match=message):
        getattr(encoder, call)(texts, *more)


@pytest.mark.parametrize("template", ["", "a", "{}{}", "{0}", "{name}", "{{{}}}", "{", None, 3])
def test_templates_without_one_place_are_refused(template: str) -> None:
    with pytest.raises(ValueError, match=r"must hold \{\} once, where the name goes; got"):
        check_template(template)
    assert check_template("{}") == "{}"


@pytest.mark.parametrize("size", [0, -1, 1.5, True, "8"])
def test_wrong_batch_sizes_are_refused(size: int) -> None:
    with pytest.raises(ValueError, match="batch_size must be an integer, at least 1; got"):
        Letters().encode_text(["a"], batch_size=size)
    assert (check_batch(None), check_batch(3)) == (None, 3)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (
            np.full((2, 3), np.nan),
            r"^letters: text embeddings must be finite; 2 of its rows",
        ),
        (np.zeros((2, 3)), r"^letters: text embeddings has 2 zero rows without a direction"),
        (np.ones((2, 4)), r"^letters: text embeddings must have 3 columns; got 4"),
    ],
)
def test_rows_without_a_direction_are_never_handed_on(
    monkeypatch: pytest.MonkeyPatch, rows: FloatArray, message: str
) -> None:
    encoder = Letters()
    monkeypatch.setattr(encoder, "_embed_texts", lambda texts, size: rows)
    with pytest.raises(EncoderError, match=message):
        encoder.encode_text(["a", "b"])


def test_what_an_encoder_does_not_read_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = Letters()
    monkeypatch.setattr(Letters, "has_text", False)
    for call, more in (("encode_text", ()), ("encode_names", ("{}",))):
        with pytest.raises(EncoderError, match="letters reads no text; use an encoder that does"):
            getattr(encoder, call)([], *more)
    monkeypatch.setattr(Letters, "has_images", False)
    with pytest.raises(EncoderError, match="letters reads no images; use an encoder that does"):
        encoder.encode_images([])


# ---------------------------------------------------------------------------------- images


def shades(count: int) -> list[Image.Image]:
    return [Image.new("RGB", (2, 2), (40 * n, 200 - 40 * n, 9)) for n in range(count)]


def test_images_keep_their_order_in_batches() -> None:
    expected = unit(np.array([[40 * n + 1, 201 - 40 * n, 10] for n in range(5)], dtype=float))
    for size, batches in ((None, [5]), (2, [2, 2, 1]), (5, [5])):
        encoder = Letters()
        np.testing.assert_allclose(
            encoder.encode_images(shades(5), batch_size=size), expected, atol=1e-6
        )
        assert encoder.image_batches == batches
    np.testing.assert_allclose(
        Letters().encode_images(iter(shades(5))), expected, atol=1e-6  # type: ignore[arg-type]
    )  # fmt: skip
    stack = np.stack([np.asarray(image) for image in shades(5)])
    np.testing.assert_allclose(Letters().encode_images(stack), expected, atol=1e-6)


def test_a_single_image_is_no_list() -> None:
    for image in (shades(1)[0], np.zeros((4, 4, 3), np.uint8), "a.png", Path("a.png")):
        with pytest.raises(ValueError, match=r"images must be a list; put a single one into \[ \]"):
            Letters().encode_images(image)  # type: ignore[arg-type]


@pytest.mark.parametrize("bad", [[0], [4], [3, 4], [1, 2], [0, 1, 2, 3, 4]])
def test_bad_files_anywhere_lose_no_good_one(tmp_path: Path, bad: list[int]) -> None:
    """Also in the last place, where a half-filled batch waits."""
    paths = [tmp_path / f"{n}.png" for n in range(5)]
    for n, (path, image) in enumerate(zip(paths, shades(5), strict=True)):
        if n in bad:
            path.write_text("no image")
        else:
            image.save(path)
    encoder = Letters()
    found = encode_image_files(encoder, paths, batch_size=2, workers=2)
    good = [n for n in range(5) if n not in bad]
    assert found.paths == tuple(str(paths[n]) for n in good)
    assert [failure.path for failure in found.failures] == [str(paths[n]) for n in bad]
    expected = np.array([[40 * n + 1, 201 - 40 * n, 10] for n in good], dtype=float)
    np.testing.assert_allclose(found.vectors, unit(expected.reshape(-1, 3)), atol=1e-6)
    assert encoder.image_batches == [2] * (len(good) // 2) + [1] * (len(good) % 2)
