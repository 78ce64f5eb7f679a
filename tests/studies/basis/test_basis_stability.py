"""Which names are chosen again, over resamples of the corpus and of the templates."""

from __future__ import annotations

import errno
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from namebasis.analysis.sparse.codes import SparseCode
from namebasis.errors import EncoderError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.search import template_rows as module
from namebasis.namespace.search.template_rows import average_rows, template_rows
from namebasis.space import Space, open_space
from namebasis.studies.basis import stability as study
from namebasis.studies.basis.atoms import centre_target, load_atoms
from namebasis.studies.basis.recipe import Recipe
from tests.studies.basis.test_basis import DIM, FAMILY, GIVEN, SumEncoder, fit

NONE = np.zeros(60, dtype=bool)
TEMPLATES = ["plain {}", "odd {}", "third {}"]


class MoodyEncoder(SumEncoder):
    """As its parent, but in an odd sentence `Givena` reads as `Givenb`."""

    fingerprint = "sha256:moody"

    def __init__(self) -> None:
        self.encoded: list[str] = []

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        self.encoded += names
        read = [n.replace("Givena", "Givenb") if "odd" in template else n for n in names]
        own = 0.3 * np.random.default_rng(zlib.crc32(template.encode())).standard_normal(DIM)
        rows = np.stack([self.shared("text") + self.words(name) + own for name in read])
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def build(path: Path, templates: list[str]) -> Space:
    records = [{"name": name, "part": "given"} for name in GIVEN]
    records += [{"name": name, "part": "family"} for name in FAMILY]
    return build_space(make_names(records), path, encoder=MoodyEncoder(), templates=templates)


@pytest.fixture
def space(tmp_path: Path) -> Space:
    return build(tmp_path / "moody.space", TEMPLATES)


def test_unstable_names_are_chosen_less_often() -> None:
    # Ten near copies of one direction: which of them is chosen depends on who is there.
    rng = np.random.default_rng(0)
    atoms = rng.standard_normal((60, 8)).astype(np.float32) * 0.01
    atoms[0] = [5, 0, 0, 0, 0, 0, 0, 0]
    atoms[1] = [0, 5, 0, 0, 0, 0, 0, 0]
    atoms[2:6] = [0, 4.9, 0.5, 0, 0, 0, 0, 0] + rng.standard_normal((4, 8)) * 0.01
    target = np.array([1, 0.5, 0.07, 0, 0, 0, 0, 0], np.float32)
    chosen = np.array([0, 2])
    shares, seen = study.corpus_stability(
        Recipe(2, n_sweeps=0), atoms, target, NONE, NONE, chosen, 200, np.random.default_rng(2)
    )
    assert shares[0] == 1.0
    assert 0.0 <= shares[1] < 0.6
    assert set(seen) >= {0, 3, 4, 5}
    assert NONE[seen].sum() == 0


def test_rows_by_template_average_to_what_is_stored_and_are_kept(space: Space) -> None:
    ids = np.array([3, 0, 3, 21])
    rows = template_rows(space, ids)
    assert rows.shape == (3, 4, DIM)
    np.testing.assert_allclose(rows[1], MoodyEncoder().encode_names(
        ["Givend", "Givena", "Givend", "Familyb"], "odd {}"), atol=1e-6)  # fmt: skip
    np.testing.assert_allclose(
        average_rows(rows, np.full(3, 1 / 3)), space.vectors(ids=ids), atol=1e-6
    )
    encoder = space.encoder()
    encoder.encoded.clear()  # type: ignore[attr-defined]
    again = template_rows(space, np.array([21, 0, 5]))
    assert encoder.encoded == ["Givenf"] * 3  # type: ignore[attr-defined]
    np.testing.assert_array_equal(again[:, 0], rows[:, 3])


def test_rows_that_cannot_be_written_are_kept_in_memory(space: Space, monkeypatch) -> None:
    def full_disk(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    encoder = space.encoder()
    expected = template_rows(space, np.array([3, 0, 5]))
    (space.path / "indices" / "templates.npz").unlink()
    opened = open_space(space.path, encoder=encoder)
    monkeypatch.setattr(module.np, "savez", full_disk)
    encoder.encoded.clear()  # type: ignore[attr-defined]
    np.testing.assert_array_equal(template_rows(opened, np.array([3, 0])), expected[:, :2])
    np.testing.assert_array_equal(template_rows(opened, np.array([0, 5])), expected[:, 1:])
    assert encoder.encoded == [*["Givena", "Givend"] * 3, *["Givenf"] * 3]  # type: ignore[attr-defined]
    # A disk with room again has all of them written.
    monkeypatch.undo()
    template_rows(opened, np.array([7]))
    with np.load(space.path / "indices" / "templates.npz") as saved:
        assert sorted(saved["ids"]) == [0, 3, 5, 7]


def test_a_cache_of_other_vectors_or_damaged_is_not_used(space: Space, tmp_path: Path) -> None:
    ids = np.array([3, 0])
    rows = template_rows(space, ids)
    path = space.path / "indices" / "templates.npz"
    with np.load(path) as saved:
        kept = dict(saved)
    kept["rows"][:, kept["ids"] == 3] = kept["rows"][:, kept["ids"] == 0]
    np.savez(path, **kept)
    np.testing.assert_array_equal(template_rows(space, ids), rows)
    path.write_bytes(path.read_bytes()[:100])
    np.testing.assert_array_equal(template_rows(space, ids), rows)
    kept["view_id"] = np.array("another")
    np.savez(path, **kept)
    np.testing.assert_array_equal(template_rows(space, ids), rows)


def test_a_name_that_one_template_reads_otherwise_is_chosen_less_often(space: Space) -> None:
    # "Givena" is the target's first word in two templates of three; where "odd" is drawn often,
    # its vector is that of Givenb.
    found = fit(space, "Givena Familyc", 2, n_resamples=80)
    assert set(found.names) == {"Givena", "Familyc"}
    shares = dict(zip(found.names, found.template_stability, strict=True))
    assert shares["Familyc"] == 1.0
    assert shares["Givena"] < 0.99
    assert found.template_note is None
    assert found.to_arrow().column_names[-2:] == ["stability", "template_stability"]
    assert len(found.to_dict()["template_stability"]) == 2


def test_template_shares_equal_the_resampling_done_the_long_way(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the whole space as the pool, every vector can be averaged anew from the encoder."""
    text = "somebody called Familyc Familyd"  # no name, which would be placed as names are
    atoms = load_atoms(space)
    target = centre_target(space, {"Givena": 1.0, text: 0.8})
    denied = atoms.named(["Givena"])
    recipe = Recipe(2)
    code = recipe.code(atoms.vectors, target.vector[None], atoms.kinds, denied)
    chosen, n_codes = code.indices[0], 0
    plain = Recipe.code

    def counted(*args: Any, **more: Any) -> SparseCode:
        nonlocal n_codes
        n_codes += 1
        return plain(*args, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Recipe, "code", counted)
        got = study.template_stability(
            space, recipe, atoms, target, denied, chosen, chosen, 30, np.random.default_rng(4)
        )
    assert n_codes <= 10  # so many ways there are to draw three templates of three
    encoder, rng, again = MoodyEncoder(), np.random.default_rng(4), np.zeros(2)
    by_template = np.stack([encoder.encode_names([*GIVEN, *FAMILY], t) for t in TEMPLATES])
    pool = np.flatnonzero(~denied)
    free = encoder.encode_text([text])[0]
    for _ in range(30):
        share = rng.multinomial(3, np.full(3, 1 / 3)) / 3
        rows = np.tensordot(share, by_template, axes=1)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        mean = space.mean() + (rows - space.vectors())[pool].mean(axis=0)
        wanted = (rows[0] - mean) + 0.8 * (free - mean)
        found = recipe.code(
            (rows[pool] - mean).astype(np.float32), wanted[None].astype(np.float32),
            atoms.kinds[pool], denied[pool],
        )  # fmt: skip
        again += np.isin(chosen, pool[found.indices[0]])
    np.testing.assert_array_equal(got, again / 30)


def test_the_pool_holds_the_chosen_the_seen_and_the_nearest(
    space: Space, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(study, "POOL", 6)
    atoms = load_atoms(space)
    target = centre_target(space, "Givenb Familyc")
    denied = atoms.named(["Familyc"])
    chosen, seen = np.array([17]), np.array([17, 9])
    pool = study.candidate_pool(atoms, target, denied, chosen, seen)
    assert list(pool[:2]) == [17, 9]
    assert len(pool) == len(set(pool)) == 6
    assert 1 in pool  # Givenb, half of the target
    assert not denied[pool].any()


def test_what_cannot_be_resampled_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    one = build(tmp_path / "one.space", TEMPLATES[:1])
    found = fit(one, "Givena Familyc", 2, n_resamples=3)
    assert found.template_stability is None
    assert found.template_note == ("templates could not be resampled: the space was built with one")
    assert fit(one, "Givena Familyc", 2).template_note is None
    several = build(tmp_path / "three.space", TEMPLATES)
    token = fit(several, "Givena", 2, view="token", n_resamples=3)
    assert token.template_note == (
        "templates were not resampled: only the text view can be; this is the token view"
    )
    away = open_space(several.path)

    def gone(*_: object, **__: object) -> None:
        raise EncoderError("moody is not on this machine.")

    monkeypatch.setattr("namebasis.encoders.registry.load_encoder", gone)
    stored = fit(away, "Givena", 2, n_resamples=3)
    assert stored.stability is not None
    assert stored.template_note is not None
    assert "needs the encoder: moody is not on this machine" in stored.template_note
