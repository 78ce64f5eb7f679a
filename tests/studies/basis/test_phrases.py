"""Names and phrases in one basis, where what either can explain is known."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from namebasis.analysis.sparse.codes import sparse_code
from namebasis.errors import NamebasisError
from namebasis.space import Space
from namebasis.studies.basis.atoms import load_atoms, name_mean
from namebasis.studies.basis.recipe import FAMILY, OTHER, Recipe
from tests.studies.worded import PHRASES, meanings, worded_space

TRUTH = meanings(60)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Path]:
    return worded_space(tmp_path_factory.mktemp("worded"))


@pytest.fixture(scope="module")
def stored(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return worded_space(tmp_path_factory.mktemp("stored"), with_phrases=True)[0]


def description(space: Space, phrases: Path | bool) -> np.ndarray:
    """What "an elderly woman with white hair" would be, without anything of its own."""
    atoms = load_atoms(space, phrases=phrases, with_names=False)
    rows = [atoms.vectors[atoms.names.index(one)] for one in ("elderly", "woman", "white hair")]
    return on_sphere(name_mean(space, "text"), np.sum(rows, axis=0))


def on_sphere(mean: np.ndarray, way: np.ndarray) -> np.ndarray:
    """The vector of length 1 that lies this way from the mean."""
    mean, way = mean.astype(np.float64), way / np.linalg.norm(way)
    along = float(mean @ way)
    return np.asarray(mean + way * (-along + np.sqrt(along**2 + 1 - mean @ mean)))


def test_names_and_phrases_compete_for_one_target(made: tuple[Space, Path]) -> None:
    space, file = made
    mix = {"Name007": 1.0, "a person with red hair": 1.0}
    atoms = load_atoms(space, phrases=file)
    at = atoms.names.index("red hair")
    target = (
        atoms.vectors[at] + atoms.vectors[atoms.names.index("Name003")] + name_mean(space, "text")
    )
    found = space.basis(target, 2, phrases=file, n_null=0, n_resamples=0)
    assert set(found.names) == {"red hair", "Name003"}
    assert dict(zip(found.names, found.groups, strict=True)) == {
        "red hair": "hair",
        "Name003": None,
    }
    assert sorted(found.ids) == [-1, space.find("Name003")]
    alone = space.basis(mix, 3, phrases=file, n_null=0, n_resamples=0)
    assert "red hair" not in alone.names  # it says a part of the target itself
    assert "Name007" not in alone.names
    assert alone.remarks[-1] == "red hair: a phrase that says the target itself is left out."


def test_at_most_one_of_a_group_beside_a_limit_of_family_names() -> None:
    rng = np.random.default_rng(0)
    rows = rng.standard_normal((30, 12)).astype(np.float32)
    kinds = np.repeat([FAMILY, 1, 2], 10)
    targets = rng.standard_normal((40, 12)).astype(np.float32)
    none = np.zeros(30, dtype=bool)
    code = Recipe(6, max_family=2).code(rows, targets, kinds, none)
    for row in code.indices:
        counts = Counter(kinds[row[row >= 0]].tolist())
        assert counts[1] <= 1
        assert counts[2] <= 1
        assert counts[FAMILY] <= 2
    assert max(Counter(kinds[row[row >= 0]].tolist())[FAMILY] for row in code.indices) == 2
    free = Recipe(6).code(rows, targets, np.where(kinds == FAMILY, OTHER, kinds), none)
    same = sparse_code(rows, targets, 6, n_sweeps=2, groups=np.where(kinds == FAMILY, OTHER, kinds))
    np.testing.assert_array_equal(free.indices, same.indices)
    with pytest.raises(ValueError, match="max_per_group must be integers of shape"):
        sparse_code(rows, targets, 2, groups=kinds, max_per_group=np.ones(3, int))


def test_unique_shares_say_who_explains_what(made: tuple[Space, Path]) -> None:
    space, file = made
    atoms = load_atoms(space, phrases=file)
    mean = name_mean(space, "text")
    hair = atoms.vectors[atoms.names.index("red hair")].astype(np.float64)
    by_words = space.basis(on_sphere(mean, hair), 2, phrases=file, n_null=20, n_resamples=10)
    names, phrases = by_words.shares
    assert (names.of, names.beyond, phrases.of) == ("names", "phrases", "phrases")
    assert names.share == pytest.approx(0, abs=1e-6)  # one phrase is all of it
    first = Recipe(2).code(
        atoms.vectors, hair[None].astype(np.float32), atoms.kinds, atoms.is_phrase
    )
    span = atoms.vectors[first.indices[0]].astype(np.float64).T
    rest = hair - span @ np.linalg.lstsq(span, hair, rcond=None)[0]
    assert phrases.share == pytest.approx((rest @ rest) / (hair @ hair), abs=1e-5)
    assert phrases.z is not None
    assert phrases.z > 2
    assert phrases.low is not None
    assert phrases.high is not None
    assert 0 <= phrases.low <= phrases.high <= phrases.share + 1e-6
    # A direction that only names have: what two names share beyond their words.
    plain, _ = np.linalg.qr(atoms.vectors[atoms.is_phrase].T)
    own = atoms.vectors[atoms.names.index("Name003")]
    own = own - plain @ (plain.T @ own)
    by_name = space.basis(on_sphere(mean, own), 2, phrases=file, n_null=20, n_resamples=0)
    names, phrases = by_name.shares
    alone = space.basis(on_sphere(mean, own), 2, n_null=0, n_resamples=0)
    assert names.share == pytest.approx(alone.similarity**2, abs=1e-4)  # no phrase comes near it
    assert names.z is not None
    assert names.z > 2
    assert by_name.shares[0].said().startswith(f"Names explain {100 * names.share:.0f} % beyond")
    assert [table.key for table in by_name.tables()] == ["", "shares"]


def test_stored_phrases_are_atoms_like_names(made: tuple[Space, Path], stored: Space) -> None:
    space, file = made
    words = description(space, file)
    given = space.basis(words, 3, phrases=file, n_null=0, n_resamples=0)
    own = stored.basis(words, 3, n_null=0, n_resamples=0)
    assert own.names == given.names
    assert own.groups == given.groups
    np.testing.assert_allclose(own.weights, given.weights, atol=1e-4)
    assert set(own.ids) == {stored.find(name) for name in own.names}
    with pytest.raises(ValueError, match="use omp, or leave stored phrases out with where="):
        stored.basis(words, 3, method="lasso")
    names_alone = stored.basis(words, 3, where="part <> 'phrase'", n_null=0, n_resamples=0)
    assert not set(names_alone.names) & {one for group in PHRASES.values() for one in group}


def test_chosen_again_with_other_templates(stored: Space) -> None:
    found = stored.basis(
        description(stored, True), 3, where="part = 'phrase'", n_null=2, n_resamples=8
    )
    assert set(found.names) == {"elderly", "woman", "white hair"}
    assert found.template_stability is not None
    assert found.template_stability.min() > 0.5
    assert found.shares == ()
    assert found.to_arrow()["phrase_group"].to_pylist() == list(found.groups)
    assert "phrase of" in str(found)


def test_refused(made: tuple[Space, Path]) -> None:
    space, file = made
    with pytest.raises(ValueError, match="leave the phrases out, or use omp"):
        space.basis("Name001", 2, phrases=file, method="lasso")
    with pytest.raises(ValueError, match="leave the phrases out, or use omp"):
        space.basis("Name001", 2, phrases="none.txt", method="lasso")  # before any is read
    with pytest.raises(ValueError, match="phrases are read in the view text"):
        space.basis("Name001", 2, phrases=file, view="token")
    with pytest.raises(NamebasisError, match="cannot be read"):
        space.basis("Name001", 2, phrases="none.txt")
