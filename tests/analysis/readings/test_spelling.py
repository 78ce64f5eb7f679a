"""What pieces predict: against scikit-learn, on vectors whose spelling part is known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.linear_model import Ridge

from namebasis.analysis.readings import spelling
from namebasis.analysis.readings.spelling import (
    distinct_spellings,
    fit_piece_ridge,
    fold_of,
    indicators,
)
from namebasis.errors import NamebasisError

ALPHABET = [f"p{i}" for i in range(30)]


def corpus(n: int = 800, seed: int = 0) -> tuple[np.ndarray, list[list[str]], np.ndarray]:
    """Vectors of a spelling part (pieces and first piece), a token part and a part of their own."""
    rng = np.random.default_rng(seed)
    pieces = [rng.choice(ALPHABET, rng.integers(1, 4)).tolist() for _ in range(n)]
    effect = {piece: rng.standard_normal(12) for piece in ALPHABET}
    opening = {piece: rng.standard_normal(12) for piece in ALPHABET}
    token_of = {piece: rng.standard_normal(6) for piece in ALPHABET}
    mix = rng.standard_normal((6, 12))
    tokens = np.array([np.mean([token_of[p] for p in row], axis=0) for row in pieces])
    spelled = (
        np.array([sum(effect[p] for p in set(row)) + opening[row[0]] for row in pieces])
        + tokens @ mix
    )
    own = rng.standard_normal((n, 12))
    return (spelled + own).astype(np.float32), pieces, tokens.astype(np.float32)


def test_out_of_fold_predictions_are_those_of_ridge_regression() -> None:
    vectors, pieces, tokens = corpus()
    fit = fit_piece_ridge(vectors, pieces, tokens, n_folds=4, penalties=[2.0])
    keys, _, group = distinct_spellings(pieces)
    folds = fold_of(keys, 4)[group]
    marks = indicators(pieces, fit.pieces, fit.first_pieces).toarray()
    design = np.column_stack([tokens * fit.token_scale, marks])
    predicted = fit.predict(pieces, tokens)
    for fold in range(4):
        out = folds == fold
        peer = Ridge(alpha=2.0).fit(design[~out], vectors[~out])
        expected = peer.predict(design[out])
        np.testing.assert_allclose(predicted[out], expected, atol=2e-4)
        missed = ((vectors[out] - expected) ** 2).sum()
        total = ((vectors[out] - vectors[out].mean(axis=0)) ** 2).sum()
        assert fit.explained[fold] == pytest.approx(1 - missed / total, abs=1e-4)


def test_what_is_left_is_the_part_of_their_own() -> None:
    vectors, pieces, tokens = corpus(3000, seed=1)
    fit = fit_piece_ridge(vectors, pieces, tokens)
    rest = vectors - fit.predict(pieces, tokens)
    # Own parts have variance 1 in each of 12 directions, and nothing else is unpredictable.
    assert (rest**2).mean() == pytest.approx(1.0, abs=0.06)
    assert min(fit.explained) > 0.5


def test_shuffled_pieces_explain_nothing() -> None:
    vectors, pieces, tokens = corpus(seed=2)
    order = np.random.default_rng(0).permutation(len(pieces))
    shuffled = fit_piece_ridge(vectors, [pieces[i] for i in order], tokens[order])
    assert max(shuffled.explained) < 0.05


def test_names_of_one_spelling_stand_in_one_fold_and_are_predicted_alike() -> None:
    vectors, pieces, tokens = corpus(400, seed=3)
    pieces[7] = pieces[300] = pieces[11] = ["p1", "p2", "p3", "p1"]
    tokens[7] = tokens[300] = tokens[11]
    vectors[7] += 100.0  # an outlier must not reach the prediction of its own spelling
    fit = fit_piece_ridge(vectors, pieces, tokens, penalties=[1.0])
    predicted = fit.predict(pieces, tokens)
    np.testing.assert_array_equal(predicted[7], predicted[300])
    np.testing.assert_array_equal(predicted[7], predicted[11])
    vectors[7] -= 100.0
    again = fit_piece_ridge(vectors, pieces, tokens, penalties=[1.0])
    np.testing.assert_allclose(again.predict(pieces, tokens)[7], predicted[7], atol=1e-4)


def test_order_of_names_does_not_matter() -> None:
    vectors, pieces, tokens = corpus(300, seed=4)
    order = np.random.default_rng(1).permutation(300)
    one = fit_piece_ridge(vectors, pieces, tokens)
    other = fit_piece_ridge(vectors[order], [pieces[i] for i in order], tokens[order])
    np.testing.assert_allclose(one.weights, other.weights, atol=1e-4)


def test_no_tokens_no_pieces_and_unseen_pieces_are_no_trouble() -> None:
    vectors, pieces, _ = corpus(300, seed=5)
    pieces[0] = []
    fit = fit_piece_ridge(vectors, pieces, np.zeros((300, 0), np.float32))
    plain = fit.predict([[], ["never seen"]], np.zeros((2, 0), np.float32))
    assert np.isfinite(plain).all()
    np.testing.assert_allclose(plain[1], fit.intercepts[fold_of(["never seen"], 5)[0]], atol=1e-6)


def test_bad_input_is_refused() -> None:
    vectors, pieces, tokens = corpus(300)
    with pytest.raises(ValueError, match="one length; got 300, 299 and 300"):
        fit_piece_ridge(vectors, pieces[1:], tokens)
    with pytest.raises(ValueError, match=r"at least 4 different spellings .* 2 spellings leave"):
        fit_piece_ridge(vectors[:40], [["a"], ["b"]] * 20, tokens[:40])
    with pytest.raises(ValueError, match="n_folds must be"):
        fit_piece_ridge(vectors, pieces, tokens, n_folds=1)
    with pytest.raises(ValueError, match="all vectors of a fold are equal"):
        fit_piece_ridge(np.ones_like(vectors), pieces, tokens)


def test_files_hold_the_whole_fit(tmp_path: Path) -> None:
    vectors, pieces, tokens = corpus(300)
    fit = fit_piece_ridge(vectors, pieces, tokens)
    path = tmp_path / "fit.safetensors"
    path.write_bytes(spelling.to_bytes(fit))
    read = spelling.read_fit(path)
    np.testing.assert_array_equal(read.predict(pieces, tokens), fit.predict(pieces, tokens))
    assert (read.penalty, read.explained) == (fit.penalty, fit.explained)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(NamebasisError, match="missing or damaged"):
        spelling.read_fit(path)
    with pytest.raises(NamebasisError, match="missing or damaged"):
        spelling.read_fit(tmp_path / "none")
