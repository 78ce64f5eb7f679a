"""Where full names are cut, and which are not."""

from __future__ import annotations

import pytest

from namebasis.namespace.corpus.full_names import ONE_PART, cut, join, split


@pytest.mark.parametrize(
    ("name", "given", "family"),
    [
        ("Ana Lee", "Ana", "Lee"),
        ("Robert Downey Jr.", "Robert", "Downey Jr."),
        ("Martin Luther King, Jr.", "Martin Luther", "King, Jr."),
        ("Sammy Davis Jr", "Sammy", "Davis Jr"),
        ("Thurston Howell III", "Thurston", "Howell III"),
        ("John Smith PhD", "John", "Smith PhD"),
        ("Vincent van Gogh", "Vincent", "van Gogh"),
        ("Oscar de la Renta", "Oscar", "de la Renta"),
        ("Ludwig Mies van der Rohe", "Ludwig Mies", "van der Rohe"),
        ("Maria dos Santos", "Maria", "dos Santos"),
        ("José Ortega y Gasset", "José", "Ortega y Gasset"),
        ("Osama bin Laden", "Osama", "bin Laden"),
        ("Abdel Fattah el-Sisi", "Abdel Fattah", "el-Sisi"),
        ("Ali ibn Abi Talib", "Ali", "ibn Abi Talib"),
        ("Eva St. Claire", "Eva", "St. Claire"),
        ("J. R. R. Tolkien", "J. R. R.", "Tolkien"),
        ("George W. Bush", "George W.", "Bush"),
        ("Dr. Ana Lee", "Dr. Ana", "Lee"),
        ("Stone, Ana", "Ana", "Stone"),
        ("van Gogh, Vincent", "Vincent", "van Gogh"),
        ("Smith, John Jr.", "John", "Smith Jr."),
        ('Dwayne "The Rock" Johnson', "Dwayne", "Johnson"),
        ("Ana (Annie) Lee", "Ana", "Lee"),
        ("Van Morrison", "Van", "Morrison"),
        ("Al Pacino", "Al", "Pacino"),
        ("Malcolm X", "Malcolm", "X"),
        ("Bruce Lee", "Bruce", "Lee"),
        ("Kim Kardashian", "Kim", "Kardashian"),
        ("Lin Manuel Miranda", "Lin Manuel", "Miranda"),
        ("Иван Петров", "Иван", "Петров"),
        ("Jet LI", "Jet", "LI"),
        # Two Spanish family names; given names that look like one stay where they are.
        ("Gabriel García Márquez", "Gabriel", "García Márquez"),
        ("Federico García Lorca", "Federico", "García Lorca"),
        ("Mario Vargas Llosa", "Mario", "Vargas Llosa"),
        ("Penelope Cruz Sanchez", "Penelope Cruz", "Sanchez"),  # Cruz is a given name too
        ("José María Aznar López", "José María", "Aznar López"),
        ("Ana García de la Torre", "Ana", "García de la Torre"),
        ("María del Carmen García López", "María del Carmen", "García López"),
        ("Miguel Ángel Asturias", "Miguel Ángel", "Asturias"),
        ("María José López", "María José", "López"),
        ("Juan Carlos Ortiz", "Juan Carlos", "Ortiz"),
        ("Helena Bonham Carter", "Helena Bonham", "Carter"),
        ("Mary Grace Martin", "Mary Grace", "Martin"),
        ("Sir Elton John", "Sir Elton", "John"),
        ("Prince Rogers Nelson", "Prince Rogers", "Nelson"),
        ("La Toya Jackson", "La Toya", "Jackson"),
        ("Del Shannon", "Del", "Shannon"),
    ],
)
def test_a_full_name_is_cut_where_people_cut_it(name: str, given: str, family: str) -> None:
    assert split(name) == (given, family)
    assert split(f"  {name.replace(' ', '   ')} ") == (given, family)


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("Cher", ONE_PART), ("Mr. T", "number or a title|one part"), ("50 Cent", "one part only"),
        ("Henry VIII", "a given name with a number"), ("Louis XIV", "number"), ("Mary I", "number"),
        ("Queen Elizabeth II", "number"), ("Pope John Paul II", "number"),
        ("John Paul II", "number"), ("Juan Carlos I", "number"), ("henry viii", "number"),
        ("Ivan the Terrible", "no family name"), ("Prince (musician)", "no family name"),
        ("Prince Harry", "title"), ("Pope Francis", "title"), ("Madonna", ONE_PART),
        ("Prince Philip, Duke of Edinburgh", "title"),
        ("The Rock", ONE_PART), ("Le Corbusier", ONE_PART), ("El Greco", ONE_PART),
        ("De Niro", ONE_PART), ("van Gogh", ONE_PART), ("del Toro", ONE_PART),
        ("Ibn Sina", ONE_PART), ("Abu Bakr", ONE_PART), ("St. Vincent", ONE_PART),
        ("村上春樹", "its script"), ("山田 太郎", "its script"), ("김민준", "its script"),
        ("Mao Zedong", "seems to stand first"), ("Yao Ming", "seems to stand first"),
        ("Kim Jong-un", "seems to stand first"), ("Park Geun-hye", "seems to stand first"),
        ("Nguyễn Văn An", "seems to stand first"), ("", ONE_PART),
    ],
)  # fmt: skip
def test_what_has_no_known_cut_says_why(name: str, reason: str) -> None:
    import re

    found = cut(name)
    assert found.pair is None
    assert split(name) is None
    assert re.search(reason, found.reason)


def test_a_locale_tells_that_the_family_name_comes_first() -> None:
    assert split("Kovács Éva") == ("Kovács", "Éva")
    assert split("Kovács Éva", ("hu_HU",)) is None
    assert "locale" in cut("Kovács Éva", ("hu_HU",)).reason
    assert split("Ana Lee", ("hu_HU", "en_US")) == ("Ana", "Lee")


@pytest.mark.parametrize(
    ("given", "family", "locale", "full"),
    [
        ("Ana", "Lee", "en_US", "Ana Lee"), ("Ana", "Lee", None, "Ana Lee"),
        ("Éva", "Kovács", "hu_HU", "Kovács Éva"), ("春樹", "村上", "ja_JP", "村上春樹"),
        ("Haruki", "Murakami", "ja_JP", "Haruki Murakami"), ("An", "Trần", "vi_VN", "Trần An"),
    ],
)  # fmt: skip
def test_parts_are_joined_as_the_locale_does(
    given: str, family: str, locale: str | None, full: str
) -> None:
    assert join(given, family, locale) == full
