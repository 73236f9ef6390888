"""Decodes and checks a recording of speech, and cuts it to the seconds that make a voice."""

from pathlib import Path

import numpy as np
import soxr

from ..errors import RecordingError
from ..files import open_regular
from ..steps import Steps
from . import Heard
from .decoding import MAX_FILE_SECONDS, SUFFIXES, Samples, decode
from .pitch import have_two_voices
from .speech import (
    HEARD_SECONDS,
    MAX_SECONDS,
    MIN_SECONDS,
    SAMPLE_RATE,
    Waveform,
    choose_speech,
    find_speech,
)

MAX_BYTES = 64_000_000
PEAK = 0.9  # louder recordings are scaled down to it
MIN_LEVEL_DB = -50.0  # of the loudest tenth of a second
MAX_CLIPPED = 0.01

_OTHER_FILES = (".toml", ".txt", ".md", ".json", "~")  # that users do not take for recordings
_READ_BYTES = 1_000_000
_FULL_SCALE = 0.999
_LOST_ENERGY = 0.25  # of a mix of channels that cancel each other: half as loud


def load_prompt_audio(
    content: bytes, name: str, sample_rate: int = SAMPLE_RATE, max_seconds: float = MAX_SECONDS
) -> Steps[Waveform]:
    """Cut a recording to the speech that makes a voice; see `load_audio` and `choose_speech`.

    Args:
        max_seconds: of speech wanted.

    Raises:
        RecordingError: not audio, too short, too long, silent, clipped, or without speech.
    """
    waveform = yield from load_audio(content, name, sample_rate)
    heard = waveform
    if sample_rate != SAMPLE_RATE:
        heard = soxr.resample(waveform, sample_rate, SAMPLE_RATE)
        yield
    stretches = yield from find_speech(heard, name)
    start, end = choose_speech(stretches, len(heard), max_seconds)
    return waveform[start * sample_rate // SAMPLE_RATE : end * sample_rate // SAMPLE_RATE]


def listen(content: bytes, name: str, max_seconds: float = MAX_SECONDS) -> Steps[Heard]:
    """Find the seconds that would make a voice, `max_seconds` at most; see `load_prompt_audio`."""
    waveform = yield from load_audio(content, name)
    stretches = yield from find_speech(waveform, name)
    start, end = choose_speech(stretches, len(waveform), max_seconds)
    return Heard(
        seconds=len(waveform) / SAMPLE_RATE,
        start_seconds=start / SAMPLE_RATE,
        end_seconds=end / SAMPLE_RATE,
        has_two_voices=(yield from have_two_voices(waveform, stretches)),
    )


def recording_name(path: Path) -> str | None:
    """Name the voice of a recording, by its path within a folder; None for other files.

    A recording is `<name>.wav`, `<name>/reference.wav` or `<language>/<name>/ref.wav`, or has
    another of `SUFFIXES`.

    Raises:
        RecordingError: the file seems to be a recording, but its format is not supported.
    """
    if path.suffix.lower() not in SUFFIXES:
        if len(path.parts) == 1 and path.suffix and not path.name.endswith(_OTHER_FILES):
            raise RecordingError(f"a recording is one of {', '.join(SUFFIXES)}")
        return None
    if len(path.parts) == 1:
        return path.stem
    whole_names = {2: "reference.", 3: "ref."}
    return path.parent.name if path.name.startswith(whole_names[len(path.parts)]) else None


def read_recording(path: Path) -> Steps[bytes]:
    """Read a file, in steps; raise RecordingError unless it is regular and has at most 64 MB."""
    pieces = []
    try:
        with open_regular(path, MAX_BYTES) as file:
            while piece := file.read(_READ_BYTES):
                pieces.append(piece)
                yield
    except OSError as error:
        raise RecordingError(str(error)) from error
    return b"".join(pieces)


def load_audio(
    content: bytes,
    name: str,
    sample_rate: int = SAMPLE_RATE,
    max_seconds: float = MAX_FILE_SECONDS,
) -> Steps[Waveform]:
    """Decode at most the first minute of a recording: [N], its peak at most 0.9.

    Args:
        content: of its file.
        name: of its file, for messages; its suffix tells the format.
        sample_rate: wanted, in Hz.
        max_seconds: longer files are refused.

    Raises:
        RecordingError: not audio, too short, too long, silent or clipped.
    """
    pieces: list[Samples] = []
    resampler = None
    seconds, clipped, count = 0.0, 0, 0
    for samples, file_rate in decode(content, name, max_seconds):
        yield
        if not len(samples):
            continue
        if not np.isfinite(samples).all():
            raise RecordingError(f"{name} has samples that are not numbers")
        if resampler is None:
            resampler = soxr.ResampleStream(file_rate, sample_rate, samples.shape[1])
        pieces.append(resampler.resample_chunk(samples))
        clipped += int((np.abs(samples) >= _FULL_SCALE).sum())
        count += samples.size
        seconds += len(samples) / file_rate
        if seconds >= HEARD_SECONDS:
            break
    if seconds < MIN_SECONDS:
        raise RecordingError(
            f"{name} is {seconds:.1f} s long; at least {MIN_SECONDS:.0f} s needed", "too-short"
        )
    assert resampler is not None
    pieces.append(
        resampler.resample_chunk(np.zeros((0, pieces[0].shape[1]), np.float32), last=True)
    )
    waveform = _mix(np.concatenate(pieces))
    level = _level_db(waveform, sample_rate)
    if level < MIN_LEVEL_DB:
        raise RecordingError(f"{name} is silent ({level:.0f} dB)", "too-quiet")
    if clipped / count > MAX_CLIPPED:
        raise RecordingError(f"{name} is clipped ({clipped / count:.0%} of its samples)", "clipped")
    peak = float(np.abs(waveform).max())
    return waveform * np.float32(PEAK / peak) if peak > PEAK else waveform


def _mix(samples: Samples) -> Waveform:
    """Mix [N, channels] to [N]; if channels cancel each other, take the loudest."""
    mixed: Waveform = samples.mean(axis=1)
    energies = np.square(samples).mean(axis=0)
    if np.square(mixed).mean() < _LOST_ENERGY * energies.mean():
        mixed = samples[:, energies.argmax()]
    return mixed


def _level_db(waveform: Waveform, sample_rate: int) -> float:
    """Return the level of the loudest tenth of a second, in dB."""
    length = sample_rate // 10
    pieces = waveform[: len(waveform) // length * length].reshape(-1, length)
    return float(10 * np.log10(np.square(pieces).mean(axis=1).max() + 1e-20))
