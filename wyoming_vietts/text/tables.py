"""Files of `written = spoken` lines: the tables in `data/`, and the user's lexicon."""

import re
from collections.abc import Iterable, Iterator
from functools import cache
from importlib import resources
from typing import NamedTuple

COMMENT = re.compile(r"(?:^|\s)#.*")
"""In a line of such a file."""


class Entry(NamedTuple):
    """One line of such a file."""

    line: int
    """Its number, from 1."""
    written: str
    spoken: str
    """"" where the line is not `written = spoken`."""


def read_entries(lines: Iterable[str], first: int = 1) -> Iterator[Entry]:
    """Yield the lines that are not empty.

    A `#` starts a comment, at the start of a line or after a space.

    Args:
        first: number of the first line.
    """
    for number, line in enumerate(lines, start=first):
        entry = COMMENT.sub("", line.rstrip("\r\n")).strip()
        if entry:
            written, _, spoken = entry.partition("=")
            yield Entry(number, written.strip(), spoken.strip())


@cache
def read_table(name: str) -> dict[str, str]:
    """Return the entries of `data/NAME`."""
    content = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    return {entry.written: entry.spoken for entry in read_entries(content.splitlines())}


def any_of(written_forms: Iterable[str]) -> str:
    """Return a pattern that matches the longest of the written forms."""
    longest_first = sorted(written_forms, key=len, reverse=True)
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"
