"""Full names: where a given name ends and a family name begins, and how both are joined."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from nameparser import HumanName

from namebasis.namespace.corpus.folding import fold, script_of

Pair = tuple[str, str]

# Languages that put the family name first, and those of them that write no space then.
FAMILY_FIRST = frozenset({"hu", "ja", "ko", "vi", "zh"})
UNSPACED = frozenset({"ja", "ko", "zh"})
UNSPACED_SCRIPTS = frozenset({"CJK", "HIRAGANA", "KATAKANA", "HANGUL", "BOPOMOFO"})

ONE_PART = "one part only: a kind of identity needs a given and a family name"
_SCRIPT = "its script writes the family name first: give its parts to measure it"
UNSPACED_NAME = (
    "its script writes no space between its parts, so swapped ones would be read otherwise"
)
_ROMANISED = "the family name seems to stand first: write it last, or give its parts"
_LOCALE = "its locale puts the family name first: write it last, or give its parts"
_REGNAL = "a given name with a number or a title, and no family name"

_NUMERAL = re.compile(r"(?=[IVX])X{0,2}(IX|IV|V?I{0,3})")
# Families number sons from II to V; other numbers, and any number behind names that only rulers
# bear one after another, are those of rulers.
_GENERATIONS = frozenset({"II", "III", "IV", "V"})
_RULERS = frozenset(
    "albert alexander alfonso anne baudouin benedict boniface catherine charles christian clement "
    "constantine edward elizabeth ferdinand francis franz frederick frederik friedrich george "
    "gregory gustaf gustav adolf haakon harald henry innocent ivan james john joseph juan carlos "
    "karl leo leopold louis margrethe mary maria napoleon nicholas olav otto paul pedro peter "
    "philip pius ramses richard rudolf sixtus stephen umberto urban victor wilhelm willem william "
    "felipe".split()
)

# Articles, and particles that are nobody's given name, make one name with one word behind them.
_ONE_NAME = frozenset(
    (
        "the le la el los las les il de da das dos du der den bin ibn bint abu abou st st. saint"
    ).split()
)
_PARTICLES = frozenset("van von del della di dal ter ten zu zur af av al el".split())
_ROYAL = re.compile(r"(?:Prince|Princess|King|Queen|Duke|Duchess|Earl|Count|Countess) [^, ]+,")

_CHINESE = frozenset(
    "an bai bao bi cai cao cen chang chen cheng chi chu cui dai deng ding dong dou du duan fan "
    "fang fei feng fu gan gao ge geng gong gu guan guo han hao he hong hou hu hua huang hui huo "
    "ji jia jian jiang jiao jin jing ju kang ke kong lai lan lei li lian liang liao lin ling liu "
    "long lou lu luo lv ma mao mei meng mi miao mo mu nie ning niu ou ouyang pan pang pei peng pi "
    "ping pu qi qian qiao qin qiu qu quan rao ren rong ruan sang sha shang shao shen sheng shi shu "
    "sima situ song su sui sun tan tang tao teng tian tong tu wan wang wei wen weng wu xi xia "
    "xiang xiao xie xin xing xiong xu xuan xue yan yang yao ye yi yin ying you yu yuan yue yun "
    "zang zeng zhai zhan zhang zhao zhen zheng zhong zhou zhu zhuang zhuge zong zou zu zuo".split()
)
_PINYIN = (
    r"(?:(?:[bpmdtnlgkhzcs]|zh|ch|sh)?(?:a|ai|an|ang|ao|e|ei|en|eng|ou)|f(?:a|an|ang|ei|en|eng|ou)"
    r"|(?:[dtnlgkhrzcs]|zh|ch|sh)(?:u|uo|uan|un|ui)|(?:[dtnlgkhrzcsy]|zh|ch)ong|[bpmf](?:o|u)"
    r"|(?:g|k|h|zh|ch|sh)(?:ua|uai|uang)|[bpmdtnljqx](?:i|ie|iao|ian|in|ing)|[dljqx](?:ia|iang)"
    r"|[dmnljqx]iu|niang|[jqx](?:iong|u|ue|uan|un)|(?:zh|ch|sh|[zcsr])i|r(?:an|ang|ao|e|en|eng|ou)"
    r"|y(?:a|an|ang|ao|e|i|in|ing|ou|u|ue|uan|un)|w(?:a|ai|an|ang|ei|en|eng|o|u)|er|lv|nv|lue|nue)"
)
_KOREAN = frozenset(
    "ahn bae baek baik ban bang bong byun cha chae chang cho choi chung gong gu gwak ha ham han "
    "heo ho hong hwang hyun im jang jeon jeong ji jin jo joo ju jun jung kang kim ko koo kwak kwon "
    "lee lim min moon myung na nam noh oh ok pak park pyo rhee roh ryu seo shim shin sim sohn son "
    "song suh uhm um woo yang yeo yeom yi yoo yoon you yu yun".split()
)
_KOREAN_SYLLABLE = (
    r"(?:kk|tt|pp|ss|jj|ch|gw|kw|hw|hy|[gkndtrlmbpsjhyw])?"
    r"(?:ae|eo|eu|oo|ee|ou|oe|ui|wi|ye|ya|yo|yu|wa|wo|[aeiou])u?(?:ng|[knltmpbgdh])?"
)
_VIETNAMESE = frozenset("bui dang duong hoang huynh ngo nguyen pham phan tran trinh truong".split())
_VIETNAMESE_SYLLABLE = (
    r"(?:ngh|ng|nh|ch|gh|gi|kh|ph|qu|th|tr|[bcdghklmnprstvx])?[aeiouy]{1,3}(?:ch|ng|nh|[cmnpt])?"
)


@dataclass(frozen=True)
class Cut:
    """A full name in two, or why it is not cut.

    Attributes
    ----------
    pair : tuple of str or None
        Given and family name.
    reason : str
        Empty where there is a pair.
    by : str
        What cut it: the rules of `cut`, a file of parts, or columns of a space.
    is_family_first : bool
        The pair is in the order of the name, which has the family name first.
    """

    pair: Pair | None
    reason: str = ""
    by: str = "rules"
    is_family_first: bool = False

    @property
    def given(self) -> str | None:
        """The given name."""
        return None if self.pair is None else self.pair[self.is_family_first]

    @property
    def family(self) -> str | None:
        """The family name."""
        return None if self.pair is None else self.pair[not self.is_family_first]

    @property
    def is_unsure(self) -> bool:
        """Whether rules left a whole word in the middle, which may belong to either part."""
        if self.pair is None or self.by != "rules":
            return False
        parsed = HumanName(self.pair[0])
        if marian_length(" ".join(self.pair)):
            return False
        before = len(parsed.title.split()) + 1
        middle = self.pair[0].replace(",", " ").split()[before:]
        return any(len(word) > 1 and not word.endswith(".") for word in middle)

    @property
    def may_have_parts(self) -> bool:
        """Whether rules refused a name that may have two parts."""
        return self.reason in (_SCRIPT, _ROMANISED, _LOCALE)


def split(full_name: str, locales: Sequence[str] = ()) -> Pair | None:
    """Cut a full name where people cut it; None where that is not known. See `cut`."""
    return cut(full_name, tuple(locales)).pair


@functools.lru_cache(maxsize=65_536)
def cut(full_name: str, locales: tuple[str, ...] = ()) -> Cut:
    """Cut a full name into a given and a family name.

    Titles, initials and middle names go with the given name; particles ("van", "de la", "bin",
    "al-") and suffixes ("Jr.", "III") with the family name. "Stone, Ana" is read from behind, and
    a nickname in quotes or brackets is left out. The parts of a name are found by the library
    nameparser.

    Of Spanish names two family names are one part: Gabriel | García Márquez. Other second family
    names (Bonham Carter) cannot be told from middle names and stay with the given name.

    Not cut are single words, one word behind an article or a particle ("Le Corbusier", "De Niro";
    but Van Morrison has two parts), rulers ("Henry VIII", "Ivan the Terrible"), and names whose
    family name comes first: by their script (Chinese, Japanese, Korean), by the sound of romanised
    ones ("Mao Zedong", "Kim Jong-un", "Nguyen Van An"), or where all `locales` put it first.

    Parameters
    ----------
    full_name : str
    locales : tuple of str
        Of the bearer, such as "hu_HU", where they are known.
    """
    text = " ".join(full_name.split())
    if " " not in text:
        return Cut(None, ONE_PART if script_of(text) not in UNSPACED_SCRIPTS else UNSPACED_NAME)
    if script_of(text) in UNSPACED_SCRIPTS:
        return Cut(None, _SCRIPT)
    if locales and {locale.partition("_")[0].lower() for locale in locales} <= FAMILY_FIRST:
        return Cut(None, _LOCALE)
    if _is_family_first(text):
        return Cut(None, _ROMANISED)
    if _is_ruler(text):
        return Cut(None, _REGNAL)
    if _is_one_name(text):
        return Cut(None, ONE_PART)
    if _ROYAL.match(text):
        return Cut(None, _REGNAL)
    parsed = HumanName(text)
    given = " ".join(filter(None, (parsed.first, parsed.middle)))
    family = parsed.last
    words = text.split(" ")
    if not family and len(words) == 2 and not (parsed.title or parsed.suffix or parsed.nickname):
        given, family = words
    if not given or not family or given.isdigit():
        return Cut(None, ONE_PART if family else _REGNAL)
    return Cut(_with_double(*_as_written(text, parsed, given, family), text))


def _is_one_name(text: str) -> bool:
    """Whether two words are one name: The Rock, Le Corbusier, De Niro, van Gogh, Abu Bakr."""
    first, *rest = text.split(" ")
    if len(rest) != 1:
        return False
    # Van, Von and Del are given names too (Van Morrison), unless they are written as particles.
    is_particle = first.islower() and first in _PARTICLES and rest[0][:1].isupper()
    return first.lower() in _ONE_NAME or is_particle


def _with_double(given: str, family: str, text: str) -> Pair:
    """Both parts with two Spanish family names, and María del Carmen, where they belong."""
    n_marian = marian_length(text) if "," not in text else 0
    words = text.split(" ")
    if n_marian and f"{given} {family}" == text:
        return " ".join(words[:n_marian]), " ".join(words[n_marian:])
    if is_double(given, family) and f"{given} {family}" == text:
        given, _, last = given.rpartition(" ")
        return given, f"{last} {family}"
    return given, family


def _as_written(text: str, parsed: HumanName, given: str, family: str) -> Pair:
    """Both parts with what belongs to them, letter by letter as the name has them."""
    title = f"{parsed.title} " if parsed.title else ""
    bare = text
    if parsed.nickname:
        quoted = rf"\s*[\"'“”‘’«»„(\[]+{re.escape(parsed.nickname)}[\"'“”‘’«»(\])]+\s*"
        bare = " ".join(re.sub(quoted, " ", text).split())
    at = bare.rfind(f" {family}")
    if at > 0 and "," not in bare[:at]:
        return bare[:at], bare[at + 1 :]
    suffix = f" {parsed.suffix}" if parsed.suffix else ""
    return title + given, family + suffix


def _is_ruler(text: str) -> bool:
    *words, last = text.replace(",", " ").split()
    last = last if len(last) < 3 else last.upper()
    if not _NUMERAL.fullmatch(last) or not words:
        return False
    if words[0].lower().rstrip(".") in ("king", "queen", "pope", "emperor", "tsar", "prince"):
        return True
    named = [fold(word) in _RULERS for word in words]
    if len(words) == 1:
        # Malcolm X has a family name of one letter.
        return last != "X" or named[0]
    return all(named) or (last not in _GENERATIONS and last != "X")


def _is_family_first(text: str) -> bool:
    first, *rest = fold(text).replace(",", " ").split()
    if "," in text or not rest:
        return False
    together = "".join(rest)
    plain = together.replace("-", "").replace("'", "")
    if first in _CHINESE and len(rest) <= 2 and re.fullmatch(rf"{_PINYIN}{{1,3}}", plain):
        return True
    syllables = re.split(r"[\s-]", " ".join(rest))
    if first in _KOREAN and len(syllables) == 2:
        return all(re.fullmatch(_KOREAN_SYLLABLE, one) for one in syllables)
    if first in _VIETNAMESE:
        return all(re.fullmatch(_VIETNAMESE_SYLLABLE, one) for one in rest)
    return False


def join(given: str, family: str, locale: str | None = None) -> str:
    """Write a full name as its locale does: "Ana Lee", "Kovács Éva", "村上春樹".

    Romanised Chinese, Japanese and Korean names are written with the given name first.
    """
    language = (locale or "").partition("_")[0]
    is_romanised = language in UNSPACED and script_of(given) == "LATIN"
    if language not in FAMILY_FIRST or is_romanised:
        return f"{given} {family}"
    return f"{family}{given}" if language in UNSPACED else f"{family} {given}"


def join_parts(parts: Sequence[str]) -> str:
    """Write a given name and what follows it as their script does: 小明 and 王 are 王小明."""
    if len(parts) == 2 and all(script_of(part) in UNSPACED_SCRIPTS for part in parts):
        return parts[1] + parts[0]
    return " ".join(parts)


# María del Carmen, María de los Ángeles: given names that look like family names with a particle.
_MARIAN = re.compile(
    r"(?:maria|m\.?ª?|ana|rosa) (?:de|del|de la|de las|de los) (?:carmen|pilar|rosario|mar|rocio"
    r"|angeles|dolores|mercedes|milagros|nieves|luz|cruz|paz|sol|valle|consuelo|socorro|remedios"
    r"|fatima|lourdes|concepcion|soledad|jesus|refugio|guadalupe|amparo|carmelo)(?= \S)"
)


@functools.lru_cache(maxsize=1)
def _words() -> tuple[frozenset[str], frozenset[str]]:
    """Spanish given names and family names, folded."""
    from faker.providers.person.es_ES import Provider

    given = {fold(word) for name in Provider.first_names for word in name.split()}
    family = {fold(word) for word in Provider.last_names}
    return frozenset(given), frozenset(family)


def marian_length(full_name: str) -> int:
    """Return how many words of a name are a given name such as María del Carmen; 0 if none."""
    found = _MARIAN.match(fold(full_name))
    return 0 if found is None else len(found.group().split())


def is_double(given: str, family: str) -> bool:
    """Whether the last word of a given part belongs to the family name: Gabriel García | Márquez.

    It is a Spanish family name and no Spanish given name; at least one given name stands in front
    of it, and either that is Spanish or the family name is.

    Parameters
    ----------
    given, family : str
        As a name is cut where the last word alone is the family name.
    """
    *before, last = (fold(word) for word in given.split())
    if not before:
        return False
    givens, families = _words()
    if last not in families or last in givens:
        return False
    return before[0] in givens or fold(family).split()[-1] in families
