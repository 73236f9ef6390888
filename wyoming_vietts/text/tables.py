"""The tables in `data/`, and patterns that find their written forms."""

import re
from collections.abc import Iterable
from functools import cache
from importlib import resources


@cache
def read_table(name: str) -> dict[str, str]:
    """Return the `written = spoken` lines of `data/NAME`; `#` lines are comments."""
    content = (resources.files(__package__) / "data" / name).read_text(encoding="utf-8")
    table: dict[str, str] = {}
    for line in content.splitlines():
        if line and not line.startswith("#"):
            written, _, spoken = line.partition(" = ")
            table[written] = spoken
    return table


def any_of(written_forms: Iterable[str]) -> str:
    """Return a pattern that matches the longest of the written forms."""
    longest_first = sorted(written_forms, key=len, reverse=True)
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"
