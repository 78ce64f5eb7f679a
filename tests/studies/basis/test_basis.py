"""Name bases over a space whose texts are sums of their words."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import EncoderError, FilterError, TargetError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.basis import study as basis

DIM = 32
fit = partial(basis.fit, n_null=0, n_resamples=0)
"""Quick: controls and resamples have tests of their own."""
GIVEN = [f"Given{letter}" for letter in "abcdefghijklmnopqrst"]
FAMILY = [f"Family{letter}" for letter in "abcdefghijklmnopqrst"]


class SumEncoder:
    """A text is the sum of its words' vectors plus a part that all texts share."""

    spec, fingerprint, revision = "sum", "sha256:sum", None
    has_text, has_images, dim, token_dim = True, True, DIM, DIM

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        rows = np.stack([self.shared("text") + self.words(text) for text in texts])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        return self.encode_text(names)

    def encode_images(self, images: Sequence[Path], *, batch_size: int | None = None) -> np.ndarray:
        rows = np.stack([self.shared("image") + self.words(image.stem) for image in images])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def shared(self, modality: str) -> np.ndarray:
        return 3 * self.word(modality)

    def words(self, text: str) -> np.ndarray:
        return np.sum([self.word(w) for w in text.replace(",", "").split()], axis=0)

    def word(self, word: str) -> np.ndarray:
        row = np.random.default_rng(zlib.crc32(word.encode())).standard_normal(DIM)
        return row / np.linalg.norm(row)

    def tokenize(self, text: str) -> list[str]:
        return text.split()

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.array([len(text.split()) for text in texts], dtype=np.int64)

    def token_embeddings(self, names: Sequence[str]) -> np.ndarray:
        return np.stack([self.words(name) for name in names]).astype(np.float32)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    records = [{"name": name, "part": "given"} for name in GIVEN]
    records += [{"name": name, "part": "family"} for name in FAMILY]
    records += [{"name": "Givena", "part": "family"}]
    path = tmp_path_factory.mktemp("basis") / "sum.space"
    return build_space(make_names(records), path, encoder=SumEncoder())


def test_a_sum_of_two_names_is_found_with_its_cosines(space: Space) -> None:
    found = fit(space, "Givenb Familyc", 2)
    assert set(found.names) == {"Givenb", "Familyc"}
    atoms = space.vectors(ids=found.ids) - space.mean()
    combined = found.weights @ atoms
    target = SumEncoder().encode_text(["Givenb Familyc"])[0]

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    assert found.similarity == pytest.approx(cosine(combined, target - space.mean()), abs=1e-5)
    assert found.raw_similarity == pytest.approx(cosine(combined + space.mean(), target), abs=1e-5)
    assert found.raw_similarity > found.similarity > 0.8
    assert found.n_atoms == 41
    assert found.label == "Givenb Familyc"
    assert (np.diff(found.weights * np.linalg.norm(atoms, axis=1)) <= 0).all()


def test_a_stored_target_is_left_out_in_every_part_or_found_on_request(space: Space) -> None:
    without = fit(space, "givenA", 3)
    assert "Givena" not in without.names
    assert without.n_atoms == 39
    itself = fit(space, "Givena", 3, exclude_self=False)
    assert itself.names == ("Givena",)
    assert itself.similarity == pytest.approx(1, abs=1e-6)
    assert itself.weights[0] == pytest.approx(1, abs=1e-5)


def test_atoms_are_governed_by_where_deny_and_family_names(space: Space) -> None:
    target = "Givenb Familyc Familyd"
    assert set(fit(space, target, 3).names) == {"Givenb", "Familyc", "Familyd"}
    only = fit(space, target, 2, where="part = 'family'")
    assert set(only.names) == {"Familyc", "Familyd"}
    assert only.n_atoms == 21
    assert "Familyc" not in fit(space, target, 4, deny=["FAMILYC"]).names
    parts = dict(zip([*GIVEN, *FAMILY], ["given"] * 20 + ["family"] * 20, strict=True))
    one = fit(space, target, 4, max_family=1, deny=["Givena"])
    assert [parts[name] for name in one.names].count("family") == 1
    none = fit(space, target, 4, max_family=0)
    assert all(parts[name] == "given" for name in none.names)
    assert none.n_atoms == 20


def test_several_targets_weights_and_minus(space: Space) -> None:
    both = fit(space, ["Givenb", "Familyc"], 2, exclude_self=False)
    assert set(both.names) == {"Givenb", "Familyc"}
    np.testing.assert_allclose(both.weights, 0.5, atol=1e-4)
    uneven = fit(space, {"Givenb": 3, "Familyc": 1}, 2, exclude_self=False)
    assert uneven.names == ("Givenb", "Familyc")
    np.testing.assert_allclose(uneven.weights, [3, 1], atol=1e-3)
    assert uneven.label == "3 Givenb + Familyc"
    less = fit(space, "Givenb Familyc", 1, minus=["Familyc"])
    assert less.names == ("Givenb",)
    assert less.label == "Givenb Familyc - Familyc"
    signed = fit(space, {"Givenb": 1, "Familyc": -2}, 2, exclude_self=False, nonnegative=False)
    assert dict(zip(signed.names, signed.weights.round(3).tolist(), strict=True)) == {
        "Familyc": -2, "Givenb": 1,
    }  # fmt: skip


def test_an_image_is_centred_by_images(space: Space) -> None:
    image = Path("Givenb Familyc.png")
    encoder = SumEncoder()
    others = encoder.encode_images([Path(f"{g} {f}.png") for g in GIVEN for f in FAMILY])
    found = fit(space, image, 2, image_mean=others.mean(axis=0))
    assert set(found.names) == {"Givenb", "Familyc"}
    target = encoder.encode_images([image])[0] - others.mean(axis=0)
    combined = found.weights @ (space.vectors(ids=found.ids) - space.mean())
    cosine = target @ combined / np.linalg.norm(target) / np.linalg.norm(combined)
    assert found.similarity == pytest.approx(float(cosine), abs=1e-5)
    with pytest.raises(TargetError, match=r"add .* --images FOLDER`, or pass image_mean"):
        fit(space, image, 2)
    with pytest.raises(ValueError, match="image_mean must have 32 columns"):
        fit(space, image, 2, image_mean=np.ones(3))


def test_the_lasso_fits_too(space: Space) -> None:
    found = fit(space, "Givenb Familyc", 2, method="lasso")
    assert set(found.names) == {"Givenb", "Familyc"}
    with pytest.raises(ValueError, match="max_family belongs to method='omp'"):
        fit(space, "Givenb Familyc", 2, method="lasso", max_family=1)


def test_results_leave_as_arrow_and_json(space: Space) -> None:
    found = fit(space, "Givenb Familyc", 2)
    table = found.to_arrow()
    assert table.column_names == ["name", "id", "weight"]
    assert table["name"].to_pylist() == list(found.names)
    assert table["id"].to_pylist() == [space.find(name) for name in found.names]
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["similarity"] == pytest.approx(found.similarity)
    assert plain["parameters"]["n_names"] == 2


def test_a_target_that_centring_leaves_empty_is_refused(space: Space) -> None:
    with pytest.raises(TargetError, match=r"Givenb - Givenb .* centred, it has no direction"):
        fit(space, "Givenb", 2, minus=["Givenb"])
    with pytest.raises(TargetError, match="centred, it has no direction"):
        fit(
            space,
            Path("Givenb.png"),
            2,
            image_mean=SumEncoder().encode_images([Path("Givenb.png")])[0],
        )


@pytest.mark.parametrize(
    ("target", "arguments", "error", "message"),
    [
        ("Givenb", {"where": "part = 'pseudo'"}, FilterError, "leaves no name"),
        ("Givenb", {"where": "colour = 'red'"}, FilterError, "colour"),
        ("Givenb", {"n_names": 41}, ValueError, "n_names is 41, but only 40 name"),
        ("Givenb", {"n_names": 0}, ValueError, "n_names must be an integer, at least 1"),
        ("Givenb", {"where": "name = 'Givenb'"}, FilterError, "every name is denied"),
        ("Givenb", {"max_family": -1}, ValueError, "max_family must be an integer, at least 0"),
        ("Givenb", {"method": "magic"}, ValueError, "method must be one of"),
        ([], {}, TargetError, "at least one"),
        ({}, {}, TargetError, "a mix needs at least one target"),
        ({"Givenb": np.nan}, {}, TargetError, "finite weights"),
        ({"Givenb": 0.0}, {}, TargetError, "not all 0"),
        ("", {}, TargetError, "must not be empty"),
        (np.zeros(DIM), {}, TargetError, "no direction"),
        (np.ones(DIM - 1), {}, ValueError, "columns"),
        (np.full(DIM, np.nan), {}, ValueError, "finite"),
    ],
)  # fmt: skip
def test_refused_input(
    space: Space, target: object, arguments: dict[str, object], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        fit(space, target, **arguments)


def test_a_name_that_is_the_mean_of_its_space_is_no_atom(tmp_path: Path) -> None:
    records = [{"name": "Givena", "part": "given"}]
    alone = build_space(make_names(records), tmp_path / "one.space", encoder=SumEncoder())
    with pytest.raises(FilterError, match="differs from the mean of the space"):
        fit(alone, "Givenb", 1)


def test_another_encoder_is_refused(space: Space) -> None:
    other = SumEncoder()
    other.fingerprint = "sha256:other"
    with pytest.raises(EncoderError, match="other weights"):
        open_space(space.path, encoder=other)
