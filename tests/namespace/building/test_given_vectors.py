"""Spaces of vectors of one's own, with and without the encoder that they are of."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

from namebasis.encoders.given import GivenVectors
from namebasis.encoders.registry import load_encoder
from namebasis.errors import EncoderError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.images import add_images
from namebasis.namespace.corpus.sources import read_names
from namebasis.space import open_space
from namebasis.studies.basis import anchors
from namebasis.studies.basis import study as basis
from tests.namespace.conftest import FakeEncoder

NAMES = ["Vicki", "Winona", "Roger", "Zoë", "King"]


def made(n: int, dim: int = 12, seed: int = 0) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return 3 * rows


def units(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def test_vectors_alone_answer_all_that_needs_no_encoder(tmp_path: Path) -> None:
    names = [f"Name{chr(97 + i // 26)}{chr(97 + i % 26)}" for i in range(60)]
    rows = made(60)
    space = build_space(read_names(names), tmp_path / "a.space", vectors=rows)
    np.testing.assert_allclose(space.vectors(), units(rows), atol=1e-6)
    assert space.views == ("text",)
    assert space.provenance.encoder.startswith("vectors:")
    assert space.table(["n_tokens"])["n_tokens"].null_count == 60
    space = open_space(tmp_path / "a.space")
    cosines = units(rows) @ units(rows)[7]
    found = space.nearest(names[7], k=3, include_self=True)
    assert found.names == tuple(names[i] for i in np.argsort(-cosines)[:3])
    assert basis.fit(space, rows[3] + rows[9], 2).names == (names[3], names[9])
    assert len(anchors.report(space, 2).to_arrow()) == 60
    assert "text" in space.check()
    for ask in (lambda: space.nearest("a senior lady"), space.encoder):
        with pytest.raises(EncoderError, match=r"made of given vectors and has no encoder\. .* "
                           r"--encoder SPEC"):  # fmt: skip
            ask()


def test_vectors_with_their_encoder_take_free_text_too(tmp_path: Path) -> None:
    encoder = FakeEncoder()
    rows = encoder.encode_names(NAMES, "{}") + 0.05 * made(5, encoder.dim)
    corpus = read_names(NAMES)
    space = build_space(corpus, tmp_path / "a.space", encoder=encoder, vectors=rows)  # type: ignore[arg-type]
    np.testing.assert_allclose(space.vectors(), units(rows), atol=1e-6)
    assert space.provenance.encoder == encoder.spec
    assert space.provenance.fingerprint == encoder.fingerprint
    assert space.table(["n_tokens"])["n_tokens"].null_count == 0
    target = space.resolve("somebody else").vector
    np.testing.assert_allclose(target, encoder.encode_text(["somebody else"])[0], atol=1e-6)
    grown = add_names(space, read_names(["Later"]), encoder=encoder)  # type: ignore[arg-type]
    expected = encoder.encode_names(["Later"], "{}")[0]
    np.testing.assert_allclose(grown.vectors()[-1], expected, atol=1e-6)


def test_names_are_added_with_vectors(tmp_path: Path) -> None:
    rows = made(6)
    space = build_space(read_names(NAMES), tmp_path / "a.space", vectors=rows[:5])
    grown = add_names(space, read_names(["Later"]), vectors=rows[5:])
    np.testing.assert_allclose(grown.vectors(), units(rows), atol=1e-6)
    assert grown.nearest(rows[5], k=1).names == ("Later",)
    with pytest.raises(EncoderError, match=r"has no encoder"):
        add_names(grown, read_names(["Else"]))
    with pytest.raises(EncoderError, match=r"has vectors of 12 columns; those given have 7"):
        add_names(grown, read_names(["Else"]), vectors=made(1, 7))


def test_rows_of_one_name_are_averaged() -> None:
    rows = made(3)
    given = GivenVectors(["A", "B", "A"], rows)
    expected = units((units(rows)[0] + units(rows)[2])[None])[0]
    np.testing.assert_allclose(given.encode_names(["B", "A"], "{}")[1], expected, atol=1e-6)
    assert given.n_repeated == 1
    again = GivenVectors(["B", "A", "A"], rows[[1, 0, 2]])
    assert again.fingerprint == given.fingerprint, "the order of rows does not matter"
    assert GivenVectors(["A", "B", "A"], rows * [[1], [1], [-1]]).fingerprint != given.fingerprint
    copy = pickle.loads(pickle.dumps(given))  # noqa: S301 - made in this line
    np.testing.assert_array_equal(copy.encode_names(["A"], "{}"), given.encode_names(["A"], "{}"))


def test_how_far_vectors_agree_with_their_encoder_is_told() -> None:
    encoder = FakeEncoder()
    own = encoder.encode_names(NAMES, "{}")
    # What all vectors of a model share must not pass for agreement.
    shared = 20 * np.eye(encoder.dim)[0]
    assert GivenVectors(NAMES, own + shared, encoder=encoder).agreement("{}") == 1  # type: ignore[arg-type]
    turned = np.roll(own, 1, axis=0) + shared
    assert GivenVectors(NAMES, turned, encoder=encoder).agreement("{}") == 0  # type: ignore[arg-type]
    assert GivenVectors(NAMES, own).agreement("{}") is None


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (made(4), r"one vector for each name; got 4 vectors for 5 names"),
        (np.zeros((5, 3), np.float32), r"zero row"),
        (np.full((5, 3), np.nan), r"finite"),
        (made(5)[0], r"2-D"),
        ([["a"] * 3] * 5, r"vectors"),
    ],
)
def test_vectors_that_cannot_be_names_are_refused(
    rows: object, message: str, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=message):
        build_space(read_names(NAMES), tmp_path / "a.space", vectors=rows)
    assert not (tmp_path / "a.space").exists()


def test_what_does_not_go_together_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"give an encoder .* or vectors of your own"):
        build_space(read_names(NAMES), tmp_path / "a.space")
    with pytest.raises(ValueError, match="engine must be local where vectors are given"):
        build_space(read_names(NAMES), tmp_path / "a.space", vectors=made(5), engine="ray")
    encoder = FakeEncoder()
    with pytest.raises(EncoderError, match=r"given vectors have 3 columns, those of fake have"):
        GivenVectors(NAMES, made(5, 3), encoder=encoder)  # type: ignore[arg-type]
    with pytest.raises(EncoderError, match="has no encoder"):
        load_encoder("vectors:0123")


def test_images_are_added_by_their_vectors(tmp_path: Path) -> None:
    space = build_space(read_names(NAMES), tmp_path / "a.space", vectors=made(5))
    table = tmp_path / "images.csv"
    rows = ["a.jpg,Vicki", "b,vicki", "c.jpg,Winona", ",Zoë", "d.jpg,Nobody"]
    table.write_text("\n".join(["file_name,name", *rows]), encoding="utf-8")
    seen = made(5, seed=1)
    grown, added = add_images(space, table, vectors=seen, unmatched="keep")
    assert (added.n_added, added.n_names, added.strangers) == (4, 2, ("Nobody",))
    rows_of = [grown.find("Vicki"), grown.find("Winona")]
    vicki = units((units(seen)[0] + units(seen)[1])[None])[0]
    images = grown.vectors("image", ids=np.array(rows_of))
    np.testing.assert_allclose(images, [vicki, units(seen)[2]], atol=1e-6)
    np.testing.assert_allclose(
        grown.image_mean(), units(seen)[[0, 1, 2, 4]].mean(axis=0), atol=1e-6
    )
    _, again = add_images(grown, table, vectors=seen, unmatched="keep")
    assert (again.n_added, again.n_known) == (0, 4)
    with pytest.raises(ValueError, match="got 4 vectors for 5 rows"):
        add_images(grown, table, vectors=seen[:4])
    (tmp_path / "f").mkdir()
    with pytest.raises(EncoderError, match=r"vectors go with a table .* file_name and name"):
        add_images(grown, tmp_path / "f", vectors=seen)
