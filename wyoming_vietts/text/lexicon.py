"""The user's own words: what is written and how it is said."""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ..errors import LexiconError
from ..steps import Steps, finish
from .characters import fold_characters, keep_speakable
from .tables import read_entries

_LOGGER = logging.getLogger(__name__)

_FIRST_PRIVATE = 0xF0000
_MAX_ENTRIES = 60_000
_MAX_BYTES = 16_000_000
_LINES_A_STEP = 200
_PROTECTED = re.compile(r"[\U000F0000-\U000FFFFD]")
_TOKEN = re.compile(r"\w+|\W")


@dataclass
class _Node:
    """What has been read of the written forms that start with the same tokens."""

    following: dict[str, "_Node"] = field(default_factory=dict)
    """By the next token, in lower case."""
    in_any_case: int | None = None
    """Index of the entry that ends here, if it matches in any case."""
    as_written: dict[str, int] = field(default_factory=dict)
    """Indices of the entries that end here and match only as written."""

    def entry(self, found: str) -> int | None:
        return self.as_written.get(found, self.in_any_case)


class Lexicon:
    """Written forms and how they are said.

    A written form matches whole words, the longest first. It matches in any case, unless it has a
    capital inside a word (`TV`, `iPhone`): then only as written.
    """

    def __init__(self) -> None:
        self._spoken: list[str] = []
        self._root = _Node()
        self.open_words: set[str] = set()
        """Words, in lower case, whose full stop stands inside a written form and ends nothing."""

    def add(self, written: str, spoken: str) -> None:
        """Take an entry, both sides folded."""
        node = self._root
        for token in _TOKEN.findall(written.lower()):
            node = node.following.setdefault(token, _Node())
        if is_case_sensitive(written):
            node.as_written[written] = len(self._spoken)
        else:
            node.in_any_case = len(self._spoken)
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
            end, entry = self._longest(tokens, start)
            pieces.append(tokens[start] if entry is None else f" {replacement(entry)} ")
            start = end
        return "".join(pieces)

    def _longest(self, tokens: list[str], start: int) -> tuple[int, int | None]:
        """The end and the entry of the longest written form from a token on, if there is one."""
        best: tuple[int, int | None] = (start + 1, None)
        if start and not _is_word(tokens[start]) and _is_word(tokens[start - 1]):
            return best  # a sign that belongs to the word before it
        node = self._root
        for end in range(start, len(tokens)):
            following = node.following.get(tokens[end].lower())
            if following is None:
                break
            node = following
            is_whole = end + 1 == len(tokens) or not (
                _is_word(tokens[end + 1]) and not _is_word(tokens[end])
            )
            entry = node.entry("".join(tokens[start : end + 1])) if is_whole else None
            if entry is not None:
                best = (end + 1, entry)
        return best

    def restore(self, text: str) -> str:
        """Return the text with each private character as the words to say."""
        return _PROTECTED.sub(lambda match: self._spoken[ord(match[0]) - _FIRST_PRIVATE], text)


class _FileVersion(NamedTuple):
    modified_nanoseconds: int
    size_bytes: int


class LexiconFile:
    """A file of `written = spoken` lines, read again when it has changed.

    A `#` starts a comment at the start of a line or after a space.
    """

    def __init__(self, path: Path) -> None:
        """Read the file.

        Raises:
            LexiconError: the file cannot be read, or a line is not `written = spoken`.
        """
        self.path = path
        self._version = _file_version(path)
        self._last_error = ""
        self.lexicon: Lexicon = finish(_read_lexicon(path))
        """As the file was read last."""

    def refresh(self) -> Steps[None]:
        """Read the file again if it has changed, with pauses.

        A bad file is reported once and not used. Until it has been read, `lexicon` is as it was.
        """
        before = self._version
        try:
            self._version = _file_version(self.path)
            if self._version != before:
                self.lexicon = yield from _read_lexicon(self.path)
                self._last_error = ""
        except GeneratorExit:  # whoever read it has hung up, so the next one reads it
            self._version = before
            raise
        except LexiconError as error:
            if self._last_error != str(error):
                self._last_error = str(error)
                _LOGGER.warning("%s; keeping the lexicon as it was", error)


def _file_version(path: Path) -> _FileVersion:
    try:
        status = path.stat()
    except OSError as error:
        raise LexiconError(f"Cannot read lexicon {path}: {error.strerror}") from error
    if not path.is_file():
        raise LexiconError(f"Cannot read lexicon {path}: it is not a file")
    if status.st_size > _MAX_BYTES:
        raise LexiconError(f"Lexicon {path} has {status.st_size} bytes; at most {_MAX_BYTES}")
    return _FileVersion(status.st_mtime_ns, status.st_size)


def _read_lexicon(path: Path) -> Steps[Lexicon]:
    return (yield from parse_lexicon(read_content(path), path))


def read_content(path: Path) -> str:
    """Read the text of a lexicon's file, without the mark that some editors begin it with.

    Raises:
        LexiconError: it cannot be read, or is not UTF-8.
    """
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LexiconError(f"Cannot read lexicon {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LexiconError(f"Lexicon {path} is not UTF-8 (byte {error.start})") from error


def parse_lexicon(content: str, path: Path) -> Steps[Lexicon]:
    """Make a lexicon of its text, with pauses.

    Raises:
        LexiconError: a line is not `written = spoken`, or there are too many.
    """
    lexicon = Lexicon()
    for count, entry in enumerate(read_entries(content)):
        if count % _LINES_A_STEP == 0:
            yield
        written = fold_characters(entry.written).replace("\n", " ")
        spoken = keep_speakable(fold_characters(entry.spoken))
        if not (written and spoken):
            found = content.splitlines()[entry.line - 1].strip()
            raise LexiconError(
                f"{path}, line {entry.line}: expected 'written = spoken', found {found:.200}"
            )
        if count == _MAX_ENTRIES:
            raise LexiconError(f"{path} has more than {_MAX_ENTRIES} entries")
        lexicon.add(written, spoken)
    return lexicon


def is_case_sensitive(written: str) -> bool:
    """A written form has a capital inside a word, and so matches only as written."""
    return any(letter.isupper() and before.isalnum() for before, letter in pairwise(written))


def _is_word(token: str) -> bool:
    return token[0].isalnum() or token[0] == "_"
