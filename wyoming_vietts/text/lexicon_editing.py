"""Changes a user's lexicon: all other lines stay as they are, comments and order included."""

from collections.abc import Callable, Generator

from ..errors import LexiconError
from ..files import replace_file
from .characters import fold_characters
from .lexicon import LexiconFile, is_case_sensitive, parse_lexicon, read_content
from .tables import COMMENT, Entry, read_entries


def lexicon_entries(file: LexiconFile) -> list[Entry]:
    """The entries as they are written.

    Raises:
        LexiconError: the file cannot be read.
    """
    return [*read_entries(read_content(file.path))]


def set_entry(file: LexiconFile, written: str, spoken: str) -> Generator[None, None, None]:
    """Add an entry, or replace the one of the same written form, with pauses.

    Raises:
        LexiconError: it cannot be an entry, or the file cannot be read.
        OSError: the file cannot be written.
    """
    line = f"{written} = {spoken}"
    is_entry = [*read_entries(line)] == [Entry(1, written, spoken)]
    if not (is_entry and written and spoken):
        raise LexiconError(
            f"'{line:.200}' is not an entry: both sides must be one line, without spaces at the "
            "ends, '#' at the start of a word, or '=' in what is written"
        )
    yield from _change(file, lambda content: _with_line(content, written, line))


def remove_entry(file: LexiconFile, written: str) -> Generator[None, None, None]:
    """Remove the entry of a written form, if there is one, with pauses.

    Raises:
        LexiconError: the file cannot be read.
        OSError: it cannot be written.
    """
    yield from _change(file, lambda content: _without(content, written))


def _change(file: LexiconFile, change: Callable[[str], str]) -> Generator[None, None, None]:
    """Write the changed file if it is a lexicon, and if nobody else has changed it meanwhile."""
    content = read_content(file.path)
    changed = change(content)
    yield from parse_lexicon(changed, file.path)
    if read_content(file.path) != content:
        raise LexiconError(f"{file.path} is being changed by somebody else; try again")
    replace_file(file.path, changed.encode())


def _with_line(content: str, written: str, line: str) -> str:
    lines = content.splitlines(keepends=True)
    *others, last = _lines_of(content, written) or [len(lines)]
    if last == len(lines):
        if lines and not lines[-1].endswith(("\n", "\r")):
            lines[-1] += "\n"
        lines.append(f"{line}\n")
    else:
        entry = COMMENT.split(lines[last].rstrip("\r\n"), maxsplit=1)[0].rstrip()
        lines[last] = line + lines[last][len(entry) :]  # with its comment and its end
    return "".join(kept for number, kept in enumerate(lines) if number not in others)


def _without(content: str, written: str) -> str:
    lines = content.splitlines(keepends=True)
    found = _lines_of(content, written)
    return "".join(line for number, line in enumerate(lines) if number not in found)


def _lines_of(content: str, written: str) -> list[int]:
    """The lines, from 0, whose written form matches the same texts."""
    form = _form(written)
    return [entry.line - 1 for entry in read_entries(content) if _form(entry.written) == form]


def _form(written: str) -> str:
    folded = fold_characters(written)
    return folded if is_case_sensitive(folded) else folded.lower()
