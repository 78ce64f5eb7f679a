"""How tables write gender: words of many languages, numbers, and letters that depend on others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from namebasis.namespace.corpus.folding import fold

_FEMALE = (
    "f g female females woman women girl girls fille filles femme femmes feminin feminine feminina "
    "weiblich weibl madchen mujer mujeres femenino femenina nina w ♀ mostly_female mostly-female "
    "mulher mulheres femmina femmine femminile vrouw vrouwen vrouwelijk meisje meisjes kvinna "
    "kvinnor kvinde kvinder kvinne kvinner flicka flickor pige piger jente jenter nainen naiset "
    "kobieta kobiety zena zeny kadin ж жен женский женщина женщины жінка 女 女性 女子 여 여자 여성 "
    "γυναίκα נקבה أنثى"
)
_MALE = (
    "m b male males man men boy boys garcon garcons homme hommes masculin masculine masculina "
    "mannlich mannl mann manner junge jungen hombre hombres masculino nino ♂ mostly_male "
    "mostly-male homem homens maschio maschi maschile mannen mannelijk jongen jongens mand maend "
    "menn pojke pojkar dreng drenge gutt gutter mies miehet mezczyzna mezczyzni muz muzi ferfi "
    "erkek м муж мужской мужчина мужчины чоловік 男 男性 男子 남 남자 남성 άνδρας זכר ذكر"
)
_BOTH = (
    "u x d unisex both neutral nonbinary non-binary agender bigender genderfluid genderqueer "
    "polygender divers diverse andy androgynous mixed other"
)
_UNSAID = ("", "?", "\\n", "unknown", "na", "n/a", "none", "null", "nan", "-")
GENDERS: dict[str, str | None] = {
    **{fold(word): "F" for word in [*_FEMALE.split(), "trans woman", "transgender female"]},
    **{fold(word): "M" for word in [*_MALE.split(), "trans man", "transgender male"]},
    **dict.fromkeys(_BOTH.split(), "U"),
    **dict.fromkeys(_UNSAID),
}
"""Folded words and what they say; None where that is nothing."""
# ISO 5218, as the French INSEE and others write it.
_ISO = {"0": None, "1": "M", "2": "F", "9": None}
# Female and male where a column uses these two letters: M is mujer beside H, but man beside K.
_PAIRS = (
    ("m", "h"), ("f", "h"),  # Spanish; French
    ("k", "m"), ("k", "e"),  # Polish and Scandinavian; Turkish
    ("v", "m"), ("z", "m"), ("n", "m"),  # Dutch; Czech; Finnish
    ("p", "d"), ("f", "p"),  # Danish pige and dreng; Swedish flicka and pojke
    ("p", "l"),  # Indonesian
)  # fmt: skip


def letters_of(values: Iterable[object]) -> Mapping[str, str]:
    """Return what single letters mean in a column that uses two of a language; else nothing."""
    used = {_plain(value) for value in values if value is not None}
    used = {word for word in used if GENDERS.get(word, "") not in (None, "U")}
    for female, male in _PAIRS:
        if used == {female, male}:
            return {female: "F", male: "M"}
    return {}


def read_gender(value: object, letters: Mapping[str, str] | None = None) -> str | None:
    """Return F, M, U, or None where nothing is said.

    Parameters
    ----------
    value : object
    letters : mapping, optional
        Of its column, as `letters_of` returns them.

    Raises
    ------
    ValueError
        If it is no gender.
    """
    text = "" if value is None or value != value else _plain(value)
    if letters and text in letters:
        return letters[text]
    if text in _ISO:
        return _ISO[text]
    if text not in GENDERS:
        # nam_dict and its kin write ?F for mostly female, 1M for male as a first part.
        bare = text.lstrip("?1").strip()
        if not bare or bare not in ("f", "m"):
            raise ValueError(f"must be F, M, U or empty; got {value!r}.")
        text = bare
    return GENDERS[text]


def _plain(value: object) -> str:
    return fold(str(value).strip()).rstrip(".")
