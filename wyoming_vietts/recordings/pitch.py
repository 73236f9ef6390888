"""How high somebody speaks, and whether it is one person who does."""

from collections.abc import Sequence

import torch
from torch import Tensor

from ..steps import Steps

FRAME_SAMPLES, HOP_SAMPLES = 1024, 256  # 64 and 16 ms at 16 kHz
LOWEST_HZ, HIGHEST_HZ = 70, 400
VOICED = 0.5  # least correlation of a frame with itself one period later
OCTAVE_CHECK = 0.9  # a period that correlates nearly as well as its double is the right one

PIECE_SECONDS = 1.0  # of voiced speech: some syllables, so that their tones even out
MIN_PIECES = 2  # of each voice
MIN_DISTANCE, MIN_GAP = 0.4, 0.2  # octaves between the voices' means, and between their pieces

_SAMPLE_RATE = 16_000


def have_two_voices(wave: Tensor, stretches: Sequence[tuple[int, int]]) -> Steps[bool]:
    """Two people speak in [N] at 16 kHz, as far as their pitch tells: a man and a woman, say.

    The pitches of pieces of speech fall into two groups that are far apart. Those of one person do
    not: pieces of one second differ by less than a third of an octave.

    Args:
        stretches: where there is speech, from and to which sample.
    """
    pitches = []
    for start, end in stretches:
        for second in torch.split(wave[start:end], _SAMPLE_RATE):
            pitches.append(_pitches(second))
            yield
    voiced = torch.cat([torch.zeros(0), *pitches])
    length = round(PIECE_SECONDS * _SAMPLE_RATE / HOP_SAMPLES)
    pieces = [piece.median() for piece in torch.split(voiced, length) if 2 * len(piece) > length]
    if len(pieces) < 2 * MIN_PIECES:
        return False
    low, high = _two_groups(torch.stack(pieces).sort().values)
    return bool(
        min(len(low), len(high)) >= MIN_PIECES
        and high.mean() - low.mean() >= MIN_DISTANCE
        and high[0] - low[-1] >= MIN_GAP
    )


def _pitches(wave: Tensor) -> Tensor:
    """The pitches of the voiced frames [F] of [N], in octaves above 1 Hz, by autocorrelation."""
    if len(wave) < FRAME_SAMPLES:
        return torch.zeros(0)
    window = torch.hann_window(FRAME_SAMPLES)
    frames = wave.unfold(0, FRAME_SAMPLES, HOP_SAMPLES)
    frames = (frames - frames.mean(dim=1, keepdim=True)) * window
    correlation = _autocorrelation(frames) / _autocorrelation(window).clamp_min(1e-3)
    first, last = _SAMPLE_RATE // HIGHEST_HZ, _SAMPLE_RATE // LOWEST_HZ
    here = correlation[:, first:last]
    best = here.amax(dim=1, keepdim=True)
    is_peak = (here >= correlation[:, first - 1 : last - 1]) & (
        here >= correlation[:, first + 1 : last + 1]
    )
    periods = first + (is_peak & (here >= OCTAVE_CHECK * best)).float().argmax(dim=1)
    return torch.log2(_SAMPLE_RATE / periods[best[:, 0] >= VOICED])


def _autocorrelation(frames: Tensor) -> Tensor:
    """[..., N] -> [..., N], 1 at lag 0."""
    spectrum = torch.fft.rfft(frames, 2 * FRAME_SAMPLES)
    correlation: Tensor = torch.fft.irfft(spectrum.abs().square())[..., :FRAME_SAMPLES]
    return correlation / correlation[..., :1].clamp_min(1e-9)


def _two_groups(values: Tensor) -> tuple[Tensor, Tensor]:
    """Cut ascending values where the two parts vary least."""

    def spread(cut: int) -> float:
        parts = (values[:cut], values[cut:])
        return sum(float((part - part.mean()).square().sum()) for part in parts)

    cut = min(range(1, len(values)), key=spread)
    return values[:cut], values[cut:]
