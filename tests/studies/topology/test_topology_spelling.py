"""A space in which spelling rules, and a meaning that shows once spelling is out."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np
import pytest
from sklearn.metrics import homogeneity_score

from namebasis.analysis.clusters.agreement import shared_item_share
from namebasis.analysis.clusters.clustering import cluster
from namebasis.analysis.graph.neighbours import KnnGraph, knn_graph
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.names import make_names
from namebasis.namespace.store.unspelled import UnspelledFacts
from namebasis.space import Space, open_space
from namebasis.studies.topology import study as topology
from namebasis.studies.topology.arrangement import Arrangement, Settings, incidence
from namebasis.studies.topology.results import TopologyReport
from namebasis.studies.topology.spelling import compare_spelling

DIM = 16
STARTS = [a + b for a in "BDFGKLMNRT" for b in "aeio"]
ENDS = [f"{a}{b}{c}" for a in "bdgklmnrst" for b in "aiou" for c in "lmnrs"]
LOCALES = ("el_GR", "is_IS", "ja_JP")


def draw(text: str) -> np.ndarray:
    return np.random.default_rng(zlib.crc32(text.encode())).standard_normal(DIM)


class SpellingEncoder:
    """The first piece moves a name far, its locale a little, and it has a little of its own."""

    spec, fingerprint, revision = "spelling", "sha256:1", None
    has_text, has_images, dim, token_dim = True, False, DIM, DIM

    def __init__(self, locale_of: dict[str, str]) -> None:
        self.locale_of = locale_of

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        rows = np.array(
            [2 * draw(n[:2]) + 0.8 * draw(self.locale_of[n]) + 0.25 * draw(n) for n in names]
        )
        return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)

    def tokenize(self, text: str) -> list[str]:
        return [text[:2], text[2:]]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def token_embeddings(self, names: Sequence[str]) -> np.ndarray:
        return np.array([draw("t" + n[:2]) for n in names], np.float32)


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    rng = np.random.default_rng(0)
    names = {start + ENDS[i] for start in STARTS for i in rng.choice(len(ENDS), 15, replace=False)}
    locale_of = {n: LOCALES[zlib.crc32(n[::-1].encode()) % 3] for n in names}
    corpus = make_names(
        [{"name": n, "part": "given", "locales": [locale_of[n]]} for n in sorted(names)]
    )
    path = tmp_path_factory.mktemp("spelling") / "s.space"
    return build_space(corpus, path, encoder=SpellingEncoder(locale_of))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result(space: Space) -> TopologyReport:
    return topology.report(
        space, without_spelling=True, n_permutations=9, n_resamples=0, shape=False
    )


def agreement(rows: tuple[topology.LabelAgreement, ...], label: str) -> topology.LabelAgreement:
    return next(row for row in rows if row.label == label)


@pytest.mark.long
def test_without_spelling_the_meaning_shows(space: Space, result: TopologyReport) -> None:
    assert result.parameters["view"] == "unspelled"
    assert "unspelled" in open_space(space.path).views
    locales = [values[0] for values in space.table(["locales"])["locales"].to_pylist()]
    inside = result.labels >= 0
    assert homogeneity_score(np.array(locales)[inside], result.labels[inside]) > 0.95


def test_both_stand_side_by_side(result: TopologyReport) -> None:
    told = result.spelling
    assert told is not None
    assert 0.6 < told.explained < 1
    assert (told.text.view, told.unspelled.view) == ("text", "unspelled")
    assert told.text.n_clusters > 20
    assert told.unspelled.n_clusters == result.n_clusters < 15
    before, after = (agreement(v.agreement, "first piece") for v in (told.text, told.unspelled))
    assert before.beyond_chance is not None
    assert after.beyond_chance is not None
    assert before.beyond_chance > 0.8 > 0.2 > after.beyond_chance
    for view in (told.text, told.unspelled):
        assert view.common_piece is not None
    assert told.text.common_piece.share > 0.9  # type: ignore[union-attr]
    assert told.unspelled.common_piece.share < 0.3  # type: ignore[union-attr]
    before, after = (agreement(v.agreement, "locale") for v in (told.text, told.unspelled))
    assert before.with_neighbours is not None
    assert after.with_neighbours is not None
    assert after.with_neighbours.share > 0.9 > before.with_neighbours.share
    assert told.between is not None
    assert told.between.adjusted_rand < 0.2
    assert told.kept_neighbours < 0.6
    assert told.kept_by_chance == pytest.approx(15 / (len(result) - 1))
    assert told.sentence() in result.finding()
    assert result.to_dict()["spelling"]["unspelled"]["n_clusters"] == result.n_clusters


def test_names_that_are_read_alike_do_not_count_as_kept() -> None:
    rng = np.random.default_rng(0)
    found = []
    for view in ("text", "unspelled"):
        rows = rng.standard_normal((90, 6)).astype(np.float32)
        rows[:30] = 1.0
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        graph = knn_graph(rows, 10)
        found.append(Arrangement(view, rows, graph, cluster(rows, graph=graph)))
    made = UnspelledFacts(n_fitted=90, n_folds=5, max_pieces=9, penalty=1.0, explained=(0.5,))
    told = compare_spelling(found[0], found[1], made, Settings(10, None, None, 3, 0))
    # Counted, those 30 would keep all their neighbours, which are the first among themselves.
    assert told.kept_neighbours < 0.25


def test_the_plain_report_says_how_much_pieces_explain(space: Space) -> None:
    plain = topology.report(space, n_permutations=3, n_resamples=0, shape=False)
    assert plain.spelling is None
    assert plain.common_piece is not None
    assert plain.common_piece.share > 0.9
    assert plain.common_piece.by_chance == pytest.approx(1 / len(STARTS), abs=0.02)


def test_only_text_can_lose_its_spelling(space: Space) -> None:
    with pytest.raises(ValueError, match="only the text view; got view='token'"):
        topology.report(space, view="token", without_spelling=True)


def test_shared_items_are_counted_pair_by_pair() -> None:
    rng = np.random.default_rng(0)
    pieces = [rng.choice(list("abcdefgh"), rng.integers(0, 4)).tolist() for _ in range(60)]
    indices = np.array([rng.choice(np.delete(np.arange(60), i), 5, False) for i in range(60)])
    graph = KnnGraph(indices, np.zeros((60, 5), np.float32))
    pairs = [(i, j) for i in range(60) for j in indices[i] if pieces[i] and pieces[j]]
    share = np.mean([bool(set(pieces[i]) & set(pieces[j])) for i, j in pairs])
    told = shared_item_share(graph, incidence(pieces))
    assert told is not None
    assert (told.n_pairs, told.share) == (len(pairs), pytest.approx(share))
    known = [set(row) for row in pieces if row]
    chance = np.mean([bool(a & b) for i, a in enumerate(known) for b in known[:i]])
    assert told.by_chance == pytest.approx(chance, abs=0.1)
    every = np.array([np.delete(np.arange(9), i) for i in range(9)])
    few = shared_item_share(KnnGraph(every, np.zeros((9, 8), np.float32)), incidence(pieces[:9]))
    assert few is not None
    assert few.share == few.by_chance  # all the others are neighbours: chance itself
    assert shared_item_share(graph, incidence([[]] * 60)) is None
    with pytest.raises(ValueError, match="items must cover the 60 rows; they cover 59"):
        shared_item_share(graph, incidence(pieces[1:]))
