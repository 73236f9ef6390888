"""A cache of prompts: features of recordings, computed once and kept in files."""

from contextlib import closing
from pathlib import Path

import safetensors.torch
import torch
from safetensors import SafetensorError

from ....recordings.recording import load_prompt_audio
from ....steps import Steps
from ...onnx.files import check_onnx
from ...recording_cache import RecordingCache
from ..model.weights import write_weights
from ..networks.config import ModelConfig
from .encoder import Prompt, PromptEncoder, load_torchaudio

ENCODERS = ("speech_tokenizer.onnx", "speech_embedding.onnx")


class VoiceCache(RecordingCache[Prompt]):
    """Prompts by recording."""

    suffix = ".safetensors"

    def __init__(self, model_dir: Path, config: ModelConfig, threads: int, device: str) -> None:
        """Use a model directory; raise ModelError if a network is missing or damaged."""
        super().__init__(model_dir, "".join(check_onnx(model_dir / name) for name in ENCODERS))
        self._config = config
        self._threads = threads
        self._device = device

    def make_encoder(self) -> PromptEncoder:
        """Load the networks of the encoder; they are large, so close it after use."""
        return PromptEncoder(self._model_dir, self._threads, self._device)

    def _read(self, path: Path) -> Prompt:
        try:
            # Read, not mapped: another server that shares the folder may replace the file.
            prompt = Prompt(**safetensors.torch.load(path.read_bytes()))
        except (SafetensorError, TypeError) as error:
            raise ValueError(str(error)) from error
        prompt.check(self._config)
        return prompt

    def _encode(self, content: bytes, name: str) -> Steps[Prompt]:
        load_torchaudio()  # first: it may be broken, and each retry should be cheap
        yield
        waveform = yield from load_prompt_audio(content, name)
        with closing(self.make_encoder()) as encoder:
            yield
            return (yield from encoder.encode(torch.from_numpy(waveform)))

    def _write(self, prompt: Prompt, path: Path) -> Steps[None]:
        return write_weights(vars(prompt), path)
