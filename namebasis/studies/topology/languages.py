"""English names of the languages that locales begin with (ISO 639-1)."""

from __future__ import annotations

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
        "th Thai,tl Tagalog,tr Turkish,tw Twi,uk Ukrainian,ur Urdu,uz Uzbek,vi Vietnamese,"
        "wo Wolof,xh Xhosa,yo Yoruba,zh Chinese,zu Zulu"
    ).split(",")
)


def language(locale: str) -> str:
    """Name the language of a locale such as `is_IS`; the code itself where it is not known."""
    code = locale.replace("-", "_").split("_")[0].lower()
    return _LANGUAGES.get(code, locale)
