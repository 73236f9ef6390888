"""Finds the files in a folder that make voices."""

import errno
import logging
import math
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..errors import SetupError, printable
from ..files import explain
from ..steps import Steps
from .contract import Voice
from .voice_settings import VoiceSettings

_LOGGER = logging.getLogger(__name__)

RESCAN_SECONDS = 2.0
STEP_SECONDS = 0.02  # of a scan, each time that voices are requested

_FILES_A_STEP = 100
_MAX_VOICES = 5000  # as `describe` lists all of them
_MAX_NAME_BYTES = 246  # as names of files beside it are longer
_MOMENTARY = {
    errno.EMFILE, errno.ENFILE, errno.ENOMEM, errno.EACCES, errno.EIO, errno.ESTALE, errno.ETIMEDOUT
}  # fmt: skip
"""Errors after which a file is tried again though it has not changed."""
_UNFIT = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
"""Control characters, which forge lines of a log, and bytes that are not UTF-8."""

V = TypeVar("V", bound=Voice)
_Stamps = tuple[tuple[int, int], ...]


@dataclass
class _File(Generic[V]):
    """A file that makes voices."""

    name: str
    path: Path
    settings: Path
    beside: Sequence[Path]
    """Existing files that belong to it."""
    stamps: _Stamps | None = None
    """None to load it again."""
    voices: Sequence[V] = ()
    problem: str | None = None


class VoiceFolder(Generic[V]):
    """Voices by name, of a folder that is scanned again every 2 s at most, a step at a time.

    A file that cannot be used is skipped, with one warning. Each may have a .toml of the same name
    beside it; see `VoiceSettings`.
    """

    def __init__(
        self,
        folder: Path,
        name_of: Callable[[Path], str | None],
        make_voices: Callable[[str, Path, Any], Steps[Sequence[V]]],
        depth: int = 1,
        companions: Sequence[str] = (),
        settings_type: type[VoiceSettings] = VoiceSettings,
    ) -> None:
        """Watch a folder, which need not exist yet.

        Args:
            name_of: returns the name of a voice for the path of its file within the folder, or None
                for other files; raises SetupError with the reason if a user would expect a voice.
            make_voices: makes voices of a name, its file and settings; raises SetupError or OSError
                with the reason if the file cannot be used.
            depth: 1 for the files of the folder itself, 2 to include those of its folders.
            companions: suffixes; NAME + suffix belongs to the file NAME.
            settings_type: type of the settings that `make_voices` takes.
        """
        self.folder = folder
        self._name_of = name_of
        self._make_voices = make_voices
        self._depth = depth
        self._companions = companions
        self._settings_type = settings_type
        self._files: dict[Path, _File[V]] = {}
        self._voices: dict[str, V] = {}
        self._scanning: Steps[None] | None = None
        self._scanned_at: float | None = None
        self._has_changed = False
        self._told: set[str] = set()  # warnings of the last scan
        self._told_now: set[str] = set()  # and of this one

    @property
    def voices(self) -> Mapping[str, V]:
        """The voices found so far, by name; the first call completes a scan."""
        if self._scanned_at is None:
            self._scanning = self._scan()
            self._advance(math.inf)
        elif self._is_due():
            self._advance(STEP_SECONDS)
        return self._voices

    def scan(self) -> Steps[None]:
        """Scan the folder if a scan is due."""
        if self._is_due():
            yield from self._finish_scan()

    def look_again(self) -> Steps[None]:
        """Scan the folder now, even after a recent scan."""
        self._scanning = self._scan()
        yield from self._finish_scan()

    def _is_due(self) -> bool:
        """Return whether a scan is under way; begin one if the last is old enough."""
        if self._scanning is None and (
            self._scanned_at is None or time.monotonic() - self._scanned_at >= RESCAN_SECONDS
        ):
            self._scanning = self._scan()
        return self._scanning is not None

    def _finish_scan(self) -> Steps[None]:
        while self._scanning is not None:
            self._advance(STEP_SECONDS)
            yield

    def _advance(self, seconds: float) -> None:
        """Continue a scan for about this long, one step at least."""
        until = time.monotonic() + seconds
        assert self._scanning is not None
        try:
            next(self._scanning)
            while time.monotonic() < until:
                next(self._scanning)
        except StopIteration:
            self._scanning = None
        if self._has_changed or self._scanning is None:
            self._publish()
        if self._scanning is None:
            self._scanned_at = time.monotonic()
            self._told, self._told_now = self._told_now, set()

    def _scan(self) -> Steps[None]:
        try:
            found = yield from self._list(Path(), self._depth)
        except OSError as error:
            self._warn(f"Cannot look for voices: {explain(error)}")
            return
        for path in self._files.keys() - found.keys():
            del self._files[path]
        for path in sorted(found, key=str):
            file, last = found[path], self._files.get(path)
            try:
                stamps = _stamps(file)
            except FileNotFoundError:  # gone since it was listed
                continue
            except OSError as error:  # the file's voices stay
                self._warn(f"Cannot look at {path}: {explain(error)}")
                continue
            if last is None or last.stamps != stamps:
                yield from self._load(file, stamps)
                if file.problem is not None and not _is_still(file, stamps):
                    continue  # it is being written or deleted, and the next scan sees the outcome
                self._files[path] = last = file
                self._has_changed = True
            if last.problem is not None:
                self._warn(last.problem)
            yield

    def _list(self, within: Path, depth: int) -> Steps[dict[Path, _File[V]]]:
        """Find the files in a folder; those of a subfolder that cannot be listed now stay.

        Raises:
            OSError: the folder cannot be listed.
        """
        folder = self.folder / within
        files, folders = [], []
        try:
            with os.scandir(folder) as entries:
                for number, entry in enumerate(entries, start=1):
                    if number % _FILES_A_STEP == 0:
                        yield
                    with suppress(OSError):  # such as: a link to itself
                        if entry.name.startswith("."):
                            continue
                        if entry.is_file():
                            files.append(entry.name)
                        elif depth > 1 and entry.is_dir():
                            folders.append(entry.name)
        except (FileNotFoundError, NotADirectoryError):
            return {}
        found: dict[Path, _File[V]] = {}
        names = set(files)
        for number, file_name in enumerate(files):
            if number % _FILES_A_STEP == 0:
                yield
            name = self._name(within / file_name)
            if name is not None:
                path = folder / file_name
                settings = f"{path.stem}.toml"
                beside = (settings, *(file_name + suffix for suffix in self._companions))
                there = [folder / each for each in beside if each in names]
                found[path] = _File(name, path, folder / settings, there)
        for subfolder in folders:
            try:
                found |= yield from self._list(within / subfolder, depth - 1)
            except OSError:
                here = folder / subfolder
                found |= {p: file for p, file in self._files.items() if here in p.parents}
        return found

    def _name(self, path: Path) -> str | None:
        """Name the voice of a file, by its path within the folder."""
        try:
            name = self._name_of(path)
            if name is not None and _UNFIT.search(str(path)):
                raise SetupError("rename it, its name is not plain UTF-8 text")
            if name is not None and len(os.fsencode(path.name)) > _MAX_NAME_BYTES:
                raise SetupError(f"rename it, its name is longer than {_MAX_NAME_BYTES} bytes")
        except SetupError as error:
            self._warn(f"Skipped '{self.folder / path}': {error}")
            return None
        return name

    def _load(self, file: _File[V], stamps: _Stamps) -> Steps[None]:
        """Make the voices of a file."""
        file.stamps = stamps
        try:
            settings = self._settings_type.load(file.settings)
            voices = yield from self._make_voices(file.name, file.path, settings)
            for voice in voices:
                "".join((voice.description, *voice.languages)).encode()
                if _UNFIT.search(voice.name):
                    raise SetupError(f"its name {voice.name!r} is not plain UTF-8 text")
            file.voices = voices
        except Exception as error:  # a damaged file can raise anything
            file.problem = f"Skipped voice '{file.name}': {str(error) or repr(error):.300}"
            cause = error.__cause__ or error
            if isinstance(cause, MemoryError) or getattr(cause, "errno", None) in _MOMENTARY:
                file.stamps = None

    def _publish(self) -> None:
        """Offer the voices; of the same name, the first file's."""
        self._has_changed = False
        voices: dict[str, V] = {}
        paths: dict[str, Path] = {}
        for file in sorted(self._files.values(), key=lambda file: (file.name, str(file.path))):
            for voice in file.voices:
                if voice.name not in voices and len(voices) >= _MAX_VOICES:
                    self._warn(f"Only {_MAX_VOICES} voices of {self.folder} are offered")
                elif voice.name not in voices:
                    voices[voice.name], paths[voice.name] = voice, file.path
                else:
                    other = paths[voice.name]
                    self._warn(f"Skipped {file.path}: voice '{voice.name}' is already {other}")
        if self._scanned_at is not None:
            for name in voices.keys() - self._voices.keys():
                _LOGGER.info("Found voice '%s'", name)
            for name in self._voices.keys() - voices.keys():
                _LOGGER.info("Voice '%s' is gone", name)
        self._voices = voices

    def _warn(self, message: str) -> None:
        """Log a warning, unless this scan or the last one has."""
        message = printable(message)
        if message not in self._told and message not in self._told_now:
            _LOGGER.warning("%s", message)
        self._told_now.add(message)


def _stamps(file: _File[Any]) -> _Stamps:
    return tuple(stamp(path) for path in (file.path, *file.beside))


def stamp(path: Path) -> tuple[int, int]:
    """Return a value that changes when a file does; raise OSError if it cannot be seen."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _is_still(file: _File[Any], stamps: _Stamps) -> bool:
    """Whether the file, and those beside it, are as they were."""
    with suppress(OSError):
        return _stamps(file) == stamps
    return False
