"""Detects by their pitch whether two people speak."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..steps import Steps
from .speech import SAMPLE_RATE, Stretches, Waveform

FRAME_SAMPLES, HOP_SAMPLES = 1024, 256  # 64 and 16 ms at 16 kHz
LOWEST_HZ, HIGHEST_HZ = 70, 400
VOICED = 0.5  # least correlation of a frame with itself one period later
OCTAVE_CHECK = 0.9  # a period that correlates nearly as well as its double is the right one

PIECE_SECONDS = 1.0  # of voiced speech: some syllables, so that their tones even out
MIN_PIECES = 2  # of each voice
MIN_DISTANCE, MIN_GAP = 0.4, 0.2  # octaves between the voices' means, and between their pieces

_Values = npt.NDArray[np.floating]


def have_two_voices(waveform: Waveform, stretches: Stretches) -> Steps[bool]:
    """Return whether two people, such as a man and a woman, speak in [N] at 16 kHz.

    Then the pitches of pieces of speech form two distant groups. Those of one person do not: pieces
    of one second differ by less than a third of an octave.
    """
    pitches: list[_Values] = [np.zeros(0)]
    for start, end in stretches:
        for second in _split(waveform[start:end], SAMPLE_RATE):
            pitches.append(_pitches(second))
            yield
    length = round(PIECE_SECONDS * SAMPLE_RATE / HOP_SAMPLES)
    pieces = [piece for piece in _split(np.concatenate(pitches), length) if 2 * len(piece) > length]
    if len(pieces) < 2 * MIN_PIECES:
        return False
    low, high = _two_groups(np.sort([np.median(piece) for piece in pieces]))
    return bool(
        min(len(low), len(high)) >= MIN_PIECES
        and high.mean() - low.mean() >= MIN_DISTANCE
        and high[0] - low[-1] >= MIN_GAP
    )


def _split(values: _Values, length: int) -> Sequence[_Values]:
    return [values[start : start + length] for start in range(0, len(values), length)]


def _pitches(waveform: _Values) -> _Values:
    """Find the pitches of voiced frames [F] of [N], in octaves above 1 Hz, by autocorrelation."""
    if len(waveform) < FRAME_SAMPLES:
        return np.zeros(0)
    window = np.hanning(FRAME_SAMPLES + 1)[:-1]
    frames = np.lib.stride_tricks.sliding_window_view(waveform, FRAME_SAMPLES)[::HOP_SAMPLES]
    frames = (frames - frames.mean(axis=1, keepdims=True)) * window
    correlation = _autocorrelation(frames) / np.maximum(_autocorrelation(window), 1e-3)
    first, last = SAMPLE_RATE // HIGHEST_HZ, SAMPLE_RATE // LOWEST_HZ
    here = correlation[:, first:last]
    best = here.max(axis=1, keepdims=True)
    is_peak = (here >= correlation[:, first - 1 : last - 1]) & (
        here >= correlation[:, first + 1 : last + 1]
    )
    periods = first + (is_peak & (here >= OCTAVE_CHECK * best)).argmax(axis=1)
    octaves: _Values = np.log2(SAMPLE_RATE / periods[best[:, 0] >= VOICED])
    return octaves


def _autocorrelation(frames: _Values) -> _Values:
    """[..., N] -> [..., N], 1 at lag 0."""
    spectrum = np.fft.rfft(frames, 2 * FRAME_SAMPLES)
    correlation: _Values = np.fft.irfft(np.square(np.abs(spectrum)))[..., :FRAME_SAMPLES]
    return correlation / np.maximum(correlation[..., :1], 1e-9)


def _two_groups(values: _Values) -> tuple[_Values, _Values]:
    """Cut ascending values where the two parts vary least."""

    def spread(cut: int) -> float:
        parts = (values[:cut], values[cut:])
        return sum(float(np.square(part - part.mean()).sum()) for part in parts)

    cut = min(range(1, len(values)), key=spread)
    return values[:cut], values[cut:]
