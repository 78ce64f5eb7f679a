"""Photos inverted where the right point is known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import namebasis as nb
from namebasis.errors import EncoderError
from namebasis.studies.celeb import CelebBasis, Point
from tests.studies.celeb.bag import Bag, table

RNG = np.random.default_rng(3)
GIVEN = {f"given{at}": row for at, row in enumerate(RNG.normal(size=(8, 2)) * (1, 0.6))}
FAMILY = {
    f"family{at}": (0, 0, *row) for at, row in enumerate(RNG.normal(size=(8, 2)) * (0.9, 0.5))
}
NAMES = [f"Given{a} Family{b}" for a in range(8) for b in (a, (a + 3) % 8)]
SHOWN = [Image.new("RGB", (20, 20), (200, 90, 40))] * 2


@pytest.fixture(scope="module")
def basis(tmp_path_factory: pytest.TempPathFactory) -> CelebBasis:
    encoder = Bag(table({**GIVEN, **FAMILY}), 2.0)
    path = tmp_path_factory.mktemp("bag") / "my.space"
    space = nb.build_space(NAMES, path, encoder=encoder, templates=["a photo of {}", "{}, smiling"])
    return space.celeb_basis()


def show(basis: CelebBasis, coefficients: list[list[float]]) -> np.ndarray:
    """Let photos have the text vector of a point; gives its rows."""
    rows = [
        one.reconstruct(np.array([values], np.float32))[0]
        for one, values in zip(basis.positions, coefficients, strict=True)
    ]
    (vector,) = basis.vectors([Point("shown", np.stack(rows))])
    encoder: Any = basis.encoder
    encoder.images = (vector, vector)
    return vector


def test_the_point_that_the_photos_show_is_found(basis: CelebBasis) -> None:
    planted = [[1.4, -0.8], [-1.1, 0.9]]
    vector = show(basis, planted)
    found = basis.invert(SHOWN, n_steps=300, reach=50)
    assert found.similarity > 0.999
    assert found.stopped in ("other views", "steps")
    for along, expected in zip(found.coefficients, planted, strict=True):
        np.testing.assert_allclose(along, expected, atol=0.15)
    cosines = basis.space.vectors() @ found.vector
    order = np.argsort(-cosines)[:8]
    assert found.names == tuple(NAMES[at] for at in order)
    np.testing.assert_allclose(found.likeness, basis.space.vectors()[order] @ vector, atol=1e-5)
    assert found.similarity > found.prompt_similarity > found.start_similarity
    first = found.tables()[1].rows[0]
    assert first[:2] == ("1.1", f"{found.coefficients[0][0]:+.2f}")
    assert "The point is 1.000 like 2 photos" in str(found.headline())
    document = found.to_dict()
    assert document["prompt_names"] == list(found.prompt_names)
    assert len(document["vector"]) == basis.encoder.dim


def test_it_goes_a_little_farther_than_the_best_prompt(basis: CelebBasis) -> None:
    vector = show(basis, [[1.4, -0.8], [-1.1, 0.9]])
    found = basis.invert(SHOWN, n_names=1)
    ceiling = found.start_similarity + 1.1 * (found.prompt_similarity - found.start_similarity)
    assert found.stopped == "reach"
    assert found.curve[-1, 0] >= ceiling > found.curve[-2, 0]
    assert found.n_steps == len(found.curve) - 1
    assert found.similarity == pytest.approx(found.curve[-1, 0], abs=1e-5)
    rows = basis.encoder.encode_names(NAMES, "a photo of {}")  # as paint does
    best = NAMES[int((rows @ vector).argmax())]
    assert found.prompt_names == (best,)
    denied = basis.invert(SHOWN, n_names=1, deny=[best])
    assert denied.prompt_names != (best,)
    assert denied.prompt_similarity < found.prompt_similarity


def test_it_ends_where_other_views_gain_no_more(basis: CelebBasis) -> None:
    vector = show(basis, [[1.4, -0.8], [-1.1, 0.9]])
    away = show(basis, [[-1.4, 0.8], [1.1, -0.9]])
    encoder: Any = basis.encoder
    encoder.images = (vector, away)  # a cut photo shows the opposite
    found = basis.invert(SHOWN, reach=50)
    best = int(found.curve[:, 1].argmax())
    assert (found.stopped, found.n_steps) == ("other views", best + 40)
    assert best < 10 < found.curve[:, 0].argmax()
    assert found.similarity == pytest.approx(found.curve[best, 0], abs=1e-5)


def test_what_cannot_be_inverted_is_refused(basis: CelebBasis, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="invert needs at least one photo"):
        basis.invert([])
    for wrong, message in (
        ({"n_views": 0}, "n_views must be"), ({"n_steps": 0}, "n_steps must be"),
        ({"reach": float("nan")}, "reach must be above 0; got nan"),
    ):  # fmt: skip
        with pytest.raises(ValueError, match=message):
            basis.invert(SHOWN, **wrong)  # type: ignore[arg-type]
    (tmp_path / "a.jpg").write_text("no picture")
    with pytest.raises(EncoderError, match=r"a\.jpg is not an image"):
        basis.invert([tmp_path / "a.jpg"])
    texts = nb.build_space(["Ann Lee", "Bo Kay", "Cy Day"], tmp_path / "s.space", encoder="minilm")
    with pytest.raises(EncoderError, match="minilm reads no images"):
        texts.celeb_basis(n_positions=1).invert(SHOWN)
