"""The mel bands by which the speaker encoder knows a voice: Kaldi's, in NumPy."""

import numpy as np
import numpy.typing as npt

from ...recordings.speech import SAMPLE_RATE, Waveform
from .config import Floats

BANDS = 80

_FRAME, _HOP, _FFT = 400, 160, 512
_LOWEST_HZ = 20.0
_EMPHASIS = 0.97

_Numbers = npt.NDArray[np.float64]


def speaker_bands(waveform: Waveform) -> Floats:
    """Compute log-mel bands minus their mean over time: [N] at 16 kHz -> [n, 80], 100 a second.

    As Kaldi's `fbank` without dither; N must be at least 400.
    """
    frames = np.lib.stride_tricks.sliding_window_view(waveform.astype(np.float64), _FRAME)[::_HOP]
    frames = frames - frames.mean(axis=1, keepdims=True)
    before = np.concatenate([frames[:, :1], frames[:, :-1]], axis=1)
    window = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(_FRAME) / (_FRAME - 1))) ** 0.85
    spectrum = np.abs(np.fft.rfft((frames - _EMPHASIS * before) * window, _FFT)) ** 2
    power = spectrum[:, : _FFT // 2] @ _filters()
    bands = np.log(np.maximum(power, np.finfo(np.float32).eps))
    normalised: Floats = (bands - bands.mean(axis=0)).astype(np.float32)
    return normalised


def _filters() -> _Numbers:
    """Return triangles that are even on the mel scale, [256, 80]."""
    lowest, highest = _mel(np.array([_LOWEST_HZ, SAMPLE_RATE / 2]))
    corners = np.linspace(lowest, highest, BANDS + 2)
    mels = _mel(np.arange(_FFT // 2) * SAMPLE_RATE / _FFT)[:, None]
    left, centre, right = corners[:-2], corners[1:-1], corners[2:]
    rising, falling = (mels - left) / (centre - left), (right - mels) / (right - centre)
    filters: _Numbers = np.minimum(rising, falling).clip(min=0.0)
    return filters


def _mel(hertz: _Numbers) -> _Numbers:
    mels: _Numbers = 1127.0 * np.log1p(hertz / 700.0)
    return mels
