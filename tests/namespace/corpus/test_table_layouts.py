"""Layouts of public tables of names: registers, data sets of faces, exports of services."""

from __future__ import annotations

from pathlib import Path

import pytest

import namebasis as nb
from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import Names


def _read(tmp_path: Path, text: str, name: str = "names.csv") -> Names:
    path = tmp_path / name
    path.write_text(text, encoding="utf-8", newline="")
    return nb.read_names(path)


def _rows(names: Names, *columns: str) -> list[tuple[object, ...]]:
    return list(zip(*(names.table[column].to_pylist() for column in columns), strict=True))


@pytest.mark.parametrize(
    ("title", "words", "expected"),
    [
        ("PŁEĆ", ["MĘŻCZYZNA", "KOBIETA"], ["M", "F"]),
        ("Płeć", ["K", "M"], ["F", "M"]),
        ("sexo", ["H", "M"], ["M", "F"]),  # hombre, mujer
        ("sexo", ["M", "F"], ["M", "F"]),
        ("sexe", ["H", "F"], ["M", "F"]),
        ("geslacht", ["V", "M"], ["F", "M"]),
        ("kön", ["män", "kvinnor"], ["M", "F"]),
        ("Пол", ["М", "Ж"], ["M", "F"]),
        ("性別", ["男", "女"], ["M", "F"]),
        ("Sex at birth", ["Male", "Female"], ["M", "F"]),
        ("genderLabel", ["trans woman", "male"], ["F", "M"]),
        ("Geschlecht", ["weibl.", "männl."], ["F", "M"]),
    ],
)
def test_genders_are_read_as_their_column_writes_them(
    tmp_path: Path, title: str, words: list[str], expected: list[str]
) -> None:
    text = f"name;{title}\n" + "".join(
        f"{name};{word}\n" for name, word in zip(["Uma", "Bo"], words, strict=True)
    )
    assert _rows(_read(tmp_path, text), "gender") == [(one,) for one in expected]


def test_most_women_in_a_spanish_list_are_not_taken_for_men(tmp_path: Path) -> None:
    names = _read(tmp_path, "nombre,sexo\nMaría,M\nCarmen,M\nAna,M\nJosé,H\n")
    assert _rows(names, "gender") == [("F",), ("F",), ("F",), ("M",)]


@pytest.mark.parametrize(
    ("text", "name", "count", "part"),
    [
        ("Nazwisko aktualne,Liczba\nNOWAK,104017\n", "NOWAK", 104017, "family"),
        ("IMIĘ_PIERWSZE,LICZBA_WYSTĄPIEŃ\nJAN,638369\n", "JAN", 638369, "given"),
        ("Sorrend;Név;Darab\n1;Nagy;238 123\n2;Kis;7\n", "Nagy", 238123, "given"),
        ("1\tAnne\t45000\n2\tMette\t38.000\n3\tSøren\t10\n", "Anne", 45000, "given"),
    ],
)
def test_counts_and_parts_are_found_in_other_languages(
    tmp_path: Path, text: str, name: str, count: int, part: str
) -> None:
    assert _rows(_read(tmp_path, text), "name", "count", "part")[0] == (name, count, part)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Name;Vorname\nMüller;Anna\nvon der Heide;Jürgen\n", "Anna Müller"),
        ("name,first name\nAnna Müller,Anna\nBo Lee,Bo\n", "Anna Müller"),
        ("nombre,apellido1,apellido2\nJosé,García,López\nAna,Gil,Ruiz\n", "José García López"),
        ("DOB,Surname,Forename(s)\n01/02/1990,Smith,Anna Jane\n,Jones,Ben\n", "Anna Jane Smith"),
        ("姓,名\n王,小明\n李,娜\n", "王小明"),
    ],
)
def test_parts_in_columns_of_their_own_are_joined(tmp_path: Path, text: str, expected: str) -> None:
    assert _read(tmp_path, text).strings[0] == expected


def test_years_may_be_titles(tmp_path: Path) -> None:
    names = _read(tmp_path, "Name,Sex,2019,2020\nAnna,F,10,20\nBen,M,5,6\n")
    assert _rows(names, "name", "gender", "own_2020") == [("Anna", "F", 20), ("Ben", "M", 6)]


def test_rows_that_look_like_a_header_of_numbers_are_rows(tmp_path: Path) -> None:
    # As in yob2019.txt: neither word is a title.
    names = _read(tmp_path, "Anna,F,7065\nEmma,F,2604\n")
    assert names.strings == ["Anna", "Emma"]


def test_quotes_may_stand_behind_a_space(tmp_path: Path) -> None:
    # VGGFace2's identity_meta.csv.
    names = _read(tmp_path, 'Class_ID, Name, Gender\nn01, "Downey, Jr.", m,\nn02, "Ana Lee", f,\n')
    assert _rows(names, "name", "gender") == [("Downey, Jr.", "M"), ("Ana Lee", "F")]


def test_genders_under_a_title_are_no_names(tmp_path: Path) -> None:
    lines = '{"text":"Anna","label":"female"}\n{"text":"Ben","label":"male"}\n'
    with pytest.raises(CorpusError, match=r"'label' holds genders.*--column.*text, label"):
        _read(tmp_path, lines, "train.jsonl")


def test_labels_of_the_query_service_are_names(tmp_path: Path) -> None:
    names = _read(
        tmp_path,
        '[{"person":"http://www.wikidata.org/entity/Q42","personLabel":"Douglas Adams"},'
        '{"person":"http://www.wikidata.org/entity/Q1","personLabel":"Ana Lee"}]',
        "query.json",
    )
    assert names.strings == ["Douglas Adams", "Ana Lee"]


def test_a_register_s_sums_are_left_out(tmp_path: Path) -> None:
    names = _read(tmp_path, "NOM\t_1891_1900\nMARTIN\t20000\nBERNARD\t9\nAUTRES NOMS\t300000\n")
    assert names.strings == ["MARTIN", "BERNARD"]
    assert [(one.reason, one.count) for one in names.dropped] == [("the sum of all other names", 1)]


def test_a_column_of_names_for_each_sex_is_read_with_it(tmp_path: Path) -> None:
    # The decade pages of the SSA, the tables of the ONS, and lists of one's own.
    expected = [("Noah", "M", 4525), ("Bo", "M", 30), ("Olivia", "F", 3649), ("Ana", "F", 20)]
    for text in (
        '"Rank","Males","Number","Females","Number"\n1,Noah,"4,525",Olivia,"3,649"\n2,Bo,30,Ana,20\n',
        'Rank,Boys,Count,Rank,Girls,Count\n1,Noah,"4,525",1,Olivia,"3,649"\n2,Bo,30,2,Ana,20\n',
        "Boys Name;Girls Name;Boys Count;Girls Count\nNoah;Olivia;4525;3649\nBo;Ana;30;20\n",
        ",Males,,Females,\nRank,Name,Number,Name,Number\n1,Noah,4525,Olivia,3649\n2,Bo,30,Ana,20\n",
    ):
        names = _read(tmp_path, text)
        assert _rows(names, "name", "gender", "count") == expected, text
        assert "one sex each" in names.notes[0]


def test_a_column_may_still_be_asked_for(tmp_path: Path) -> None:
    path = tmp_path / "n.csv"
    path.write_text("Rank,Males,Females\n1,Noah,Emma\n2,Bo,Ana\n")
    assert nb.read_names(path, column="Females").strings == ["Emma", "Ana"]


def test_titles_above_and_notes_below_a_table_are_left_out(tmp_path: Path) -> None:
    above = "Table 1: baby names\nEngland and Wales\nOne table\nSee the notes\nSmall counts held\n"
    rows = "".join(f"{at},Boy{chr(96 + at)},{50 - at}\n" for at in range(1, 11))
    names = _read(tmp_path, f"{above}\nRank,Name,Count\n{rows}\nSource: Office of Names\n")
    assert names.strings[:2] == ["Boya", "Boyb"]
    assert len(names) == 10
    assert sum(one.count for one in names.dropped) == 6


def test_the_sum_of_a_table_is_no_name_but_a_name_may_be_total(tmp_path: Path) -> None:
    assert _read(tmp_path, "Name,Count\nAnna,5\nBen,6\nTotal,11\n").strings == ["Anna", "Ben"]
    assert "Total" in _read(tmp_path, "Name,Count\nAnna,5\nBen,6\nTotal,3\n").strings


def test_a_rule_under_a_header_is_no_name(tmp_path: Path) -> None:
    names = _read(tmp_path, "| name | count |\n|------|-------|\n| Anna | 5 |\n| Ben | 6 |\n")
    assert _rows(names, "name", "count") == [("Anna", 5), ("Ben", 6)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # randomuser.me
        ('{"results":[{"name":{"title":"Mr","first":"Bo","last":"Hill"}}],"info":{"page":1}}',
         ["Bo Hill"]),
        ('[{"name":{"full":"Ana"}},{"name":{"full":"Bo"}}]', ["Ana", "Bo"]),
        ('{"head":{"vars":["x","itemLabel"]},"results":{"bindings":[{"x":{"type":"uri","value":'
         '"http://x.org/entity/Q1"},"itemLabel":{"type":"literal","value":"Ana Lee"}}]}}',
         ["Ana Lee"]),
        ('{"columns":["name","count"],"index":[0,1],"data":[["Ana",5],["Bo",6]]}', ["Ana", "Bo"]),
        ('{"name":{"0":"Ana","1":"Bo"},"count":{"0":5,"1":6}}', ["Ana", "Bo"]),
        ('{"name":["Ana","Bo"],"gender":["F","M"]}', ["Ana", "Bo"]),
        ('{"boys":["Bo","Noah"],"girls":["Ana","Emma"]}', ["Bo", "Noah", "Ana", "Emma"]),
    ],
)  # fmt: skip
def test_json_is_read_as_services_write_it(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert _read(tmp_path, text, "n.json").strings == expected


@pytest.mark.parametrize(
    "text",
    [
        "Name,Male,Female\nAnna,3,700\nBob,500,2\nSky,10,12\n",
        "Name,M,F\nAnna,3,700\nBob,500,2\nSky,10,12\n",
        "name,male_count,female_count,p_male\nAnna,3,700,0.004\nBob,500,2,0.99\nSky,10,12,0.45\n",
        "Name;Boys;Girls;Total\nAnna;3;700;703\nBob;500;2;502\nSky;10;12;22\n",
        "Name,1990 F,1990 M,1991 F,1991 M\nAnna,600,1,100,2\nBob,2,250,,250\nSky,6,5,6,5\n",
        "name,F1990,M1990,total\nAnna,700,3,703\nBob,2,500,502\nSky,12,10,22\n",
        "Name,State,Male,Female\nAnna,NY,3,400\nAnna,CA,0,300\nBob,NY,500,2\nSky,NY,10,12\n",
    ],
)
def test_counts_in_a_column_for_each_sex_are_read(tmp_path: Path, text: str) -> None:
    names = _read(tmp_path, text)
    expected = [("Anna", 703, "F"), ("Bob", 502, "M"), ("Sky", 22, "U")]
    assert _rows(names, "name", "count", "gender") == expected
    assert names.table["share_female"].to_pylist() == pytest.approx([700 / 703, 2 / 502, 12 / 22])


@pytest.mark.parametrize(
    ("text", "counts", "genders"),
    [
        ("name,1990,1991,1992\nAnna,1,2,3\nBob,4,5,[c]\n", [6, 9], [None, None]),
        ("name,sex,X1990,X1991\nAnna,F,1,\nBob,M,4,5\n", [1, 9], ["F", "M"]),
        ("name,Rank 1990,Count 1990,Rank 1991,Count 1991\nAnna,1,70,2,60\nBob,2,50,1,90\n",
         [130, 140], [None, None]),
        # Ranks, ages, shares and marks are no counts.
        ("name,1990,1991\nA,1,2\nB,2,1\nC,3,4\nD,4,3\n", [None] * 4, [None] * 4),
        ("name,Male Age,Female Age\nAnna,30,31\nBob,40,42\n", [None] * 2, [None] * 2),
        ("name,percent_female,count\nAnna,99.5,100\nBob,1.0,50\n", [100, 50], [None, None]),
        ("name,M,F\nAnna,0,1\nBob,1,0\nSky,1,1\n", [None] * 3, ["F", "M", "U"]),
        ("name,Male,Female\nAnna,1,99\nBob,97,3\n", [None] * 2, ["F", "M"]),
        ("name,count,Male,Female\nAnna,703,1,98\nBob,502,97,2\n", [703, 502], [None, None]),
    ],
)  # fmt: skip
def test_only_counts_are_added_up(
    tmp_path: Path, text: str, counts: list[int | None], genders: list[str | None]
) -> None:
    names = _read(tmp_path, text)
    assert names.table["count"].to_pylist() == counts
    assert names.table["gender"].to_pylist() == genders


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ana Lee         F     70\nBob Ray         M   1204\nCy van der Orr  M      3\n", None),
        ("Ana Lee 70\nBob Ray 1204\nCy van der Orr 3\n",
         [("Ana Lee", None, 70), ("Bob Ray", None, 1204), ("Cy van der Orr", None, 3)]),
        ("   7065 Mary\n   2604 Ana Lee\n     12 Bo\n",  # uniq -c
         [("Mary", None, 7065), ("Ana Lee", None, 2604), ("Bo", None, 12)]),
        ("name count\nAna 5\nBo 12\n", [("Ana", None, 5), ("Bo", None, 12)]),
        ("M  Aad        4\n?M Aage       1\nF  Abdal+Ana  12\n",  # nam_dict
         [("Aad", "M", 4), ("Aage", "M", 1), ("Abdal Ana", "F", 12)]),
        ("10\nGeorge_W_Bush\t530\nBo_Ray\t6\n2\nCy_Orr\t1\n",  # LFW's people.txt
         [("George W Bush", None, 530), ("Bo Ray", None, 6), ("Cy Orr", None, 1)]),
        ("10\t300\nAna_Lee\t1\t4\nBo\t1\t3\nAna_Lee\t1\tCy_Orr\t1\n",  # LFW's pairs.txt
         [("Ana Lee", None, None), ("Bo", None, None), ("Cy Orr", None, None)]),
        ("0000045 Richard_Gere\n0000099 Jeff_Bridges\n",  # CASIA-WebFace
         [("Richard Gere", None, None), ("Jeff Bridges", None, None)]),
    ],
)  # fmt: skip
def test_columns_aligned_with_spaces_are_columns(
    tmp_path: Path, text: str, expected: list[tuple[object, ...]] | None
) -> None:
    names = _read(tmp_path, text, "names.txt")
    expected = expected or [
        ("Ana Lee", "F", 70), ("Bob Ray", "M", 1204), ("Cy van der Orr", "M", 3),
    ]  # fmt: skip
    assert _rows(names, "name", "gender", "count") == expected


@pytest.mark.parametrize("name", ["dist.all.last", "dist.female.first", "census.txt", "c.csv"])
def test_the_census_of_1990_is_known_by_its_numbers(tmp_path: Path, name: str) -> None:
    text = "SMITH          1.006  1.006      1\nO'BRIEN        0.810  1.816      2\n"
    names = _read(tmp_path, text, name)
    assert _rows(names, "name", "part", "gender") == [
        ("Smith", "family", None), ("O'Brien", "family", None),
    ]  # fmt: skip
    assert names.table["weight"].to_pylist() == pytest.approx([0.01006, 0.0081])
    women = _read(tmp_path, text.replace("SMITH", "MARY "), name)
    assert _rows(women, "name", "part", "gender")[0] == ("Mary", "given", "F")
    other = _read(tmp_path, text.replace("1.816", "1.900"), "other.txt")
    assert other.table["weight"].to_pylist() == [None, None]


def test_lists_of_images_name_nobody(tmp_path: Path) -> None:
    rows = "".join(f"{at:06}.jpg {at * 7}\n" for at in range(1, 9))  # identity_CelebA.txt
    with pytest.raises(CorpusError, match="links or paths"):
        _read(tmp_path, rows, "identity_CelebA.txt")
    with pytest.raises(CorpusError, match="the name of a file, no name"):
        _read(tmp_path, "n000001/0001_01.jpg\nn000001/0002_01.jpg\n", "test_list.txt")


def test_a_code_of_one_digit_is_no_count(tmp_path: Path) -> None:
    # danbooru.csv of the tag completer: tag, kind, uses, other names.
    names = _read(tmp_path, 'hatsune_miku,4,60000,"miku,h"\nsaber,4,3000,\nrin,4,20,\n')
    assert _rows(names, "name", "count")[0] == ("hatsune miku", 60000)


@pytest.mark.parametrize(
    ("separator", "words", "expected"),
    [
        # Thousands: two signs, the other sign behind, or whole numbers below 1,000 beside.
        (",", ["1.654", "12.723", "801", "1.200.000"], [1654, 12723, 801, 1200000]),
        (",", ["1.234", "12.345", "999"], [1234, 12345, 999]),
        (";", ["1.234", "2.500", "999"], [1234, 2500, 999]),
        (",", ['"1,654"', '"12,723"', "801"], [1654, 12723, 801]),
        (",", ['"1,654.5"', '"12,723"', "801"], [1654.5, 12723.0, 801.0]),
        (";", ["1.234,50", "1.200", "8,10"], [1234.5, 1200.0, 8.1]),
        (";", ["1\u202f234", "12\u00a0345", "1 234 567", "9"], [1234, 12345, 1234567, 9]),
        (";", ["1'654", "12’723", "801"], [1654, 12723, 801]),
        (";", ["1 234,5", "8,25", "7"], [1234.5, 8.25, 7.0]),
        # Fractions.
        (",", ["1.654", "1.723", "1.801"], [1.654, 1.723, 1.801]),
        (",", ["1.654", "1.72", "2"], [1.654, 1.72, 2.0]),
        (",", ["1.654", "1234", "2"], [1.654, 1234.0, 2.0]),
        (",", ['"1,65"', '"1,723"', '"1,8"'], [1.65, 1.723, 1.8]),
        (";", ["1,654", "1,723"], [1.654, 1.723]),
        (";", ["0.123", "0.456"], [0.123, 0.456]),
        # Nobody knows.
        (";", ["1.654", "1.723"], ["1.654", "1.723"]),
        (",", ["1.654", "12"], ["1.654", "12"]),
    ],
)
def test_numbers_are_read_as_their_column_writes_them(
    tmp_path: Path, separator: str, words: list[str], expected: list[object]
) -> None:
    text = "".join(f"N{chr(97 + at)}{separator}{word}\n" for at, word in enumerate(words))
    names = _read(tmp_path, f"name{separator}views\n{text}")
    assert names.table["views"].to_pylist() == expected
    assert [type(one) for one in names.table["views"].to_pylist()] == [*map(type, expected)]
