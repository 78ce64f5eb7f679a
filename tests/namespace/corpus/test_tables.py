"""Tables as people have them: which column is what, and what an odd cell costs."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from namebasis.errors import CorpusError
from namebasis.namespace.corpus.names import Names, make_names, merge_names
from namebasis.namespace.corpus.sources import read_names


def read(tmp_path: Path, name: str, data: str | bytes, **options: str) -> Names:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_names(path, **options)  # type: ignore[arg-type]


def column(names: Names, title: str) -> list[object]:
    values: list[object] = names.table[title].to_pylist()
    return values


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("nyc.csv", "Year of Birth,Gender,Child's First Name,Count\n2011,FEMALE,GERALDINE,13\n"
         "2011,FEMALE,GIA,21\n", ["GERALDINE", "GIA"]),
        ("mock.csv", "id,first_name,last_name,email\n1,Ana,Lee,a@x.y\n2,Bo,Ray,b@x.y\n",
         ["Ana Lee", "Bo Ray"]),
        ("rank.csv", "Rank,Names\n1,Ana\n2,Bo\n", ["Ana", "Bo"]),
        ("wikidata.csv", "item,itemLabel\nhttp://x.org/Q1,Ana Lee\nhttp://x.org/Q2,Bo Ray\n",
         ["Ana Lee", "Bo Ray"]),
        ("pandas.csv", ",0\n0,Ana\n1,Bo\n", ["Ana", "Bo"]),
        ("countries.csv", "Country,Localized Name,Romanized Name\nAD,Ana,Ana\nAE,محمد,Muhamad\n",
         ["Ana", "محمد"]),
        ("team.csv", "team_name,player_name\nReds,Ana\nBlues,Bo\n", ["Ana", "Bo"]),
        ("insee.csv", "sexe;preusuel;annais;nombre\n1;ABEL;1900;5\n2;ANNE;1900;9\n",
         ["ABEL", "ANNE"]),
        ("semicolons.csv", "Name;Anteil, in %\nAna;1,5\nBo;2,5\n", ["Ana", "Bo"]),
        ("odd-header.csv", "name;gender;Iran/Iraq,etc.\nAad;M;-5\nAbdal+Salam;M;\n",
         ["Aad", "Abdal Salam"]),
        ("tabs.csv", "Name\tGender\tCount\nMary\tF\t7065\n", ["Mary"]),
        ("excel.csv", "Name\tCount\r\nMärta\t7\r\n".encode("utf-16"), ["Märta"]),
        ("sep.csv", "sep=;\nname;count\nMary;7065\n", ["Mary"]),
        ("bars.csv", "name|count\nAna|3\nBo|4\n", ["Ana", "Bo"]),
        ("trailing.csv", "name,count\nAna,5,\nBo,7,\n", ["Ana", "Bo"]),
        ("comment.csv", "# downloaded 2024\nname,count\nAna,5\n", ["Ana"]),
        ("title.csv", "Table 1: names\n\nRank,Name,Count\n1,Ana,5\n2,Bo,4\n", ["Ana", "Bo"]),
        ("people.csv", "Ana,Lee,F,US\nBo,Ray,,US\nCy,Orr,M,GB\n", ["Ana", "Bo", "Cy"]),
        ("counts.txt", "Adam,1\nBo,2\nCy,3\n", ["Adam", "Bo", "Cy"]),
        ("table.txt", "name,gender\nAna,F\nBo,M\n", ["Ana", "Bo"]),
        ("tabs.txt", "Ana\tF\nBo\tM\n", ["Ana", "Bo"]),
        ("last-first.txt", "Stone, Ana\nRay, Bo\n", ["Stone, Ana", "Ray, Bo"]),
        ("imdb.tsv", 'nconst\tprimaryName\tbirthYear\nnm1\tFred Astaire\t1899\n'
         'nm2\t"Weird Al" Yankovic\t1959\nnm3\t"In Quotes"\t\\N\n',
         ["Fred Astaire", '"Weird Al" Yankovic', "In Quotes"]),
        ("quotes.csv", 'name,count\n"O\'Brien, Pat",3\n"Weird Al" Yankovic,4\nBo,5\n',
         ["O'Brien, Pat", '"Weird Al" Yankovic', "Bo"]),
        ("packed.csv.gz", gzip.compress(b"name,count\nAna,5\n", mtime=0), ["Ana"]),
        ("marks.txt", "\ufeffAna\n\ufeffBo\nC\u200by\n", ["Ana", "Bo", "Cy"]),
        ("wildcards.txt", "# celebs\n2::Anna\n0.5::Bob  \n\n", ["Anna", "Bob"]),
        ("wildcards.yaml", "celebs:\n  f:\n    - 2::Anna\n    - Bo\n  m: [Cy]\n",
         ["Anna", "Bo", "Cy"]),
        ("counts.json", json.dumps({"Ana": 5, "Bo": 7}), ["Ana", "Bo"]),
        ("list.json", json.dumps({"firstNames": ["Ana", "Bo"]}), ["Ana", "Bo"]),
        ("people.json", json.dumps([{"first_name": "Ana", "last_name": "Lee"}]), ["Ana Lee"]),
        ("lines.ndjson", '{"Name": "Ana", "age": 3}\n{"Name": "Bo"}\n', ["Ana", "Bo"]),
        ("empty-rows.csv", "name,count\n,\nAna,5\n,\n", ["Ana"]),
        ("scotland.csv", "yr,sex,FirstForename,number\n1974,B,David,9\n1974,G,Nicola,8\n",
         ["David", "Nicola"]),
        ("nan.csv", "name,count\nNan,1\nNone,2\nNA,3\nTrue,4\n", ["Nan", "None", "NA", "True"]),
    ],
)  # fmt: skip
def test_names_are_found_in_real_layouts(
    tmp_path: Path, name: str, data: str | bytes, expected: list[str]
) -> None:
    assert read(tmp_path, name, data).strings == expected


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("laion.csv", "URL,TEXT\nhttp://x.y/0.jpg,a cat\nhttp://x.y/1.jpg,a dog\n",
         "'URL', holds links or paths.*--column.*there are URL, TEXT"),
        ("clip.csv", "image_path,caption\n/a/0.jpg,a cat\n/a/1.jpg,a dog\n", "links or paths"),
        ("keys.csv", "key,caption\n000000,a cat\n000001,a dog\n", "'key', holds numbers"),
        ("ids.csv", "ident,who\nnm0001,Ana\nnm0002,Bo\n", "'ident', holds codes"),
        ("codes.csv", "land,who\nUS,Ana\nFR,Bo\nDE,Cy\n", "'land', holds codes"),
        ("same.csv", "group,who\nStars,Ana\nStars,Bo\nStars,Cy\n", "'group', is always 'Stars'"),
        ("numbers.csv", "name,who\n1,Ana\n2,Bo\n", "the column 'name' holds numbers"),
    ],
)  # fmt: skip
def test_a_column_that_is_no_names_is_never_taken(
    tmp_path: Path, name: str, data: str, why: str
) -> None:
    with pytest.raises(CorpusError, match=why) as caught:
        read(tmp_path, name, data)
    assert "\n" not in str(caught.value)
    table = [line.split(",") for line in data.split()[0:1]]
    asked = "TEXT" if name == "laion.csv" else table[0][1] if name[:3] != "sex" else "Male name"
    assert len(read(tmp_path, name, data, column=asked)) == len(data.splitlines()) - 1


def test_a_column_is_asked_for_by_title_or_number(tmp_path: Path) -> None:
    data = "name,who\nAna,Bo\nCy,Di\n"
    for asked in ("who", "WHO", "2"):
        assert read(tmp_path, "a.csv", data, column=asked).strings == ["Bo", "Di"]
    with pytest.raises(CorpusError, match=r"no column 'whom'\. There are: name, who"):
        read(tmp_path, "a.csv", data, column="whom")
    with pytest.raises(ValueError, match="column names a column of a file"):
        read_names("faker:is_IS", column="name")


def test_a_parquet_of_ids_and_an_index_gives_names(tmp_path: Path) -> None:
    table = pa.table({"id": ["r1", "r2"], "first_name": ["Ana", "Bo"], "v": [[0.5], [1.0]]})
    pq.write_table(table, tmp_path / "a.parquet")
    names = read_names(tmp_path / "a.parquet")
    assert names.strings == ["Ana", "Bo"]
    assert column(names, "own_id") == ["r1", "r2"]
    assert "vectors or nested: v" in names.notes[0]


def test_births_that_are_a_number_are_a_count(tmp_path: Path) -> None:
    names = read(tmp_path, "a.csv", "name,sex,births,year\nMary,F,7065,1880\nAnna,F,2604,1880\n")
    assert column(names, "count") == [7065, 2604]
    assert column(names, "gender") == ["F", "F"]
    assert column(names, "year") == [1880, 1880]
    pq.write_table(pa.table({"name": ["Mary"], "births": [7065]}), tmp_path / "a.parquet")
    assert column(read_names(tmp_path / "a.parquet"), "count") == [7065]


def test_a_trace_of_the_other_sex_does_not_make_a_name_unisex(tmp_path: Path) -> None:
    data = "name,sex,count\nMary,F,7065\nMary,M,27\nJo,F,5\nJo,M,5\nAl,M,9\nBo,F,1\nBo,M,99\n"
    names = read(tmp_path, "a.csv", data)
    assert names.strings == ["Mary", "Jo", "Al", "Bo"]
    assert column(names, "gender") == ["F", "U", "M", "M"]
    assert column(names, "count") == [7092, 10, 9, 100]
    shares = column(names, "share_female")
    assert shares[:2] == [pytest.approx(7065 / 7092), 0.5]
    assert shares[3] == pytest.approx(0.01)


@pytest.mark.parametrize(
    ("data", "title", "values", "lost"),
    [
        ("name,count\nAna,1234\nBo,[c]\n", "count", [1234, None], 1),
        ("name,count\nAna,1234\nBo,<5\n", "count", [1234, None], 1),
        ("name,count\nAna,1234\nBo,-1\n", "count", [1234, None], 1),
        ('name,count\nAna,"1,234"\nBo,12.0\n', "count", [1234, 12], 0),
        ("name;count\nAna;1.234\nBo;12\n", "count", [1234, 12], 0),
        ("name;count\nAna;12\nBo;1,5\n", "count", [12, None], 1),
        ("name,gender\nAna,F\nBo,X\n", "gender", ["F", "U"], 0),
        ("name,gender\nAna,F\nBo,Agender\n", "gender", ["F", "U"], 0),
        ("name,gender\nAna,2\nBo,1\n", "gender", ["F", "M"], 0),
        ("name,gender\nAna,Girls\nBo,Boys\n", "gender", ["F", "M"], 0),
        ("name,gender\nAna,?F\nBo,1M\n", "gender", ["F", "M"], 0),
        ("name,gender\nAna,F\nBo,M\nCy,Q7\n", "gender", ["F", "M", None], 1),
        ("name,sex\nAna,G\nBo,B\n", "gender", ["F", "M"], 0),
        ("Nombre;Frecuencia\nANA;645.000\nBO;12\n", "count", [645000, 12], 0),
        ("name,part\nAna,first\nLee,surname\n", "part", ["given", "family"], 0),
        ("name,locale\nAna,New Land\nBo,en_US\n", "locales", [["New Land"], ["en_US"]], 0),
        ("name,locales\nAna,de_DE;it_IT\nBo,fr\n", "locales", [["de_DE", "it_IT"], ["fr"]], 0),
    ],
)  # fmt: skip
def test_one_odd_cell_costs_no_more_than_itself(
    tmp_path: Path, data: str, title: str, values: list[object], lost: int
) -> None:
    names = read(tmp_path, "a.csv", data)
    assert column(names, title) == values
    assert sum(dropped.count for dropped in names.dropped) == lost
    if lost:
        assert f"in record {len(values)}" in names.dropped[0].examples[0]


def test_own_columns_keep_their_types_and_a_line_says_what_was_taken(tmp_path: Path) -> None:
    data = (
        "Name,Age,Weight,is star,note,zip\nAna,31,54.5,yes,tall,007\nBo,40,81,no,,123\n"
        "Cy,,70,yes,x,1\n"
    )
    names = read(tmp_path, "a.csv", data)
    kinds = {field.name: field.type for field in list(names.table.schema)[-5:]}
    assert kinds == {
        "age": pa.int64(), "own_weight": pa.float64(), "is_star": pa.bool_(),
        "note": pa.string(), "zip": pa.string(),
    }  # fmt: skip
    assert column(names, "age") == [31, 40, None]
    assert column(names, "weight") == [None] * 3
    assert names.notes == (
        "names from 'Name'; kept as columns of your own: age from 'Age', own_weight from 'Weight', "
        "is_star from 'is star', note, zip",
    )


def test_values_that_are_held_back_leave_a_column_its_type(tmp_path: Path) -> None:
    names = read(tmp_path, "a.csv", "name,fame,share\nAna,9,0.5\nBo,[c],(S)\nCy,<5,1.5\n")
    assert column(names, "fame") == [9, None, None]
    assert column(names, "share") == [0.5, None, 1.5]
    assert sum(dropped.count for dropped in names.dropped) == 3


def test_rows_of_one_name_keep_what_they_agree_on(tmp_path: Path) -> None:
    names = read(tmp_path, "a.csv", "name,team,year,born\nAna,Red,1,1\nAna,Red,2,2\nBo,Blue,1,3\n")
    assert column(names, "team") == ["Red", "Blue"]
    assert column(names, "year") == [None, 1]
    years = read(tmp_path, "b.csv", "name,year\nAna,1\nAna,2\n")
    assert years.own_columns == ()
    assert "rows of one name differ in it: year" in years.notes[-1]


def test_merged_corpora_keep_own_columns(tmp_path: Path) -> None:
    one = read(tmp_path, "a.csv", "name,fame\nAna,1\nBo,2\n")
    other = read(tmp_path, "b.csv", "name,fame,team\nBo,2.5,Red\nCy,3,Blue\n")
    merged = merge_names(one, make_names([{"name": "Di"}]), other)
    rows = {row["name"]: (row["fame"], row["team"]) for row in merged.table.to_pylist()}
    assert rows == {"Ana": (1, None), "Bo": (None, "Red"), "Di": (None, None), "Cy": (3, "Blue")}


def test_a_register_s_sum_of_rare_names_is_left_out(tmp_path: Path) -> None:
    data = "sexe;preusuel;annais;nombre\n1;_PRENOMS_RARES;1900;7\n1;ABEL;1900;5\n1;ABEL;1901;7\n"
    names = read(tmp_path, "a.csv", data)
    assert names.strings == ["ABEL"]
    assert column(names, "count") == [12]
    assert [(d.reason, d.count) for d in names.dropped] == [("the sum of all other names", 1)]


def test_last_first_is_noted(tmp_path: Path) -> None:
    assert "Last, First" in read(tmp_path, "a.txt", "Stone, Ana\nRay, Bo\n").notes[0]
    assert read(tmp_path, "b.txt", "King, Jr.\nAna Lee\n").notes == ()
