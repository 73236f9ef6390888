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
        entry = (COMMENT.sub("", line.rstrip("\r\n")) if "#" in line else line).strip()
        if entry:
            written, _, spoken = entry.partition("=")
            yield Entry(number, written.strip(), spoken.strip())


@cache
def read_table(name: str) -> dict[str, str]:
    """Return the entries of `data/NAME`."""
    content = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    return {entry.written: entry.spoken for entry in read_entries(content.splitlines())}


@cache
def with_tables(pattern: str) -> re.Pattern[str]:
    """Compile a pattern in which `<units>` stands for any written form of `data/units.txt`."""
    return re.compile(re.sub("<([a-z_]+)>", lambda match: _any_entry(str(match[1])), pattern))


@cache
def _any_entry(table: str) -> str:
    return any_of(read_table(f"{table}.txt"))


def any_of(written_forms: Iterable[str]) -> str:
    """Return a pattern that matches the longest of the written forms.

    It branches letter by letter: an alternation of hundreds of words would be tried word by word.
    """
    return f"(?:{_branches(dict.fromkeys(written_forms))})"


def _branches(endings: Iterable[str]) -> str:
    following: dict[str, list[str]] = {}
    for ending in endings:
        if ending:
            following.setdefault(ending[0], []).append(ending[1:])
    branches = [re.escape(first) + _branches(rest) for first, rest in following.items()]
    if not branches:
        return ""
    pattern = branches[0] if len(branches) == 1 else f"(?:{'|'.join(branches)})"
    return f"(?:{pattern})?" if "" in endings else pattern
