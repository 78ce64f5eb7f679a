from __future__ import annotations

import dataclasses
import json
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from sklearn.metrics import adjusted_rand_score

from namebasis.analysis.clusters.agreement import Agreement
from namebasis.analysis.graph import neighbours
from namebasis.errors import EncoderError, FilterError, SpaceError
from namebasis.namespace.building.build import build_space
from namebasis.namespace.corpus.folding import fold
from namebasis.namespace.corpus.names import make_names
from namebasis.space import Space, open_space
from namebasis.studies.topology import study as topology
from namebasis.studies.topology.arrangement import LabelAgreement, p_words
from namebasis.studies.topology.clusters import Trait, make_label, summarise_clusters
from namebasis.studies.topology.labels import _as_labels, _letters
from namebasis.studies.topology.languages import called, locale_name
from namebasis.studies.topology.pages.page import provenance_of
from namebasis.studies.topology.results import TopologyReport

LOCALES = ("el_GR", "is_IS", "ja_JP", "nl_NL")
HOSTILE = "<script>alert(1)</script>"


def letters(seed: int) -> str:
    rng = np.random.default_rng(seed)
    return "".join(rng.choice(list("abdegiklmnorstu"), 7)).capitalize()


class LocaleEncoder:
    """Names of one locale lie together, whatever their letters; "Same…" are all one vector."""

    spec, fingerprint, revision = "locales", "sha256:0", None
    has_text, has_images, dim, token_dim = True, False, 24, 3

    def __init__(self, locale_of: dict[str, str]) -> None:
        self.locale_of = locale_of

    def encode_names(
        self, names: Sequence[str], template: str, *, batch_size: int | None = None
    ) -> np.ndarray:
        rows = []
        for name in names:
            centre = np.random.default_rng(zlib.crc32(self.locale_of[name].encode()))
            own = np.random.default_rng(zlib.crc32(name.encode()))
            scatter = 0.0 if name.startswith("Same") else 0.35
            rows.append(centre.standard_normal(self.dim) + scatter * own.standard_normal(self.dim))
        out = np.array(rows, np.float32)
        return out / np.linalg.norm(out, axis=1, keepdims=True)

    def encode_text(self, texts: Sequence[str], *, batch_size: int | None = None) -> np.ndarray:
        raise AssertionError("the report needs no text")

    def tokenize(self, text: str) -> list[str]:
        return [text[:3], text[3:]]

    def pieces(self, texts: Sequence[str]) -> list[list[str]]:
        return [self.tokenize(text) for text in texts]

    def count_tokens(self, texts: Sequence[str]) -> np.ndarray:
        return np.full(len(texts), 2, np.int64)

    def token_embeddings(self, names: Sequence[str]) -> np.ndarray:
        return np.ones((len(names), 3), np.float32)


def make_space(path: Path, n: int = 400) -> Space:
    records = []
    for i in range(n):
        gender = ("F", "M", None)[i % 3]
        locales = [LOCALES[i % 4]]
        records.append({"name": letters(i), "part": "given", "gender": gender, "locales": locales})
    records += [{"name": f"Same{letters(i)}", "part": "family", "locales": ["so_SO"]}
                for i in range(40)]  # fmt: skip
    records.append({"name": HOSTILE, "part": "family", "locales": ["el_GR", "is_IS"]})
    names = make_names(records)
    table = names.table
    locale_of = {
        name: locales[0]
        for name, locales in zip(
            table["name"].to_pylist(), table["locales"].to_pylist(), strict=True
        )
    }
    return build_space(names, path, encoder=LocaleEncoder(locale_of))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory) -> Space:
    return make_space(tmp_path_factory.mktemp("topology") / "locales.space")


@pytest.fixture(scope="module")
def result(space: Space) -> TopologyReport:
    return topology.report(space, n_permutations=19)


def row(result: TopologyReport, label: str) -> LabelAgreement:
    return next(row for row in result.agreement if row.label == label)


@pytest.mark.long
def test_clusters_are_the_locales(space: Space, result: TopologyReport) -> None:
    locales = [values[0] for values in space.table(["locales"])["locales"].to_pylist()]
    assert result.n_clusters == 5
    assert adjusted_rand_score(locales, result.labels) > 0.95
    found = row(result, "locale")
    assert found.with_clusters is not None
    assert found.with_neighbours is not None
    # The hostile name has two locales, so it counts for neither.
    assert (found.n_names, found.n_values) == (len(space) - 1, 5)
    assert found.with_clusters.adjusted_rand > 0.95
    assert found.with_clusters.p_adjusted_rand == 1 / 20
    assert found.with_neighbours.share > 0.9 > 0.3 > found.with_neighbours.by_chance
    assert found.beyond_chance == pytest.approx(1, abs=0.05)


def test_spelling_and_gender_explain_nothing_here(result: TopologyReport) -> None:
    for label in ("gender", "first letters", "first piece"):
        found = row(result, label)
        assert found.with_clusters is not None
        assert abs(found.with_clusters.adjusted_rand) < 0.1, label
    gender = row(result, "gender").with_clusters
    assert gender is not None
    assert gender.p_adjusted_rand > 0.05
    told = result.finding()
    assert told.startswith("Clusters follow the locale of names most: 1.00 beyond chance, where 1 ")
    assert "gender" not in told


def agreed(label: str, gain: float, p: float, null: float = 0.2) -> LabelAgreement:
    information = null + gain * (1 - null)
    found = Agreement(400, gain, information, 0.0, null, p, p, 99)
    return LabelAgreement(label, 400, 3, found, None)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ([agreed("gender", 0.0, 0.6), agreed("part", 0.004, 0.01)],
         "The clusters follow none of these beyond chance: gender, part."),
        ([agreed("gender", 0.31, 0.06)],
         "The clusters follow none of these beyond chance: gender."),
        ([agreed("part", 0.1, 0.01), agreed("gender", 0.31, 0.01), agreed("locale", 0.9, 0.3)],
         "Clusters follow the gender of names most: 0.31 beyond chance, where 1 is full agreement "
         "(mutual information 0.45, shuffled labels 0.20); then part (0.10)."),
        ([agreed("part", 0.308, 0.01), agreed("gender", 0.31, 0.01)],  # no more than 0.01 apart
         "Clusters follow the gender of names: 0.31 beyond chance, where 1 is full agreement "
         "(mutual information 0.45, shuffled labels 0.20); then part (0.31)."),
        ([agreed(f"p{i}", 0.5 - i / 10, 0.01) for i in range(5)],
         "Clusters follow the p0 of names most: 0.50 beyond chance, where 1 is full agreement "
         "(mutual information 0.60, shuffled labels 0.20); then p1 (0.40), p2 (0.30), p3 (0.20) "
         "and 1 more."),
    ],
)  # fmt: skip
def test_only_what_is_beyond_its_null_is_named(
    result: TopologyReport, rows: list[LabelAgreement], told: str
) -> None:
    assert dataclasses.replace(result, agreement=tuple(rows)).finding() == told


@pytest.mark.parametrize(
    ("p", "n", "words"),
    [(0.01, 99, "≤ 0.01"), (0.02, 99, "0.02"), (0.05, 19, "≤ 0.05"), (0.001, 999, "≤ 0.001")],
)
def test_a_p_value_at_its_floor_is_said_to_be_at_most_that(p: float, n: int, words: str) -> None:
    assert p_words(p, n) == words


def test_traits_and_labels_name_what_is_shared(result: TopologyReport) -> None:
    labels = {cluster.label.rpartition(",")[0] for cluster in result.clusters}
    assert {"Greek given names", "Icelandic given names", "Japanese given names",
            "Dutch given names"} <= labels  # fmt: skip
    greek = next(c for c in result.clusters if c.label.startswith("Greek"))
    trait = next(t for t in greek.traits if t.column == "locales")
    total = sum("Greek" in detail for detail in result.details)
    assert (trait.value, trait.share) == ("el_GR", trait.count / greek.size)
    assert trait.base_share == total / len(result)
    assert trait.lift == pytest.approx(trait.share / trait.base_share)


def test_equal_vectors_are_one_cluster_and_said_to_be(result: TopologyReport) -> None:
    same = [i for i, name in enumerate(result.names) if name.startswith("Same")]
    assert len(set(result.labels[same])) == 1
    cluster = result.clusters[result.labels[same[0]]]
    assert cluster.label.startswith("read alike: Same")
    assert len(cluster.exemplars) == 1  # one vector, one exemplar
    assert cluster.similarity == pytest.approx(1, abs=1e-5)
    assert result.n_distinct == len(result) - 39
    assert any("39 names have the very vector of another" in note for note in result.notes())


def test_exemplars_and_similarity_are_those_of_the_vectors(
    space: Space, result: TopologyReport
) -> None:
    cluster = result.clusters[0]
    vectors = space.vectors()[result.labels == 0].astype(np.float64)
    cosines = vectors @ vectors.T
    n = len(vectors)
    assert cluster.similarity == pytest.approx((cosines.sum() - n) / (n * (n - 1)), abs=1e-5)
    mean = vectors.mean(axis=0)
    best = np.flatnonzero(result.labels == 0)[np.argsort(-(vectors @ mean))[:8]]
    assert [result.names[i] for i in best] == list(cluster.exemplars)
    assert cluster.central == tuple(best)


def test_forms_agree(result: TopologyReport) -> None:
    table = result.to_arrow()
    assert table.column_names == [
        "id", "name", "x", "y", "cluster", "cluster_probability",
        "nearest_cluster", "nearest_cluster_probability",
        "hubness", "local_dimension", "bridge",
    ]  # fmt: skip
    assert table["cluster"].to_pylist() == result.labels.tolist()
    plain = json.loads(json.dumps(result.to_dict(), allow_nan=False))
    assert plain["n_clusters"] == len(plain["clusters"]) == 5
    assert plain["parameters"]["min_cluster_size"] == 5
    assert plain["provenance"]["encoder"] == "locales"
    text = str(result)
    assert "441 names (402 different vectors) form 5 clusters; " in text
    assert "Greek given names" in text


def test_the_page_says_how_neighbours_were_sought(result: TopologyReport) -> None:
    assert str(dict(provenance_of(result))["method"]).startswith("exact cosine neighbours; ")
    near = dataclasses.replace(result, graph=dataclasses.replace(result.graph, recall=0.957))
    method = str(dict(provenance_of(near))["method"])
    assert method.startswith("cosine neighbours, 95.7 % of the true ones; ")


def test_names_are_clustered_by_hdbscan_where_asked_for(space: Space) -> None:
    hdbscan = pytest.importorskip("hdbscan")
    found = topology.report(
        space, method="hdbscan", min_cluster_size=8, n_permutations=3, n_resamples=2, shape=False
    )
    rows = space.vectors("text").astype(np.float64)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    peer = hdbscan.HDBSCAN(min_cluster_size=8, approx_min_span_tree=False).fit(rows)
    assert found.n_clusters == peer.labels_.max() + 1 > 1
    assert adjusted_rand_score(peer.labels_, found.labels) == 1.0
    assert found.parameters["method"] == "hdbscan"
    assert "HDBSCAN on the vectors" in str(dict(provenance_of(found))["method"])
    with pytest.raises(ValueError, match="method must be one of density, hdbscan; got 'eom'"):
        topology.report(space, method="eom")


def test_stability_says_how_well_clusters_are_found_again(space: Space) -> None:
    found = topology.report(space, n_permutations=3, n_resamples=4, shape=False)
    assert {cluster.stability_low for cluster in found.clusters} == {None}  # too few to tell
    for cluster in found.clusters:
        assert cluster.stability is not None
        assert cluster.stability > 0.8 > 0.4 > (cluster.stability_by_chance or 0)
    without = topology.report(space, n_permutations=3, n_resamples=0, shape=False)
    assert {cluster.stability for cluster in without.clusters} == {None}
    assert "stability" not in without.seconds


def test_names_in_none_are_near_some(result: TopologyReport) -> None:
    inside = result.labels >= 0
    np.testing.assert_array_equal(result.nearest_clusters[inside, 0], result.labels[inside])
    assert (result.nearest_probabilities[inside, 0] == 1).all()
    if (~inside).any():
        assert (result.nearest_probabilities[~inside] < 1).all()


def test_the_hierarchy_gives_other_levels_without_another_fit(result: TopologyReport) -> None:
    np.testing.assert_array_equal(result.hierarchy.labels, result.labels)
    assert result.hierarchy.cut(n_clusters=2).n_clusters == 2
    assert result.hierarchy.merge([0, 1]).n_clusters == result.n_clusters - 1


@pytest.mark.long
def test_same_seed_same_report(space: Space, result: TopologyReport) -> None:
    again = topology.report(space, n_permutations=19)
    assert again.to_arrow() == result.to_arrow()
    assert again.agreement == result.agreement
    assert again.clusters == result.clusters


def test_where_reports_only_what_it_keeps(space: Space) -> None:
    part = topology.report(space, shape=False, where="array_has(locales, 'is_IS')")
    assert len(part) == 101
    assert set(part.ids) == set(space.ids("array_has(locales, 'is_IS')"))
    assert row(part, "locale").with_clusters is None  # one value: undefined, not zero
    assert part.graph.n_rows == 101


def test_a_sample_is_said_to_be_one(space: Space) -> None:
    part = topology.report(space, shape=False, max_points=120, seed=3, n_permutations=3)
    assert len(part) == 120
    assert (np.diff(part.ids) > 0).all()
    assert part.notes()[0] == "A random sample of 120 of 441 names (seed 3)."


def test_few_names_lower_k_with_a_note(space: Space) -> None:
    few = topology.report(space, where="name like 'Same%'", n_permutations=3, k=50)
    assert few.notes()[0] == "k was lowered from 50 to 39, all the other names there are."
    assert few.n_clusters == 1  # all equal: one cluster
    assert few.finding().startswith("Too few clusters")


def test_figures_of_few_names_are_said_to_be_worth_little(
    space: Space, result: TopologyReport
) -> None:
    few = topology.report(space, ids=np.arange(4), n_permutations=3, n_resamples=0)
    [note] = [one for one in few.notes() if one.startswith("Only")]
    assert note.startswith("Only 4 different vectors: by chance alone a dimension is off by about")
    assert "1/√n, 50 % here (10 % from 100 on)" in note
    assert note.endswith("hubs, parts and communities say nothing.")
    assert not any(one.startswith("Only") for one in result.notes())


def test_write_stores_metric_columns(tmp_path: Path) -> None:
    space = make_space(tmp_path / "own.space", n=80)
    steps: list[tuple[int, int]] = []
    found = topology.report(
        space, write=True, n_permutations=3, progress=lambda *step: steps.append(step)
    )
    stored = space.table(["cluster", "cluster_probability"])
    assert stored["cluster"].to_pylist() == found.labels.tolist()
    np.testing.assert_allclose(stored["cluster_probability"].to_numpy(), found.probabilities)
    facts = space.info()["metrics"]["cluster"]
    assert (facts["study"], facts["parameters"]["k"]) == ("topology", 15)
    assert steps == [(i, 10) for i in range(11)]
    for column, values in found.shape.columns().items():  # type: ignore[union-attr]
        kept = space.table([column])[column].to_numpy(zero_copy_only=False)
        np.testing.assert_array_equal(kept, values)  # null comes back as NaN


def test_no_encoder_is_needed(space: Space, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise EncoderError("no weights here")

    monkeypatch.setattr(space, "encoder", refuse)
    found = topology.report(space, shape=False, n_permutations=3)
    assert "first piece" in {r.label for r in found.agreement}


def test_other_columns_are_compared_with_and_refused_by_name(space: Space) -> None:
    found = topology.report(space, shape=False, n_permutations=3, by=["n_tokens", "id", "sources"])
    columns = {r.label: r for r in found.agreement}
    assert columns["n_tokens"].with_clusters is None
    assert any("Agreement with n_tokens is undefined: 441 names" in note for note in found.notes())
    assert (columns["id"].with_clusters is not None, columns["id"].n_values) == (True, 10)
    with pytest.raises(ValueError, match="there is no column 'hair'; there are id, name"):
        topology.report(space, shape=False, by=["hair"])
    with pytest.raises(ValueError, match="'text' holds vectors, no labels"):
        topology.report(space, shape=False, by=["text"])


def test_what_is_compared_anyway_may_be_asked_for(space: Space) -> None:
    found = topology.report(space, shape=False, n_resamples=0, n_permutations=3,
                            by=["locale", "first piece"])  # fmt: skip
    assert [row.label for row in found.agreement].count("locale") == 1
    assert len(found.agreement) == 5


def test_numbers_of_many_values_become_ranges() -> None:
    values = pa.chunked_array([[float(i) for i in range(100)] + [None, float("nan")]])
    labels, order = _as_labels(values)
    assert labels[-2:] == [None, None]
    assert {labels.count(label) for label in set(labels) - {None}} == {10}
    assert (labels[0], order[0], order[-1]) == ("0.0 to 9.9", "0.0 to 9.9", "89.1 to 99.0")
    assert list(dict.fromkeys(labels[:100])) == list(order)  # the values rise, so do the ranges
    few = pa.chunked_array([[10, 9, None, 10]])
    assert _as_labels(few) == (["10", "9", None, "10"], ("9", "10"))
    assert _as_labels(pa.chunked_array([["b", "a"]])) == (["b", "a"], ())


@pytest.mark.parametrize(
    ("title", "values", "first", "last"),
    [
        ("count", [i * 10_000 for i in range(101)], "0 to 100,000", "900,000 to 1,000,000"),
        ("pct_hispanic", [float(i) for i in range(101)], "0.0 to 10.0 %", "90.0 to 100.0 %"),
        ("share_female", [i / 100 for i in range(101)], "0.0 to 10.0 %", "90.0 to 100.0 %"),
        ("birth_year", list(range(1900, 2001)), "1900 to 1910", "1990 to 2000"),
        ("own", [i / 1e6 for i in range(101)], "0.000000 to 0.000010", "0.000090 to 0.000100"),
    ],
)
def test_ranges_are_written_in_the_words_of_their_column(
    title: str, values: list[float], first: str, last: str
) -> None:
    _, order = _as_labels(pa.chunked_array([values]), title)
    assert (order[0], order[-1], len(order)) == (first, last, 10)


@pytest.mark.long
def test_other_levels_of_the_hierarchy(space: Space, result: TopologyReport) -> None:
    three = topology.report(space, shape=False, n_permutations=3, n_clusters=3)
    assert three.n_clusters == 3
    assert three.parameters["level"] == 3
    finest = topology.report(space, shape=False, n_permutations=3, level="leaf")
    assert finest.n_clusters >= result.n_clusters
    with pytest.raises(ValueError, match="two ways to say one thing"):
        topology.report(space, shape=False, n_clusters=3, level="leaf")


def test_a_level_with_clusters_has_no_note_that_there_are_none(space: Space) -> None:
    found = topology.report(
        space, shape=False, where="part = 'given'", min_cluster_size=300, n_permutations=3,
        level=1.9, n_resamples=0,
    )  # fmt: skip
    assert found.n_clusters == 1
    assert not any("no cluster" in note for note in found.notes())


def test_noise_only_is_a_note_not_a_crash(space: Space) -> None:
    found = topology.report(
        space, shape=False, where="part = 'given'", min_cluster_size=300, n_permutations=3
    )
    assert (found.n_clusters, found.noise_share) == (0, 1.0)
    assert any("no cluster among 400 rows" in note for note in found.notes())
    assert found.finding().startswith("Too few clusters")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ({"k": 0}, ValueError, "k must be an integer, at least 1; got 0"),
        ({"where": "name = 'nobody'"}, SpaceError, "at least 3 names; .* has 0 that fit"),
        ({"where": "no_such = 1"}, FilterError, "no_such"),
        ({"max_points": 2}, ValueError, "max_points must be an integer, at least 3; got 2"),
        ({"view": "nose"}, ValueError, "nose"),
        (
            {"level": "banana"},
            ValueError,
            "'eom', 'split', 'leaf' or a distance above 0, .*; got 'banana'",
        ),
        ({"level": float("nan")}, ValueError, "or a distance above 0, .*; got nan"),
        ({"min_cluster_size": 1}, ValueError, "min_cluster_size must be"),
    ],
)
def test_bad_arguments_are_refused(
    space: Space, arguments: dict[str, object], error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        topology.report(space, shape=False, **arguments)  # type: ignore[arg-type]


def trait(column: str, value: str, share: float) -> Trait:
    return Trait(column, value, 10, share, 0.1, share / 0.1)


@pytest.mark.parametrize(
    ("traits", "label"),
    [
        ([trait("language", "Icelandic", 0.9), trait("part", "family", 0.9),
          trait("beginning", "si", 0.7), trait("beginning", "sig", 0.6),
          trait("ending", "son", 0.6), trait("ending", "sson", 0.4)],
         "Sig-, -son, Icelandic family names"),
        ([trait("language", "Bulgarian", 0.5), trait("language", "Russian", 0.3)],
         "Bulgarian/Russian names"),
        ([trait("language", "English", 0.6), trait("language", "Welsh", 0.2),
          trait("gender", "F", 0.8)], "English women's names"),
        ([trait("language", "Polish", 0.9), trait("gender", "U", 0.9)], "Polish names"),
        ([trait("beginning", "mu", 0.9)], "Mu- names"),
        ([trait("language", "Icelandic", 0.3), trait("locales", "is_IS", 0.9)], ""),
    ],
)  # fmt: skip
def test_labels(traits: list[Trait], label: str) -> None:
    assert make_label(traits).words == label


def test_a_label_gives_the_share_of_names_of_which_it_holds() -> None:
    names = [f"n{i}" for i in range(200)]
    labels = np.repeat([0, 1], 100)
    vectors = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    values = {
        "language": [["Greek"]] * 90 + [["Dutch"]] * 110,
        "part": [["given"]] * 85 + [["family"]] * 15 + [["given"]] * 10 + [["family"]] * 90,
    }
    found = summarise_clusters(names, vectors, labels, values)
    assert [cluster.label for cluster in found] == [
        "Greek given names, 85 %", "Dutch family names, 90 %"
    ]  # fmt: skip
    vectors[1:90] = vectors[1]  # n0 lies apart, though it is among the most central
    found = summarise_clusters(names, vectors, labels, values)
    assert found[0].label == "read alike: n1, n2"
    values = {"language": [["Greek", "Dutch"], ["Latin"]] * 100}
    assert summarise_clusters(names, vectors, labels, values)[1].label.startswith("around n")


def test_what_a_whole_list_is_says_nothing_of_a_cluster() -> None:
    """100 names of a list and 100 without a locale: all that is known is US everywhere."""
    labels = np.repeat([0, 1], 100)
    vectors = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    names = [f"n{i}" for i in range(200)]
    values: dict[str, list[list[str]]] = {"language": [["US"]] * 100 + [[]] * 100}
    assert [c.traits for c in summarise_clusters(names, vectors, labels, values)] == [(), ()]


def test_a_census_group_is_counted_among_names_that_have_one() -> None:
    labels = np.repeat([0, 1], 100)
    vectors = np.random.default_rng(0).standard_normal((200, 4)).astype(np.float32)
    names = [f"n{i}" for i in range(200)]
    groups = [["Hispanic"]] * 36 + [["white"]] * 4 + [[]] * 60 + [["white"]] * 10 + [[]] * 90
    found = summarise_clusters(names, vectors, labels, {"group": groups})
    assert found[0].label == "mostly Hispanic names, 90 %"  # 36 of 40, not of 100
    assert [(t.value, t.share, t.base_share) for t in found[0].traits] == [
        ("Hispanic", 0.9, 36 / 50)
    ]
    few = [["Hispanic"]] * 19 + [[]] * 81 + [["white"]] * 100
    told = summarise_clusters(names, vectors, labels, {"group": few})[0]
    assert told.traits == ()  # what a fifth of the names do not have says nothing of the others


@pytest.mark.parametrize(
    ("name", "start", "end"),
    [("Sigríður", ["si", "sig"], ["dur", "idur", "ridur", "gridur"]),
     ("SIGRIDUR", ["si", "sig"], ["dur", "idur", "ridur", "gridur"]), ("Ó Caoimh", [],
      ["imh", "oimh", "aoimh", "caoimh"]), ("Li", [], []), ("Ann", ["an"], []),
     ("D'Arcy", [], ["rcy", "arcy"])],
)  # fmt: skip
def test_letters_are_those_of_a_longer_name(name: str, start: list[str], end: list[str]) -> None:
    assert _letters(fold(name), 1) == start
    assert _letters(fold(name), -1) == end


def test_traits_need_more_than_chance() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1, -1], 100)
    values = [[str(v)] for v in rng.integers(0, 4, 300)]
    vectors = np.random.default_rng(1).standard_normal((300, 4)).astype(np.float32)
    found = summarise_clusters([f"n{i}" for i in range(300)], vectors, labels, {"kind": values})
    assert [cluster.traits for cluster in found] == [(), ()]
    values[:60] = [["rare", "rare"]] * 60  # said twice, counted once
    found = summarise_clusters([f"n{i}" for i in range(300)], vectors, labels, {"kind": values})
    assert [(t.value, t.count, round(t.lift, 9)) for t in found[0].traits] == [("rare", 60, 3.0)]


@pytest.mark.parametrize(
    ("locale", "name"),
    [("is_IS", "Icelandic"), ("pt-BR", "Brazilian Portuguese"), ("en_US", "US"), ("en", "English"),
     ("ar_PS", "Palestinian Arabic"), ("de_XX", "German (XX)"), ("sr_Latn_RS", "Serbian"),
     ("qq_QQ", "qq_QQ")],
)  # fmt: skip
def test_locales_have_names(locale: str, name: str) -> None:
    assert locale_name(locale) == name


@pytest.mark.parametrize(
    ("locales", "words"),
    [
        ([], []),
        (["en_US"], ["US"]),  # where a list comes from is no language
        (["en_US", "en_GB"], ["English"]),
        (["en_GB"], ["English"]),
        (["es_MX"], ["Mexican"]),
        (["es_MX", "es_AR", "pt_BR"], ["Brazilian", "Spanish"]),
        (["is_IS", "qq_QQ"], ["Icelandic", "qq_QQ"]),
    ],
)
def test_a_list_is_called_a_language_only_at_its_home(locales: list[str], words: list[str]) -> None:
    assert called(locales) == words


@pytest.mark.long
def test_html_is_written_whole_or_not_at_all(
    result: TopologyReport, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    result.write_html(path)
    page = path.read_text(encoding="utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "Greek given names" in page
    assert HOSTILE not in page
    with pytest.raises(SpaceError, match="already exists"):
        result.write_html(path)
    with pytest.raises(SpaceError, match="there is no folder"):
        result.write_html(tmp_path / "deep" / "report.html")
    monkeypatch.setattr("namebasis.studies.topology.pages.page.render", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        result.write_html(path, overwrite=True)
    assert path.read_text(encoding="utf-8") == page
    assert isinstance(result.to_arrow(), pa.Table)


@pytest.mark.long
def test_neighbours_are_searched_once_for_everything(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    space = make_space(tmp_path / "own.space", n=60)
    searched: list[int] = []

    def counted(rows: np.ndarray, *rest: Any) -> Any:
        searched.append(len(rows))
        return search(rows, *rest)

    def refused(*rest: Any, **options: Any) -> Any:
        raise AssertionError("neighbours are searched anew")

    search = neighbours._search
    monkeypatch.setattr(neighbours, "_search", counted)
    monkeypatch.setattr("namebasis.analysis.shape.diffusion_kernel.near_rows", refused)
    first = topology.report(space, n_permutations=3, n_resamples=0)
    assert len(searched) == 1
    again = topology.report(open_space(space.path), n_permutations=3, n_resamples=0)
    assert len(searched) == 1  # the next report reads the graph from the space
    assert again.shape.to_dict() == first.shape.to_dict()  # type: ignore[union-attr]
    shown = [row[0] for row in first.tables()[-1].rows]
    assert shown == ["entropy", "hubs", "dimension", "homology", "graph", "bridges"]
