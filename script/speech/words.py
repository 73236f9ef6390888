"""Compares what was said with what was understood, word by word."""

import re
import unicodedata
from collections.abc import Sequence

_TONES = "\u0300\u0301\u0303\u0309\u0323"
_FINAL_Y = re.compile(r"(?<=[hklmst])y$")  # which is spelt i as often

Word = tuple[str, str]
"""Letters without the tone, and the tone: wherever the tone is written."""


def words(text: str) -> list[Word]:
    """Cut a text into words."""
    found = []
    for word in re.findall(r"\w+", unicodedata.normalize("NFC", text.lower())):
        signs = unicodedata.normalize("NFD", word)
        tone = "".join(sign for sign in signs if sign in _TONES)
        letters = "".join(sign for sign in signs if sign not in _TONES)
        found.append((_FINAL_Y.sub("i", letters), tone))
    return found


def distance(said: Sequence[object], heard: Sequence[object]) -> tuple[int, set[int]]:
    """Levenshtein's distance, and which of the words said were heard."""
    rows = [list(range(len(heard) + 1))]
    for number, word in enumerate(said, 1):
        row = [number]
        for at, other in enumerate(heard, 1):
            row.append(min(rows[-1][at] + 1, row[-1] + 1, rows[-1][at - 1] + (word != other)))
        rows.append(row)
    matches, i, j = set(), len(said), len(heard)
    while i and j:
        if said[i - 1] == heard[j - 1] and rows[i][j] == rows[i - 1][j - 1]:
            matches.add(i - 1)
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j - 1] + 1:
            i, j = i - 1, j - 1
        elif rows[i][j] == rows[i - 1][j] + 1:
            i -= 1
        else:
            j -= 1
    return rows[-1][-1], matches
