"""The features of a voice, computed from a few seconds of its speech."""

import importlib.metadata
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ....errors import ModelError
from ....recordings.speech import SAMPLE_RATE
from ....steps import Steps
from ...loudness import loudness
from ...memory import give_back_freed_memory
from ...onnx.sessions import CPU, Session
from ..networks.config import ModelConfig

MEL_SAMPLE_RATE = 22050
MAX_TOKENISED_SECONDS = 30.0  # Whisper's limit


@dataclass(frozen=True)
class Prompt:
    """The features of a voice, as the networks take them."""

    speech_tokens: Tensor
    """[P] int64."""
    speaker_embedding: Tensor
    """[192]."""
    mel: Tensor
    """[80, F]; tokens and mel are not cut to match each other."""
    loudness: Tensor
    """[1], in LUFS."""

    def check(self, config: ModelConfig) -> None:
        """Raise ValueError if the model does not take these shapes or values."""
        tokens, mel = self.speech_tokens, self.mel
        if not (tokens.dim() == 1 and tokens.dtype == torch.int64 and len(tokens)):
            raise ValueError(f"its speech tokens are {[*tokens.shape]} of {tokens.dtype}")
        if not (tokens.min() >= 0 and tokens.max() < config.flow.speech_vocabulary):
            raise ValueError("it has speech tokens that the model does not know")
        if self.speaker_embedding.shape != (config.flow.speaker_size,):
            raise ValueError(f"its speaker embedding is {[*self.speaker_embedding.shape]}")
        if self.loudness.shape != (1,):
            raise ValueError(f"its loudness is {[*self.loudness.shape]}")
        if mel.dim() != 2 or mel.shape[0] != config.flow.mel_bands or not mel.shape[1]:
            raise ValueError(f"its mel spectrogram is {[*mel.shape]}")


class PromptEncoder:
    """The two ONNX networks that turn a prompt into speech tokens and a speaker embedding.

    They take half a gigabyte, and only a new voice needs them: close the encoder after use.
    """

    def __init__(self, model_dir: Path, threads: int, device: str) -> None:
        self._tokenizer = _open(model_dir / "speech_tokenizer.onnx", threads, device)
        # Not worth moving to another device.
        self._embedding = _open(model_dir / "speech_embedding.onnx", threads, CPU)

    def close(self) -> None:
        """Unload the networks, and return their memory to the system."""
        del self._tokenizer, self._embedding
        give_back_freed_memory()

    def encode(self, waveform: Tensor) -> Steps[Prompt]:
        """Compute the features of a prompt [N] at 16 kHz, with a pause between the networks."""
        speech_tokens = yield from self.speech_tokens(waveform)
        yield
        speaker_embedding = yield from self.speaker_embedding(waveform)
        yield
        mel = prompt_mel(waveform)
        yield
        lufs = torch.tensor([loudness(waveform.numpy(), SAMPLE_RATE)], dtype=torch.float32)
        return Prompt(speech_tokens, speaker_embedding, mel, lufs)

    def speech_tokens(self, waveform: Tensor) -> Steps[Tensor]:
        """Turn a waveform [N] at 16 kHz, up to its 30th second, into speech tokens [P] int64."""
        audible = waveform[: int(MAX_TOKENISED_SECONDS * SAMPLE_RATE)]
        features = whisper_log_mel(audible)[None].numpy()
        length = np.array([features.shape[2]], dtype=np.int32)
        tokens = yield from _run(self._tokenizer, features, length)
        return torch.from_numpy(tokens.astype(np.int64).reshape(-1))

    def speaker_embedding(self, waveform: Tensor) -> Steps[Tensor]:
        """Turn a waveform [N] at 16 kHz into a speaker embedding [192]."""
        features = speaker_fbank(waveform)[None].numpy()
        embedding = yield from _run(self._embedding, features)
        return torch.from_numpy(embedding.reshape(-1))


def _open(path: Path, threads: int, device: str) -> Session:
    try:
        return Session(path, threads, device=device, is_short_lived=True)
    except (ValueError, MemoryError) as error:
        raise ModelError(f"{path} cannot be loaded: {error}") from error


def _run(network: Session, *inputs: npt.NDArray[Any]) -> Steps[npt.NDArray[Any]]:
    """Run a network of one output on inputs in its order."""
    try:
        outputs = yield from network.run(dict(zip(network.inputs, inputs, strict=True)))
        (output,) = outputs.values()
    except (ValueError, MemoryError) as error:
        raise ModelError(f"An ONNX network of the model fails: {error}") from error
    return output


def whisper_log_mel(waveform: Tensor) -> Tensor:
    """Compute Whisper's log-mel (arXiv 2212.04356): [N] at 16 kHz -> [128, n], 100 a second."""
    window = torch.hann_window(400)
    power = torch.stft(waveform, 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
    log_mel = (_mel_filters(201, 128, SAMPLE_RATE) @ power).clamp_min(1e-10).log10()
    return (log_mel.maximum(log_mel.max() - 8.0) + 4.0) / 4.0


def speaker_fbank(waveform: Tensor) -> Tensor:
    """Compute Kaldi's filter banks minus their mean over time: [N] at 16 kHz -> [n, 80]."""
    fbank: Tensor = load_torchaudio().compliance.kaldi.fbank(
        waveform[None], num_mel_bins=80, dither=0.0, sample_frequency=SAMPLE_RATE
    )
    return fbank - fbank.mean(dim=0, keepdim=True)


def prompt_mel(waveform: Tensor) -> Tensor:
    """Compute the mel spectrogram of flow and vocoder: [N] at 16 kHz -> [80, F]."""
    # The class computes its kernel in fp64, torchaudio's function in fp32: 1e-2 in the log mel.
    waveform = load_torchaudio().transforms.Resample(SAMPLE_RATE, MEL_SAMPLE_RATE)(waveform)
    padded = torch.nn.functional.pad(waveform[None], (384, 384), mode="reflect")[0]
    window = torch.hann_window(1024)
    spectrum = torch.stft(padded, 1024, 256, window=window, center=False, return_complex=True)
    magnitude = (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-9).sqrt()
    return (_mel_filters(513, 80, MEL_SAMPLE_RATE) @ magnitude).clamp_min(1e-5).log()


def load_torchaudio() -> Any:
    """Import torchaudio, which only a new voice needs: it takes a tenth of a second.

    Raises:
        ModelError: it is missing, or made for another PyTorch.
    """
    try:
        import torchaudio.compliance.kaldi
    except (ImportError, OSError, RuntimeError, AttributeError) as error:
        try:
            version = importlib.metadata.version("torchaudio")
        except importlib.metadata.PackageNotFoundError:
            version = "(not installed)"
        raise ModelError(
            f"torchaudio {version} does not work with PyTorch {torch.__version__}: 2.11 fits "
            "PyTorch 2.11 and later, and an older one the PyTorch of its own number"
        ) from error
    return torchaudio


def _mel_filters(frequencies: int, bands: int, sample_rate: int) -> Tensor:
    """Return Slaney's mel filters of unit area, up to 8 kHz: [bands, frequencies].

    Computed in fp64, unlike torchaudio's: quiet bands differ by 1e-2 after the logarithm.
    """
    hz = torch.linspace(0, sample_rate / 2, frequencies, dtype=torch.float64)
    top = 15 + math.log(8) * 27 / math.log(6.4)
    mels = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    # Linear up to 1 kHz (15 mels), logarithmic above.
    linear, logarithmic = mels * 200 / 3, 1000 * torch.exp((mels - 15) * math.log(6.4) / 27)
    corners = torch.where(mels < 15, linear, logarithmic)[:, None]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hz - low) / (centre - low), (high - hz) / (high - centre)
    return (rising.minimum(falling).clamp_min(0) * 2 / (high - low)).float()
