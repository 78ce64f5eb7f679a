"""Faker's lists, compared with what Faker itself gives out."""

from __future__ import annotations

import unicodedata

import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus import faker_source
from namebasis.namespace.corpus.faker_source import faker_locales, read_faker
from namebasis.namespace.corpus.names import Names

faker = pytest.importorskip("faker")
Row = dict[str, object]


@pytest.fixture(scope="module")
def everything() -> Names:
    return read_faker()


@pytest.fixture(scope="module")
def rows(everything: Names) -> dict[tuple[str, str], Row]:
    return {(r["part"], r["name"]): r for r in everything.table.to_pylist()}


def test_all_locales_with_names_of_their_own_are_read(everything: Names) -> None:
    locales = {x for row in everything.table["locales"].to_pylist() for x in row}
    assert locales == set(faker_locales())
    assert len(locales) >= 80
    assert {"is_IS", "ja_JP", "en_US", "fa_IR"} <= locales
    parts = everything.table["part"].to_pylist()
    assert parts.count("given") > 28_000
    assert parts.count("family") > 30_000
    assert set(everything.table["sources"].combine_chunks().flatten().to_pylist()) == {"faker"}


def test_each_name_is_one_clean_row(everything: Names, rows: dict[tuple[str, str], Row]) -> None:
    assert len(rows) == len(everything)
    assert not [n for n in everything.strings if not unicodedata.is_normalized("NFC", n)]
    assert not [n for n in everything.strings if n != n.strip(" ,;")]
    assert all(r["locales"] == sorted(set(r["locales"])) for r in rows.values())  # type: ignore[call-overload]


@pytest.mark.parametrize(
    "locale",
    ["en_US", "is_IS", "ja_JP", "zh_TW", "cs_CZ", "pl_PL", "uk_UA", "fa_IR", "th_TH", "vi_VN",
     "es_CL", "bn_BD", "et_EE", "lv_LV"],
)  # fmt: skip
def test_what_faker_gives_out_is_there_with_locale_and_gender(
    locale: str, rows: dict[tuple[str, str], Row]
) -> None:
    fake = faker.Faker(locale)
    fake.seed_instance(7)
    for method, part, genders in [
        ("first_name_female", "given", {"F", "U"}),
        ("first_name_male", "given", {"M", "U"}),
        ("last_name_female", "family", {"F", "U", None}),
        ("last_name_male", "family", {"M", "U", None}),
    ]:
        if method == "last_name_female" and locale == "pl_PL":
            continue  # that method turns -ski into -ska itself
        for _ in range(40):
            name = unicodedata.normalize("NFC", getattr(fake, method)().strip(" ,;"))
            row = rows[part, name]
            assert locale in row["locales"]  # type: ignore[operator]
            assert row["gender"] in genders


def test_a_name_of_both_genders_is_u_over_locales_too(rows: dict[tuple[str, str], Row]) -> None:
    provider = faker.providers.person
    italian = __import__(f"{provider.__name__}.it_IT", fromlist=["Provider"]).Provider
    german = __import__(f"{provider.__name__}.de_DE", fromlist=["Provider"]).Provider
    only_italian = set(italian.first_names_male) - set(italian.first_names_female)
    shared = only_italian & (set(german.first_names_female) - set(german.first_names_male))
    assert shared, "no such name in this version of Faker"
    for name in shared:
        assert rows["given", name]["gender"] == "U"


def test_a_family_name_that_only_some_locales_give_by_gender_is_u(
    rows: dict[tuple[str, str], Row],
) -> None:
    slovak = __import__("faker.providers.person.sk_SK", fromlist=["Provider"]).Provider
    german = __import__("faker.providers.person.de_DE", fromlist=["Provider"]).Provider
    czech = __import__("faker.providers.person.cs_CZ", fromlist=["Provider"]).Provider
    men = set(slovak.last_names_male) | set(czech.last_names_male)
    shared = men & set(german.last_names)
    assert shared, "no such name in this version of Faker"
    for name in shared:
        assert rows["family", name]["gender"] == "U"
    assert rows["family", "Nováková"]["gender"] == "F"


def test_a_joined_list_called_nonbinary_does_not_make_all_names_unisex() -> None:
    genders = read_faker("en_US:given").table["gender"].to_pylist()
    assert genders.count("F") > 300
    assert genders.count("M") > 300
    assert 0 < genders.count("U") < 50


def test_weights_are_shares_of_the_providers_own_list() -> None:
    from faker.providers.person.en_US import Provider

    names = read_faker("en_US:family")
    weights = dict(zip(names.strings, names.table["weight"].to_pylist(), strict=True))
    total = sum(Provider.last_names.values())
    for name in ("Smith", "Johnson", "Nguyen"):
        assert weights[name] == pytest.approx(Provider.last_names[name] / total, rel=1e-12)
    assert sum(weights.values()) == pytest.approx(1)
    # Faker's Italian lists carry no weight.
    assert set(read_faker("it_IT").table["weight"].to_pylist()) == {None}


def test_icelandic_stems_become_patronyms_of_either_gender() -> None:
    names = read_faker("is_IS:family")
    gender = dict(zip(names.strings, names.table["gender"].to_pylist(), strict=True))
    assert (gender["Aagesson"], gender["Aagesdóttir"]) == ("M", "F")
    assert "Aages" not in gender


def test_writings_in_capitals_become_names() -> None:
    names = read_faker("zh_TW").strings
    assert "Chia-Hao" in names
    assert not [name for name in names if name.isupper() and len(name) > 1 and name.isascii()]


def test_locales_and_parts_are_chosen_in_any_order() -> None:
    chosen = read_faker("given:da_DK,is_is")
    assert set(chosen.table["part"].to_pylist()) == {"given"}
    assert {x for row in chosen.table["locales"].to_pylist() for x in row} == {"da_DK", "is_IS"}
    assert chosen.table.equals(read_faker("is-IS:da_DK,given").table)


def test_an_unknown_locale_is_told_its_neighbours() -> None:
    with pytest.raises(CorpusError, match=r"locale 'is_SI' .*is_IS"):
        read_faker("is_SI")
    with pytest.raises(CorpusError, match=r"ar_AA, .*zu_ZA"):
        read_faker("qqqqqq")


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("(क्षेत्री)", ["क्षेत्री"]), ("Диван(надядоДианидядоИван)", ["Диван"]),
        ("Bourgondië, van", ["van Bourgondië"]), ("ஆதர்ஷ்,ஆதேஷ்", ["ஆதர்ஷ்", "ஆதேஷ்"]),
        ("Ana, ", ["Ana"]), ("van der Berg", ["van der Berg"]), ("'t Hart", ["'t Hart"]),
    ],
)  # fmt: skip
def test_an_entry_is_the_names_in_it(text: str, names: list[str]) -> None:
    assert faker_source._names_in(text) == names


def test_no_name_of_faker_has_brackets_or_lost_letters() -> None:
    names = read_faker()
    assert not [name for name in names.strings if set(name) & set("()[],;0123456789˜")]
    assert {"क्षेत्री", "Диван", "van Bourgondië", "ஆதர்ஷ்", "ஆதேஷ்"} <= set(names.strings)
    lost = next(d for d in names.dropped if d.reason == "a letter that its list has lost")
    assert lost.examples == ("N˜zamett˜n",)


def test_all_lists_are_read_once_however_they_are_asked_for(everything: Names) -> None:
    assert read_faker("") is read_faker(argument="") is everything


def test_a_list_that_is_one_text_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    from faker.providers.person.en_PK import Provider

    monkeypatch.setattr(Provider, "last_names", "Khan, Malik\nShah")
    names = faker_source._read_faker.__wrapped__("en_PK,family")
    assert {"Khan", "Malik", "Shah"} <= set(names.strings)
