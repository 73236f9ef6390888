"""The embedded engine: its gate, and that it survives what people write."""

import hashlib
import os
import random
import shutil
import subprocess
import sys
import unicodedata
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import espeakng_loader
import numpy as np
import pytest

import wyoming_vietts
from tests.harness import joined
from wyoming_vietts.engines.espeak import library
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.engines.espeak.gate import speakable_clauses
from wyoming_vietts.errors import SetupError, SynthesisError

CRASHING = [
    '"-Đi thôi!"',
    "(-a",
    "[-a]",
    "/-a",
    "-a",
    "--",
    "привет-a",
    "中文 và tiếng Việt",
    "<a>",
]

VIETNAMESE = "aàảãáạăâbcdđeèẻẽéẹêghiìỉĩíịklmnoòỏõóọôơpqrstuùủũúụưvxyỳỷỹýỵ"


NORTH_MALE = "espeak-north-male"


LONG = "Nhiệt độ phòng khách là hai mươi độ, trời nắng và có gió nhẹ. Chúc cả nhà một ngày vui."


def pcm(engine: EspeakEngine, text: str, voice: str = NORTH_MALE, speed: float = 1.0) -> bytes:
    return joined(engine.voices[voice].speak(text, speed))


def test_gate_lets_through_letters_digits_and_marks_alone() -> None:
    clauses = speakable_clauses('"-Đi thôi!" (ok) [x]/y… 5°C; 你好\x00 a\u0301')
    assert clauses == ["Đi thôi!", "ok x y 5 C;", "á"]


def test_gate_bounds_words_and_clauses() -> None:
    clauses = speakable_clauses("a" * 1000 + " " + "từ " * 500)
    assert max(map(len, clauses)) <= 160
    assert max(len(word) for clause in clauses for word in clause.split()) <= 24
    assert "".join(clauses).replace(" ", "") == "a" * 1000 + "từ" * 500


def test_gate_composes_accents() -> None:
    assert speakable_clauses(unicodedata.normalize("NFD", "Tiếng Việt.")) == ["Tiếng Việt."]


@pytest.mark.parametrize("text", ["", " ", "...", "-", "\x00", "?!", "😀"])
def test_nothing_passes_where_nothing_can_be_said(text: str) -> None:
    assert speakable_clauses(text) == []
    assert pcm(EspeakEngine(), text) == b""


def test_every_voice_speaks_and_sounds_different() -> None:
    tts = EspeakEngine()
    spoken = {voice: pcm(tts, "Xin chào các bạn.", voice) for voice in tts.voices}
    assert len(set(spoken.values())) == 3
    for audio in spoken.values():
        samples = np.frombuffer(audio, "<i2")
        assert 0.8 < len(samples) / tts.voices[NORTH_MALE].sample_rate < 3
        assert 3_000 < np.abs(samples.astype(int)).max() < 32_767, "clipped or too soft"


def test_six_tones_are_six_sounds() -> None:
    tts = EspeakEngine()
    assert len({pcm(tts, syllable) for syllable in ("ma", "mà", "má", "mả", "mã", "mạ")}) == 6


def test_voices_are_equally_loud() -> None:
    levels = []
    for voice in EspeakEngine().voices:
        samples = np.frombuffer(pcm(EspeakEngine(), LONG, voice), "<i2").astype(float)
        samples = samples[np.abs(samples) > 50]
        assert np.abs(samples).max() < 32_000
        levels.append(20 * np.log10(np.sqrt(np.mean(samples**2))))
    assert max(levels) - min(levels) < 1.5


def largest_jump_out_of_silence(audio: bytes) -> int:
    samples = np.frombuffer(audio, "<i2").astype(int)
    silent = np.convolve(samples == 0, np.ones(4), "valid")[:-1] == 4
    return int(np.abs(samples[4:][silent]).max())


@pytest.mark.parametrize("speed", [0.4, 1.0, 1.2, 1.3])
def test_no_sound_begins_with_a_click(speed: float) -> None:
    """The library's own [w] after a t does: by a tenth of full scale, and more."""
    for voice in EspeakEngine().voices.values():
        text = "toàn tuần tuyết"
        bare = voice.library.speak(
            text, voice.file, round(130 * speed), voice.pitch, voice.pitch_range, voice.amplitude
        )
        spoken = joined(voice.speak(text, speed))
        assert largest_jump_out_of_silence(bare) > 3072
        assert largest_jump_out_of_silence(spoken) < 1536
        changed = np.flatnonzero(np.frombuffer(bare, "<i2") != np.frombuffer(spoken, "<i2"))
        assert 3 * 50 < len(changed) < 3 * 70, "3 ms of each word"


def test_speed_is_bounded() -> None:
    engine = EspeakEngine()
    assert pcm(engine, "Xin chào.", speed=9) == pcm(engine, "Xin chào.", speed=2.5)
    assert pcm(engine, "Xin chào.", speed=0.1) == pcm(engine, "Xin chào.", speed=0.4)


def test_speed_changes_the_length() -> None:
    tts = EspeakEngine()
    text = "Hôm nay trời đẹp và nắng ấm cả ngày."
    slow, normal, fast = (len(pcm(tts, text, speed=speed)) for speed in (0.75, 1.0, 1.5))
    assert slow / normal == pytest.approx(1 / 0.75, rel=0.15)
    assert fast / normal == pytest.approx(1 / 1.5, rel=0.15)


def test_audio_does_not_depend_on_what_was_said_before() -> None:
    tts = EspeakEngine()
    draw = random.Random(7)
    sentences = ["Xin chào.", "ngã nặng hỏi sắc huyền", "Mỗi người một vẻ!", "Được rồi, đợi đã?"]
    alone: Mapping[tuple[str, str], bytes] = {
        (text, voice): pcm(tts, text, voice) for text in sentences for voice in tts.voices
    }
    for _ in range(200):
        text, voice = draw.choice(sentences), draw.choice(list(tts.voices))
        assert pcm(tts, text, voice) == alone[text, voice]


def test_pcm_comes_clause_by_clause() -> None:
    pieces = list(EspeakEngine().voices[NORTH_MALE].speak("một, hai, ba."))
    assert len(pieces) == 3
    assert all(pieces)


def test_voice_keeps_no_clause_that_it_has_given_away() -> None:
    """Else a hundred listeners of long clauses hold each one twice, 25 MB more."""
    speaking = EspeakEngine().voices[NORTH_MALE].speak("một, hai, ba.")
    assert next(speaking)
    held = speaking.gi_frame.f_locals.values()
    assert not any(isinstance(value, bytes | bytearray) for value in held)


def random_text(draw: random.Random) -> str:
    """Vietnamese words with the marks, scripts and controls that crash the bare library."""
    words = []
    for _ in range(draw.randint(1, 6)):
        kind = draw.random()
        if kind < 0.6:
            letters = VIETNAMESE + VIETNAMESE.upper()
        elif kind < 0.8:
            letters = "abcxyzABCXYZ0123456789" + "-/()[]\"'<>&*_.,;:!?" * 2
        elif kind < 0.9:
            letters = "привет中文字العربية한국어ไทยελ😀🎉\u0301\u0323\u200d\x00\x01\ufeff"
        else:
            letters = "".join(chr(draw.randint(1, 0xD7FF)) for _ in range(8))
        words.append("".join(draw.choices(letters, k=draw.choice([1, 2, 3, 5, 8, 30]))))
    return draw.choice(["", "-", '"', "(", "'"]) + draw.choice([" ", " ", "-", ". "]).join(words)


def test_twenty_thousand_fuzzed_texts_do_not_crash_the_process() -> None:
    """In a process of its own, so that a crash of the library is a failure and not the end."""
    count = 20_000
    code = f"""
import random
from tests.engines.espeak.test_engine import CRASHING, random_text
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.engines.espeak.gate import speakable_clauses
tts, draw = EspeakEngine(), random.Random(1)
texts, clauses, voices = list(CRASHING), 0, list(tts.voices.values())
while clauses < {count}:
    text = texts.pop() if texts else random_text(draw)
    clauses += len(speakable_clauses(text))
    for _ in draw.choice(voices).speak(text, draw.choice([1.0, 4.0])):
        pass
print(clauses)
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert result.returncode == 0, result.stderr[-500:]
    assert int(result.stdout) >= count


def test_long_install_path_is_no_obstacle(tmp_path: Path) -> None:
    """The library keeps its data path in 160 bytes; a wheel may lie deeper than that."""
    deep = tmp_path / ("deep" * 20) / ("deeper" * 20)
    deep.mkdir(parents=True)
    package = Path(espeakng_loader.__file__).parent
    (deep / "espeakng_loader").symlink_to(package)
    code = (
        f"import sys; sys.path.insert(0, {str(deep)!r})\n"
        "import espeakng_loader; assert len(espeakng_loader.get_data_path()) > 160\n"
        "from wyoming_vietts.engines.espeak.engine import EspeakEngine; tts = EspeakEngine()\n"
        "print(sum(map(len, tts.voices['espeak-south-male'].speak('Xin chào'))))"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout) > 20_000


def test_voices_are_the_right_ones_however_deep_the_package_lies(tmp_path: Path) -> None:
    deep = tmp_path / ("deep" * 20)
    package = Path(wyoming_vietts.__file__ or "").parent
    shutil.copytree(package, deep / "wyoming_vietts")
    code = (
        "import hashlib\n"
        "from wyoming_vietts.engines.espeak.engine import EspeakEngine\n"
        "for voice in EspeakEngine().voices.values():\n"
        "    pcm = b''.join(voice.speak('Nhiệt độ phòng khách.'))\n"
        "    print(hashlib.sha256(pcm).hexdigest())"
    )
    environment = {**os.environ, "PYTHONPATH": str(deep)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, cwd=deep
    )
    tts = EspeakEngine()
    here = [
        hashlib.sha256(pcm(tts, "Nhiệt độ phòng khách.", voice)).hexdigest() for voice in tts.voices
    ]
    assert result.stdout.split() == here, result.stderr


def test_voice_that_cannot_be_loaded_is_an_error_not_another_voice() -> None:
    voice = replace(EspeakEngine().voices[NORTH_MALE], file=Path("/does/not/exist/north-male"))
    with pytest.raises(SynthesisError, match="cannot load the voice /does/not/exist/north-male"):
        list(voice.speak("Xin chào."))


def test_long_path_without_proc_is_an_error_that_names_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    monkeypatch.setattr(library.os.path, "isdir", lambda path: not path.startswith("/proc"))
    with pytest.raises(SetupError, match=r"needs /proc.* as /\S+ has more than 40 bytes"):
        library._short_path(str(folder))
