"""Text in capitals that is prose."""

import re
from functools import cache

from .characters import LETTERS, LOWER, MARKED_VOWELS, UPPER, VOWELS, place_tones
from .syllables import is_sayable, is_vietnamese
from .tables import read_table

_AFTER = rf"(?![{LETTERS}])"
_CAPITAL_WORD = re.compile(rf"(?<![{LETTERS}\d])[{UPPER}]{{2,}}{_AFTER}")
_CAPITAL_RUN = re.compile(rf"{_CAPITAL_WORD.pattern}(?:[ ,]{{1,2}}[{UPPER}]{{2,}}{_AFTER})*")
_ANY_WORD = re.compile(rf"[{LETTERS}]{{2,}}")
_MARKED_VOWEL = re.compile(f"[{MARKED_VOWELS.upper()}]")
_SYLLABLE = re.compile(
    r"(?:NGH|NG|NH|GH|GI|CH|KH|PH|QU|TH|TR|[BCDĐGHKLMNPRSTVX])?"
    rf"[{VOWELS.upper()}]{{1,3}}(?:NG|NH|CH|[CMNPT])?"
)


_IS_MIXED = re.compile(rf"[{LOWER}][{UPPER}]|[{UPPER}]{{2}}[{LOWER}]")
_WORD = re.compile(rf"(?<![{LETTERS}])[{LETTERS}]{{3,24}}{_AFTER}")
_PART = re.compile(rf"[{UPPER}]?[{LOWER}]+|[{UPPER}]+")


def _separate_or_lower(match: re.Match[str]) -> str:
    """Separate `PhòngKhách`, and write `hÔm` in small letters."""
    word = match[0]
    if word.isascii() or not _IS_MIXED.search(word):
        return word
    parts = _PART.findall(word)
    if all(len(part) > 1 and (part.isupper() or is_sayable(part)) for part in parts):
        return place_tones(" ".join(parts))
    return word[0] + word[1:].lower()


def lower_capital_text(text: str) -> str:
    """Return the text with words in capitals in lower case, unless they are acronyms.

    Words with a marked vowel, their neighbours, long texts in capitals, and syllables of three
    letters or more that stand in no table (`MINH`) are not acronyms.
    """
    if _IS_MIXED.search(text):
        text = _WORD.sub(_separate_or_lower, text)
    capitals = _CAPITAL_WORD.findall(text)
    if not capitals:
        return text
    is_capital_text = len(capitals) > 3 and 4 * len(capitals) >= 3 * len(_ANY_WORD.findall(text))

    def lower_run(run: re.Match[str]) -> str:
        words = _CAPITAL_WORD.findall(run[0])
        is_prose = is_capital_text or _MARKED_VOWEL.search(run[0]) is not None
        if not is_prose and _is_name(words):
            # A name without marks: NGUYEN VAN AN. Here even what a table knows is a syllable.
            return _CAPITAL_WORD.sub(
                lambda word: word[0].lower() if is_vietnamese(word[0]) else word[0], run[0]
            )
        return _CAPITAL_WORD.sub(lambda word: _lower_word(word[0], is_prose), run[0])

    return _CAPITAL_RUN.sub(lower_run, text)


def _is_name(words: list[str]) -> bool:
    """Tell whether a run of capitals holds two syllables of no table, or one among syllables."""
    unlisted = sum(is_vietnamese(word) and word not in _listed_capitals() for word in words)
    return unlisted > 1 or (unlisted == 1 and len(words) > 2 and all(map(is_vietnamese, words)))


def _lower_word(word: str, is_prose: bool) -> str:
    if word in _listed_capitals():
        return word
    if len(word) > 2 and is_vietnamese(word):
        return word.lower()
    is_word = _SYLLABLE.fullmatch(word) or len(word) > 4 or _MARKED_VOWEL.search(word)
    return word.lower() if is_prose and is_word else word


@cache
def _listed_capitals() -> frozenset[str]:
    tables = ("acronyms.txt", "abbreviations.txt", "titles.txt")
    return frozenset(written for table in tables for written in read_table(table))
