"""Converts speakable text to the phonemes that VieNeu-TTS was trained with.

They are eSpeak NG's: of its Vietnamese, with another `r`; English words those of its American
English. Each clause is converted at once, as little words are unstressed in it.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from ..espeak.gate import speakable_clauses
from ..espeak.library import load_library

FIRST_PIECE_CHARACTERS = 40
MAX_PIECE_CHARACTERS = 80
"""Longest text that is computed at once: about 5 s of speech."""
MIN_PIECE_CHARACTERS = 20
"""Shorter ones are pronounced badly."""

SHORT_WORDS = 5
"""As in training, a sentence of fewer words always ends with a full stop."""

_MARKS = ",.!?"
_JOINT = re.compile(r" (?=(?:và|hoặc|nhưng|nên|vì|nếu|khi|thì) )", re.IGNORECASE)
_COMMAS = str.maketrans(";:", ",,")
_ENGLISH_WORDS = {"min", "pin", "top"}
"""Words that are Vietnamese for eSpeak NG, and English in the training data."""
_LANGUAGE_FLAG = re.compile(r"\([^)]*\)")  # around words that eSpeak NG reads as foreign
_FIRST_Z = re.compile(r"^([ˈˌ]?)z")


@dataclass(frozen=True)
class Piece:
    """A part of a sentence that is computed at once."""

    clauses: Sequence[str]
    """As the gate makes them, some cut at a space."""
    is_last: bool = True


def pieces(text: str, most: int = MAX_PIECE_CHARACTERS) -> Iterator[Piece]:
    """Cut a speakable sentence into pieces, the first one short, at the joints of speech.

    Where a clause is too long by itself, it is cut at a space.

    Args:
        most: characters in a piece, at least `FIRST_PIECE_CHARACTERS`.
    """
    first, *others = speakable_clauses(text) or [""]
    clauses = [*_at_joint(first), *others]
    groups: list[list[str]] = []
    for part in (part for clause in clauses for part in _at_spaces(clause, most) if part):
        wanted = FIRST_PIECE_CHARACTERS if len(groups) == 1 else most
        if groups and _may_grow(groups[-1], part, wanted, most):
            groups[-1].append(part)
        else:
            groups.append([part])
    if len(groups) > 1:
        *_, before, last = groups
        is_short = _length(last) < MIN_PIECE_CHARACTERS
        if is_short and _length(before + last) <= most:
            groups[-2:] = [before + last]
    for group in groups:
        yield Piece(group, is_last=group is groups[-1])


def _may_grow(group: Sequence[str], part: str, wanted: int, most: int) -> bool:
    """Whether a clause fits into a group, or would rescue one that is too short."""
    length = _length([*group, part])
    return length <= wanted or (_length(group) < MIN_PIECE_CHARACTERS and length <= most)


def _length(group: Sequence[str]) -> int:
    return len(" ".join(group))


def _at_joint(clause: str) -> Iterator[str]:
    """Cut a clause that is too long to come first before a conjunction, if it has one."""
    starts = (joint.start() for joint in _JOINT.finditer(clause))
    longest = min(FIRST_PIECE_CHARACTERS, len(clause) - 1 - MIN_PIECE_CHARACTERS)
    cut = next((start for start in starts if MIN_PIECE_CHARACTERS <= start <= longest), None)
    if cut is not None and len(clause) > FIRST_PIECE_CHARACTERS:
        yield clause[:cut]
        clause = clause[cut + 1 :]
    yield clause


def _at_spaces(clause: str, most: int) -> Iterator[str]:
    """Cut a clause into parts of about the same length; the gate bounds its words."""
    while len(clause) > most:
        count = -(-len(clause) // most)
        cut = clause.rfind(" ", 1, min(len(clause) // count + 12, most + 1))
        yield clause[:cut]
        clause = clause[cut + 1 :]
    yield clause


def phonemes(piece: Piece) -> str:
    """Convert a piece to phonemes, decomposed (NFD), with one of `,.!?` at its end."""
    spoken = " ".join(filter(None, map(_clause_phonemes, piece.clauses)))
    body = spoken.rstrip(_MARKS + " ")
    if not body:
        return ""
    mark = spoken[len(body) : len(body) + 1] or ("." if piece.is_last else ",")
    if len(body.split()) < SHORT_WORDS:
        mark = "."
    return unicodedata.normalize("NFD", body + mark)


def _clause_phonemes(clause: str) -> str:
    mark = clause[-1] if clause[-1] in ".,;:!?" else ""
    words = clause.removesuffix(mark).split()
    spoken = load_library().phonemes(" ".join(words), "vi").split()
    if len(spoken) != len(words):  # to tell the words apart
        spoken = ["".join(load_library().phonemes(word, "vi").split()) for word in words]
    converted = (_word_phonemes(*pair) for pair in zip(words, spoken, strict=True))
    return " ".join(filter(None, converted)) + mark.translate(_COMMAS)


def _word_phonemes(word: str, spoken: str) -> str:
    if word.lower() in _ENGLISH_WORDS or _LANGUAGE_FLAG.search(spoken):
        return _joined(load_library().phonemes(word, "en-us"))
    spoken = _LANGUAGE_FLAG.sub("", spoken)
    return _FIRST_Z.sub(r"\1ɹ", spoken) if word[0] in "rR" else spoken


def _joined(spoken: str) -> str:
    return _LANGUAGE_FLAG.sub("", "".join(spoken.split()))
