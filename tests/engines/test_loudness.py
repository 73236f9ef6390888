"""Loudness in LUFS."""

import math

import numpy as np
import pytest

from wyoming_vietts.engines.loudness import TARGET_LUFS, gain, loudness


def sine(hertz: float, amplitude: float, rate: int, seconds: float = 3.0) -> np.ndarray:
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)


@pytest.mark.parametrize("rate", [16_000, 22_050, 48_000])
def test_a_full_sine_of_997_hertz_has_the_loudness_of_the_standard(rate: int) -> None:
    assert loudness(sine(997, 1.0, rate), rate) == pytest.approx(-3.01, abs=0.05)
    assert loudness(sine(997, 0.1, rate), rate) == pytest.approx(-23.01, abs=0.05)


def test_low_tones_count_less_and_high_ones_more() -> None:
    assert loudness(sine(50, 1.0, 48_000), 48_000) == pytest.approx(-7.64, abs=0.02)
    assert loudness(sine(5000, 1.0, 48_000), 48_000) == pytest.approx(0.31, abs=0.02)


def test_silence_between_words_does_not_count() -> None:
    spoken = sine(997, 0.1, 16_000)
    paused = np.concatenate([spoken, np.zeros(5 * 16_000), spoken])
    assert loudness(paused, 16_000) == pytest.approx(loudness(spoken, 16_000), abs=0.3)


def test_a_short_sound_is_one_block_and_silence_is_none() -> None:
    assert loudness(sine(997, 0.1, 16_000, seconds=0.2), 16_000) == pytest.approx(-23, abs=0.1)
    assert loudness(np.zeros(16_000), 16_000) == -math.inf


def test_gain_makes_voices_alike_but_no_noise_of_silence() -> None:
    assert gain(TARGET_LUFS) == 1
    assert gain(TARGET_LUFS + 20) == pytest.approx(0.1)
    assert gain(TARGET_LUFS - 60) == 4
    assert gain(-math.inf) == 1


def tone(lufs: float, seconds: float) -> np.ndarray:
    return sine(997, 10 ** ((lufs + 3.01) / 20), 16_000, seconds)


def test_what_is_ten_units_quieter_than_the_rest_does_not_count() -> None:
    """The third case of EBU Tech 3341, shorter."""
    parts = np.concatenate([tone(-36, 2), tone(-23, 10), tone(-36, 2)])
    assert loudness(parts, 16_000) == pytest.approx(-23, abs=0.3)
    parts = np.concatenate([tone(-34, 10), tone(-23, 10)])
    assert loudness(parts, 16_000) == pytest.approx(-25.7, abs=0.1), "eight do"


def test_what_is_quieter_than_70_units_below_full_scale_is_silence() -> None:
    assert loudness(tone(-69.8, 2), 16_000) == pytest.approx(-69.8, abs=0.1)
    assert loudness(tone(-70.2, 2), 16_000) == -math.inf


def test_blocks_of_four_tenths_overlap_by_three_quarters() -> None:
    """A sound as long as a block is in seven of them: by 1, 2, 3, 4, 3, 2 and 1 quarters."""
    parts = np.concatenate([np.zeros(16_000), tone(-20, 0.4), np.zeros(16_000)])
    assert loudness(parts, 16_000) == pytest.approx(-20 + 10 * math.log10(4 / 7), abs=0.1)


def test_all_voices_are_as_loud_as_the_embedded_ones() -> None:
    assert TARGET_LUFS == -22
    assert loudness(np.zeros(0), 16_000) == -math.inf


def test_filters_are_those_of_the_standard_up_to_a_sound_that_breaks_off() -> None:
    """Its coefficients at 48 kHz, sample by sample; all of the sound is in the last 5 ms."""
    broken_off = samples = np.concatenate([np.zeros(18_960), np.full(240, 0.5)])
    for b, a in (
        ((1.53512485958697, -2.69169618940638, 1.19839281085285),
         (-1.69065929318241, 0.73248077421585)),
        ((1.0, -2.0, 1.0), (-1.99004745483398, 0.99007225036621)),
    ):  # fmt: skip
        filtered, one, two = [], 0.0, 0.0
        for sample in samples.tolist():
            value = b[0] * sample + one
            one, two = b[1] * sample - a[0] * value + two, b[2] * sample - a[1] * value
            filtered.append(value)
        samples = np.array(filtered)
    expected = -0.691 + 10 * math.log10(np.mean(samples**2))
    assert loudness(broken_off, 48_000) == pytest.approx(expected, abs=0.001)
