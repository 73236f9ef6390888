"""How a spoken line is compared with the readings that a listener accepts."""

import re

from wyoming_vietts.text import speakable, split_sentences

_SIGNS = {"{": "(?:", "/": "|", "}": ")", "|": "|", ",": "[,.]", ".": r"\."}


def spoken_line(written: str) -> str:
    """Return a text in lower case, short pauses as `,` and long ones as `.`, none at the end."""
    sentences = filter(None, map(speakable, split_sentences(written)))
    ended = (sentence if sentence[-1] in ".,;:!?" else f"{sentence}." for sentence in sentences)
    spoken = " ".join(ended).lower()
    return re.sub("[!?]", ".", re.sub("[;:]", ",", spoken)).rstrip(".,")


def accepted(readings: str) -> re.Pattern[str]:
    """Return a pattern of the readings.

    `{a/b}` are alternatives, one of which may be empty; `|` stands between whole readings. A comma
    demands a pause, a full stop a long one; elsewhere a short pause may fall, but no long one.
    """
    folded = " ".join(readings.lower().split()).rstrip(".,")
    pattern = "".join(_SIGNS.get(sign, " " if sign == " " else re.escape(sign)) for sign in folded)
    # A pause stands before a space; and a space may be missing beside an empty alternative.
    return re.compile(pattern.replace(" ", r"(?:,? |\b|(?<=[,.]) ?)"))
