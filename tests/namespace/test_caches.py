"""Caches belong to the very vectors they were made of."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from namebasis.namespace import views
from namebasis.namespace.build import add_names, build_space
from namebasis.namespace.locks import locked
from namebasis.namespace.names import make_names
from namebasis.namespace.space import Space
from namebasis.namespace.store import Store, as_column
from namebasis.namespace.view_ids import view_id
from tests.namespace.conftest import FakeEncoder, corpus


def put(space: Space, rows: np.ndarray, view: str = "image") -> Space:
    """Write a view of given unit rows, as `add --images` does."""
    with locked(space.path):
        views.put_view(Store(space.path), view, rows.shape[1], {}, [as_column(rows)])
    return Space(space.path)


def unit_rows(n: int, seed: int, dim: int = 16) -> np.ndarray:
    rows = np.random.default_rng(seed).standard_normal((n, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ids(space: Space) -> dict[str, str]:
    return {view: view_id(space._store.schema, view, "no id") for view in space.views}


class TestIds:
    def test_every_writing_of_a_view_has_its_own_and_rows_added_keep_it(
        self, space: Space, tmp_path: Path
    ) -> None:
        first = ids(space)
        assert set(first) == {"text", "token"}
        grown = add_names(space, make_names([{"name": "Newcomer", "part": "given"}]))
        assert ids(grown) == first
        again = build_space(corpus(), tmp_path / "b.space", encoder=FakeEncoder())
        with_images = put(again, unit_rows(60, 1))
        second = put(with_images, unit_rows(60, 2))
        found = [*first.values(), *ids(with_images).values(), ids(second)["image"]]
        assert all(len(name) == 32 for name in found)
        assert len(set(found)) == 6
        assert ids(second) | {"image": ""} == ids(with_images) | {"image": ""}

    def test_a_view_without_one_goes_by_its_build_and_fit(self, space: Space) -> None:
        fields = {name: {} for name in ("text", "token")} | {"token": {"namebasis.fit": "f"}}
        for name, metadata in fields.items():
            space._store.dataset.replace_field_metadata(name, metadata)
        schema = Space(space.path)._store.schema
        assert view_id(schema, "text", "b") == "b"
        assert view_id(schema, "token", "b") == "b f"

    def test_a_graph_of_images_replaced_since_is_not_taken(self, space: Space) -> None:
        for seed in (1, 2):
            rows = unit_rows(60, seed)
            written = put(space, rows)
            cosines = rows @ rows.T
            np.fill_diagonal(cosines, -2)
            best = -np.sort(-cosines, axis=1)[:, :4]
            np.testing.assert_allclose(written.graph("image", 4).similarities, best, atol=1e-5)
