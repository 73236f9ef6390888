"""Text in capitals that is prose."""

import re
from functools import cache

from .characters import LETTERS, UPPER, VIETNAMESE_VOWELS
from .tables import read_table

_AFTER = rf"(?![{LETTERS}])"
_CAPITAL_WORD = re.compile(rf"(?<![{LETTERS}\d])[{UPPER}]{{2,}}{_AFTER}")
_CAPITAL_RUN = re.compile(rf"{_CAPITAL_WORD.pattern}(?:[ ,]{{1,2}}[{UPPER}]{{2,}}{_AFTER})*")
_ANY_WORD = re.compile(rf"[{LETTERS}]{{2,}}")
_MARKED = "".join(vowel for vowel in VIETNAMESE_VOWELS.upper() if vowel not in "AEIOUY")
_MARKED_VOWEL = re.compile(f"[{_MARKED}]")
_SYLLABLE = re.compile(
    r"(?:NGH|NG|NH|GH|GI|CH|KH|PH|QU|TH|TR|[BCDĐGHKLMNPRSTVX])?"
    rf"[{VIETNAMESE_VOWELS.upper()}]{{1,3}}(?:NG|NH|CH|[CMNPT])?"
)


def lower_capital_text(text: str) -> str:
    """Return the text with words in capitals in lower case, unless they are acronyms.

    Words with a marked vowel, their neighbours and long texts in capitals are not acronyms.
    """
    capitals = _CAPITAL_WORD.findall(text)
    if not capitals:
        return text
    is_capital_text = len(capitals) > 3 and 4 * len(capitals) >= 3 * len(_ANY_WORD.findall(text))

    def lower_run(run: re.Match[str]) -> str:
        is_prose = is_capital_text or _MARKED_VOWEL.search(run[0]) is not None
        return _CAPITAL_WORD.sub(lambda word: _lower_word(word[0], is_prose), run[0])

    return _CAPITAL_RUN.sub(lower_run, text)


def _lower_word(word: str, is_prose: bool) -> str:
    if word in _listed_capitals():
        return word
    is_word = _SYLLABLE.fullmatch(word) or len(word) > 4 or _MARKED_VOWEL.search(word)
    return word.lower() if is_prose and is_word else word


@cache
def _listed_capitals() -> frozenset[str]:
    tables = ("acronyms.txt", "abbreviations.txt", "titles.txt")
    return frozenset(written for table in tables for written in read_table(table))
