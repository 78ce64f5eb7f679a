"""Who shares pieces with whom, in spaces that were added to: as in a build of all names."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import FilterError
from namebasis.namespace.building import build
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.removing import remove
from namebasis.namespace.building.undoing import undo
from namebasis.namespace.corpus.names import Names, make_names
from namebasis.namespace.where.counts import SHARED
from namebasis.space import Space, open_space
from tests.namespace.conftest import FakeEncoder, corpus

MORE = (
    [{"name": "King", "part": "pseudo"}, {"name": "Vickie", "part": "given", "gender": "F"}],
    [{"name": "Kin", "part": "given"}, {"name": "Ki", "part": "family"}],
    [{"name": "Brien", "part": "family"}, {"name": "Namaa", "part": "family", "count": 3}],
)
FILTERS = (
    "same_pieces > 0",
    "piece_names <= 2 AND gender = 'F'",
    "nullif(piece_names, 1) IS NULL",
    "`same_pieces` BETWEEN 1 AND 3 OR name = 'Kin'",
    "quantile(piece_names) > 0.9",
    "same_pieces > 0 AND one_per(name_folded)",
    # The engine reads names of columns in any case.
    "PIECE_NAMES IS NULL OR Same_Pieces > 0",
    "Gender = 'F' AND Piece_names < 3",
    "quantile(PIECE_NAMES) > 0.5",
    "text IS NOT NULL AND token IS NOT NULL AND same_pieces = 0",
    "token IS NULL OR piece_names > 1",
)
ORDERS = (
    "same_pieces desc, name",
    "piece_names + same_pieces",
    "piece_names",
    "Piece_Names + 0",
)


def fresh(space: Space) -> Space:
    """A build of all names of a space."""
    kept = corpus().table.column_names
    names = make_names(space.table(kept).to_pylist())
    count = len(list(space.path.parent.glob("fresh*")))
    path = space.path.parent / f"fresh{count}"
    return build_space(names, path, encoder=FakeEncoder())  # type: ignore[arg-type]


def answers(space: Space) -> dict[str, object]:
    """All that a space says of the counts, each asked of a space just opened."""
    path = space.path
    found: dict[str, object] = {"all": open_space(path).table()}
    for where in FILTERS:
        found[where] = open_space(path).table(["name", *SHARED], where=where).to_pylist()
        found[f"ids {where}"] = open_space(path).ids(where).tolist()
    for order in ORDERS:
        found[f"by {order}"] = open_space(path).table(["name", "part"], order_by=order)
    found["one"] = [open_space(path)["King"], open_space(path)["Namaa"]]
    again = open_space(path)
    found["often"] = [again[row] for row in range(0, len(space), 7)]
    found["some"] = again.table([*SHARED, "name"], ids=[3, 1, 3]).to_pylist()
    found["values"] = again.table(["nullif(same_pieces, 0) AS n", "id"], where="part = 'given'")
    return found


def is_stored(space: Space) -> bool:
    """Whether the counts are in the data set, and were not added to since."""
    opened = open_space(space.path)
    return opened._store.shared.are_stored


@pytest.mark.long
def test_counts_after_adds_are_those_of_a_build_of_all_names(space: Space, encoder) -> None:
    for more in MORE:
        space = add_names(space, make_names(more), encoder=encoder)
        assert not is_stored(space)
        assert answers(space) == answers(whole := fresh(space))
    assert is_stored(whole)
    # What was written says so itself, to earlier versions too.
    stored = space._store.dataset.to_table(columns=list(SHARED)).slice(60)
    assert stored["same_pieces"].null_count == len(stored) == 6
    space = undo(space).space
    assert answers(space) == answers(fresh(space))
    for _ in MORE[1:]:
        space = undo(space).space
    assert is_stored(space)
    space = undo(space, redo=True).space
    assert space.table().equals(fresh(space).table())
    space = remove(space, ["King"]).space
    assert is_stored(space)
    assert space.table(list(SHARED)).equals(fresh(space).table(list(SHARED)))


def test_an_add_rewrites_no_row(space: Space, encoder) -> None:
    def files(opened: Space) -> set[str]:
        return {
            file.path for one in opened._store.dataset.get_fragments() for file in one.data_files()
        }

    before = files(space)
    assert before < files(add_names(space, make_names(MORE[0]), encoder=encoder))


@pytest.mark.long
def test_counts_are_stored_again_where_much_was_added(space: Space, encoder, monkeypatch) -> None:
    monkeypatch.setattr(build, "CHUNK", 4)
    grown = add_names(space, make_names([one for more in MORE for one in more]), encoder=encoder)
    assert not is_stored(grown)
    grown = add_names(grown, make_names(corpus(70).table.to_pylist()), encoder=encoder)
    assert is_stored(grown)
    assert answers(grown) == answers(fresh(grown))


def test_a_wrong_filter_is_refused_as_before(space: Space, encoder) -> None:
    def refusal(opened: Space, where: str) -> str:
        with pytest.raises(FilterError) as error:
            opened.ids(where)
        return str(error.value)

    grown = add_names(space, make_names(MORE[0]), encoder=encoder)
    for where in (
        "same_pieces = 'two'",
        "same_pieces",
        "same_piece > 1",
        "nosuch(same_pieces) > 1",
    ):
        assert refusal(grown, where) == refusal(fresh(grown), where)


def test_a_name_without_a_piece_has_none(tmp_path: Path) -> None:
    class Blank(FakeEncoder):
        def pieces(self, texts):
            return [[] if text.startswith("Nam") else self.tokenize(text) for text in texts]

    def built(names: Names, at: str) -> Space:
        return build_space(names, tmp_path / at, encoder=Blank(), templates="plain")  # type: ignore[arg-type]

    rows = corpus(12).table.to_pylist()
    grown = add_names(built(make_names(rows[:8]), "a"), make_names(rows[8:]), encoder=Blank())  # type: ignore[arg-type]
    whole = built(make_names(rows), "b")
    assert not is_stored(grown)
    for asked in ({}, {"ids": [11, 0]}, {"where": "piece_names IS NULL"}):
        assert grown.table(**asked).equals(whole.table(**asked))
    assert grown.table(["same_pieces"], ids=[11])["same_pieces"].to_pylist() == [6]
    np.testing.assert_array_equal(grown.ids("piece_names IS NULL"), np.arange(5, 12))
