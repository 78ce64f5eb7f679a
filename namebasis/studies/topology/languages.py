"""What the locales of lists are called: languages (ISO 639-1) and peoples (ISO 3166-1).

A locale says where a list of names comes from: the US births are en_US, whatever language a name is
of. So a language is said of a name only where the list is of the language's own country, or lists
of two countries have the name; else the country of the list is ("US", "Mexican").
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

_LANGUAGES = dict(
    entry.split(" ", 1)
    for entry in (
        "ar Arabic,az Azerbaijani,bg Bulgarian,bn Bengali,bs Bosnian,ca Catalan,cs Czech,"
        "da Danish,de German,dk Danish,el Greek,en English,es Spanish,et Estonian,eu Basque,"
        "fa Persian,fi Finnish,fil Filipino,fr French,ga Irish,gl Galician,gu Gujarati,ha Hausa,"
        "he Hebrew,hi Hindi,hr Croatian,hu Hungarian,hy Armenian,id Indonesian,ig Igbo,"
        "is Icelandic,it Italian,ja Japanese,ka Georgian,kk Kazakh,kn Kannada,ko Korean,"
        "la Latin,lb Luxembourgish,lt Lithuanian,lv Latvian,mk Macedonian,ml Malayalam,"
        "mr Marathi,ms Malay,mt Maltese,ne Nepali,ng Nigerian,nl Dutch,no Norwegian,"
        "or Odia,pa Punjabi,pl Polish,ps Pashto,pt Portuguese,ro Romanian,ru Russian,"
        "sk Slovak,sl Slovenian,sq Albanian,sr Serbian,sv Swedish,sw Swahili,ta Tamil,te Telugu,"
        "th Thai,so Somali,si Sinhala,af Afrikaans,be Belarusian,cy Welsh,km Khmer,lo Lao,"
        "mn Mongolian,my Burmese,am Amharic,rw Kinyarwanda,sm Samoan,tl Tagalog,tr Turkish,tw Twi,"
        "uk Ukrainian,ur Urdu,uz Uzbek,vi Vietnamese,"
        "wo Wolof,xh Xhosa,yo Yoruba,zh Chinese,zu Zulu"
    ).split(",")
)

_HOMES = dict(
    entry.split(" ", 1)
    for entry in (
        "af ZA,az AZ,be BY,bg BG,bn BD,bs BA,ca ES,cs CZ,cy GB,da DK,de DE,dk DK,el GR,en GB,es ES,"
        "et EE,eu ES,fa IR,fi FI,fil PH,fr FR,ga IE,gl ES,gu IN,ha NG,he IL,hi IN,hr HR,hu HU,"
        "hy AM,id ID,ig NG,is IS,it IT,ja JP,ka GE,kk KZ,km KH,kn IN,ko KR,lb LU,lo LA,lt LT,lv LV,"
        "mk MK,ml IN,mn MN,mr IN,ms MY,mt MT,my MM,ne NP,nl NL,no NO,or IN,pa IN,pl PL,ps AF,"
        "pt PT,ro RO,ru RU,si LK,sk SK,sl SI,so SO,sq AL,sr RS,sv SE,ta IN,te IN,th TH,tl PH,tr TR,"
        "tw GH,uk UA,ur PK,uz UZ,vi VN,wo SN,xh ZA,yo NG,zh CN,zu ZA"
    ).split(",")
)
_PEOPLES = dict(
    entry.split(" ", 1)
    for entry in (
        "AE Emirati,AO Angolan,AR Argentine,AT Austrian,AU Australian,BE Belgian,BO Bolivian,"
        "BR Brazilian,CA Canadian,CH Swiss,CL Chilean,CO Colombian,CR Costa Rican,CU Cuban,"
        "CY Cypriot,DO Dominican,DZ Algerian,EC Ecuadorian,EG Egyptian,GH Ghanaian,GT Guatemalan,"
        "HK Hong Kong,HN Honduran,IE Irish,IN Indian,IQ Iraqi,JM Jamaican,JO Jordanian,KE Kenyan,"
        "KW Kuwaiti,LB Lebanese,LI Liechtenstein,LU Luxembourg,LY Libyan,MA Moroccan,MD Moldovan,"
        "ME Montenegrin,MX Mexican,MZ Mozambican,NG Nigerian,NI Nicaraguan,NZ New Zealand,OM Omani,"
        "PA Panamanian,PE Peruvian,PH Philippine,PK Pakistani,PR Puerto Rican,PS Palestinian,"
        "PY Paraguayan,QA Qatari,QC Quebec,SA Saudi,SD Sudanese,SG Singaporean,SV Salvadoran,"
        "SY Syrian,TH Thai,TN Tunisian,TW Taiwanese,TZ Tanzanian,UG Ugandan,US US,UY Uruguayan,"
        "VE Venezuelan,YE Yemeni,ZA South African,ZM Zambian,ZW Zimbabwean"
    ).split(",")
)
_OWN = {"es_CA": "Catalan", "ar_AA": "Arabic", "en_US": "US"}
"""What is no language of a country: Faker's es_CA are Catalan names, ar_AA those of no country."""


def language(locale: str) -> str:
    """Name the language of a locale such as `is_IS`; the code itself where it is not known."""
    code, _ = _parts(locale)
    return _OWN.get(locale) or _LANGUAGES.get(code, locale)


@lru_cache(1024)  # a hundred locales stand in the lists of many thousand names
def locale_name(locale: str) -> str:
    """Name a locale so that it differs from others: "Icelandic", "Brazilian Portuguese", "US"."""
    code, country = _parts(locale)
    words = _OWN.get(locale) or _LANGUAGES.get(code)
    if words is None or locale in _OWN or country in ("", _HOMES.get(code)):
        return words or locale
    return f"{_PEOPLES[country]} {words}" if country in _PEOPLES else f"{words} ({country})"


def called(locales: Iterable[str]) -> list[str]:
    """What a name is called that is in lists of these locales: languages, or a list's country."""
    lists: dict[str, set[str]] = {}
    for locale in locales:
        lists.setdefault(_parts(locale)[0], set()).add(locale)
    return sorted(_word(code, own) for code, own in lists.items())


def _word(code: str, locales: set[str]) -> str:
    """The word for the lists of one language that have a name."""
    if len(locales) == 1:
        (locale,) = locales
        country = _parts(locale)[1]
        if locale in _OWN:
            return _OWN[locale]
        if country not in ("", _HOMES.get(code)):
            return _PEOPLES.get(country) or _LANGUAGES.get(code, locale)
    return _LANGUAGES.get(code, min(locales))


@lru_cache(1024)
def _parts(locale: str) -> tuple[str, str]:
    """Language and country; no country where there is none."""
    code, _, rest = locale.replace("-", "_").partition("_")
    return code.lower(), rest.rpartition("_")[2].upper()
