"""Titles of columns as people write them, folded: of names, genders and counts."""

from __future__ import annotations

# The first group that a table has decides.
WHOLE = (
    "name", "full name", "fullname", "primary name", "display name", "person", "person name",
    "item", "itemlabel", "label", "celebrity", "artist", "actor", "actress", "character",
    "nombre completo", "nom complet", "imie i nazwisko", "姓名", "氏名", "name full",
)  # fmt: skip
GIVEN = (
    "first name", "firstname", "forename", "given name", "givenname", "fname", "first", "given",
    "forenames", "first names", "given names", "prenom", "prenoms", "prenom usuel", "preusuel",
    "vorname", "vornamen", "voornaam", "nombre", "nombres", "imie", "fornavn", "fornamn",
    "etunimi", "keresztnev", "baby name", "babyname", "child first name", "tilltalsnamn", "utonev",
    "ime", "имя", "名", "이름",
)  # fmt: skip
PLAIN = ("names", "localized name", "nome", "namn", "naam", "navn", "nimi", "nev", "名前")
FAMILY = (
    "last name", "lastname", "surname", "family name", "familyname", "lname", "last", "family",
    "surnames", "last names", "family names", "nom", "nom de famille", "patronyme", "nachname",
    "familienname", "achternaam", "apellido", "apellidos", "apellido1", "apellido 1",
    "primer apellido", "apellido paterno", "cognome", "sobrenome", "nazwisko",
    "etternavn", "efternamn", "sukunimi", "vezeteknev", "фамилия", "姓", "성",
)  # fmt: skip
SECOND = ("apellido2", "apellido 2", "segundo apellido", "apellido materno", "second surname")
GIVEN_WORDS = frozenset(
    "firstname forename forenames vorname vornamen prenom prenoms voornaam voornamen imie imiona "
    "fornavn fornamn tilltalsnamn etunimi utonev".split()
)
FAMILY_WORDS = frozenset(
    "surname surnames nachname nachnamen familienname familiennamen patronyme apellido apellidos "
    "cognome cognomi sobrenome nazwisko nazwiska achternaam etternavn efternavn efternamn sukunimi "
    "vezeteknev".split()
)
NAME_WORDS = frozenset({"name", "names"}) | GIVEN_WORDS | FAMILY_WORDS
# A name of these is no person's.
OTHERS = frozenset(
    "file filename folder user username login nick host domain column table field country state "
    "city town county region district nation club team league company firm org organisation "
    "organization brand product event school street group department category class species code "
    "id variable month day dataset project repo package server path image page site parent book "
    "film movie song album station model".split()
)
SEXES = {
    **dict.fromkeys(
        "male males boy boys jungen knaben mannlich garcons hommes ninos hombres pojkar drenge "
        "gutter maschi jongens chlopcy".split(), "M"
    ),
    **dict.fromkeys(
        "female females girl girls madchen weiblich filles femmes ninas mujeres flickor piger "
        "jenter femmine meisjes dziewczynki".split(), "F"
    ),
}  # fmt: skip
GENDERS = ("gender", "sex", "sexe", "geschlecht", "genero", "sexo", "genere", "geslacht", "plec",
            "kon", "kjonn", "sukupuoli", "cinsiyet", "pohlavi", "nem", "пол", "性別",
            "性别", "성별")  # fmt: skip
COUNTS = (
    "count", "births", "counts", "frequency count", "frequency", "freq", "number of births",
    "number of babies", "number of bearers", "bearers", "occurrences", "anzahl", "quantity",
    "frecuencia", "frequence", "frequency frequence", "frequenza", "haufigkeit", "aantal", "antal",
    "antall", "liczba", "liczba wystapien", "ilosc", "darab", "lukumaara", "pocet", "adet",
    "количество", "件数", "人数", "numero", "number", "nombre", "n", "total",
)  # fmt: skip
