"""The user's own words: what is written and how it is said."""

import logging
import re
from collections.abc import Collection
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

from ..errors import LexiconError
from .characters import fold_characters, keep_speakable
from .tables import any_of, read_entries

_LOGGER = logging.getLogger(__name__)

_FIRST_PRIVATE = 0xF0000
_MAX_ENTRIES = 60_000
_PROTECTED = re.compile(r"[\U000F0000-\U000FFFFD]")


class _FileVersion(NamedTuple):
    modified_nanoseconds: int
    size_bytes: int


class Lexicon:
    """Written forms and how they are said, read from a file of `written = spoken` lines.

    A written form matches whole words, the longest first. It matches in any case, unless it has a
    capital inside a word (`TV`, `iPhone`): then only as written. A `#` starts a comment
    at the start of a line or after a space.
    """

    def __init__(self, path: Path, entries: dict[str, str], version: _FileVersion) -> None:
        self._path = path
        self._version = version
        self._last_error = ""
        self._use(entries)

    @classmethod
    def load(cls, path: str | Path) -> "Lexicon":
        """Read a lexicon file.

        Raises:
            LexiconError: the file cannot be read, or a line is not `written = spoken`.
        """
        path = Path(path)
        version = _file_version(path)
        return cls(path, _read_entries(path), version)

    def refresh(self) -> None:
        """Read the file again if it has changed; a bad file is reported once and not used."""
        try:
            version = _file_version(self._path)
            if version == self._version:
                return
            self._version = version
            self._use(_read_entries(self._path))
        except LexiconError as error:
            if self._last_error != str(error):
                self._last_error = str(error)
                _LOGGER.warning("%s; keeping the lexicon as it was", error)

    def _use(self, entries: dict[str, str]) -> None:
        self._last_error = ""
        self._spoken = list(entries.values())
        self._index_exact: dict[str, int] = {}
        self._index_any_case: dict[str, int] = {}
        for index, written in enumerate(entries):
            if _is_case_sensitive(written):
                self._index_exact[written] = index
            else:
                self._index_any_case[written.lower()] = index
        self._pattern = _pattern(entries)

    def protect(self, text: str) -> str:
        """Return the folded text with each known word replaced by one private character."""
        if self._pattern is None:
            return text
        return self._pattern.sub(self._protected, text)

    def _protected(self, match: re.Match[str]) -> str:
        written = match[0]
        index = self._index_exact.get(written, self._index_any_case.get(written.lower()))
        return written if index is None else f" {chr(_FIRST_PRIVATE + index)} "

    def restore(self, text: str) -> str:
        """Return the text with each private character replaced by the words to say."""
        return _PROTECTED.sub(lambda match: self._spoken[ord(match[0]) - _FIRST_PRIVATE], text)


def _file_version(path: Path) -> _FileVersion:
    try:
        status = path.stat()
    except OSError as error:
        raise LexiconError(f"Cannot read lexicon {path}: {error.strerror}") from error
    return _FileVersion(status.st_mtime_ns, status.st_size)


def _read_entries(path: Path) -> dict[str, str]:
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise LexiconError(f"Cannot read lexicon {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LexiconError(f"Lexicon {path} is not UTF-8 (byte {error.start})") from error
    entries: dict[str, str] = {}
    for entry in read_entries(content):
        written = fold_characters(entry.written).replace("\n", " ")
        spoken = keep_speakable(fold_characters(entry.spoken))
        if not (written and spoken):
            found = content.splitlines()[entry.line - 1].strip()
            raise LexiconError(
                f"{path}, line {entry.line}: expected 'written = spoken', found {found!r}"
            )
        entries[written] = spoken
    if len(entries) > _MAX_ENTRIES:
        raise LexiconError(f"{path} has {len(entries)} entries; at most {_MAX_ENTRIES} are read")
    return entries


def _is_case_sensitive(written: str) -> bool:
    return any(letter.isupper() and before.isalnum() for before, letter in pairwise(written))


def _pattern(written_forms: Collection[str]) -> re.Pattern[str] | None:
    if not written_forms:
        return None
    return re.compile(rf"(?<!\w){any_of(written_forms)}(?!\w)", re.IGNORECASE)
