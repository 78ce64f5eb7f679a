"""Builds: what is stored, going on after a stop, replacing, adding."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.namespace.build import build_space
from namebasis.namespace.names import Names
from namebasis.namespace.space import Space, open_space


def test_rows_are_the_corpus_in_order_with_vectors_over_the_templates(
    space: Space, names: Names, encoder
) -> None:
    assert space.table(["name"])["name"].to_pylist() == names.strings
    assert space.table(["id"])["id"].to_pylist() == list(range(len(names)))
    one = np.mean(
        [encoder.encode_names(names.strings, t) for t in space.provenance.templates],
        axis=0,
    )
    length = np.linalg.norm(one, axis=1)
    np.testing.assert_allclose(space.vectors(), one / length[:, None], atol=1e-6)
    spread = space.table(["template_spread"])["template_spread"].to_numpy()
    np.testing.assert_allclose(spread, 1 - length, atol=1e-6)
    tokens = encoder.token_embeddings(names.strings)
    norms = np.linalg.norm(tokens, axis=1)
    np.testing.assert_allclose(space.vectors("token"), tokens / norms[:, None], atol=1e-6)
    np.testing.assert_allclose(space.table(["token_norm"])["token_norm"], norms, rtol=1e-6)
    assert (
        space.table(["n_tokens"])["n_tokens"].to_pylist()
        == encoder.count_tokens(names.strings).tolist()
    )


def test_a_finished_build_run_again_is_opened_without_encoding(
    tmp_path: Path, names: Names, encoder
) -> None:
    build_space(names, tmp_path / "a.space", encoder=encoder)
    calls = encoder.calls
    again = build_space(names, tmp_path / "a.space", encoder=encoder)
    assert encoder.calls == calls
    assert len(again) == len(names)


def test_an_open_space_answers_with_exact_cosines(space: Space) -> None:
    vectors = open_space(space.path).vectors()
    query = np.random.default_rng(1).standard_normal(16).astype(np.float32)
    result = space.nearest(query, 7)
    cosines = vectors @ (query / np.linalg.norm(query))
    best = np.argsort(-cosines)[:7]
    assert result.ids.tolist() == best.tolist()
    np.testing.assert_allclose(result.similarities, cosines[best], atol=1e-6)


@pytest.mark.parametrize("view", ["text", "token"])
def test_the_mean_is_that_of_the_stored_vectors(space: Space, view: str) -> None:
    np.testing.assert_allclose(space.mean(view), space.vectors(view).mean(axis=0), atol=1e-6)
