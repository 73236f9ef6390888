"""Changes a user's lexicon: all other lines stay as they are, comments and order included."""

from ..errors import LexiconError
from ..files import replace_file
from ..steps import Steps
from .characters import fold_characters
from .lexicon import (
    EXPECTED,
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_LINE_CHARACTERS,
    TOO_MANY_TOKENS,
    LexiconFile,
    fold_entry,
    has_too_many_tokens,
    is_case_sensitive,
    lines_in_steps,
)
from .tables import COMMENT, Entry, read_entries


def lexicon_entries(file: LexiconFile) -> Steps[list[Entry]]:
    """Return the entries as they are written.

    Raises:
        LexiconError: the file cannot be read.
    """
    entries: list[Entry] = []
    for first, lines in lines_in_steps(file.content()):
        entries += read_entries(lines, first)
        yield
    return entries


def set_entry(file: LexiconFile, written: str, spoken: str) -> Steps[None]:
    """Add an entry, or replace the one of the same written form.

    Raises:
        LexiconError: it cannot be an entry, there is no room for it, or the file cannot be read.
        OSError: the file cannot be written.
    """
    line, entry = f"{written} = {spoken}", Entry(1, written, spoken)
    if not (written and spoken) or [*read_entries(line.splitlines())] != [entry]:
        raise LexiconError(
            f"'{line:.200}' is not an entry: both sides must be one line, without spaces at the "
            "ends, '#' at the start of a word, or '=' in what is written"
        )
    folded = fold_entry(entry)
    if not all(folded):
        raise LexiconError(f"{EXPECTED}, found {line:.200}")
    if has_too_many_tokens(folded[0]):
        raise LexiconError(f"{TOO_MANY_TOKENS}, found {line:.200}")
    yield from _change(file, written, line)


def remove_entry(file: LexiconFile, written: str) -> Steps[None]:
    """Remove the entry of a written form, if there is one.

    Raises:
        LexiconError: the file cannot be read.
        OSError: it cannot be written.
    """
    yield from _change(file, written, None)


def _change(file: LexiconFile, written: str, line: str | None) -> Steps[None]:
    """Write the file with a line instead of the entries of a written form.

    Raises:
        LexiconError: the file would be too large, or somebody else has changed it meanwhile.
    """
    content = file.content()
    form, count = _form(written), 0
    lines: list[str] = []
    found: list[int] = []  # in lines
    for first, some in lines_in_steps(content):
        yield
        for entry in read_entries(some, first):
            count += 1
            if _form(entry.written[:MAX_LINE_CHARACTERS]) == form:
                found.append(entry.line - 1)
        lines += some
    if line is not None:
        if found:
            last = found.pop()
            old = COMMENT.split(lines[last].rstrip("\r\n"), maxsplit=1)[0].rstrip()
            lines[last] = line + lines[last][len(old) :]  # with its comment and its end
        elif count >= MAX_ENTRIES:
            raise LexiconError(f"{file.path} has {count} entries; at most {MAX_ENTRIES}")
        else:
            if lines and not lines[-1].endswith(("\n", "\r")):
                lines[-1] += "\n"
            lines.append(f"{line}\n")
    removed = set(found)
    changed = "".join(kept for number, kept in enumerate(lines) if number not in removed).encode()
    if len(changed) > MAX_BYTES:
        raise LexiconError(f"{file.path} would be larger than {MAX_BYTES / 1e6:g} MB")
    yield
    if file.content() != content:
        raise LexiconError(f"{file.path} is being changed by somebody else; try again")
    file.path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(file.path.resolve(), changed)  # a link stays one


def _form(written: str) -> str:
    """Return a key that is equal for written forms that match the same texts."""
    folded = fold_characters(written)
    return folded if is_case_sensitive(folded) else folded.lower()
