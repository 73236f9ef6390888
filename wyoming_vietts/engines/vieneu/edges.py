"""Trims and fades the edges of a piece."""

import numpy as np

from .config import SAMPLE_RATE, Floats

_WINDOW_SAMPLES = SAMPLE_RATE // 100
_KEPT_SAMPLES = int(0.04 * SAMPLE_RATE)
_FADE_SAMPLES = int(0.015 * SAMPLE_RATE)
_SILENCE = 10 ** (-45 / 20)  # mean amplitude of a window


def trim_and_fade(waveform: Floats) -> Floats:
    """Cut the silence at both ends of [N] to 40 ms, and fade them; of pure silence, keep 40 ms."""
    windows = len(waveform) // _WINDOW_SAMPLES
    levels = np.abs(waveform[: windows * _WINDOW_SAMPLES]).reshape(windows, -1).mean(axis=1)
    loud = np.flatnonzero(levels > _SILENCE)
    start, end = len(waveform) - _KEPT_SAMPLES, len(waveform)
    if len(loud):
        start = int(loud[0]) * _WINDOW_SAMPLES - _KEPT_SAMPLES
        end = min(end, (int(loud[-1]) + 1) * _WINDOW_SAMPLES + _KEPT_SAMPLES)
    trimmed = waveform[max(0, start) : end].astype(np.float32)
    fade = min(_FADE_SAMPLES, len(trimmed) // 2)
    if fade:
        ramp = (0.5 - 0.5 * np.cos(np.linspace(0, np.pi, fade))).astype(np.float32)
        trimmed[:fade] *= ramp
        trimmed[-fade:] *= ramp[::-1]
    return trimmed
