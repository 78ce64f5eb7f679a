"""Two spaces of the same names, one of whose arrangements is known."""

from __future__ import annotations

import json
import zlib
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from markupsafe import escape
from sklearn.metrics import adjusted_rand_score

from namebasis.analysis.shape.layout import align
from namebasis.analysis.shape.moves import approached, row_moves
from namebasis.errors import FilterError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space
from namebasis.studies.topology.comparison import (
    TopologyComparison,
    _titles,
    compare,
    match_clusters,
)
from namebasis.studies.topology.results import TopologyReport
from namebasis.wording import percent
from tests.studies.topology.test_topology import HOSTILE, LOCALES, LocaleEncoder, letters


def build(path: Path, numbers: range, *, by_parity: bool) -> Space:
    """Names that lie together by locale, or by whether their checksum is odd."""
    records = [
        {"name": letters(i), "part": "given", "locales": [LOCALES[i % 4]]} for i in numbers
    ] + [{"name": HOSTILE, "part": "given", "locales": [LOCALES[0]]}]
    names = make_names(records)
    strings, locales = names.strings, names.table["locales"].to_pylist()
    group = {
        name: f"group {zlib.crc32(name.encode()) % 2}" if by_parity else found[0]
        for name, found in zip(strings, locales, strict=True)
    }
    encoder = LocaleEncoder(group)
    encoder.spec = "parity" if by_parity else "locales"
    return build_space(names, path, encoder=encoder)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def spaces(tmp_path_factory: pytest.TempPathFactory) -> tuple[Space, Space]:
    where = tmp_path_factory.mktemp("compare")
    # The second space has other names too, in another order.
    return (
        build(where / "a.space", range(160), by_parity=False),
        build(where / "b.space", range(199, 39, -1), by_parity=True),
    )


@pytest.fixture(scope="module")
def found(spaces: tuple[Space, Space]) -> TopologyComparison:
    return compare(*spaces, shape=False, n_resamples=0, n_permutations=9)


def test_only_shared_names_are_arranged_in_one_order(found: TopologyComparison) -> None:
    assert len(found) == 121
    assert found.left.names == found.right.names
    assert HOSTILE in found.left.names
    assert (found.overlap.n_left_only, found.overlap.n_right_only) == (40, 40)
    assert found.notes()[0] == "40 names are in locales alone and left out."
    alone = replace(found.overlap, n_left_only=1)
    assert alone.notes()[0] == "1 name is in the left space alone and left out."
    assert found.titles == ("locales", "parity")


def test_agreement_of_clusters_is_that_of_their_labels(found: TopologyComparison) -> None:
    assert (found.left.n_clusters, found.right.n_clusters) == (4, 2)
    both = (found.left.labels >= 0) & (found.right.labels >= 0)
    expected = adjusted_rand_score(found.left.labels[both], found.right.labels[both])
    assert found.between is not None
    assert found.between.adjusted_rand == pytest.approx(expected)
    assert found.between.n_rows == both.sum()
    assert abs(expected) < 0.2  # locale and checksum have nothing to do with each other


def test_matches_are_the_largest_jaccard_indices(found: TopologyComparison) -> None:
    for match in match_clusters(found.left, found.right):
        own = set(np.flatnonzero(found.left.labels == match.cluster))
        jaccards = [
            len(own & other) / len(own | other)
            for other in (
                set(np.flatnonzero(found.right.labels == c)) for c in range(found.right.n_clusters)
            )
        ]
        assert match.match == int(np.argmax(jaccards))
        assert match.jaccard == pytest.approx(max(jaccards))
        best = set(np.flatnonzero(found.right.labels == match.match))
        assert match.share == pytest.approx(len(own & best) / len(own))
    itself = match_clusters(found.left, found.left)
    assert [(match.match, match.jaccard, match.share) for match in itself] == [
        (c, 1.0, 1.0) for c in range(4)
    ]


def test_forms_agree(found: TopologyComparison) -> None:
    table = found.to_arrow()
    assert table["name"].to_pylist() == list(found.left.names)
    assert table["left_cluster"].to_pylist() == found.left.labels.tolist()
    assert table["right_id"].to_pylist() == found.overlap.right_ids.tolist()
    assert table["overlap"].to_pylist() == found.overlap.shares.tolist()
    plain = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert plain["left"]["n_clusters"] == 4
    assert plain["overlap"]["n_names"] == plain["n_names"] == 121
    text = str(found)
    most, between = found.overlap.overlaps[-1], found.between
    assert between is not None
    # One sentence to quote: how many, of how many, and what chance would give.
    assert found.headline().startswith(
        f"Of the {most.k} names nearest to a name in {found.titles[0]}, {percent(most.share)} are "
        f"nearest in {found.titles[1]} too ("
    )
    assert f"{percent(15 / 120, 1)} by chance), among the 121 names that both hold." in text
    # What rounds to nothing has no sign.
    assert f"({round(between.null_adjusted_rand, 2) + 0:.2f} by chance)" in text
    assert "-0.00 by chance" not in text
    assert "clusters follow locale" in text


def test_the_page_shows_both_and_escapes(found: TopologyComparison) -> None:
    page = found.to_html()
    assert HOSTILE not in page
    assert "Do they put the same names beside each other?" in page
    assert "Clusters of locales in parity" in page
    assert 'data-map="1"' in page


@pytest.mark.long
def test_where_is_said_and_what_it_leaves_out_is_not_missing(
    spaces: tuple[Space, Space], tmp_path: Path
) -> None:
    where = "locales[1] <> 'nl_NL'"
    found = compare(*spaces, where=where, shape=False, n_resamples=0, n_permutations=3)
    assert len(found) == 91
    assert (found.overlap.n_left_only, found.overlap.n_right_only) == (30, 40)
    assert f"locales · parity · only names where {escape(where)}" in found.to_html()
    found.write_parquet(tmp_path / "both.parquet")
    kept = json.loads(pq.read_schema(tmp_path / "both.parquet").metadata[b"namebasis.report"])
    assert kept["parameters"]["where"] == where
    assert kept["provenance"]["right"]["encoder"] == "parity"
    with pytest.raises(ValueError, match="max_points would draw other names"):
        compare(*spaces, max_points=50)


def test_two_views_of_one_space_are_compared_and_a_view_with_itself_is_not(
    spaces: tuple[Space, Space],
) -> None:
    space = spaces[0]
    with pytest.raises(ValueError, match="compared with itself; give another space or another"):
        compare(space, space)
    with pytest.raises(ValueError, match="nose"):
        compare(space, space, right_view="nose")
    with pytest.raises(FilterError):
        compare(*spaces, where="no_such = 1")
    with pytest.raises(SpaceError, match="share 1 name"):
        compare(*spaces, where=f"name = '{HOSTILE}'")
    views = compare(space, space, right_view="token", shape=False, n_resamples=0, n_permutations=3)
    assert views.titles == ("a.space, text view", "a.space, token view")
    assert sum("a matter of their order" in note for note in views.notes()) == 0  # all are alike
    assert views.between is None  # all token vectors are equal: one cluster
    assert "too few clusters" in views.headline()


def test_progress_runs_to_its_end(spaces: tuple[Space, Space]) -> None:
    steps: list[tuple[int, int]] = []
    compare(*spaces, shape=False, n_resamples=0, n_permutations=3,
            progress=lambda *step: steps.append(step))  # fmt: skip
    assert steps[-1] == (30, 30)
    assert [done for done, _ in steps] == sorted(done for done, _ in steps)


def test_align_undoes_turn_mirror_scale_and_move() -> None:
    rng = np.random.default_rng(0)
    places = rng.standard_normal((50, 2)).astype(np.float32)
    turn = np.array([[0.6, 0.8], [0.8, -0.6]])  # a mirror image
    moved = (3 * places @ turn + [10, -5]).astype(np.float32)
    np.testing.assert_allclose(align(moved, places), places, atol=1e-5)
    still = align(np.ones((50, 2), np.float32), places)
    np.testing.assert_allclose(still, np.tile(places.mean(axis=0), (50, 1)), atol=1e-6)


@pytest.mark.long
def test_names_that_a_fine_tuning_taught_another_group_moved_most_and_there(
    tmp_path: Path,
) -> None:
    """Everything is turned, shifted and scaled; two of 160 names change their locale."""
    rows = make_names(
        [{"name": letters(i), "part": "given", "locales": [LOCALES[i % 4]]} for i in range(160)]
    )
    names, locale = rows.strings, [found[0] for found in rows.table["locales"].to_pylist()]
    known = dict(zip(names, locale, strict=True))
    taught = {name: LOCALES[3] for name in names if known[name] == LOCALES[0]}
    taught = dict(list(taught.items())[:2])

    class Tuned(LocaleEncoder):
        spec, fingerprint = "tuned", "sha256:1"

        def encode_names(self, *given: Any, **options: Any) -> np.ndarray:
            plain = super().encode_names(*given, **options)
            turn = np.linalg.qr(np.random.default_rng(7).standard_normal((24, 24)))[0]
            out = 0.5 * plain @ turn + 0.1
            return (out / np.linalg.norm(out, axis=1, keepdims=True)).astype(np.float32)

    base = build_space(rows, tmp_path / "a.space", encoder=LocaleEncoder(known))  # type: ignore[arg-type]
    tuned = build_space(rows, tmp_path / "b.space", encoder=Tuned({**known, **taught}))  # type: ignore[arg-type]
    found = compare(base, tuned, shape=False, n_resamples=0, n_permutations=3)
    first = found.moves.most[:2]
    assert {one.name for one in first} == set(taught)
    assert {known[name] for one in first for name in one.nearer} == {LOCALES[3]}
    assert {known[name] for one in first for name in one.farther} == {LOCALES[0]}
    assert first[1].moved > 0.5 > 10 * found.moves.median
    assert found.moves.n_beyond == 2
    order = np.argsort(-np.array(found.to_arrow()["moved"]))
    assert {found.left.names[row] for row in order[:2]} == set(taught)
    said = f"2 names moved much more than the rest, most of all {first[0].name} ("
    assert said in found.headline()
    assert said in found.to_html()
    assert f"nearer to {first[0].nearer[0]}, {first[0].nearer[1]} and" in str(found)
    ranges, order_of_ranges = found.moves.ranges()
    assert ranges[first[0].row] == order_of_ranges[-1]


def test_a_move_is_one_less_the_correlation_of_profiles() -> None:
    rng = np.random.default_rng(3)
    left, right = (rng.standard_normal((40, width)) + 1 for width in (6, 9))

    def profiles(rows: np.ndarray) -> np.ndarray:
        centred = rows - rows.mean(0)
        centred /= np.linalg.norm(centred, axis=1, keepdims=True)
        return np.asarray(centred @ centred.T)

    here, there = profiles(left), profiles(right)
    for anchors in (np.arange(40), np.array([5, 30, 2, 17])):
        found = row_moves(left, right, anchors)
        for row in range(40):
            others = anchors[anchors != row]
            expected = 1 - np.corrcoef(here[row, others], there[row, others])[0, 1]
            assert found[row] == pytest.approx(expected, abs=1e-5)
    turn = np.linalg.qr(rng.standard_normal((6, 6)))[0]
    np.testing.assert_allclose(row_moves(left, 3 * left @ turn - 2), 0, atol=1e-5)
    assert np.isnan(row_moves(np.ones((8, 3)), rng.standard_normal((8, 3)))).all()
    with pytest.raises(ValueError, match="both need the same rows; got 40 and 39"):
        row_moves(left, right[1:])
    nearer, farther = approached(left, right, np.array([7]), 2)
    scaled = [side[7, np.arange(40) != 7] for side in (here, there)]
    scaled = [(side - side.mean()) / side.std() for side in scaled]
    order = np.delete(np.arange(40), 7)[np.argsort(scaled[1] - scaled[0])]
    assert (nearer[0].tolist(), farther[0].tolist()) == (
        order[[-1, -2]].tolist(),
        order[:2].tolist(),
    )


def test_titles_leave_out_where_models_lie(found: TopologyComparison) -> None:
    def of(encoder: str) -> TopologyReport:
        return replace(found.left, provenance={**found.left.provenance, "encoder": encoder})

    base, tuned = of("diffusers:/home/me/base#text_encoder_2"), of("sd:/models/tuned.safetensors")
    assert _titles(base, tuned) == ("diffusers:base#text_encoder_2", "sd:tuned.safetensors")
    # Where the names alone do not tell them apart, the folders must.
    assert _titles(of("hf:/a/clip"), of("hf:/b/clip")) == ("hf:/a/clip", "hf:/b/clip")


@pytest.mark.long
def test_long_titles_fit_a_phone(found: TopologyComparison, browser: Any, tmp_path: Path) -> None:
    long = ("diffusers:/home/me/models/base#text_encoder_2", "sd:/models/fine-tuning.safetensors")
    (tmp_path / "page.html").write_text(replace(found, titles=long).to_html(), encoding="utf-8")
    tab = browser.new_page(viewport={"width": 390, "height": 800})
    tab.goto((tmp_path / "page.html").as_uri())
    assert tab.evaluate("document.documentElement.scrollWidth") <= 390
