"""Which region of the world, as the axis `region` calls them, a locale belongs to."""

from __future__ import annotations

_REGIONS = {
    territory: region
    for region, territories in (
        (
            "Western Europe",
            "AT BE CH DE DK ES FI FR GB GR IE IS IT LI LU NL NO PT SE",
        ),
        ("Eastern Europe", "BA BG BY CZ EE HR HU LT LV MD ME MK PL RO RS RU SI SK UA"),
        ("Latin America", "AR BO BR CL CO CR CU DO EC GT HN MX NI PA PE PR PY SV UY VE"),
        ("Middle East", "AA AE AM AZ BH DZ EG GE IQ IR JO KW LB LY MA OM PS QA SA SY TN TR YE"),
        ("Africa", "AO CD CI CM ET GH KE MZ NG RW SN TZ UG ZM ZW"),
        ("South Asia", "AF BD BT IN LK MV NP PK"),
        ("East Asia", "CN HK JP KP KR MN MO TW"),
        ("Southeast Asia", "BN ID KH LA MM MY PH SG TH TL VN"),
        ("Oceania", "FJ FM KI MH NR PF PG PW SB TO TV VU WS"),
    )
    for territory in territories.split()
}
# A language without a territory, and languages that tell more than their territory does: South
# Africa's Zulu names are African, its English ones are not.
_LANGUAGES = {"sw": "Africa", "zu": "Africa", "xh": "Africa"}


def region(locale: str) -> str | None:
    """Return the region of a locale such as `is_IS`; None where its names come from all over.

    Countries of settlers (the United States, Canada, Australia, New Zealand, Israel) have no
    region of their own, nor has English in a country where it is only one language of several.
    """
    language, _, territory = locale.replace("-", "_").partition("_")
    if language.lower() in _LANGUAGES:
        return _LANGUAGES[language.lower()]
    found = _REGIONS.get(territory.upper())
    return None if language.lower() == "en" and found != "Western Europe" else found
