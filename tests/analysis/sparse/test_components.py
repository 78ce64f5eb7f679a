"""Components against closed forms, an SVD oracle and what must not change them."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import ortho_group

from namebasis.analysis.sparse.components import (
    Components,
    load_components,
    piece_components,
    piece_label,
    principal_components,
    save_components,
)
from namebasis.errors import NamebasisError


def gaussian(n: int, scales: list[float], seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    return (rng.standard_normal((n, len(scales))) * scales).astype(np.float32)


def whitened(n: int, width: int, seed: int = 0) -> np.ndarray:
    """Rows whose sample mean is zero and sample covariance the identity, to rounding."""
    rows = np.random.default_rng(seed).standard_normal((n, width))
    rows -= rows.mean(axis=0)
    left, _, right = np.linalg.svd(rows, full_matrices=False)
    return left @ right * np.sqrt(n - 1)


def test_a_known_covariance_gives_its_axes_and_deviations() -> None:
    scales = np.array([5.0, 3.0, 1.0, 0.5])
    axes = ortho_group.rvs(4, random_state=1)
    mean = np.array([1.0, -2.0, 3.0, 0.5])
    found = principal_components(whitened(500, 4) * scales @ axes + mean)
    np.testing.assert_allclose(found.standard_deviations, scales, rtol=1e-5)
    np.testing.assert_allclose(np.abs(found.directions @ axes.T), np.eye(4), atol=1e-5)
    np.testing.assert_allclose(found.mean, mean, atol=1e-5)
    np.testing.assert_allclose(found.explained, scales**2 / (scales**2).sum(), rtol=1e-5)
    assert (found.n_rows, found.n_distinct) == (500, 500)


@pytest.mark.parametrize(("n", "width"), [(200, 12), (12, 40), (20, 20)])
def test_against_the_svd_of_the_centred_rows(n: int, width: int) -> None:
    rows = gaussian(n, list(np.linspace(2, 0.1, width))) + 3
    found = principal_components(rows)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    _, singular, directions = np.linalg.svd(centred, full_matrices=False)
    k = min(n - 1, width)
    assert found.n_components == k
    np.testing.assert_allclose(found.standard_deviations, singular[:k] / np.sqrt(n - 1), rtol=1e-5)
    cosines = np.abs((found.directions * directions[:k]).sum(axis=1))
    np.testing.assert_allclose(cosines, 1, atol=1e-5)
    np.testing.assert_allclose(found.directions @ found.directions.T, np.eye(k), atol=1e-5)
    assert found.total_variance == pytest.approx(rows.var(axis=0, ddof=1).sum(), rel=1e-5)


def test_coefficients_are_uncorrelated_with_unit_deviation_and_invert() -> None:
    rows = gaussian(300, [4, 2, 1, 0.3, 0.1]) @ ortho_group.rvs(5, random_state=3)
    found = principal_components(rows)
    weights = found.coefficients(rows)
    np.testing.assert_allclose(np.cov(weights.T), np.eye(5), atol=1e-4)
    np.testing.assert_allclose(found.reconstruct(weights), rows, atol=1e-5)
    part = found.reconstruct(weights[:, :2])  # the best approximation of rank two
    error = float(((part - rows) ** 2).sum()) / 299
    assert error == pytest.approx(float((found.standard_deviations[2:] ** 2).sum()), rel=1e-3)


def test_a_large_offset_costs_no_precision() -> None:
    rows = gaussian(400, [1.0, 0.5])
    plain, moved = principal_components(rows), principal_components(rows + 100)
    np.testing.assert_allclose(plain.standard_deviations, moved.standard_deviations, rtol=1e-4)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 1000), n=st.integers(8, 40))
def test_a_rotation_turns_directions_and_keeps_deviations(seed: int, n: int) -> None:
    rows = gaussian(n, [5, 3, 2, 1], seed)
    turn = ortho_group.rvs(4, random_state=seed)
    one, two = principal_components(rows), principal_components(rows @ turn)
    np.testing.assert_allclose(one.standard_deviations, two.standard_deviations, rtol=1e-4)
    weights, turned = one.coefficients(rows), two.coefficients(rows @ turn)
    gaps = -np.diff(one.standard_deviations, prepend=np.inf, append=0)
    clear = np.minimum(gaps[:-1], gaps[1:]) > 0.2  # equal deviations have no axes of their own
    np.testing.assert_allclose(np.abs(weights)[:, clear], np.abs(turned)[:, clear], atol=2e-2)


def test_the_order_of_rows_changes_nothing() -> None:
    rows = gaussian(100, [3, 2, 1])
    one = principal_components(rows)
    two = principal_components(rows[np.random.default_rng(0).permutation(100)])
    np.testing.assert_allclose(one.directions, two.directions, atol=1e-5)


def test_the_largest_entry_of_each_direction_is_positive() -> None:
    for seed in range(5):
        found = principal_components(gaussian(30, [3, 2, 1, 1], seed))
        largest = np.abs(found.directions).argmax(axis=1)
        assert (found.directions[np.arange(4), largest] > 0).all()


def test_never_more_components_than_distinct_rows_allow() -> None:
    distinct = gaussian(4, [1] * 10)
    found = principal_components(np.repeat(distinct, 50, axis=0))  # 200 rows, n >> d
    assert (found.n_components, found.n_distinct, found.n_rows) == (3, 4, 200)
    wide = principal_components(np.repeat(gaussian(4, [1] * 500), 2, axis=0))  # n < d
    assert wide.n_components == 3


def test_directions_without_variance_are_left_out() -> None:
    flat = np.hstack([gaussian(60, [2, 1]), np.full((60, 3), 0.7, np.float32)])
    assert principal_components(flat).n_components == 2
    assert principal_components(flat[:4]).n_components == 2


def test_max_components_caps_and_keeps_the_total() -> None:
    rows = gaussian(50, [3, 2, 1, 0.5])
    whole, some = principal_components(rows), principal_components(rows, 2)
    np.testing.assert_allclose(some.directions, whole.truncate(2).directions, atol=1e-6)
    assert some.total_variance == pytest.approx(whole.total_variance)
    assert principal_components(rows, 99).n_components == 4


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.ones((5, 3)), "at least 2 distinct rows; got 1 distinct of 5"),
        (np.ones((1, 3)), "got 1 distinct of 1"),
        ([[1.0, np.nan], [0.0, 1.0]], "must be finite"),
        ([1.0, 2.0], "must be 2-D"),
        ([["a", "b"]], "must hold real numbers"),
        (1 + np.array([[0, 0], [1e-7, 0]]), "differ by no more than rounding"),
    ],
)
def test_hostile_rows_are_refused(rows: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        principal_components(rows)


def test_wrong_widths_and_counts_are_refused() -> None:
    found = principal_components(gaussian(20, [2, 1, 1]))
    with pytest.raises(ValueError, match="vectors must have 3 columns; got 2"):
        found.coefficients(np.ones((1, 2)))
    with pytest.raises(ValueError, match="4 columns, but there are 3 components"):
        found.reconstruct(np.ones((1, 4)))
    with pytest.raises(ValueError, match="n_components must be an integer, between 1 and 3"):
        found.truncate(4)
    with pytest.raises(ValueError, match="max_components must be an integer, at least 1; got 0"):
        principal_components(gaussian(20, [2, 1]), 0)


# --- pieces ---------------------------------------------------------------------------------


def test_pieces_of_a_position_are_what_principal_components_finds_there() -> None:
    table = gaussian(30, [3, 2, 1, 0.5])
    lengths = [1, 2, 3] * 10
    pieces = [np.roll(table, i, axis=0)[:n] for i, n in enumerate(lengths)]
    names = [f"name {i}" for i in range(30)]
    first, second = piece_components(names, pieces)
    assert (first.label, second.label) == ("first piece", "second piece")
    assert (first.n_rows, second.n_rows) == (30, 20)  # ten names have no second piece
    oracle = principal_components(np.stack([p[1] for p in pieces if len(p) > 1]))
    np.testing.assert_array_equal(second.directions, oracle.directions)
    np.testing.assert_array_equal(second.mean, oracle.mean)


def test_names_listed_twice_count_once() -> None:
    pieces = [gaussian(2, [2, 1, 1], seed) for seed in range(6)]
    names = [f"n{i}" for i in range(6)]
    once = piece_components(names, pieces)
    twice = piece_components([*names, " n0 ", "n0"], [*pieces, pieces[0], pieces[0]])
    for one, two in zip(once, twice, strict=True):
        np.testing.assert_array_equal(one.standard_deviations, two.standard_deviations)
        assert one.n_rows == two.n_rows == 6


def test_shared_first_pieces_limit_the_components() -> None:
    table = gaussian(3, [1] * 8)
    pieces = [np.stack([table[i % 3], row]) for i, row in enumerate(gaussian(40, [1] * 8, 1))]
    names = [f"n{i}" for i in range(40)]
    first, second = piece_components(names, pieces, max_components=5)
    assert (first.n_components, first.n_distinct, first.n_rows) == (2, 3, 40)
    assert second.n_components == 5


def test_hostile_pieces_are_refused() -> None:
    good = [gaussian(1, [1, 1], seed) for seed in range(3)]
    with pytest.raises(
        ValueError, match=r"second piece: 0 of 3 .* use n_positions=1 or more names"
    ):
        piece_components(["a", "b", "c"], good)
    with pytest.raises(ValueError, match=r"^first piece: 0 of 0 distinct .*; use more names\.$"):
        piece_components([], [])
    with pytest.raises(ValueError, match="got 3 for 2 names"):
        piece_components(["a", "b"], good)
    with pytest.raises(ValueError, match="pieces of 'b' must have 2 columns; got 3"):
        piece_components(["a", "b"], [good[0], np.ones((1, 3))])
    with pytest.raises(ValueError, match="pieces of 'a' needs at least 1 row"):
        piece_components(["a"], [np.empty((0, 2))])


def test_positions_have_honest_names() -> None:
    assert [piece_label(i) for i in (0, 1, 7, 8)] == [
        "first piece",
        "second piece",
        "eighth piece",
        "9th piece",
    ]


# --- files ----------------------------------------------------------------------------------


def test_what_is_saved_is_loaded(tmp_path: Path) -> None:
    path = tmp_path / "basis.safetensors"
    found = principal_components(
        gaussian(30, [3, 2, 1]), 2, label="text", metadata={"encoder": "minilm", "where": None}
    )
    found.save(path)
    again = Components.load(path)
    np.testing.assert_array_equal(again.directions, found.directions)
    np.testing.assert_array_equal(again.mean, found.mean)
    np.testing.assert_array_equal(again.standard_deviations, found.standard_deviations)
    assert again.metadata == {"encoder": "minilm", "where": None}
    assert (again.label, again.total_variance, again.n_rows, again.n_distinct) == (
        "text",
        found.total_variance,
        30,
        30,
    )
    assert [p.name for p in tmp_path.iterdir()] == ["basis.safetensors"]  # nothing half-written


def test_several_bases_share_a_file(tmp_path: Path) -> None:
    path = tmp_path / "pieces.safetensors"
    bases = [principal_components(gaussian(9, [2, 1], s), label=f"b{s}") for s in range(11)]
    save_components(bases, path)
    assert [b.label for b in load_components(path)] == [f"b{s}" for s in range(11)]
    with pytest.raises(NamebasisError, match=r"holds 11 bases .* expected 1"):
        Components.load(path)
    with pytest.raises(ValueError, match="no components to save"):
        save_components([], path)


def test_damaged_files_are_refused(tmp_path: Path) -> None:
    from safetensors.numpy import save_file

    with pytest.raises(NamebasisError, match="no such file"):
        load_components(tmp_path / "none.safetensors")
    bad = tmp_path / "bad.safetensors"
    bad.touch()
    with pytest.raises(NamebasisError, match=r"damaged components file \(it is empty\)"):
        load_components(bad)
    bad.write_bytes(b"\x80\x04not safetensors")
    with pytest.raises(NamebasisError, match="damaged components file"):
        load_components(bad)
    save_file({"a": np.ones(2, np.float32)}, str(bad))
    with pytest.raises(NamebasisError, match="no components of this version"):
        load_components(bad)
    good = tmp_path / "good.safetensors"
    principal_components(gaussian(9, [2, 1])).save(good)
    good.write_bytes(good.read_bytes()[:-8])
    with pytest.raises(NamebasisError, match="damaged components file"):
        load_components(good)
    heads = json.dumps([{"label": "x"}])
    save_file(
        {"0.mean": np.ones(2, np.float32)},
        str(bad),
        metadata={"format": "namebasis.components/1", "bases": heads},
    )
    with pytest.raises(NamebasisError, match="damaged components file"):
        load_components(bad)


def test_two_names_are_enough_for_a_position() -> None:
    rng = np.random.default_rng(0)
    pieces = [rng.standard_normal((2, 6)).astype(np.float32) for _ in range(2)]
    first, second = piece_components(["Ann", "Bob"], pieces)
    assert first.n_components >= 1 <= second.n_components
