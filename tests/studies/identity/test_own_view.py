"""Own directions as a view: stored, asked, kept against a null, and gone where names have none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from namebasis.errors import SpaceError, TargetError
from namebasis.namespace.building.build import add_names, build_space
from namebasis.namespace.building.merging import merge
from namebasis.namespace.building.removing import drop, remove
from namebasis.namespace.computed.facts import facts_of
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.identity.own_null import null_directions
from tests.studies.identity.test_identity_reference import CountingEncoder, names_of
from tests.studies.identity.test_identity_study import vector

PEOPLE = [f"Ada{at} Lov{at}" for at in range(24)]
SHARING = {name: f"own {max(at, 1)}" for at, name in enumerate(PEOPLE[:10])}
"""Names that are more than their parts, and what they share."""
FEW = {"n_swaps": 6, "n_made_up": 20, "with_contexts": False}


class Knowing(CountingEncoder):
    """Some full names have a direction of their own, and two of them the same."""

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        rows = super().encode_text(texts) * 4.0
        for at, text in enumerate(texts):
            if text in SHARING:
                rows[at] += 2.0 * vector(SHARING[text]) / np.linalg.norm(vector(SHARING[text]))
        return np.asarray(rows / np.linalg.norm(rows, axis=1, keepdims=True), np.float32)

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        return self.encode_text([template.format(name) for name in names])


def built(folder: Path) -> Space:
    rows = [*names_of(20, "given"), *names_of(20, "family")]
    rows += [{"name": name, "part": "full", "count": 5} for name in PEOPLE]
    build_space(make_names(rows), folder / "s.space", encoder=Knowing("knowing"), templates=["{}"])
    return open_space(folder / "s.space", encoder=Knowing("knowing"))


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, object]:
    space = built(tmp_path_factory.mktemp("own"))
    found = space.identity(where="part = 'full' OR name = 'Given3'", **FEW)
    assert found.write(space) == len(PEOPLE) + 1
    return space, found


def copied(space: Space, folder: Path) -> Space:
    import shutil

    shutil.copytree(space.path, folder / "copy.space")
    return open_space(folder / "copy.space", encoder=Knowing("knowing"))


def test_the_view_holds_the_directions_of_the_full_names_alone(written) -> None:
    space, found = written
    rows = space.vectors("own")
    held = [space.find(name, "full") for name in PEOPLE]
    assert space.ids(view="own").tolist() == sorted(held)
    assert not rows[np.setdiff1d(np.arange(len(space)), held)].any()
    lengths = dict(zip(space.table(["name"])["name"].to_pylist(),
                       space.table(["own_norm"])["own_norm"].to_pylist(), strict=True))  # fmt: skip
    for at, row in enumerate(found.rows):
        if row.own_length is not None:
            direction = found.own_directions[at] / row.own_length
            np.testing.assert_allclose(rows[space.find(row.name, "full")], direction, atol=1e-5)
            assert lengths[row.name] == pytest.approx(row.own_length, rel=1e-4)
    assert facts_of(space._store, "own").fingerprint == space.provenance.fingerprint
    told = space.table(["identity_own_evidence", "identity_own_evidence_low", "identity_given"],
                       ids=[held[0]]).to_pylist()[0]  # fmt: skip
    assert told["identity_given"] == "Ada0"
    assert 0 < told["identity_own_evidence_low"] <= told["identity_own_evidence"] > 0.9


def test_who_shares_what_a_name_has_of_its_own(written) -> None:
    space, _ = written
    near = space.nearest("Ada0 Lov0", 1, view="own")
    assert near.names == ("Ada1 Lov1",)
    assert near.similarities[0] > 0.9
    found = space.own(least=0.5, n_resamples=20)
    first, second = found.names[:2]
    assert (
        {first.name, second.name} == {first.nearest, second.nearest} == {"Ada0 Lov0", "Ada1 Lov1"}
    )
    assert first.is_shared
    assert first.cluster == second.cluster == 1
    assert found.clusters()[1] == ["Ada0 Lov0", "Ada1 Lov1"]
    assert "share it with another name" in found.headline()
    whole = space.own(least=0, n_resamples=20)
    assert len(whole) == len(PEOPLE)
    assert {one.name for one in whole.names if one.is_shared} >= {"Ada0 Lov0", "Ada1 Lov1"}
    fewer = f"held against {len(whole) - 2:,} of the others"
    assert fewer in " ".join(replace(whole, n_null=len(whole) - 1).notes())
    assert fewer not in " ".join(replace(whole, n_null=len(whole)).notes())
    assert found.to_arrow().num_rows == len(found) == len(found.to_dict()["names"])
    assert [table.title for table in found.tables()] == ["", "how they lie", "clusters"]


def test_the_null_is_kept_and_measured_again_where_it_is_lost(written, tmp_path: Path) -> None:
    space, found = written
    kept = null_directions(space)
    assert kept.pairs == found.null.pairs
    np.testing.assert_array_equal(kept.directions, found.null.directions)
    assert {given for given, _ in kept.pairs} <= {name.split()[0] for name in PEOPLE}
    assert not {" ".join(pair) for pair in kept.pairs} & set(PEOPLE)
    other = copied(space, tmp_path)
    for file in (other.path / "indices").glob("own-null.npz"):
        file.unlink()
    again = null_directions(other)
    assert again.pairs == kept.pairs
    np.testing.assert_allclose(again.directions, kept.directions, atol=1e-5)


def test_names_without_a_direction_are_told_why(written) -> None:
    space, _ = written
    with pytest.raises(TargetError, match="'Given3' has no vector in the view own: it is no full"):
        space.nearest("Given3", view="own")
    with pytest.raises(TargetError, match=r"'Ada7 Lov9' has no vector .* only stored names have"):
        space.nearest("Ada7 Lov9", view="own")
    with pytest.raises(TargetError, match="'a photo' has no vector in the view own"):
        space.nearest("a photo", view="own")


def test_other_studies_read_the_view(written) -> None:
    space, _ = written
    basis = space.basis("Ada0 Lov0", 1, view="own", n_null=5, n_resamples=0)
    assert basis.to_arrow()["name"].to_pylist() == ["Ada1 Lov1"]
    near = space.graph("own", 3).indices
    rows = space.ids(view="own")
    assert set(near[rows].ravel().tolist()) <= set(rows.tolist())


def test_what_is_added_removed_merged_and_dropped_later(written, tmp_path: Path) -> None:
    space = copied(written[0], tmp_path)
    grown = add_names(space, make_names([{"name": "Eve New", "part": "full"}]))
    assert grown.nearest("Ada0 Lov0", 1, view="own").names == ("Ada1 Lov1",)
    assert len(grown.ids(view="own")) == len(PEOPLE)
    less = remove(grown, ["Ada4 Lov4"]).space
    assert len(less.ids(view="own")) == len(PEOPLE) - 1
    assert len(less.own(least=0, n_resamples=20)) == len(PEOPLE) - 1
    gone = drop(less, ["own"]).space
    assert "own" not in gone.views
    assert "own_norm" not in gone.columns
    with pytest.raises(ValueError, match="namebasis identity --where \"part = 'full'\" --write"):
        gone.own()
    merged = merge(written[0], gone, tmp_path / "both.space").space
    assert "own" not in merged.views


def test_carried_to_another_space(written, tmp_path: Path) -> None:
    space, _ = written
    other = copied(space, tmp_path)
    found = space.own(least=0, other=other, n_resamples=20, n_null=20)
    assert found.carried is not None
    assert found.carried.n == len(PEOPLE)
    assert any("of one encoder" in one for one in found.notes())
    assert "counterpart at a mean cosine" in found.headline()


def test_bad_questions_are_refused(written, tmp_path: Path) -> None:
    space, _ = written
    with pytest.raises(SpaceError, match=r"1 name of 1 with an own direction .* 8 are needed"):
        space.own(where="name = 'Ada0 Lov0'")
    with pytest.raises(ValueError, match=r"least must be a probability in \[0, 1\]; got 2"):
        space.own(least=2)
    with pytest.raises(ValueError, match="view must be one of"):
        built(tmp_path).own()


def test_measures_of_other_names_stay_where_they_were_made_alike(written, tmp_path: Path) -> None:
    space = copied(written[0], tmp_path)
    asked = ["name", "identity_own_score", "identity_kind", "own_norm"]
    before = {row["name"]: row for row in space.table(asked).to_pylist()}
    rows, held = space.vectors("own"), space.ids(view="own").tolist()
    again = space.identity(names=PEOPLE[:3], **FEW)
    assert again.write(space) == 3
    after = {row["name"]: row for row in space.table(asked).to_pylist()}
    assert {name: after[name] for name in PEOPLE[3:]} == {name: before[name] for name in PEOPLE[3:]}
    for row in again.rows:
        assert after[row.name]["identity_own_score"] == row.own_score
    others = [space.find(name, "full") for name in PEOPLE[3:]]
    np.testing.assert_array_equal(space.vectors("own")[others], rows[others])
    assert space.ids(view="own").tolist() == held
    # What three names give is no null for all of them: that is measured of all when it is asked.
    assert len(null_directions(space).pairs) > 12
    other = {**FEW, "n_swaps": 7}
    assert space.identity(names=PEOPLE[:4], **other).write(space) == 4
    scores = space.table(["identity_own_score"])["identity_own_score"]
    assert len(scores) - scores.null_count == 4
    assert len(space.ids(view="own")) == 4


def test_the_command_says_what_became_of_other_names(
    written, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import namebasis.cli.commands.identity as command

    space, said = copied(written[0], tmp_path), []
    monkeypatch.setattr(command, "note", said.append)
    for swaps in (6, 7):
        found = space.identity(names=PEOPLE[:2], **{**FEW, "n_swaps": swaps})
        command._write(space, found, "identity_own_score")
    assert said == [
        "measures of 2 names stored, beside those of 22 others",
        "measures of 2 names stored; those of 22 others, measured with other settings, are gone",
    ]
