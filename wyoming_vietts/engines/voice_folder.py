"""A folder of files that voices are made from."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Generic, TypeVar

from ..errors import SetupError
from ..files import explain
from .contract import Voice
from .voice_settings import VoiceSettings

_LOGGER = logging.getLogger(__name__)

RESCAN_SECONDS = 2.0
LOAD_SECONDS = 0.2  # in which new files are looked at, each time that voices are asked for

V = TypeVar("V", bound=Voice)
_Stamps = tuple[tuple[int, int] | None, ...]


class VoiceFolder(Generic[V]):
    """Voices by name; looks at the folder again when asked, at most every 2 s.

    A file that cannot be used is skipped, with one warning that says why. Beside each file may be
    a .toml of the same name; see `VoiceSettings`.
    """

    def __init__(
        self,
        folder: Path,
        find: Callable[[Path], Iterable[tuple[str, Path]]],
        make_voices: Callable[[str, Path, Any], Sequence[V]],
        companions: Sequence[str] = (),
        settings_type: type[VoiceSettings] = VoiceSettings,
    ) -> None:
        """Watch a folder, which need not exist yet.

        Args:
            find: names and files in the folder.
            make_voices: from a name, its file and settings; raises SetupError or OSError with the
                reason if the file cannot be used.
            companions: what is appended to the name of a file gives that of another that belongs
                to it.
            settings_type: of the .toml, as `make_voices` takes it.
        """
        self.folder = folder
        self._find = find
        self._make_voices = make_voices
        self._companions = companions
        self._settings_type = settings_type
        self._seen: dict[Path, tuple[_Stamps, Sequence[V]]] = {}
        self._voices: dict[str, V] = {}
        self._scanned_at: float | None = None
        self._problem: str | None = None  # with the folder itself

    @property
    def voices(self) -> Mapping[str, V]:
        """What is there now, by name."""
        now = time.monotonic()
        if self._scanned_at is None:
            self._scan(load_until=math.inf)
            self._scanned_at = now
        elif now - self._scanned_at >= RESCAN_SECONDS and self._scan(now + LOAD_SECONDS):
            self._scanned_at = now
        return self._voices

    def look_again(self) -> None:
        """Look at the folder the next time that voices are asked for, however soon that is."""
        if self._scanned_at is not None:
            self._scanned_at = -math.inf

    def _scan(self, load_until: float) -> bool:
        """Look at the folder; False if there was no time for some of what is new."""
        problem = _why_unreadable(self.folder)
        if problem not in (None, self._problem):
            _LOGGER.warning("Cannot look for voices: %s", problem)
        self._problem = problem
        is_complete = True
        seen: dict[Path, tuple[_Stamps, Sequence[V]]] = {}
        voices: dict[str, V] = {}
        files: dict[str, Path] = {}
        for name, file in () if problem else sorted(self._find(self.folder)):
            settings = file.with_name(f"{file.stem}.toml")
            try:
                stamps = (_stamp(file), *(_optional_stamp(path) for path in self._beside(file)))
            except OSError:
                continue  # gone since it was listed, or not to be seen
            last_stamps, made = self._seen.get(file, (None, ()))
            is_new = stamps != last_stamps
            if is_new and time.monotonic() > load_until:
                is_complete = is_new = False
                stamps = last_stamps or ()
            elif is_new:
                made = self._load(name, file, settings)
            seen[file] = (stamps, made)
            for voice in made:
                if voice.name not in voices:
                    voices[voice.name], files[voice.name] = voice, file
                elif is_new:
                    other = files[voice.name]
                    _LOGGER.warning("Skipped %s: voice '%s' is already %s", file, voice.name, other)
        if self._scanned_at is not None:
            for name in voices.keys() - self._voices.keys():
                _LOGGER.info("Found voice '%s'", name)
            for name in self._voices.keys() - voices.keys():
                _LOGGER.info("Voice '%s' is gone", name)
        self._seen, self._voices = seen, voices
        return is_complete

    def _beside(self, file: Path) -> list[Path]:
        companions = [file.with_name(file.name + suffix) for suffix in self._companions]
        return [file.with_name(f"{file.stem}.toml"), *companions]

    def _load(self, name: str, file: Path, settings_file: Path) -> Sequence[V]:
        try:
            return self._make_voices(name, file, self._settings_type.load(settings_file))
        except (SetupError, OSError, ValueError) as error:
            _LOGGER.warning("Skipped voice '%s': %.300s", name, error)
            return ()


def _why_unreadable(folder: Path) -> str | None:
    """None for a folder that can be listed, or is not there yet."""
    try:
        os.scandir(folder).close()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        return explain(error)
    return None


def _stamp(path: Path) -> tuple[int, int]:
    """Changes when the file does."""
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _optional_stamp(path: Path) -> tuple[int, int] | None:
    return _stamp(path) if path.exists() else None
