"""Acronyms, lone letters, and foreign words that stand in a table."""

import re
from functools import cache

from .characters import LETTERS, UPPER
from .letters import spell
from .lexicon import Lexicon
from .tables import read_table, with_tables

_AFTER = rf"(?![{LETTERS}])"


@cache
def _said_words() -> Lexicon:
    lexicon = Lexicon()
    for written, spoken in read_table("said_words.txt").items():
        lexicon.add(written, spoken)
    return lexicon


def say_foreign_words(text: str) -> str:
    """Write foreign words as Vietnamese people say them: `TV` becomes `ti vi`."""
    return _said_words().say(text)


_ACRONYM = rf"(?<![{LETTERS}])<acronyms>{_AFTER}"
_CAPITALS = re.compile(rf"(?<![{LETTERS}])[{UPPER}]{{2,}}{_AFTER}")
# A and E keep their capitals: small ones may be short for persons.
_LONE_LETTER = re.compile(rf"(?<![{LETTERS}])[b-df-hj-np-tv-xzđB-DF-ZĐ]{_AFTER}")
_MAX_SPELLED_LETTERS = 6
_CONSONANT = r"[^AEIOUY\W\d]"
_SAYABLE = re.compile(
    rf"{_CONSONANT}{{0,2}}[AEIOUY]{{1,2}}(?:{_CONSONANT}{{1,2}}[AEIOUY]{{1,2}})+{_CONSONANT}{{0,2}}"
)


def spell_acronyms(text: str) -> str:
    """Read acronyms by their table or letter by letter, and lone letters by their names."""
    table = read_table("acronyms.txt")
    text = with_tables(_ACRONYM).sub(lambda match: f" {table[match[0]]} ", text)
    text = _CAPITALS.sub(_spell_capitals, text)
    return _LONE_LETTER.sub(lambda match: f" {spell(match[0])} ", text)


def _spell_capitals(match: re.Match[str]) -> str:
    word = match[0]
    is_word = len(word) > _MAX_SPELLED_LETTERS or (len(word) > 3 and _SAYABLE.fullmatch(word))
    return word.lower() if is_word else f" {spell(word)} "
