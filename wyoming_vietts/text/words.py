"""Abbreviations, acronyms, and foreign words."""

import re
from functools import cache

from .characters import LETTERS, UPPER
from .data import read_table

LETTER_NAMES = dict(
    zip(
        "abcdefghijklmnopqrstuvwxyzđăâêôơư",
        "a bê xê đê e ép gờ hát i gi ca lờ mờ nờ ô pê quy rờ ét tê u vê,vê kép,ích y dét đê á ớ ê ô ơ ư"
        .replace(" ", ",").replace("vê,kép", "vê kép").split(","),
        strict=True,
    )
)


@cache
def _abbreviation_pattern() -> re.Pattern[str]:
    longest_first = sorted(read_table("abbreviations.txt"), key=len, reverse=True)
    return re.compile(
        rf"(?<![{LETTERS}\d])(?:" + "|".join(map(re.escape, longest_first)) + rf")(?![{LETTERS}\d])"
    )


@cache
def _said_word_pattern() -> re.Pattern[str]:
    longest_first = sorted(read_table("said_words.txt"), key=len, reverse=True)
    return re.compile(
        rf"(?<![{LETTERS}\d])(?:" + "|".join(map(re.escape, longest_first)) + rf")(?![{LETTERS}\d])",
        re.IGNORECASE,
    )


def expand_abbreviations(text: str) -> str:
    table = read_table("abbreviations.txt")
    return _abbreviation_pattern().sub(lambda match: table[match[0]], text)


def say_foreign_words(text: str) -> str:
    table = read_table("said_words.txt")
    return _said_word_pattern().sub(lambda match: table[match[0].lower()], text)


_ACRONYM = re.compile(rf"(?<![{LETTERS}])[{UPPER}]{{2,6}}(?![{LETTERS}])")
_CAPITAL = re.compile(rf"(?<![{LETTERS}])[B-DF-HJ-NP-TV-XZĐb-df-hj-np-tv-xzđ](?![{LETTERS}])")


def spell_acronyms(text: str) -> str:
    text = _ACRONYM.sub(lambda match: spell(match[0]), text)
    return _CAPITAL.sub(lambda match: spell(match[0]), text)


def spell(letters: str) -> str:
    """Return the Vietnamese names of the letters."""
    return " ".join(LETTER_NAMES.get(letter, letter) for letter in letters.lower())
