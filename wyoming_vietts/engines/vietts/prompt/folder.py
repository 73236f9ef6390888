"""A folder of recordings, each of them a voice."""

import logging
import math
import os
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from ....errors import SetupError
from ...voice_settings import VoiceSettings
from .recording import SUFFIXES

_LOGGER = logging.getLogger(__name__)

RESCAN_SECONDS = 2.0
LOAD_SECONDS = 0.2  # in which new recordings are looked at, each time that voices are asked for

V = TypeVar("V")
_Stamp = tuple[tuple[int, int] | None, tuple[int, int] | None]


class VoiceFolder(Generic[V]):
    """Voices by name; looks at the folder again when asked, at most every 2 s.

    A voice is `<name>.wav`, `<name>/reference.wav` or `<language>/<name>/ref.wav` (or another
    of `SUFFIXES`). A recording that cannot be used is skipped, with one warning that says why.
    """

    def __init__(self, folder: Path, make_voice: Callable[[str, Path, VoiceSettings], V]) -> None:
        """Watch a folder, which need not exist yet.

        Args:
            make_voice: from a name, a recording and its settings; raises SetupError or OSError
                with the reason if the recording cannot be a voice.
        """
        self.folder = folder
        self._make_voice = make_voice
        self._seen: dict[Path, tuple[_Stamp, V | None]] = {}
        self._voices: dict[str, V] = {}
        self._scanned_at: float | None = None

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

    def _scan(self, load_until: float) -> bool:
        """Look at the folder; False if there was no time for some of the new recordings."""
        is_complete = True
        seen: dict[Path, tuple[_Stamp, V | None]] = {}
        voices: dict[str, V] = {}
        recordings: dict[str, Path] = {}
        for name, recording in sorted(_recordings(self.folder)):
            settings = recording.with_name(f"{recording.stem}.toml")
            try:
                stamp = (_stamp(recording), _stamp(settings))
            except OSError:
                continue  # gone since it was listed, or not to be seen
            last_stamp, voice = self._seen.get(recording, (None, None))
            if stamp != last_stamp:
                if time.monotonic() > load_until:
                    is_complete = False
                    continue
                voice = self._load(name, recording, settings)
            seen[recording] = (stamp, voice)
            if voice is not None and name not in voices:
                voices[name], recordings[name] = voice, recording
            elif voice is not None and stamp != last_stamp:
                _LOGGER.warning(
                    "Skipped %s: voice '%s' is already %s", recording, name, recordings[name]
                )
        if self._scanned_at is not None:
            for name in voices.keys() - self._voices.keys():
                _LOGGER.info("Found voice '%s'", name)
            for name in self._voices.keys() - voices.keys():
                _LOGGER.info("Voice '%s' is gone", name)
        self._seen, self._voices = seen, voices
        return is_complete

    def _load(self, name: str, recording: Path, settings_file: Path) -> V | None:
        try:
            return self._make_voice(name, recording, VoiceSettings.load(settings_file))
        except (SetupError, OSError, ValueError) as error:
            _LOGGER.warning("Skipped voice '%s': %.300s", name, error)
            return None


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes when the file changes; None if there is no settings file."""
    if path.suffix == ".toml" and not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _recordings(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the folder, down to two folders deep."""
    for pattern in ("*", "*/reference.*", "*/*/ref.*"):
        for path in folder.glob(pattern):
            is_recording = path.suffix.lower() in SUFFIXES and os.path.isfile(path)
            if is_recording and not path.relative_to(folder).parts[0].startswith("."):
                yield (path.stem if pattern == "*" else path.parent.name), path
