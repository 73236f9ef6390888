"""Piper voices are as loud as each other, unless the user wants otherwise."""

from pathlib import Path

import numpy as np
import pytest

from tests.engines.piper.tiny_voice import SAMPLE_RATE, make_engine, write_voice
from tests.harness import StepEngine, joined, pcm_of, running_server, synthesize
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.engines.loudness import TARGET_LUFS, loudness

SENTENCES = Path(__file__).parents[3] / "script" / "speech" / "sentences.txt"
TEXT = "hôm nay trời đẹp quá."


def lufs(pcm: bytes) -> float:
    return loudness(np.frombuffer(pcm, "<i2") / 32767, SAMPLE_RATE)


def levels(folder: Path, own_loudness: bool = False) -> dict[str, float]:
    voices = make_engine(folder, own_loudness=own_loudness).voices
    return {name: lufs(joined(voice.speak(TEXT))) for name, voice in voices.items()}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("voices")
    for seed in (0, 3):
        write_voice(folder / f"v{seed}.onnx", seed=seed)
    write_voice(folder / "half.onnx")
    (folder / "half.toml").write_text("volume = 0.5")
    return folder


def test_voices_are_as_loud_as_each_other_and_volume_is_on_top(folder: Path) -> None:
    alike = levels(folder)
    assert alike["v0"] == pytest.approx(TARGET_LUFS, abs=0.5)
    assert alike["v3"] == pytest.approx(TARGET_LUFS, abs=0.5)
    assert alike["half"] == pytest.approx(alike["v0"] - 6.02, abs=0.1)


def test_voices_may_keep_their_own_loudness(folder: Path) -> None:
    own = levels(folder, own_loudness=True)
    assert own["v0"] > own["v3"] + 5 > TARGET_LUFS + 15


async def test_the_same_text_is_the_same_answer_from_the_first_on(folder: Path) -> None:
    async with running_server(make_engine(folder), StepEngine()) as uri:
        first, second = [pcm_of(await synthesize(uri, TEXT, "v0")) for _ in range(2)]
    assert first == second
    assert lufs(first) == pytest.approx(TARGET_LUFS, abs=0.5)


@pytest.mark.parametrize("name", EspeakEngine().voices)
def test_embedded_voices_are_as_loud_as_the_others(name: str) -> None:
    voice = EspeakEngine().voices[name]
    spoken = b"".join(joined(voice.speak(text)) for text in SENTENCES.read_text().splitlines()[::4])
    assert lufs(spoken) == pytest.approx(TARGET_LUFS, abs=0.4)
