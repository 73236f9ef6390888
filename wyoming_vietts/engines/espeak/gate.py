"""Sanitizes text for the library, which crashes on many texts."""

import re
import unicodedata

_MAX_CLAUSE_CHARACTERS = 160
_MAX_WORD_CHARACTERS = 24

_VIETNAMESE = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ"
_UNSPEAKABLE = re.compile(rf"[^a-z0-9{_VIETNAMESE}.,;:!?]+", re.IGNORECASE)
_CLAUSE = re.compile(r"[^.,;:!?]+[.,;:!?]?")


def speakable_clauses(text: str) -> list[str]:
    """Cut a text into clauses that are safe for the library.

    Returns:
        Clauses of at most 160 characters: Vietnamese and ASCII letters, digits and spaces, in words
        of at most 24 characters. A clause starts with a letter or digit and ends with at most one
        of `.,;:!?`.
    """
    allowed = _UNSPEAKABLE.sub(" ", unicodedata.normalize("NFC", text))
    clauses = []
    for match in _CLAUSE.finditer(allowed):
        body, mark = match[0], ""
        if body[-1] in ".,;:!?":
            body, mark = body[:-1], body[-1]
        words = [
            word[start : start + _MAX_WORD_CHARACTERS]
            for word in body.split()
            for start in range(0, len(word), _MAX_WORD_CHARACTERS)
        ]
        pieces = _pack(words)
        if pieces:
            clauses += [*pieces[:-1], pieces[-1] + mark]
    return clauses


def _pack(words: list[str]) -> list[str]:
    """Join words by spaces into lines that leave room for a mark within the clause limit."""
    lines: list[str] = []
    for word in words:
        if lines and len(lines[-1]) + 1 + len(word) < _MAX_CLAUSE_CHARACTERS:
            lines[-1] += " " + word
        else:
            lines.append(word)
    return lines
