"""The view without spelling: made once, kept right by what comes later, used like any other."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from namebasis.errors import SpaceError, TargetError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.unspelled import facts, unspell
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store.unspelled import read_fit
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Space:
    path = tmp_path_factory.mktemp("unspelled") / "a.space"
    return unspell(build_space(corpus(200), path, encoder=FakeEncoder()), n_folds=3)  # type: ignore[arg-type]


def test_it_is_the_text_view_minus_what_pieces_predict(made: Space) -> None:
    assert made.views == ("text", "token", "unspelled")
    assert "unspelled" not in made.columns
    rows = made.table(["pieces", "token_norm"])
    tokens = made.vectors("token") * rows["token_norm"].to_numpy()[:, None]
    predicted = read_fit(made._store).predict(rows["pieces"].to_pylist(), tokens)
    rest = made.vectors() - predicted
    rest /= np.linalg.norm(rest, axis=1, keepdims=True)
    np.testing.assert_allclose(made.vectors("unspelled"), rest, atol=1e-6)
    np.testing.assert_allclose(made.mean("unspelled"), rest.mean(axis=0), atol=1e-6)


def test_it_says_how_it_was_made(made: Space) -> None:
    known = facts(made)
    assert (known.n_fitted, known.n_folds, len(known.explained)) == (200, 3, 3)
    told = made.info()["unspelled"]
    assert told["explained"] == pytest.approx(known.mean_explained)
    assert made.info()["views"]["unspelled"] == 16
    assert made.info()["indices"]["unspelled"]["rows"] == 200


def test_names_are_searched_in_it(made: Space) -> None:
    found = made.nearest("Vicki", k=3, view="unspelled")
    vectors = made.vectors("unspelled")
    order = np.argsort(-(vectors @ vectors[0]))
    assert [row["id"] for row in found.to_arrow().to_pylist()] == order[1:4].tolist()
    assert made.graph("unspelled", 5).k == 5


def test_a_free_text_loses_the_mean_and_an_image_is_refused(made: Space) -> None:
    opened = open_space(made.path, encoder=FakeEncoder())  # type: ignore[arg-type]
    target = opened.resolve("a senior lady", view="unspelled")
    plain = FakeEncoder().encode_text(["a senior lady"])[0] - made.mean("text")
    np.testing.assert_allclose(target.vector, plain / np.linalg.norm(plain), atol=1e-6)
    with pytest.raises(TargetError, match="no vector in the unspelled view"):
        opened.resolve(Path("photo.jpg"), view="unspelled")


def test_names_added_later_get_it_by_the_same_fit(made: Space, tmp_path: Path) -> None:
    path = tmp_path / "grown.space"
    space = unspell(build_space(corpus(200), path, encoder=FakeEncoder()))  # type: ignore[arg-type]
    before = space.vectors("unspelled")
    # Vicki as a family name has Vicki's very pieces and vector, Nobody pieces of its own.
    more = make_names([{"name": name, "part": "family"} for name in ("Vicki", "Nobodyatall")])
    grown = add_names(space, more, encoder=FakeEncoder())  # type: ignore[arg-type]
    after = grown.vectors("unspelled")
    np.testing.assert_array_equal(after[:200], before)
    np.testing.assert_array_equal(after[200], after[0])
    np.testing.assert_allclose(np.linalg.norm(after, axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(grown.mean("unspelled"), after.mean(axis=0), atol=1e-6)
    assert grown.nearest("Nobodyatall", k=2, view="unspelled").to_arrow().num_rows == 2
    known = facts(grown)
    assert known.n_fitted == 200
    again = facts(unspell(grown, rebuild=True))
    assert again.n_fitted == 202


def test_made_twice_it_stays_and_rebuilt_it_replaces_its_caches(tmp_path: Path) -> None:
    path = tmp_path / "b.space"
    first = unspell(build_space(corpus(200), path, encoder=FakeEncoder()), n_folds=3)  # type: ignore[arg-type]
    version = first._store.version
    graph = first.graph("unspelled", 4)
    assert unspell(first)._store.version == version
    second = unspell(first, n_folds=4, rebuild=True)
    known = facts(second)
    assert known.n_folds == 4
    assert not np.array_equal(second.graph("unspelled", 4).similarities, graph.similarities)
    assert len(list((path / "fits").iterdir())) == 2  # the older one is kept for undo
    assert not [name for name in second._store.schema.names if name.startswith("__")]
    table = pa.table({"id": np.arange(200), "score": np.zeros(200)})
    second.add_metrics(table, study="s", parameters={})  # other columns leave it alone
    np.testing.assert_array_equal(
        open_space(path).vectors("unspelled"), second.vectors("unspelled")
    )


def test_without_its_fit_no_names_are_added(tmp_path: Path) -> None:
    path = tmp_path / "c.space"
    space = unspell(build_space(corpus(200), path, encoder=FakeEncoder()))  # type: ignore[arg-type]
    for file in (path / "fits").iterdir():
        file.unlink()
    with pytest.raises(SpaceError, match=r"missing or damaged .* unspell .* --rebuild"):
        add_names(space, make_names([{"name": "Zed", "part": "given"}]), encoder=FakeEncoder())  # type: ignore[arg-type]
    assert len(open_space(path)) == 200
    assert len(add_names(unspell(space, rebuild=True),
                         make_names([{"name": "Zed", "part": "given"}]),
                         encoder=FakeEncoder())) == 201  # type: ignore[arg-type]  # fmt: skip


def test_what_is_not_there_is_said(space: Space, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"got 'unspelled'. Make it with `namebasis unspell"):
        space.nearest("Vicki", view="unspelled")
    few = build_space(corpus(8), tmp_path / "few.space", encoder=FakeEncoder())  # type: ignore[arg-type]
    with pytest.raises(SpaceError, match="at least 4 different spellings"):
        unspell(few)
    with pytest.raises(ValueError, match="n_folds must be"):
        unspell(space, n_folds=1)
