"""A folder of recordings, each of them a voice."""

import logging
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Generic, TypeVar

from ....errors import SetupError
from ...voice_settings import VoiceSettings

_LOGGER = logging.getLogger(__name__)

SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
RESCAN_SECONDS = 2.0

V = TypeVar("V")
_Stamp = tuple[tuple[int, int] | None, tuple[int, int] | None]


class VoiceFolder(Generic[V]):
    """Voices by name; looks at the folder again when asked, at most every 2 s.

    A voice is `<name>.wav`, `<name>/reference.wav` or `<language>/<name>/ref.wav` (or .flac, .mp3,
    .ogg). A recording that cannot be used is skipped, with one warning that says why.
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
        self._scanned_at = -RESCAN_SECONDS

    @property
    def voices(self) -> Mapping[str, V]:
        """What is there now, by name."""
        now = time.monotonic()
        if now - self._scanned_at >= RESCAN_SECONDS:
            self._scan()
            self._scanned_at = now
        return self._voices

    def _scan(self) -> None:
        seen: dict[Path, tuple[_Stamp, V | None]] = {}
        voices: dict[str, V] = {}
        recordings: dict[str, Path] = {}
        for name, recording in sorted(_recordings(self.folder)):
            settings = recording.with_name(f"{recording.stem}.toml")
            try:
                stamp = (_stamp(recording), _stamp(settings))
            except FileNotFoundError:
                continue  # gone since it was listed
            last_stamp, voice = self._seen.get(recording, (None, None))
            if stamp != last_stamp:
                voice = self._load(name, recording, settings)
            seen[recording] = (stamp, voice)
            if voice is not None and name not in voices:
                voices[name], recordings[name] = voice, recording
            elif voice is not None and stamp != last_stamp:
                _LOGGER.warning(
                    "Skipped %s: voice '%s' is already %s", recording, name, recordings[name]
                )
        self._seen, self._voices = seen, voices

    def _load(self, name: str, recording: Path, settings_file: Path) -> V | None:
        try:
            return self._make_voice(name, recording, VoiceSettings.load(settings_file))
        except (SetupError, OSError) as error:
            _LOGGER.warning("Skipped voice '%s': %s", name, error)
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
            is_recording = path.suffix.lower() in SUFFIXES and path.is_file()
            if is_recording and not path.relative_to(folder).parts[0].startswith("."):
                yield (path.stem if pattern == "*" else path.parent.name), path
