"""Measures loudness in LUFS, by ITU-R BS.1770-5 for one channel."""

import math

import numpy as np
import numpy.typing as npt

TARGET_LUFS = -22.0
"""Of all voices; the embedded ones are made so."""
_MAX_GAIN = 4.0  # more would be noise

_BLOCK_SECONDS, _STEP_SECONDS = 0.4, 0.1
_ABSOLUTE_GATE = -70.0  # LUFS: quieter blocks are no programme
_RELATIVE_GATE = -10.0  # LU, from the loudness of the other blocks
_OFFSET = -0.691

_TAIL_SECONDS = 0.25  # until the filters have faded out

_Floats = npt.NDArray[np.float64]
_Complexes = npt.NDArray[np.complex128]


def loudness(samples: npt.ArrayLike, sample_rate: int) -> float:
    """Return the integrated loudness of a waveform [N] in LUFS; -inf if it is silent.

    Args:
        samples: in -1 ... 1. Fewer than 0.4 s are measured as one block.
    """
    weighted = _weighted(np.asarray(samples, np.float64), sample_rate)
    powers = _block_powers(weighted, sample_rate)
    powers = powers[powers > 10 ** ((_ABSOLUTE_GATE - _OFFSET) / 10)]
    if not len(powers):
        return -math.inf
    gate = powers.mean() * 10 ** (_RELATIVE_GATE / 10)
    return _OFFSET + 10 * math.log10(powers[powers > gate].mean())


def gain(lufs: float) -> float:
    """Return the factor that makes a voice as loud as others; 1 for a silent one."""
    if not math.isfinite(lufs):
        return 1.0
    return min(_MAX_GAIN, 10 ** ((TARGET_LUFS - lufs) / 20))


def _block_powers(samples: _Floats, sample_rate: int) -> _Floats:
    """Mean squares of blocks of 0.4 s that overlap by three quarters."""
    block, step = round(_BLOCK_SECONDS * sample_rate), round(_STEP_SECONDS * sample_rate)
    block = max(1, min(block, len(samples)))
    sums = np.concatenate([[0.0], np.cumsum(samples**2)])
    starts = np.arange(0, max(1, len(samples) - block + 1), step)
    powers: _Floats = (sums[np.minimum(starts + block, len(samples))] - sums[starts]) / block
    return powers


def _weighted(samples: _Floats, sample_rate: int) -> _Floats:
    """Apply the K weighting: a high shelf for the head, and a high pass."""
    padded = len(samples) + round(_TAIL_SECONDS * sample_rate)
    z = np.exp(-2j * np.pi * np.arange(padded // 2 + 1) / padded)  # a delay of one sample
    response = _shelf(z, sample_rate) * _high_pass(z, sample_rate)
    weighted: _Floats = np.fft.irfft(np.fft.rfft(samples, padded) * response, padded)
    return weighted[: len(samples)]


# The standard lists coefficients for 48 kHz. These are the analogue filters behind them, which the
# bilinear transform turns into the same at 48 kHz, and into their like at other rates.
_SHELF_HZ, _SHELF_Q = 1681.974450955533, 0.7071752369554196
_SHELF_GAIN = 10 ** (3.999843853973347 / 20)
_SHELF_BAND = _SHELF_GAIN**0.4996667741545416
_HIGH_PASS_HZ, _HIGH_PASS_Q = 38.13547087602444, 0.5003270373238773
_HIGH_PASS_GAIN = 1.00499  # the gain of the standard's coefficients


def _shelf(z: _Complexes, sample_rate: int) -> _Complexes:
    k = math.tan(math.pi * _SHELF_HZ / sample_rate)
    band = _SHELF_BAND * k / _SHELF_Q
    numerator = _polynomial(
        z, _SHELF_GAIN + band + k * k, 2 * (k * k - _SHELF_GAIN), _SHELF_GAIN - band + k * k
    )
    return numerator / _denominator(z, k, _SHELF_Q)


def _high_pass(z: _Complexes, sample_rate: int) -> _Complexes:
    k = math.tan(math.pi * _HIGH_PASS_HZ / sample_rate)
    return _HIGH_PASS_GAIN * _polynomial(z, 1, -2, 1) / _denominator(z, k, _HIGH_PASS_Q)


def _denominator(z: _Complexes, k: float, q: float) -> _Complexes:
    return _polynomial(z, 1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k)


def _polynomial(z: _Complexes, a: float, b: float, c: float) -> _Complexes:
    value: _Complexes = a + b * z + c * z**2
    return value
