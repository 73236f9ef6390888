"""Caches prompts, the features of recordings, in files."""

import contextlib
import hashlib
import logging
from collections import deque
from dataclasses import dataclass
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from ....files import explain
from ....recordings import Heard
from ....recordings.recording import listen, load_prompt_audio, read_recording
from ....steps import Shared, Steps
from ...onnx.files import check_onnx
from ..model.weights import write_safetensors
from ..networks.config import ModelConfig
from .encoder import Prompt, PromptEncoder, load_torchaudio

_LOGGER = logging.getLogger(__name__)

CACHE_FOLDER = "voices-cache"  # in the model directory
ENCODERS = ("speech_tokenizer.onnx", "speech_embedding.onnx")

_HASHED_BYTES = 1_000_000  # in a step
_HEARD = 16  # usable recordings without a voice

_File = tuple[Path, int, int]
"""Path, nanoseconds of its modification, bytes."""


@dataclass(frozen=True)
class _Encoded:
    """The prompt of a recording, and its file."""

    prompt: Prompt
    path: Path


class VoiceCache:
    """Prompts by recording; each content is encoded once."""

    def __init__(
        self, model_dir: Path, config: ModelConfig, threads: int, providers: tuple[str, ...]
    ) -> None:
        """Cache the prompts of a model directory.

        Raises:
            ModelError: an ONNX network of the encoder is missing or damaged.
        """
        self._model_dir = model_dir
        self._config = config
        self._threads = threads
        self._providers = providers
        self._encoders = "".join(check_onnx(model_dir / name) for name in ENCODERS)
        self._by_file: dict[_File, _Encoded] = {}
        self._under_way: dict[_File, Shared[_Encoded]] = {}
        self._heard: deque[Path] = deque(maxlen=_HEARD)

    def has(self, recording: Path) -> bool:
        """Return whether the prompt of a recording is in memory."""
        return any(path == recording for path, *_ in self._by_file)

    def get(self, recording: Path, name: str) -> Steps[Prompt]:
        """Return the prompt of a recording; compute it if necessary.

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
        return self._by_file[file].prompt

    def forget_removed(self) -> Steps[None]:
        """Drop the prompts of removed recordings."""
        for file in [*self._by_file]:
            yield
            if _is_there(file) or file not in self._by_file:
                continue
            path = self._by_file.pop(file).path
            if all(path != other.path for other in self._by_file.values()):
                with contextlib.suppress(OSError):  # as in a read-only model directory
                    path.unlink()

    def make_encoder(self) -> PromptEncoder:
        """Load the networks of the encoder; they are large, so drop them after use."""
        return PromptEncoder(self._model_dir, self._threads, self._providers)

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Choose the seconds of a recording that would make a voice; see `CloningEngine`."""
        heard = yield from listen(content, name)
        self._heard.append((yield from self._cached(content)))
        return heard

    def check(self, recording: Path) -> Steps[None]:
        """Check that a recording can be a voice; quick if it was checked before.

        Raises:
            RecordingError: it cannot.
        """
        content = yield from read_recording(recording)
        cached = yield from self._cached(content)
        if cached not in self._heard and not cached.is_file():
            yield from load_prompt_audio(content, recording.name)

    def _load_or_encode(self, recording: Path, name: str) -> Steps[_Encoded]:
        content = yield from read_recording(recording)
        path = yield from self._cached(content)
        if path.is_file():
            try:
                # Read, not mapped: another server that shares the folder may replace the file.
                prompt = Prompt(**safetensors.torch.load(path.read_bytes()))
                prompt.check(self._config)
                return _Encoded(prompt, path)
            except FileNotFoundError:
                pass  # another server has deleted it since
            except (OSError, SafetensorError, TypeError, ValueError) as error:
                _LOGGER.warning("%s is damaged and will be made again: %s", path, error)
        load_torchaudio()  # first: it may be broken, and each retry should be cheap
        yield
        waveform = yield from load_prompt_audio(content, recording.name)
        encoder = self.make_encoder()
        yield
        prompt = yield from encoder.encode(torch.from_numpy(waveform))
        yield from _save(prompt, path)
        _LOGGER.info("Voice '%s' is ready", name)
        return _Encoded(prompt, path)

    def _cached(self, content: bytes) -> Steps[Path]:
        """Name the file of a recording's features by its content and the encoder's networks."""
        digest = hashlib.sha256()
        for start in range(0, len(content), _HASHED_BYTES):
            digest.update(content[start : start + _HASHED_BYTES])
            yield
        digest.update(self._encoders.encode())
        return self._model_dir / CACHE_FOLDER / f"{digest.hexdigest()}.safetensors"


def _file(recording: Path) -> _File:
    status = recording.stat()
    return recording, status.st_mtime_ns, status.st_size


def _is_there(file: _File) -> bool:
    try:
        return _file(file[0]) == file
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:  # such as: its folder cannot be entered
        return True


def _save(prompt: Prompt, path: Path) -> Steps[None]:
    """Write a file, whole or not at all; in a read-only model directory, log a warning."""
    try:
        path.parent.mkdir(exist_ok=True)
        yield from write_safetensors(vars(prompt), path)
    except OSError as error:
        _LOGGER.warning(
            "Cannot write %s, so every start encodes the voice again: %s", path, explain(error)
        )
