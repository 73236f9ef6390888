"""Changes speed without changing pitch, by overlapping parts of a waveform (WSOLA)."""

import numpy as np

from ...steps import Steps
from .config import SAMPLE_RATE, Floats

_HOP_SAMPLES = round(0.012 * SAMPLE_RATE)
_PART_SAMPLES = 2 * _HOP_SAMPLES
_REACH_SAMPLES = round(0.006 * SAMPLE_RATE)  # to either side: together a period of 83 Hz
_HOPS_A_STEP = 100  # take about 10 ms


def stretch(waveform: Floats, speed: float) -> Steps[Floats]:
    """Return a waveform [N] as [N / speed].

    Each part is taken near its time, from where the waveform is most like what followed the part
    before (Verhelst and Roelands, 1993).
    """
    if speed == 1.0:
        return waveform
    length = round(len(waveform) / speed)
    hops = -(-length // _HOP_SAMPLES)
    end = round(_HOP_SAMPLES * speed) + _PART_SAMPLES + 2 * _REACH_SAMPLES
    padded = np.pad(waveform, (_HOP_SAMPLES + _REACH_SAMPLES, end))
    window = np.hanning(_PART_SAMPLES + 1)[:-1].astype(np.float32)
    stretched = np.zeros((hops + 2) * _HOP_SAMPLES, np.float32)
    start = _REACH_SAMPLES
    for hop in range(hops + 1):
        if hop:
            followed = padded[start + _HOP_SAMPLES :][:_PART_SAMPLES]
            earliest = round(hop * _HOP_SAMPLES * speed)
            near = padded[earliest:][: _PART_SAMPLES + 2 * _REACH_SAMPLES]
            start = earliest + _most_like(near, followed)
        part = padded[start : start + _PART_SAMPLES] * window
        stretched[hop * _HOP_SAMPLES :][:_PART_SAMPLES] += part
        if hop % _HOPS_A_STEP == 0:
            yield
    return stretched[_HOP_SAMPLES:][:length]


def _most_like(near: Floats, followed: Floats) -> int:
    """Return where in [M] a part is most like another [N], by normalised correlation."""
    correlations = np.correlate(near, followed)
    sums = np.cumsum(np.append(0.0, near.astype(np.float64) ** 2))
    powers = sums[len(followed) :] - sums[: -len(followed)]
    return int(np.argmax(correlations / np.sqrt(powers + 1e-6)))
