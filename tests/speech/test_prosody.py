"""Volume and pitch on PCM pieces."""

import numpy as np
import pytest

from wyoming_vietts.speech.prosody import PitchShifter, scale


def tone(hertz: float, samples: int = 22_050) -> bytes:
    wave = 10_000 * np.sin(2 * np.pi * hertz * np.arange(samples) / 22_050)
    return wave.astype("<i2").tobytes()


def shifted(factor: float, pieces: list[bytes]) -> bytes:
    shifter = PitchShifter(factor)
    return b"".join(map(shifter.shift, pieces)) + shifter.finish()


@pytest.mark.parametrize("factor", [0.67, 0.9, 1.1, 1.5])
def test_pitch_is_shifted_the_same_whatever_the_pieces(factor: float) -> None:
    pcm = tone(200)
    whole, pieces = (
        shifted(factor, [pcm]),
        shifted(factor, [pcm[i : i + 734] for i in range(0, len(pcm), 734)]),
    )
    difference = np.abs(np.frombuffer(whole, "<i2").astype(int) - np.frombuffer(pieces, "<i2"))
    assert difference.max() <= 1
    assert len(whole) / len(pcm) == pytest.approx(1 / factor, rel=0.001)
    spectrum = np.abs(np.fft.rfft(np.frombuffer(whole, "<i2"), 22_050))
    assert np.argmax(spectrum) == pytest.approx(200 * factor, abs=1)


def test_volume_clips_instead_of_wrapping() -> None:
    loud = np.frombuffer(scale(np.array([20_000, -20_000], "<i2").tobytes(), 4.0), "<i2")
    assert list(loud) == [32_767, -32_768]


def test_unchanged_prosody_leaves_the_bytes_alone() -> None:
    pcm = tone(100, 99)
    assert scale(pcm, 1.0) == pcm
    assert shifted(1.0, [pcm[:40], pcm[40:]]) == pcm
