"""The user's lexicon: written forms and their pronunciation."""

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path

from ..errors import LexiconError, printable
from ..files import read_bytes
from ..steps import Steps, finish
from .characters import fold_characters, keep_speakable
from .tables import Entry, read_entries

_LOGGER = logging.getLogger(__name__)

_FIRST_PRIVATE = 0xF0000
MAX_ENTRIES = 60_000
MAX_BYTES = 4_000_000
MAX_LINES = 200_000
MAX_LINE_CHARACTERS = 1000
MAX_TOKENS = 50  # of a written form: words, spaces and signs
_CHARACTERS_A_STEP = 10_000
EXPECTED = "expected 'written = spoken'"
TOO_MANY_TOKENS = f"expected at most {MAX_TOKENS} words, spaces and signs before the '='"
_PROTECTED = re.compile(r"[\U000F0000-\U000FFFFD]")
_TOKEN = re.compile(r"\w+|\W")


class Lexicon:
    """Written forms and how they are said.

    A written form matches whole words, the longest first. It matches in any case, unless it has a
    capital inside a word (`TV`, `iPhone`): then only as written.
    """

    def __init__(self) -> None:
        self._spoken: list[str] = []
        self._as_written: dict[str, int] = {}
        """Indices of the entries that match only as written."""
        self._in_any_case: dict[str, int] = {}
        """Indices of the other entries, by their written form in lower case."""
        self._lengths: dict[str, int] = {}
        """Characters of the longest written form that starts with a token, all in lower case."""
        self.open_words: set[str] = set()
        """Words, in lower case, whose full stop stands inside a written form and ends nothing."""

    def __len__(self) -> int:
        return len(self._spoken)

    def add(self, written: str, spoken: str) -> None:
        """Take an entry, both sides folded."""
        tokens = [token.lower() for token in _TOKEN.findall(written)]
        form = "".join(tokens)
        self._lengths[tokens[0]] = max(len(form), self._lengths.get(tokens[0], 0))
        if is_case_sensitive(written):
            self._as_written[written] = len(self._spoken)
        else:
            self._in_any_case[form] = len(self._spoken)
        self._spoken.append(spoken)
        self.open_words |= {word[:-1].casefold() for word in written.split() if word[-1] == "."}

    def protect(self, text: str) -> str:
        """Return the folded text with each known word as one private character."""
        return self._replace(text, lambda entry: chr(_FIRST_PRIVATE + entry))

    def say(self, text: str) -> str:
        """Return the folded text with each known word as it is said."""
        return self._replace(text, self._spoken.__getitem__)

    def _replace(self, text: str, replacement: Callable[[int], str]) -> str:
        if not self._spoken:
            return text
        tokens = _TOKEN.findall(text)
        pieces = []
        start = 0
        while start < len(tokens):
            if tokens[start].lower() not in self._lengths:
                pieces.append(tokens[start])
                start += 1
                continue
            end, entry = self._longest(tokens, start)
            pieces.append(tokens[start] if entry is None else f" {replacement(entry)} ")
            start = end
        return "".join(pieces)

    def _longest(self, tokens: list[str], start: int) -> tuple[int, int | None]:
        """Find the longest written form that starts at a token; return its end and its entry."""
        best: tuple[int, int | None] = (start + 1, None)
        if start and not _is_word(tokens[start]) and _is_word(tokens[start - 1]):
            return best  # a sign that belongs to the word before it
        longest = self._lengths.get(tokens[start].lower(), 0)
        found = form = ""
        for end in range(start, min(start + MAX_TOKENS, len(tokens))):
            found += tokens[end]
            form += tokens[end].lower()
            if len(form) > longest:
                break
            is_whole = end + 1 == len(tokens) or not (
                _is_word(tokens[end + 1]) and not _is_word(tokens[end])
            )
            if is_whole:
                entry = self._as_written.get(found, self._in_any_case.get(form))
                best = best if entry is None else (end + 1, entry)
        return best

    def restore(self, text: str) -> str:
        """Return the text with each private character as the words to say."""
        return _PROTECTED.sub(lambda match: self._spoken[ord(match[0]) - _FIRST_PRIVATE], text)


class LexiconFile:
    """A file of `written = spoken` lines, read again when it has changed.

    A `#` starts a comment at the start of a line or after a space. Lines that are something else
    are skipped, and named in the log.
    """

    def __init__(self, path: Path, may_be_missing: bool = False) -> None:
        """Read the file.

        Args:
            may_be_missing: no file is an empty lexicon, which its first entry creates.

        Raises:
            LexiconError: the file cannot be read, or is too large.
        """
        self.path = path
        self._may_be_missing = may_be_missing
        self._version = self._find_version()
        self._last_error = ""
        self.lexicon = finish(self._read())
        """As the file was read last."""

    def refresh(self) -> Steps[None]:
        """Read the file again if it has changed.

        A file that cannot be read is reported once. Until one has been read, `lexicon` is as it
        was.
        """
        before = self._version
        try:
            self._version = self._find_version()
            if self._version != before:
                self.lexicon = yield from self._read()
                self._last_error = ""
        except GeneratorExit:  # the request was cancelled, so the next one reads it
            self._version = before
            raise
        except LexiconError as error:
            if self._last_error != str(error):
                self._last_error = str(error)
                _LOGGER.warning("%s; keeping the lexicon as it was", error)

    def content(self) -> str:
        """Read the text of the file, without the mark that some editors begin it with.

        Raises:
            LexiconError: it cannot be read, is too large, or is not UTF-8.
        """
        try:
            return read_bytes(self.path, MAX_BYTES).decode("utf-8-sig")
        except OSError as error:
            self._refuse_unless_missing(error)
            return ""
        except UnicodeDecodeError as error:
            raise LexiconError(f"Lexicon {self.path} is not UTF-8 (byte {error.start})") from error

    def _find_version(self) -> tuple[int, int] | None:
        """Return what changes with the file: nanoseconds and bytes; None if there is no file."""
        try:
            status = self.path.stat()
        except OSError as error:
            self._refuse_unless_missing(error)
            return None
        return status.st_mtime_ns, status.st_size

    def _refuse_unless_missing(self, error: OSError) -> None:
        if not (self._may_be_missing and isinstance(error, FileNotFoundError)):
            reason = error.strerror or error
            raise LexiconError(f"Cannot read lexicon {self.path}: {reason}") from error

    def _read(self) -> Steps[Lexicon]:
        lexicon, problems = yield from parse_lexicon(self.content())
        if problems:
            more = f" (and {len(problems) - 1} more lines)" if len(problems) > 1 else ""
            _LOGGER.warning("Skipped in %s: %s%s", self.path, printable(problems[0]), more)
        return lexicon


def parse_lexicon(content: str) -> Steps[tuple[Lexicon, Sequence[str]]]:
    """Make a lexicon of the text of a file.

    Returns:
        The lexicon, and a message for each line that is not `written = spoken`, or one too many.

    Raises:
        LexiconError: there are too many lines.
    """
    lexicon, problems = Lexicon(), []
    for first, lines in lines_in_steps(content):
        yield
        for entry in read_entries(lines, first):
            written, spoken = fold_entry(entry)
            if not (written and spoken) or len(lines[entry.line - first]) > MAX_LINE_CHARACTERS:
                line = lines[entry.line - first].strip()
                problems.append(f"line {entry.line}: {EXPECTED}, found {line:.200}")
            elif has_too_many_tokens(written):
                problems.append(f"line {entry.line}: {TOO_MANY_TOKENS}, found {written:.200}")
            elif len(lexicon) == MAX_ENTRIES:
                problems.append(f"line {entry.line}: more than {MAX_ENTRIES} entries")
            else:
                lexicon.add(written, spoken)
    return lexicon, problems


def fold_entry(entry: Entry) -> tuple[str, str]:
    """Return both sides as they are matched and spoken; "" for a side with nothing left."""
    written = fold_characters(entry.written[:MAX_LINE_CHARACTERS]).replace("\n", " ")
    spoken = keep_speakable(fold_characters(entry.spoken[:MAX_LINE_CHARACTERS]))
    return written, spoken


def lines_in_steps(content: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the number of a line, and some lines from there on, with their ends.

    Raises:
        LexiconError: there are too many.
    """
    number, rest = 1, ""
    for start in range(0, len(content), _CHARACTERS_A_STEP):
        lines = (rest + content[start : start + _CHARACTERS_A_STEP]).splitlines(keepends=True)
        rest = lines.pop()  # it may go on
        yield number, lines
        number += len(lines)
        if number > MAX_LINES:
            raise LexiconError(f"A lexicon can have {MAX_LINES} lines; this one has more")
    if rest:
        yield number, [rest]


def has_too_many_tokens(written: str) -> bool:
    """Tell whether a folded written form is longer than a sentence is searched for."""
    return len(_TOKEN.findall(written)) > MAX_TOKENS


def is_case_sensitive(written: str) -> bool:
    """Tell whether a written form has a capital inside a word, and so matches only as written."""
    return any(letter.isupper() and before.isalnum() for before, letter in pairwise(written))


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"
