"""Measures waveforms: silences, clicks, loudness."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import soxr

from script.speech.talk import Answer, Floats
from wyoming_vietts.engines.loudness import loudness

RATE = 16_000
"""Hz, of all judges."""

_FRAME_SECONDS = 0.01
_SILENCE = 10 ** (-26 / 20)  # of the speech's loudness; what is quieter is silence
_MIN_PAUSE_SECONDS = 0.08  # lips that close, as before a p, are silent for less

_CLICK_FLOOR = 10 ** (-46 / 20)
_CLICK_RATIO = 4.0  # times the jumps around it
_AROUND_SECONDS = 0.01


@dataclass(frozen=True)
class Sound:
    """What an answer sounds like."""

    lufs: float
    lead_seconds: float
    """Silence before the first sound."""
    tail_seconds: float
    """Silence after the last sound."""
    pauses: tuple[float, ...]
    """Seconds of each silence between them."""
    clicks: int
    peak: float
    """dBFS."""
    spoken_seconds: float
    """Without any silence."""


def resampled(answer: Answer) -> Floats:
    """Return the samples at the rate of the judges."""
    samples: Floats = soxr.resample(answer.samples, answer.rate, RATE)
    return samples


def measure(answer: Answer) -> Sound:
    """Measure an answer."""
    lufs = loudness(answer.samples, answer.rate)
    silences = list(_silences(answer, _SILENCE * 10 ** (lufs / 20)))
    whole, rate = len(answer.samples), answer.rate
    return Sound(
        lufs,
        sum(end for start, end in silences if start == 0) / rate,
        sum(end - start for start, end in silences if start and end == whole) / rate,
        tuple((end - start) / rate for start, end in silences if start and end < whole),
        len(clicks(answer)),
        20 * float(np.log10(np.abs(answer.samples).max() + 1e-9)),
        (whole - sum(end - start for start, end in silences)) / rate,
    )


def _silences(answer: Answer, limit: float) -> Iterator[tuple[int, int]]:
    """First sample, and the one after the last, of each stretch that is quieter than a limit."""
    frame = round(_FRAME_SECONDS * answer.rate)
    padded = np.pad(answer.samples, (0, -len(answer.samples) % frame)).reshape(-1, frame)
    is_quiet = (padded**2).mean(1) < limit**2
    edges = np.flatnonzero(np.diff(np.concatenate([[False], is_quiet, [False]]).astype(np.int8)))
    for start, end in edges.reshape(-1, 2):
        first, last = int(start) * frame, min(int(end) * frame, len(answer.samples))
        is_edge = first == 0 or last == len(answer.samples)
        if is_edge or last - first >= _MIN_PAUSE_SECONDS * answer.rate:
            yield first, last


def clicks(answer: Answer) -> list[float]:
    """Seconds at which the waveform jumps as no voice does.

    A jump stands out of the third differences around it, on both sides: those of a voice's own
    pulses come in rows.
    """
    jumps = np.abs(np.diff(answer.samples.astype(np.float64), 3))
    around = round(_AROUND_SECONDS * answer.rate)
    loudest = np.lib.stride_tricks.sliding_window_view(np.pad(jumps, 2 * around), around).max(1)
    candidates = np.flatnonzero(jumps > _CLICK_FLOOR)
    before = loudest[candidates + around - 4]
    after = loudest[candidates + 2 * around + 5]
    found: list[float] = []
    for at in candidates[jumps[candidates] > _CLICK_RATIO * np.maximum(before, after)]:
        if not found or at / answer.rate > found[-1] + 0.01:
            found.append(float(at / answer.rate))
    return found
