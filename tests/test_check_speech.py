"""script/check_speech: its judges hear what is there. The recogniser itself runs in .ci/run."""

import numpy as np
import pytest

from script.speech.sound import clicks, measure
from script.speech.talk import Answer, Speaker
from script.speech.words import distance, words

RATE = 16_000


def tone(seconds: float, amplitude: float = 0.2) -> np.ndarray:
    times = np.arange(round(seconds * RATE)) / RATE
    return (amplitude * np.sin(2 * np.pi * 220 * times)).astype(np.float32)


def answer(*parts: np.ndarray) -> Answer:
    return Answer(np.concatenate(parts), RATE, first_seconds=0.1, total_seconds=0.2)


def silence(seconds: float) -> np.ndarray:
    return np.zeros(round(seconds * RATE), np.float32)


def test_silences_are_measured_at_the_ends_and_within() -> None:
    sound = measure(
        answer(silence(0.2), tone(0.5), silence(0.4), tone(0.5), silence(0.03), tone(0.5))
    )
    assert sound.lead_seconds == pytest.approx(0.2, abs=0.02)
    assert sound.tail_seconds == 0
    assert sound.pauses == pytest.approx((0.4,), abs=0.02)
    assert sound.spoken_seconds == pytest.approx(1.53, abs=0.03)


def test_a_cut_in_the_waveform_is_a_click() -> None:
    whole = tone(1.0)
    assert clicks(answer(whole)) == []
    quarter = RATE // 220 // 4
    assert clicks(answer(whole[:8000], whole[8000 + quarter :])) == pytest.approx([0.5], abs=0.001)


def test_words_are_the_same_in_both_spellings_of_a_tone() -> None:
    assert words("Hòa thuý, kỹ!") == words("hoà thúy kĩ")
    assert words("ma") != words("má")


def test_distance_counts_changes_and_tells_what_was_heard() -> None:
    assert distance([*"abcd"], [*"axcde"]) == (2, {0, 2, 3})
    assert distance(["a"], []) == (1, set())


def test_a_voice_may_have_flags_and_settings() -> None:
    speaker = Speaker.parse("tiny --piper-dir 'my voices' --set noise_scale=0.5 --speed 2")
    assert speaker.flags == ["--piper-dir", "my voices", "--speed", "2"]
    assert speaker.settings == {"noise_scale": 0.5}
