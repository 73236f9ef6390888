"""What is heard in a recording: which seconds make the voice, and whether two people speak."""

import io
from itertools import permutations

import numpy as np
import pytest
import soundfile

from tests.harness import joined
from tests.recording_files import SPEED
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.recordings.recording import listen, load_audio, load_prompt_audio
from wyoming_vietts.recordings.speech import SAMPLE_RATE
from wyoming_vietts.steps import finish

TEXTS = (
    "hôm nay trời đẹp và nắng ấm, mọi người cùng nhau đi chơi ở công viên gần nhà.",
    "xin chào các bạn, nhiệt độ phòng khách là hai mươi sáu độ, đèn trong bếp đang bật.",
    "ngày mai có thể mưa lớn vào buổi chiều, nhớ mang theo áo mưa khi ra khỏi nhà nhé.",
)
MEN, WOMAN = ("espeak-north-male", "espeak-south-male"), "espeak-north-female"


def spoken(voice: str, *texts: str) -> np.ndarray:
    voices = EspeakEngine().voices
    return np.frombuffer(
        b"".join(joined(voices[voice].speak(text, SPEED)) for text in texts), "<i2"
    )


def recorded(*stretches: np.ndarray) -> bytes:
    file = io.BytesIO()
    soundfile.write(file, np.concatenate(stretches), 22_050, format="WAV")
    return file.getvalue()


def test_the_stretch_that_is_heard_makes_the_voice() -> None:
    content = recorded(np.zeros(22_050, "<i2"), spoken(MEN[0], *TEXTS))
    heard = finish(listen(content, "an.wav"))
    wave = finish(load_audio(content, "an.wav"))
    start, end = (
        round(seconds * SAMPLE_RATE) for seconds in (heard.start_seconds, heard.end_seconds)
    )
    assert np.array_equal(finish(load_prompt_audio(content, "an.wav")), wave[start:end])
    assert 2.0 <= heard.end_seconds - heard.start_seconds <= 4.0
    assert heard.start_seconds > 0.8
    assert heard.seconds == pytest.approx(len(wave) / SAMPLE_RATE)


@pytest.mark.parametrize("speakers", [*permutations((MEN[0], WOMAN))])
def test_a_man_and_a_woman_are_two_voices(speakers: tuple[str, str]) -> None:
    content = recorded(*(spoken(speaker, TEXTS[0]) for speaker in speakers))
    assert finish(listen(content, "an.wav")).has_two_voices


@pytest.mark.parametrize("texts", [TEXTS, TEXTS[:1], TEXTS[1:2]])
@pytest.mark.parametrize("speaker", [*MEN, WOMAN])
def test_one_person_is_one_voice(speaker: str, texts: tuple[str, ...]) -> None:
    assert not finish(listen(recorded(spoken(speaker, *texts)), "an.wav")).has_two_voices


def test_a_long_recording_is_listened_to_in_short_steps() -> None:
    content = recorded(spoken(MEN[0], *TEXTS))
    assert len(list(listen(content, "an.wav"))) > 25
