"""Tables of `written = spoken` lines, read when first asked for."""

from functools import cache
from importlib import resources


@cache
def read_table(name: str) -> dict[str, str]:
    """Return the entries of `name`, in the order of the file; `#` lines are comments."""
    content = resources.files(__name__).joinpath(name).read_text(encoding="utf-8")
    table: dict[str, str] = {}
    for line in content.splitlines():
        if line.strip() and not line.startswith("#"):
            written, _, spoken = line.partition("=")
            table[written.strip()] = spoken.strip()
    return table
