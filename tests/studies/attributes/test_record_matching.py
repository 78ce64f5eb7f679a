"""Names of a space in records that write ASCII letters only."""

from __future__ import annotations

import zipfile
from pathlib import Path

import numpy as np

import namebasis as nb
from namebasis.studies.attributes.record_facts import read_records
from namebasis.studies.attributes.record_matching import match

PLAIN = "Anna Mary Linda Karen John Mark Paul Peter Ruth Frank".split()
MARKED = ["José", "Anne-Marie", "De'Andre", "Zoë", "Chloé", "François"]
IN_RECORDS = ["Jose", "Annemarie", "Deandre", "Zoe", "Chloe", "Francois"]


def test_given_names_are_found_by_their_letters(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "n.zip", "w") as stored:
        lines = [f"{name},F,{100 + at}" for at, name in enumerate([*PLAIN, *IN_RECORDS])]
        stored.writestr("yob1990.txt", "\n".join(lines))
    names = nb.read_names([*PLAIN, *MARKED, "Jürgen", "Bo"])
    encoder = nb.load_encoder("minilm")
    space = nb.build_space(names, tmp_path / "g.space", encoder=encoder, templates="plain")
    found = read_records(space, f"ssa:{tmp_path / 'n.zip'}")
    assert found.ids.tolist() == list(range(16))
    told = found.matching
    assert told is not None
    assert (told.n_asked, told.n_exact, told.n_by_letters) == (18, 10, 6)
    assert (told.n_lost, told.lost, told.n_lost_marked) == (2, ("Jürgen", "Bo"), 1)
    assert "6 by their letters alone; 2 are not in the records (such as Jürgen, Bo), 1 of" in (
        told.told()
    )


def test_spellings_that_the_records_write_as_one_are_merged_exact_first() -> None:
    asked = ["García", "Garcia", "O'Brien", "De La Cruz", "Núñez", "NUNEZ", "Öz"]
    known = ["Garcia", "Obrien", "Delacruz", "Nunez"]
    rows, places, told = match(
        [(10 + at, name, "family") for at, name in enumerate(asked)],
        [(name, "family") for name in known],
    )
    assert rows.tolist() == [11, 12, 13, 15]
    np.testing.assert_array_equal(places, [0, 1, 2, 3])
    assert (told.n_exact, told.n_by_letters, told.n_merged) == (2, 2, 2)
    assert set(told.merged) == {"García", "Núñez"}
    assert told.lost == ("Öz",)


def test_a_name_that_the_records_cut_off_is_found_by_its_beginning() -> None:
    asked = [(0, "Christopherjohns", "given"), (1, "Christopherjohn", "family")]
    known = [("Christopherjohn", "given")]
    assert match(asked, known, longest=15)[0].tolist() == [0]
    assert match(asked, known)[2].n_lost == 2


def test_a_voiced_kana_is_no_other_name() -> None:
    assert match([(0, "バナコ", "given")], [("ハナコ", "given")])[2].n_lost == 1
