"""The form of a Vietnamese syllable, and words that are several of them."""

import re
import unicodedata
from functools import cache, lru_cache

from .characters import LETTERS, UPPER, place_tones
from .letters import spell
from .tables import read_table

_ONSET = (
    r"(?:ngh(?=[ei])|ng(?![ei])|nh|gh(?=[ei])|gi|ch|kh|ph|qu|th|tr|c(?![eiy])|g(?![eiy])|k(?=[eiy])"
    r"|[bdhlmnprstvx])?"
)
_RHYME = (
    r"(?:a(?:ch|nh|ng|[cikmnoptuy])?|e(?:ch|nh|ng|[cmnoptu])?|i(?:ch|nh|[mnptu])?|ie(?:ng"
    r"|[cmnptu])|ia"
    r"|o(?:ng|[cimnpt])?|oa(?:ch|nh|ng|[cimnopty])?|oe(?:[mnot])?|u(?:ng|[acimnptu])?|ua(?:ng"
    r"|[nty])"
    r"|ue(?:ch|nh)?|uo(?:ng|[cimnptu])?|uy(?:ch|nh|[anptu])?|uye[nt]|y|ye(?:ng|[mntu]))"
)
_SYLLABLE = re.compile(_ONSET + _RHYME)
# What Vietnamese writes for the names of the highlands, and in "oong": Krông Pắk, Đrăng, xoong.
_WIDER = re.compile(
    r"(?:[bcdghkmpt]?[rlhn]|[bcdghklmnprstvx]|ng|nh|kh|ph|th|tr|ch|gi|qu|gh|ngh)?"
    r"(?:[aeiouy]{1,3}(?:ng|nh|ch|[ckmnptoiuy])?|oong|ooc)"
)
_WITHOUT_PAUSES = str.maketrans(".,;:!?\n", "       ")
_MARKS = re.compile("[\u0300-\u036f]")
_CAPITAL_INSIDE = re.compile(rf"[{LETTERS}][{UPPER}]")
_MARKED_WORD = re.compile(
    rf"(?<![{LETTERS}])(?=[a-zA-Z]*[^\W\da-zA-Z_])[{LETTERS}]{{1,24}}(?![{LETTERS}])"
)


def is_vietnamese(word: str) -> bool:
    """A word without marks has the form of a Vietnamese syllable."""
    return _SYLLABLE.fullmatch(word.lower()) is not None


@lru_cache(maxsize=8192)
def is_sayable(word: str) -> bool:
    """A word, with or without marks, is a syllable that Vietnamese, or its highlands, can say."""
    plain = _without_marks(word.lower())
    return _SYLLABLE.fullmatch(plain) is not None or _WIDER.fullmatch(plain) is not None


def _without_marks(word: str) -> str:
    return _MARKS.sub("", unicodedata.normalize("NFD", word)).replace("đ", "d")


_EA = re.compile(rf"(?<!\w)Ea(?= [{UPPER}])")
_PREFIX = re.compile(rf"(?<!\w)([HKMRBNĐ])'(?=[{LETTERS}])")
_PREFIXES = {"H": "hờ", "K": "cờ", "M": "mờ", "R": "rờ", "B": "bờ", "N": "nờ", "Đ": "đờ"}


def read_highland_names(text: str) -> str:
    """Read `Ea Súp`, `H'Mông` and `K'Ho`."""
    text = _EA.sub("Ê a", text)
    return _PREFIX.sub(lambda match: f"{_PREFIXES[match[1]]} ", text)


def say_marked_words(text: str) -> str:
    """Take apart, or spell, words with marks that are no syllable: `Êban`, `Hđnd`, `âl`."""
    if not _CAPITAL_INSIDE.search(text) and all(
        map(is_sayable, text.translate(_WITHOUT_PAUSES).split())
    ):
        return text
    return _MARKED_WORD.sub(lambda match: _say_marked(match[0]), text)


@lru_cache(maxsize=8192)
def _say_marked(word: str) -> str:
    if is_sayable(word):
        return word[0] + word[1:].lower()
    parts = _parts(word.lower())
    return place_tones(" ".join(parts)) if parts else spell(word)


def _is_part(word: str) -> bool:
    """Tell whether a syllable would be said as it is, so that saying it again changes nothing."""
    can_say = is_vietnamese(word) if word.isascii() else is_sayable(word)
    return can_say and word not in _words_of_tables()


@cache
def _words_of_tables() -> frozenset[str]:
    """Words that are said otherwise than written."""
    tables = ("chat.txt", "said_words.txt", "abbreviations.txt")
    return frozenset(word.lower() for table in tables for word in read_table(table))


def _parts(word: str) -> tuple[str, ...]:
    """The syllables that make up a word, the longest last; () if it is none."""
    if _is_part(word):
        return (word,)
    for start in range(max(1, len(word) - 7), len(word)):
        if _is_part(word[start:]) and (before := _parts(word[:start])):
            return (*before, word[start:])
    return ()
