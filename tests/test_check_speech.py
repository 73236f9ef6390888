"""script/check_speech: its judges hear what is there. The recogniser itself runs in .ci/run."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from script.speech import presets, talk
from script.speech.figures import Judged, seams
from script.speech.figures import words as understood
from script.speech.sound import clicks, measure
from script.speech.talk import Answer, Speaker
from script.speech.words import distance, words
from tests.engines.vieneu.tiny_model import write_cloning
from tests.recording_files import record, write_wav

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


def test_silence_at_the_end_is_measured_whatever_the_length_of_an_answer() -> None:
    for hundredths in range(30, 130):
        sound = measure(answer(silence(0.2), tone(hundredths / 100), silence(0.3)))
        assert sound.tail_seconds == pytest.approx(0.3, abs=0.011)
        assert sound.pauses == ()


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


@dataclass(frozen=True)
class Heard:
    """As a recogniser understands it."""

    words: int
    understood: frozenset[int]
    wrong: int = 0
    wrong_syllables: int = 0


def test_first_words_last_words_and_those_between_are_counted_apart() -> None:
    heard = [Heard(4, frozenset({0, 1})), Heard(5, frozenset({1, 2, 4})), Heard(1, frozenset({0}))]
    silent: Any = answer(tone(0.1))
    figures = understood([Judged("", silent, measure(silent), each, 3.0) for each in heard])
    assert figures["first_wrong"] == pytest.approx(100 / 3)
    assert figures["last_wrong"] == pytest.approx(100 / 3)
    assert figures["inner_wrong"] == pytest.approx(100 * 2 / 5)
    assert seams([Heard(3, frozenset({0, 2}))], ["Vâng ạ."]) == 50, "the second and the third word"


class Judges:
    """Understand the same of everything."""

    def __init__(self) -> None:
        self.listened: list[str] = []

    def write_down(self, _: Answer) -> str:
        return "xin chào"

    def listen(self, _: Answer, text: str) -> Heard:
        self.listened.append(text)
        return Heard(2, frozenset({0}), wrong=1)

    def rate(self, _: Answer) -> float:
        return 3.0


@pytest.fixture
def voices(tmp_path: Path) -> Path:
    """A folder of two recordings, of a second each."""
    for name in ("north", "south"):
        path = record(tmp_path / "voices" / f"{name}.wav", f"espeak-{name}-male")
        recording = talk.read(path)
        write_wav(path, recording.samples[: recording.rate], recording.rate)
    return tmp_path / "voices"


@pytest.mark.parametrize("engine", ["vietts", "vieneu"])
def test_voices_are_compared_with_their_recordings_for_each_preset(
    engine: str, voices: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The servers are those of .ci/run; here, each voice answers with another's recording."""
    model = write_cloning(voices.parent)
    shutil.copy(model / "speaker_encoder.onnx", model / "speech_embedding.onnx")
    asked, converted = [], []
    others = {"north": talk.read(voices / "south.wav"), "south": talk.read(voices / "north.wav")}

    def hear(speaker: Speaker, texts: Sequence[str]) -> tuple[list[Answer], float]:
        asked.append((speaker.voice, speaker.flags[-1], *texts))
        spoken = replace(others[speaker.voice.removesuffix("-vieneu")], total_seconds=2.0)
        return [spoken] * len(texts), 100.0

    def convert(recording: Path, voice: str, flags: Sequence[str]) -> Answer:
        converted.append((recording.stem, voice, flags[-1]))
        return talk.read(recording)

    monkeypatch.setattr(presets, "hear", hear)
    monkeypatch.setattr(presets, "convert", convert)
    speaker = Speaker(engine, ["--model-dir", str(model), "--vieneu-dir", str(model)])
    judges: Any = Judges()
    columns = dict(presets.compare_presets(speaker, voices, ["Vâng."], judges, judges))

    assert [*columns] == [f"{engine} {preset}" for preset in presets.PRESETS]
    suffix = "-vieneu" if engine == "vieneu" else ""
    assert asked == [
        (voice + suffix, preset, "Vâng.", "xin chào")
        for preset in presets.PRESETS
        for voice in ("north", "south")
    ]
    for figures in columns.values():
        assert figures["words_wrong"] == 50
        assert figures["memory"] == 100
        assert figures["likeness"] == pytest.approx(figures["strangers"]) != pytest.approx(1)
    if engine == "vietts":
        assert converted[:2] == [("north", "north", "exact"), ("south", "south", "exact")]
        assert columns["vietts fast"]["converted_likeness"] == pytest.approx(1)
        assert columns["vietts fast"]["converted_wrong"] == 50
    else:
        assert not converted
        assert "converted_wrong" not in columns["vieneu fast"]


def test_an_engine_that_does_not_clone_has_no_presets_to_compare(tmp_path: Path) -> None:
    judges: Any = Judges()
    with pytest.raises(SystemExit, match=r"--convert needs vietts or vieneu.*in place of espeak"):
        next(presets.compare_presets(Speaker("espeak"), tmp_path, ["Vâng."], judges, judges))
