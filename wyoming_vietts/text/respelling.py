"""Foreign words of no table, written in Vietnamese syllables that a listener recognises.

    letters -> sounds, by English spelling rules -> syllables -> how Vietnamese writes them

A word that Vietnamese could write itself, with or without its marks, is never changed.
"""

import re
from functools import cache, lru_cache
from importlib.resources import files

from .characters import LETTERS, like
from .letters import spell
from .syllables import is_vietnamese
from .tables import read_table

_WORD = re.compile(rf"(?<![{LETTERS}])[A-Za-z]{{2,24}}(?![{LETTERS}])")
_PART = re.compile(r"[A-Z]?[a-z]+|[A-Z]+")  # SmartThings

_LONGEST_SYLLABLE = 7
# Without a mark no Vietnamese syllable ends in these; and what begins with d was meant as đ.
_STOPPED = re.compile(r"[ptck](?: |$)|ch(?: |$)|(?:^| )d", re.IGNORECASE)
_SILENT_E = re.compile(r"[aeiou][bcdfgklmnprstvz]e$")

# "html", "abc": nobody could say it as a word.
_UNSAYABLE = re.compile(
    r"[bcdfghjklmnpqrstvwxz]+|[aeiou](?:[bcdgjv][bcdfghjkmnpqrtvwxz]|[bdgjv]s?[cn])"
)

# Sounds are written as Vietnamese would, but for those that need a name of their own.
_VOWELS = frozenset({*"aăâầeêioôơu", "ai", "ao", "ây", "oi", "iu"})


@cache
def _rules() -> list[tuple[re.Pattern[str], list[str]]]:
    lines = (files(__package__) / "data" / "sounds.tsv").read_text("utf-8").splitlines()
    rules = (line.split("\t") for line in lines if not line.startswith("#"))
    return [(re.compile(pattern), sounds.split()) for pattern, sounds in rules]


_CODAS = {
    "b": "p", "p": "p", "ph": "p", "v": "p", "t": "t", "đ": "t", "x": "t", "d": "t", "s": "t",
    "th": "t", "ch": "ch", "gi": "ch", "k": "c", "g": "c", "m": "m", "n": "n", "ng": "ng", "l": "n",
}  # fmt: skip
_SHORT = {"ây": "ê"}  # before a coda
_CLOSED = frozenset({"ai", "ao", "oi", "iu"})  # with a coda of their own
_SHARP = str.maketrans("aăâeêioôơuy", "áắấéếíóốớúý")  # for a stop at the end of a syllable
_WITH_W = {
    "a": "oa", "ă": "oă", "e": "oe", "ê": "uê", "i": "uy", "ơ": "uơ", "ai": "oai", "ây": "uây",
}  # fmt: skip
# A word that nobody wants to hear in "Disney", and syllables with another meaning.
_MENDED = {"đít": "đi", "the": "thê", "hong": "hông", "ginh": "dinh"}


def respell_foreign_words(text: str) -> str:
    """Write words that are not Vietnamese in Vietnamese syllables."""
    return _WORD.sub(_respelt, text)


def _respelt(match: re.Match[str]) -> str:
    word = match[0]
    if is_vietnamese(word) or word in _names_of_units():
        return word
    glued = split_glued(word)
    if glued != word and not _STOPPED.search(glued):
        return glued
    table = read_table("said_words.txt")
    return " ".join(table.get(part.lower()) or respell(part) for part in _PART.findall(word))


@cache
def _names_of_units() -> frozenset[str]:
    """`bar` and `lux` are said as they are written."""
    return frozenset(word for name in read_table("units.txt").values() for word in name.split())


def split_glued(word: str) -> str:
    """Put spaces between Vietnamese syllables that are written as one word: `tuoitre`.

    Words of the table, and what ends like `home`, are English.
    """
    lower = word.lower()
    if lower in read_table("said_words.txt") or _SILENT_E.search(lower):
        return word
    syllables = _syllables_of(lower)
    return word if len(syllables) < 2 else like(word, " ".join(syllables))


@lru_cache(maxsize=4096)
def _syllables_of(word: str) -> tuple[str, ...]:
    """Vietnamese syllables of two letters or more that make up a word; () if there are none."""
    if _is_part(word):
        return (word,)
    for start in range(max(2, len(word) - _LONGEST_SYLLABLE), len(word) - 1):
        has_onset = word[start] not in "aeiouy"
        if has_onset and _is_part(word[start:]) and (before := _syllables_of(word[:start])):
            return (*before, word[start:])
    return ()


def _is_part(word: str) -> bool:
    return len(word) > 1 and is_vietnamese(word) and word not in _MENDED


@lru_cache(maxsize=4096)
def respell(word: str) -> str:
    """Write a foreign word of ASCII letters in Vietnamese syllables."""
    word = word.lower()
    if is_vietnamese(word):
        return word
    if _UNSAYABLE.fullmatch(word):
        return spell(word)
    return " ".join(_syllables(_sounds(word))) or spell(word)


def _sounds(word: str) -> list[str]:
    sounds: list[str] = []
    position = 0
    while position < len(word):
        for pattern, found in _rules():
            if match := pattern.match(word, position):
                sounds += found
                position = match.end()
                break
        else:
            position += 1
    return sounds


def _syllables(sounds: list[str]) -> list[str]:
    """Consonants go to the vowel after them, and what is left over gets a vowel or is dropped."""
    syllables: list[str] = []
    onset: list[str] = []
    position = 0
    while position < len(sounds):
        sound = sounds[position]
        position += 1
        if sound not in _VOWELS:
            onset.append(sound)
            continue
        coda = []
        while position < len(sounds) and sounds[position] not in _VOWELS:
            coda.append(sounds[position])
            position += 1
        if position < len(sounds):  # the last consonant begins the next syllable
            kept = 2 if _begins_together(coda[-2:]) else min(1, len(coda))
            position -= kept
            coda = coda[: len(coda) - kept]
        syllables += _written(onset, sound, coda)
        onset = []
    return syllables


def _begins_together(consonants: list[str]) -> bool:
    """Two consonants of which neither can be left out at the start of a syllable: `fl`, `qu`."""
    match consonants:
        case ["k", "w"] | ["b" | "p" | "ph" | "k" | "g" | "t" | "đ", "l" | "r"]:
            return True
    return False


def _written(onset: list[str], vowel: str, coda: list[str]) -> list[str]:
    """A syllable, after syllables for the consonants that cannot stand before another."""
    before = [
        "xì" if sound == "x" else f"{_initial(sound, 'ơ')}ờ"
        for sound in onset[:-1]
        if not (sound == "k" and onset[-1] == "w")
    ]
    initial = onset[-1] if onset else ""
    if onset[-2:] == ["t", "r"]:
        before, initial = before[:-1], "tr"
    elif onset[-2:] == ["k", "w"]:
        initial = "qu"
    final = next((_CODAS[sound] for sound in coda if sound in _CODAS), "")
    if vowel in _CLOSED:
        final = ""
    if final:
        vowel = _SHORT.get(vowel, vowel)
    elif vowel == "ă":
        vowel = "ơ"
    if vowel in "êi" and final == "c":
        final = "ch"
    if final == "ch" and vowel not in ("ê", "i", "a"):
        final = "t"
    if final == "ng" and vowel in ("ê", "i"):
        final = "nh"
    initial = _initial(initial, vowel)
    if initial == "w":
        initial, vowel = "", _WITH_W.get(vowel, vowel)
    elif initial == "qu" and vowel == "i":
        vowel = "y"
    if final in ("p", "t", "c", "ch"):
        vowel = vowel[:-1] + vowel[-1].translate(_SHARP)
    written = initial + vowel + final
    return [*before, _MENDED.get(written, written)]


def _initial(sound: str, vowel: str) -> str:
    """How a consonant is written before a vowel."""
    is_front = vowel[0] in "eêi"
    if sound == "k":
        return "k" if is_front else "c"
    if sound == "g":
        return "gh" if is_front else "g"
    if sound == "ng":
        return "ngh" if is_front else "ng"
    if sound == "gi" and vowel[0] == "i":
        return "g"
    return sound
