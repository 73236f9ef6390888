"""The text around a match: many written forms can only be told apart by their context."""

import re

_REACH_CHARACTERS = 40


def written_before(match: re.Match[str]) -> str:
    """Return a bounded stretch of text that ends where the match starts."""
    start = match.start()
    return match.string[max(0, start - _REACH_CHARACTERS) : start]


def text_before(match: re.Match[str]) -> str:
    """Return a bounded stretch of lower-case text that ends where the match starts."""
    return written_before(match).lower()


def text_after(match: re.Match[str]) -> str:
    """Return a bounded stretch of lower-case text that starts where the match ends."""
    end = match.end()
    return match.string[end : end + _REACH_CHARACTERS].lower()


def word_before(match: re.Match[str]) -> str:
    """Return the lower-case word before the match, without marks around it, or ""."""
    words = text_before(match).split()
    return words[-1].strip(".,;:!?()\"'") if words else ""


def word_after(match: re.Match[str]) -> str:
    """Return the lower-case word after the match, without marks around it, or ""."""
    words = text_after(match).split()
    return words[0].strip(".,;:!?()\"'") if words else ""
