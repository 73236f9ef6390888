"""A cache of voices: what the networks need from a recording, computed once and kept in a file."""

import hashlib
import logging
from pathlib import Path

import safetensors.torch
from safetensors import SafetensorError

from ..model.weights import write_safetensors
from ..steps import Steps
from .encoder import Prompt, PromptEncoder, prompt_mel
from .recording import check_length, load_audio, load_prompt_audio

_LOGGER = logging.getLogger(__name__)

CACHE_FOLDER = "voices-cache"  # in the model directory
_ENCODERS = ("speech_tokenizer.onnx", "speech_embedding.onnx")


class VoiceCache:
    """Prompts by recording; the same content is encoded only once."""

    def __init__(self, model_dir: Path, threads: int, providers: tuple[str, ...]) -> None:
        self._model_dir = model_dir
        self._threads = threads
        self._providers = providers
        self._by_file: dict[tuple[Path, int, int], Prompt] = {}

    def get(self, recording: Path) -> Steps[Prompt]:
        """The prompt of a recording, pausing between the networks if it must be computed.

        Raises:
            RecordingError: the recording cannot be a voice.
            OSError: it cannot be read.
        """
        status = recording.stat()
        file = (recording, status.st_mtime_ns, status.st_size)
        if file not in self._by_file:
            self._by_file[file] = yield from self._load_or_encode(recording)
        return self._by_file[file]

    def make_encoder(self) -> PromptEncoder:
        """The networks that hear a recording. They are large, so they are not kept."""
        return PromptEncoder(self._model_dir, self._threads, self._providers)

    def check(self, recording: Path) -> None:
        """Make sure that a recording can be a voice; quick for one that has been encoded before.

        Raises:
            RecordingError, OSError: as `get` does.
        """
        check_length(recording)  # before all of it is read
        if not self._cached(recording).is_file():
            load_audio(recording)

    def _load_or_encode(self, recording: Path) -> Steps[Prompt]:
        path = self._cached(recording)
        if path.is_file():
            try:
                return Prompt(**safetensors.torch.load_file(path))
            except (SafetensorError, TypeError) as error:
                _LOGGER.warning("%s is damaged and will be made again: %s", path, error)
        wave = yield from load_prompt_audio(recording)
        yield
        encoder = self.make_encoder()
        yield
        speech_tokens = encoder.speech_tokens(wave)
        yield
        prompt = Prompt(speech_tokens, encoder.speaker_embedding(wave), prompt_mel(wave))
        _save(prompt, path)
        return prompt

    def _cached(self, recording: Path) -> Path:
        """The file for its features, named by its content and the networks that hear it."""
        digest = hashlib.sha256(recording.read_bytes())
        for name in _ENCODERS:
            status = (self._model_dir / name).stat()
            digest.update(f"{name} {status.st_size} {status.st_mtime_ns}".encode())
        return self._model_dir / CACHE_FOLDER / f"{digest.hexdigest()}.safetensors"


def _save(prompt: Prompt, path: Path) -> None:
    """Write a file, completely or not at all; a read-only model directory only gets a warning."""
    try:
        path.parent.mkdir(exist_ok=True)
        write_safetensors(vars(prompt), path)
    except OSError as error:
        _LOGGER.warning("Voices are encoded again at each start: cannot write %s: %s", path, error)
