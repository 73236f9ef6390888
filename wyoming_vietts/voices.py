"""Voices: what one is, how a request picks one, and the folder of recordings to clone."""

import logging
import time
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

_LOGGER = logging.getLogger(__name__)

RECORDING_SUFFIXES = (".wav", ".flac", ".mp3", ".ogg")
RESCAN_SECONDS = 2.0


@dataclass(frozen=True)
class Voice:
    """What every engine tells of a voice; an engine adds what it needs to speak with it."""

    name: str
    """Stable key, unique within the server; what clients store and send back."""

    description: str
    """Label that a user sees; Home Assistant sorts by it."""

    languages: tuple[str, ...]
    """BCP 47 tags, such as `vi` or `vi-VN`."""

    author: str
    """Who made the voice."""

    author_url: str
    """Where the voice comes from."""

    version: str
    """Version of what speaks."""


@dataclass(frozen=True)
class ClonedVoice(Voice):
    """A voice that is cloned from a recording."""

    prompt: Path
    """The recording."""

    speed: float
    """1.0 is as fast as the recording."""

    volume: float
    """Amplitude; 1.0 is as loud as the recording."""


class UnknownVoiceError(ValueError):
    """No voice answers to what a request asked for; the message lists what is there."""


AnyVoice = TypeVar("AnyVoice", bound=Voice)


def choose_voice(
    voices: Mapping[str, AnyVoice],
    default: str | None,
    name: str | None = None,
    speaker: str | None = None,
    language: str | None = None,
) -> AnyVoice:
    """Pick a voice by name, else by speaker, else by language, else the default.

    Every voice is its own only speaker, so a speaker is a voice's name once more.

    Args:
        voices: all voices by name; the first is the default where `default` is None.
        default: name of the voice for requests that ask for nothing in particular.

    Raises:
        UnknownVoiceError: nothing matches, or name and speaker contradict each other.
    """
    available = ", ".join(voices)
    if name is not None and speaker is not None and name in voices and speaker != name:
        raise UnknownVoiceError(f"Voice '{name}' has no speaker '{speaker:.80}'; available: {name}")
    wanted = name if name is not None else speaker
    if wanted is None and language is not None:
        return _choose_by_language(voices, default, language)
    if wanted is None:
        wanted = default
    if wanted is None:
        if not voices:
            raise UnknownVoiceError("No voice is available")
        return next(iter(voices.values()))
    if wanted not in voices:
        raise UnknownVoiceError(f"Unknown voice '{wanted:.80}'; available: {available}")
    return voices[wanted]


def _choose_by_language(
    voices: Mapping[str, AnyVoice], default: str | None, language: str
) -> AnyVoice:
    """The default voice if it speaks `language`, else the first that does."""
    wanted = _primary_subtag(language)
    speaking = [
        voice for voice in voices.values() if wanted in map(_primary_subtag, voice.languages)
    ]
    if not speaking:
        known = ", ".join(sorted({tag for voice in voices.values() for tag in voice.languages}))
        raise UnknownVoiceError(f"No voice speaks language '{language:.80}'; available: {known}")
    return next((voice for voice in speaking if voice.name == default), speaking[0])


def _primary_subtag(language: str) -> str:
    """`vi` of `vi-VN`, `vi_VN` and `VI`."""
    return language.replace("_", "-").split("-")[0].lower()


class VoiceSettingsError(ValueError):
    """The .toml beside a recording is wrong; the message names the file and the key."""


@dataclass(frozen=True)
class VoiceSettings:
    """What the .toml beside a recording may say; unknown keys are refused."""

    description: str = ""
    """Label that a user sees; the name if there is none."""

    language: str = "vi-VN"
    """BCP 47 tag."""

    speed: float = 1.0
    """0.5 to 2."""

    volume: float = 1.0
    """0 to 4."""

    @classmethod
    def load(cls, path: Path) -> "VoiceSettings":
        """Read the file, if there is one.

        Raises:
            VoiceSettingsError: not TOML, an unknown key, a wrong type or a value out of range.
        """
        if not path.is_file():
            return cls()
        try:
            values: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
        except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
            raise VoiceSettingsError(f"{path}: {error}") from error
        known = {field.name: field.type for field in fields(cls)}
        for key, value in values.items():
            if key not in known:
                raise VoiceSettingsError(
                    f"{path}: unknown key '{key}'; available: {', '.join(known)}"
                )
            right = (int, float) if known[key] is float else (str,)
            if not isinstance(value, right) or isinstance(value, bool):
                kind = "number" if float in right else "string"
                raise VoiceSettingsError(f"{path}: '{key}' is {value!r}; it must be a {kind}")
        settings = cls(**values)
        if not (0.5 <= settings.speed <= 2.0 and 0.0 <= settings.volume <= 4.0):
            raise VoiceSettingsError(f"{path}: 'speed' must be 0.5 to 2 and 'volume' 0 to 4")
        return settings


class VoiceFolder:
    """Recordings in a folder as voices; looks again when asked, at most every 2 s.

    A voice is `<name>.wav`, `<name>/reference.wav` or `<language>/<name>/ref.wav` (or .flac, .mp3,
    .ogg). A recording that cannot be used is left out, with one warning that says why.
    """

    def __init__(self, folder: Path, check: Callable[[Path], None]) -> None:
        """Args:
        check: raises ValueError or OSError with the reason if a recording cannot be cloned.
        """
        self.folder = folder
        self._check = check
        self._seen: dict[Path, tuple[_Stamp, ClonedVoice | None]] = {}
        self._voices: dict[str, ClonedVoice] = {}
        self._scanned_at = -RESCAN_SECONDS

    @property
    def voices(self) -> Mapping[str, ClonedVoice]:
        """What is there now, by name."""
        now = time.monotonic()
        if now - self._scanned_at >= RESCAN_SECONDS:
            self._scan()
            self._scanned_at = now
        return self._voices

    def _scan(self) -> None:
        seen: dict[Path, tuple[_Stamp, ClonedVoice | None]] = {}
        voices: dict[str, ClonedVoice] = {}
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
                voices[name] = voice
            elif voice is not None and stamp != last_stamp:
                _LOGGER.warning(
                    "Left out %s: voice '%s' is %s already", recording, name, voices[name].prompt
                )
        self._seen, self._voices = seen, voices

    def _load(self, name: str, recording: Path, settings_file: Path) -> ClonedVoice | None:
        try:
            settings = VoiceSettings.load(settings_file)
            self._check(recording)
        except (ValueError, OSError) as error:
            _LOGGER.warning("Left out voice '%s': %s", name, error)
            return None
        return ClonedVoice(
            name=name,
            description=settings.description or name,
            languages=(settings.language,),
            author="VietTTS",
            author_url="https://github.com/dangvansam/viet-tts",
            version="0.1.0",
            prompt=recording,
            speed=settings.speed,
            volume=settings.volume,
        )


_Stamp = tuple[tuple[int, int] | None, tuple[int, int] | None]


def _stamp(path: Path) -> tuple[int, int] | None:
    """Changes when the file does; None for settings that are not there."""
    if path.suffix == ".toml" and not path.exists():
        return None
    status = path.stat()
    return status.st_mtime_ns, status.st_size


def _recordings(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the folder, down to two folders deep."""
    for pattern in ("*", "*/reference.*", "*/*/ref.*"):
        for path in folder.glob(pattern):
            is_recording = path.suffix.lower() in RECORDING_SUFFIXES and path.is_file()
            if is_recording and not path.relative_to(folder).parts[0].startswith("."):
                yield (path.stem if pattern == "*" else path.parent.name), path
