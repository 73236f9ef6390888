"""Converts speakable text to the phoneme ids that a Piper voice was trained with.

Phonemes are the code points of eSpeak NG's transcription, or letters; a blank follows each.
"""

import re
import unicodedata
from collections.abc import Iterator

from ..espeak.gate import speakable_clauses
from ..espeak.library import load_library
from .config import PiperConfig

MAX_PIECE_CHARACTERS = 80
"""Longest text that is computed at once: about 14 words, 40 ms on two x86 cores."""

_LANGUAGE_FLAG = re.compile(r"\([^)]*\)")  # around words that eSpeak NG reads as foreign
_MARKS = ".,;:!?"
_LETTER = re.compile(r"(?s:.)[\u0300-\u036f]*")  # with its combining marks


def pieces(text: str) -> Iterator[list[str]]:
    """Cut a speakable sentence into groups of clauses that are computed at once.

    A clause that is too long by itself is cut at its spaces.
    """
    group: list[str] = []
    for clause in speakable_clauses(text):
        for part in _at_spaces(clause):
            if group and sum(map(len, group)) + len(part) >= MAX_PIECE_CHARACTERS:
                yield _continued(group)
                group = []
            group.append(part)
    if group:
        yield group


def _continued(group: list[str]) -> list[str]:
    """End a group in a comma if it has no mark, as the voice would lower at a full stop."""
    return group if group[-1][-1] in _MARKS else [*group[:-1], f"{group[-1]},"]


def _at_spaces(clause: str) -> Iterator[str]:
    """Cut a clause into parts of about the same length; the gate bounds its words."""
    while len(clause) > MAX_PIECE_CHARACTERS:
        count = -(-len(clause) // MAX_PIECE_CHARACTERS)
        cut = clause.rfind(" ", 1, min(len(clause) // count + 12, MAX_PIECE_CHARACTERS))
        yield clause[:cut]
        clause = clause[cut + 1 :]
    yield clause


def phonemes(clauses: list[str], config: PiperConfig) -> str:
    """Convert clauses that are computed at once to phonemes, decomposed (NFD)."""
    spoken = ""
    for clause in clauses:
        mark = clause[-1] if clause[-1] in _MARKS else ""
        if config.espeak_voice:
            written = load_library().phonemes(clause, config.espeak_voice)
            spoken += _LANGUAGE_FLAG.sub("", written) + mark
        else:
            spoken += clause
        spoken += " " if mark in tuple(",;:") else ""
    if spoken and spoken.rstrip()[-1:] not in tuple(_MARKS):
        spoken += "."
    return unicodedata.normalize("NFD", spoken)


def phoneme_ids(phonemes: str, config: PiperConfig) -> tuple[list[int], set[str]]:
    """Convert phonemes to ids; return also the phonemes that the voice lacks, which are left out.

    Some voices have precomposed letters (NFC), or lower case alone.
    """
    blank = config.ids["_"]
    ids = [*config.ids["^"], *blank]
    unknown = set()
    for letter in _LETTER.findall(phonemes):
        forms = (form(case) for case in (letter, letter.lower()) for form in (str, _composed))
        known = next((form for form in forms if all(sign in config.ids for sign in form)), letter)
        for sign in known:
            if sign in config.ids:
                ids += [*config.ids[sign], *blank]
            else:
                unknown.add(sign)
    return [*ids, *config.ids["$"]], unknown


def _composed(letter: str) -> str:
    return unicodedata.normalize("NFC", letter)
