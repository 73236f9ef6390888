"""Caches the features of recordings: computed once, and kept in files."""

import contextlib
import hashlib
import logging
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from typing import ClassVar, Generic, TypeVar

from ..errors import SetupError, SynthesisError, UnknownVoiceError
from ..files import explain
from ..recordings import Heard
from ..recordings.recording import listen, load_prompt_audio, read_recording
from ..recordings.speech import MAX_SECONDS
from ..steps import Shared, Steps
from .contract import ClonedVoice
from .voice_folder import stamp

_LOGGER = logging.getLogger(__name__)

CACHE_FOLDER = "voices-cache"  # in the model directory

_HASHED_BYTES = 1_000_000  # in a step
_HEARD = 16  # usable recordings without a voice

F = TypeVar("F")

_File = tuple[Path, int, int]
"""Path, nanoseconds of its modification, bytes."""


class RecordingCache(ABC, Generic[F]):
    """Features by recording; each content is encoded once."""

    suffix: ClassVar[str]
    """Of the files of features."""

    max_seconds: ClassVar[float] = MAX_SECONDS
    """Of the speech that makes a voice."""

    def __init__(self, model_dir: Path, encoders: str) -> None:
        """Cache the features of recordings in a model directory.

        Args:
            encoders: changes when the networks do that make the features.
        """
        self._model_dir = model_dir
        self._encoders = encoders
        self._by_file: dict[_File, tuple[F, Path]] = {}  # with the file of the features
        self._under_way: dict[_File, Shared[tuple[F, Path]]] = {}
        self._heard: deque[Path] = deque(maxlen=_HEARD)
        self._failed: set[Path] = set()  # recordings that could not be encoded

    @abstractmethod
    def _read(self, path: Path) -> F:
        """Read a file of features; raise OSError or ValueError if it is damaged."""

    @abstractmethod
    def _encode(self, content: bytes, name: str) -> Steps[F]:
        """Compute the features of a recording; see `get`."""

    @abstractmethod
    def _write(self, features: F, path: Path) -> Steps[None]:
        """Write a file, whole or not at all; raise OSError if that fails."""

    def has(self, recording: Path) -> bool:
        """Return whether the features of a recording are in memory."""
        return any(path == recording for path, *_ in self._by_file)

    def get(self, recording: Path, name: str) -> Steps[F]:
        """Return the features of a recording; compute them if necessary.

        Args:
            name: of the voice, for the log.

        Raises:
            RecordingError: the recording cannot be used as a voice.
            ModelError: an ONNX network of the encoder fails.
            OSError: it cannot be read.
        """
        file = _file(recording)
        if file not in self._by_file:
            if file not in self._under_way:
                self._under_way[file] = Shared(self._load_or_encode(recording, name))
            shared = self._under_way[file]
            try:
                self._by_file[file] = yield from shared.wait()
            finally:
                if shared.is_done:
                    self._under_way.pop(file, None)
        return self._by_file[file][0]

    def get_for_speech(self, voice: ClonedVoice, available: Iterable[str]) -> Steps[F]:
        """Return the features of a voice that is to speak.

        Args:
            available: names of voices, for the message.

        Raises:
            UnknownVoiceError: its recording is gone.
            SynthesisError: it cannot be used.
        """
        try:
            return (yield from self.get(voice.recording, voice.name))
        except (OSError, SetupError) as error:
            if voice.is_gone:
                raise UnknownVoiceError(
                    f"Voice '{voice.name}' is gone; available: {', '.join(available)}"
                ) from error
            raise SynthesisError(f"Voice '{voice.name}' cannot be used: {error}") from error

    def prepare(self, voices: Iterable[ClonedVoice]) -> Steps[None]:
        """Compute the features of new voices, and drop those of removed ones."""
        for voice in [*voices]:
            try:
                yield from self.get(voice.recording, voice.name)
            except Exception as error:  # a damaged recording must not stop the others
                if voice.is_gone:  # the next scan takes it off the list
                    continue
                if voice.recording not in self._failed:
                    is_known = isinstance(error, (OSError, SetupError))
                    _LOGGER.warning(
                        "Voice '%s' cannot be used: %.300s",
                        *(voice.name, error),
                        exc_info=None if is_known else error,
                    )
                self._failed.add(voice.recording)
            yield
        # Last, as a new recording may be the same as an old one.
        yield from self.forget_removed()

    def forget_removed(self) -> Steps[None]:
        """Drop the features of removed recordings."""
        for file in [*self._by_file]:
            yield
            if _is_there(file) or file not in self._by_file:
                continue
            _, path = self._by_file.pop(file)
            if all(path != other for _, other in self._by_file.values()):
                with contextlib.suppress(OSError):  # as in a read-only model directory
                    path.unlink()

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Choose the seconds of a recording that would make a voice; see `CloningEngine`."""
        heard = yield from listen(content, name, self.max_seconds)
        self._heard.append((yield from self._cached(content)))
        return heard

    def check(self, recording: Path) -> Steps[None]:
        """Raise RecordingError if a recording cannot be a voice; quick the second time."""
        content = yield from read_recording(recording)
        cached = yield from self._cached(content)
        if cached not in self._heard and not cached.is_file():
            yield from load_prompt_audio(content, recording.name, max_seconds=self.max_seconds)

    def _load_or_encode(self, recording: Path, name: str) -> Steps[tuple[F, Path]]:
        content = yield from read_recording(recording)
        path = yield from self._cached(content)
        if path.is_file():
            try:
                return self._read(path), path
            except FileNotFoundError:
                pass  # another server has deleted it since
            except (OSError, ValueError) as error:
                _LOGGER.warning("%s is damaged and will be made again: %s", path, error)
        features = yield from self._encode(content, recording.name)
        yield from self._save(features, path)
        _LOGGER.info("Voice '%s' is ready", name)
        return features, path

    def _cached(self, content: bytes) -> Steps[Path]:
        """Name the file of a recording's features by its content and the encoder's networks."""
        digest = hashlib.sha256()
        for start in range(0, len(content), _HASHED_BYTES):
            digest.update(content[start : start + _HASHED_BYTES])
            yield
        digest.update(self._encoders.encode())
        return self._model_dir / CACHE_FOLDER / f"{digest.hexdigest()}{self.suffix}"

    def _save(self, features: F, path: Path) -> Steps[None]:
        """Write a file; in a read-only model directory, log a warning."""
        try:
            path.parent.mkdir(exist_ok=True)
            yield from self._write(features, path)
        except OSError as error:
            _LOGGER.warning(
                "Cannot write %s, so every start encodes the voice again: %s", path, explain(error)
            )


def _file(recording: Path) -> _File:
    return recording, *stamp(recording)


def _is_there(file: _File) -> bool:
    try:
        return _file(file[0]) == file
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # such as: its folder cannot be entered
        return True
