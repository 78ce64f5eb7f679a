"""Beliefs against records: values that follow a made-up world, nulls, files of other kinds."""

from __future__ import annotations

import re
import zipfile
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

import namebasis as nb
from namebasis.encoders.base import Encoder
from namebasis.errors import CorpusError, SpaceError
from namebasis.space import Space
from namebasis.studies.attributes import records
from namebasis.studies.attributes.record_facts import Fact, read_records, region
from namebasis.studies.attributes.record_measures import (
    Measure,
    chance_null,
    interval,
    shuffled_null,
)
from namebasis.studies.attributes.record_results import RecordsReport
from namebasis.studies.attributes.records import letter_features
from namebasis.studies.attributes.survival import survival

DATA = Path(__file__).parents[4] / "shared" / "data"
WOMEN = (
    "Mary Susan Linda Jessica Emily Anna Laura Karen Betty Helen Sandra Donna Carol Ruth".split()
)
MEN = (
    "John Robert Michael David James Thomas Peter Paul Mark George Steven Kevin Brian Frank".split()
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return nb.load_encoder("minilm")


@pytest.fixture(scope="module")
def births(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An archive in which the first half of each list is of the 1940s, the other of the 2010s."""
    path = tmp_path_factory.mktemp("births") / "names.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for year, half in ((1945, slice(0, 7)), (2015, slice(7, None))):
            lines = [f"{n},F,{900 - i}" for i, n in enumerate(WOMEN[half])]
            lines += [f"{n},M,{900 - i}" for i, n in enumerate(MEN[half])]
            archive.writestr(f"yob{year}.txt", "\n".join(lines) + "\n")
    return f"ssa:{path}"


@pytest.fixture(scope="module")
def space(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Space:
    path = tmp_path_factory.mktemp("records") / "my.space"
    names = nb.read_names([*(name.upper() for name in WOMEN), *MEN, "Ocean", "Banana"])
    return nb.build_space(names, path, encoder=encoder, templates="plain")


STEPS: list[tuple[int, int]] = []


@pytest.fixture(scope="module")
def report(space: Space, births: str) -> RecordsReport:
    def progress(done: int, total: int) -> None:
        STEPS.append((done, total))

    return records.compare(space, births, n_made_up=40, progress=progress)


@pytest.mark.long
def test_births_are_compared_by_name_whatever_the_capitals(report: RecordsReport) -> None:
    assert [(done, 6) for done in range(7)] == STEPS
    assert (report.n_names, report.year) == (28, 2015)
    values = {(m.fact, m.reading): m for m in report.measures}
    assert len(values) == 2 * 6
    women = values["women", "projection"]
    assert women.value > 0.95
    assert women.low <= women.value <= women.high
    assert women.n_names == 28
    assert 0.5 < women.null < 1
    assert {curve.reading for curve in report.curves} == {"expectation", "probe"}
    assert {era.decade for era in report.eras} == {1940, 2010}
    for era in report.eras:
        assert era.bias == pytest.approx(era.believed - era.recorded)
    old = next(e for e in report.eras if (e.fact, e.decade) == ("age", 1940))
    assert old.recorded == pytest.approx(70)
    assert old.null == pytest.approx((70 + 0) / 2 - 70)
    assert {(row.first, row.last) for row in report.popularity} == {(1, 28)}
    assert report.to_arrow().num_rows == 12
    assert report.validated == {"age": "inferred", "women": "inferred"}
    for fact in ("age", "women"):
        wrong = [one for one in report.misjudged if one.fact == fact]
        assert [abs(one.error) for one in wrong] == sorted(
            (abs(one.error) for one in wrong), reverse=True
        )
        for one in wrong:
            assert one.error == pytest.approx(one.believed - one.recorded)
            assert one.births is not None
            assert 880 < one.births <= 900
            recorded = 70 if one.name.title() in (*WOMEN[:7], *MEN[:7]) else 0
            is_woman = float(one.name.title() in WOMEN)
            assert one.recorded == pytest.approx(recorded if fact == "age" else is_woman)


def test_the_names_farthest_off_are_those_of_the_belief_that_follows_the_records() -> None:
    n = 60
    truth = np.linspace(10, 80, n)
    belief = truth.copy()
    belief[[3, 50]] = belief[[50, 3]]  # one young name is believed old, and an old one young
    fact = Fact("age", "age", None, truth, "years", "Spearman")
    rows, chance = np.arange(n), np.random.default_rng(0).random((n, 50))
    beliefs = [
        records.Belief(fact, name, values, truth, rows, None if name == "probe" else chance)
        for name, values in (("inferred", belief), ("probe", truth[::-1].copy()))
    ]
    measures = [
        Measure("age", "Spearman", "inferred", 0.9, 0.8, 1.0, 0.3, n),
        Measure("age", "Spearman", "probe", -1.0, -1.0, -0.9, 0.3, n),
    ]
    names = [f"n{at}" for at in range(n)]
    counts = np.arange(n)[::-1] + 1
    wrong = records._misjudged("age", beliefs, measures, names, counts)
    assert {(one.name, one.reading, one.births) for one in wrong} == {
        ("n3", "inferred", 57), ("n50", "inferred", 10),
    }  # fmt: skip
    errors = {one.name: one.error for one in wrong}
    assert errors["n3"] == -errors["n50"] == pytest.approx(truth[50] - truth[3])
    within = [replace(one, value=0.2) for one in measures]
    assert records._misjudged("age", beliefs, within, names, counts) == []


@pytest.mark.long
def test_packaged_births_are_records_too(space: Space) -> None:
    found = read_records(space, "us")
    strings = space.table(["name"], ids=found.ids)["name"].to_pylist()
    decades = dict(zip(strings, found.decades, strict=True))
    assert (decades["RUTH"], decades["JESSICA"], decades["Kevin"]) == (1920, 1980, 1960)
    assert found.year == 2022
    with pytest.raises(CorpusError, match="us:family holds 0 of the space's names"):
        read_records(space, "us:family")


@pytest.mark.long
def test_the_page_shows_what_was_found_and_asks_no_host(
    report: RecordsReport, tmp_path: Path
) -> None:
    report.write_html(tmp_path / "r.html")
    page = (tmp_path / "r.html").read_text(encoding="utf-8")
    for heading in ("Bias by decade", "Belief by popularity", "Calibration", "Measures"):
        assert re.search(f"<h2[^>]*>{heading}</h2>", page), heading
    assert page.count("<svg") == 6
    assert not re.search(r"(?:src|href)=[\"']?(?:https?:)?//", page)
    assert "<script" not in page
    with pytest.raises(ValueError, match=r"as .png or .svg; got 'r.pdf'"):
        report.write_figure(tmp_path / "r.pdf")
    with pytest.raises(SpaceError, match=r"r\.html"):
        report.write_html(tmp_path / "r.html")
    assert len(set(re.findall(r' id="([^"]+)"', page))) == len(re.findall(r' id="', page))


CENSUS = """NAME,RANK,COUNT,PCTWHITE,PCTBLACK,PCTAPI,PCTAIAN,PCT2PRACE,PCTHISPANIC
{rows}
ALL OTHER NAMES,0,99,60,10,10,1,2,17
"""
GROUPS = {
    "hispanic": "Garcia Rodriguez Martinez Hernandez Lopez Gonzalez Sanchez Ramirez Torres Flores",
    "asian": "Nguyen Kim Patel Tran Chen Wong Yang Wang Singh Chang",
    "white": "Schmidt Schwartz Mueller Olson Snyder Hansen Larson Weber Schneider Carlson",
}


@pytest.fixture(scope="module")
def census(tmp_path_factory: pytest.TempPathFactory) -> str:
    path = tmp_path_factory.mktemp("census") / "surnames.csv"
    rows = []
    for place, (group, names) in enumerate(GROUPS.items()):
        shares = {"white": 5, "asian": 5, "hispanic": 5} | {group: 85}
        rows += [
            f"{name.upper()},{place},{1000 - i},{shares['white']},(S),{shares['asian']},1,1,"
            f"{shares['hispanic']}"
            for i, name in enumerate(names.split())
        ]
    path.write_text(CENSUS.format(rows="\n".join(rows)), encoding="utf-8")
    return f"census:{path}"


@pytest.mark.long
def test_census_groups_are_believed_by_region(
    tmp_path: Path, encoder: Encoder, census: str
) -> None:
    names = nb.read_names([n for g in GROUPS.values() for n in g.split()], part="family")
    space = nb.build_space(names, tmp_path / "my.space", encoder=encoder, templates="plain")
    report = records.compare(space, census, n_made_up=40)
    found = {(m.fact, m.measure, m.reading): m.value for m in report.measures}
    assert found["hispanic", "AUC", "projection"] > 0.9
    assert found["asian", "AUC", "projection"] > 0.9
    assert not [key for key in found if key[0] == "black"]  # held back for all
    assert report.eras == ()
    assert report.popularity
    given = nb.read_names([n for g in GROUPS.values() for n in g.split()])
    wrong = nb.build_space(given, tmp_path / "wrong.space", encoder=encoder, templates="plain")
    with pytest.raises(CorpusError, match=r"holds 0 of the space's .*build with --part family"):
        records.compare(wrong, census)


@pytest.mark.long
def test_locales_are_believed_by_region(tmp_path: Path, encoder: Encoder) -> None:
    table = nb.read_names("faker:pl_PL,ja_JP,en_US").select("family").table
    kept = []
    for locale in ("pl_PL", "ja_JP", "en_US"):
        only = [at for at, row in enumerate(table["locales"].to_pylist()) if row == [locale]]
        kept += only[:15]
    names = nb.Names(table.take(pa.array(sorted(kept))))
    space = nb.build_space(names, tmp_path / "my.space", encoder=encoder, templates="plain")
    known = read_records(space, "locales")
    assert {fact.name for fact in known.facts} == {"Eastern Europe", "East Asia"}
    assert known.ids.size <= 30  # names of the United States are of no region
    report = records.compare(space, "locales", n_made_up=40)
    probes = [m.value for m in report.measures if m.reading == "probe"]
    assert min(probes) > 0.95
    assert (report.eras, report.popularity, report.year) == ((), (), None)


def test_regions_of_locales() -> None:
    assert region("is_IS") == "Western Europe"
    assert region("zu_ZA") == "Africa"
    assert region("sw") == "Africa"
    assert region("zh_TW") == "East Asia"
    assert [region(locale) for locale in ("en_US", "en", "en_IN", "fr_CA", "xx_QQ")] == [None] * 5
    assert region("en_GB") == "Western Europe"


def test_records_of_another_kind_are_refused(space: Space, tmp_path: Path) -> None:
    for spec in ("ons:names.csv", "locales:de_DE", "names.csv"):
        with pytest.raises(CorpusError, match=r"records must be ssa:ZIP .* got"):
            records.compare(space, spec)
    # England and Wales publish ranks in one CSV, Germany's cities semicolons.
    british = tmp_path / "babynames.csv"
    british.write_text("Rank,Name,Count\n1,Olivia,2882\n", encoding="utf-8")
    with pytest.raises(CorpusError, match=r"damaged or no zip archive.*Records must be ssa:ZIP"):
        records.compare(space, f"ssa:{british}")
    with pytest.raises(CorpusError, match="no US Census table of names: no column for pct_asian"):
        records.compare(space, f"census:{british}")
    german = tmp_path / "vornamen.zip"
    with zipfile.ZipFile(german, "w") as archive:
        archive.writestr("vornamen2020.csv", "vorname;anzahl;geschlecht\nMarie;300;w\n")
    with pytest.raises(CorpusError, match=r"holds no yobYYYY.txt"):
        records.compare(space, f"ssa:{german}")
    with zipfile.ZipFile(german, "w") as archive:
        archive.writestr("yob2020.txt", "Marie;w;300\n")
    with pytest.raises(CorpusError, match="lines must be name,sex,count"):
        records.compare(space, f"ssa:{german}")


def test_letters_alone_tell_what_spelling_tells() -> None:
    names = [a + b for a in "BCDFG" for b in ("ova", "ina", "son", "sen")]
    rows = letter_features(names)
    assert rows.shape[0] == 20
    same = rows @ rows.T
    assert same[0, 4] > same[0, 2]  # Bova is nearer to Cova than to Bson
    np.testing.assert_allclose(letter_features(names), rows)


def test_intervals_and_nulls() -> None:
    rng = np.random.default_rng(0)
    truth = rng.random(400)
    value, low, high = interval("Spearman", truth + rng.random(400), truth)
    assert low < value < high
    for reading in (truth, np.round(truth * 3)):  # without ties, and with many
        shuffles = np.stack([rng.permutation(reading) for _ in range(1000)], axis=1)
        for measure in ("Spearman", "AUC"):
            exact = chance_null(measure, shuffles, truth)
            assert shuffled_null(measure, reading, truth) == pytest.approx(exact, rel=0.1)


@pytest.mark.parametrize(("n_above", "n"), [(1, 3), (1, 100), (2, 7), (3, 8), (5, 10), (99, 100)])
def test_the_null_of_an_auc_is_that_of_all_shuffles(n_above: int, n: int) -> None:
    above = np.arange(n) < n_above
    truth, reading = above.astype(float), np.random.default_rng(n).permutation(n).astype(float)
    # Every choice of those above, as the closed form of one counts them: ranks that they can have.
    fewer = min(n_above, n - n_above)
    areas = [
        (sum(ranks) - fewer * (fewer - 1) / 2) / (n_above * (n - n_above))
        for ranks in combinations(range(n), fewer)
    ]
    exact = 0.5 + np.quantile(np.abs(np.array(areas) - 0.5), 0.95)
    found = shuffled_null("AUC", reading, truth)
    assert 0.5 <= found <= 1
    assert found == pytest.approx(exact, abs=0.03)
    if n_above == 1:  # uniform over the n places
        assert exact == pytest.approx(0.975, abs=0.06)


@pytest.mark.long
def test_nulls_stay_within_the_range_of_their_measure() -> None:
    rng = np.random.default_rng(0)
    for n in (3, 10, 49, 120, 1000):
        for n_above in {1, 2, n // 2, n - 1}:
            truth = (rng.permutation(n) < n_above).astype(float)
            for reading in (rng.random(n), np.round(rng.random(n)), (rng.permutation(n) < 1) * 1.0):
                assert 0.5 <= shuffled_null("AUC", reading, truth) <= 1
                null = shuffled_null("Spearman", reading, truth)
                assert np.isnan(null) or 0 <= null <= 1
    assert np.isnan(shuffled_null("AUC", rng.random(5), np.ones(5)))
    assert np.isnan(shuffled_null("Spearman", np.ones(5), rng.random(5)))
    assert np.isnan(shuffled_null("Spearman", np.ones(500), rng.random(500)))


@pytest.mark.parametrize(
    ("born", "sex", "age", "published"),
    [
        (1900, "F", 15, 0.80255),
        (1900, "F", 79, 0.37833),
        (1900, "F", 95, 0.05793),
        (1900, "M", 85, 0.11014),
        (1910, "M", 95, 0.01682),
        (1920, "M", 15, 0.86761),
        (1920, "F", 99, 0.02071),
        (1930, "M", 79, 0.39167),
        (1940, "M", 39, 0.88661),
        (1950, "M", 99, 0.01665),
        (1950, "F", 79, 0.62604),
        (1970, "F", 99, 0.06785),
        (1980, "M", 79, 0.59032),
        (2000, "F", 79, 0.73177),
        (2010, "M", 59, 0.91205),
    ],
)
def test_survival_is_that_of_the_published_cohort(
    born: int, sex: str, age: int, published: float
) -> None:
    assert survival([born], born + age, sex)[0] == pytest.approx(published, abs=1e-4)


def test_survival_keeps_the_published_means() -> None:
    for born, sex, left in ((1900, "F", 57.15), (1920, "F", 62.45), (1920, "M", 55.90)):
        ages = np.arange(15, 121)
        curve = [float(survival([born], born + int(age), sex)[0]) for age in ages]
        assert np.trapezoid(curve, ages) / curve[0] == pytest.approx(left, abs=0.05)


def test_survival_lies_between_its_cohorts_and_ends() -> None:
    years = np.array([1940, 1945, 1950])
    low, middle, high = (float(survival([year], year + 75, "M")[0]) for year in years)
    assert middle == pytest.approx((low + high) / 2)
    # Of 39,000 Josephs of 1914, about 130 were alive in 2014 (FiveThirtyEight, from these tables).
    assert 0.002 < survival([1914], 2014, "M")[0] < 0.0045
    assert survival([2024], 2024, "F")[0] == 1
    assert survival([1885, 1895], 2016, "F")[0] == 0
    early, late = survival([1880], 1960, "F"), survival([2020], 2024, "M")
    assert early == survival([1900], 1980, "F")
    assert late == survival([2010], 2014, "M")
    with pytest.raises(ValueError, match="must not be after 2000"):
        survival([2001], 2000, "F")
    with pytest.raises(ValueError, match="sex must be 'F' or 'M'; got 'X'"):
        survival([2000], 2000, "X")


def test_expected_age_is_the_mean_over_the_living() -> None:
    births = [[{"year": 1940, "female": 10, "male": 0}, {"year": 2000, "female": 10, "male": 0}]]
    alive = survival([1940, 2000], 2020, "F")
    expected = (alive[0] * 80 + alive[1] * 20) / alive.sum()
    assert records.expected_ages(births, 2020)[0] == pytest.approx(expected)
    assert np.isnan(records.expected_ages([[]], 2020)[0])


def test_auc_and_spearman_equal_their_oracles() -> None:
    from scipy.stats import spearmanr
    from sklearn.metrics import roc_auc_score

    rng = np.random.default_rng(0)
    reading, truth = np.round(rng.random(50), 1), rng.random(50)
    assert records.spearman(reading, truth) == pytest.approx(spearmanr(reading, truth)[0])
    assert records.auc(reading, truth) == pytest.approx(roc_auc_score(truth >= 0.5, reading))


def test_records_are_called_by_kind_and_file() -> None:
    for label, told in (
        ("us:given", "us:given"), ("locales", "locales"), ("ssa:/a/b/names.zip", "ssa:names.zip"),
        ("ssa:names.zip", "ssa:names.zip"),
    ):  # fmt: skip
        assert records._named(label) == told
