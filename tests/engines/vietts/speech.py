"""Engines for the tests of the neural voice."""

from collections.abc import Generator, Iterable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from tests.harness import joined
from tests.recording_files import record
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.pcm import PCM
from wyoming_vietts.engines.vietts.engine import VietTTSEngine

SENTENCE = "xin chào các bạn, hôm nay trời đẹp quá, chúng ta cùng đi chơi nhé."
WORDS = "vâng ạ."
"""For where the length does not matter: spoken in a third of the time."""


def make_engine(
    model_dir: Path,
    voices_dir: Path,
    streams_sentences: bool = True,
    seed: int | None = 1,
    unload_after_minutes: float | None = None,
) -> VietTTSEngine:
    settings = EngineSettings(
        model_dir,
        voices_dir=voices_dir,
        device="cpu",
        threads=1,
        quality="exact",
        no_streaming=not streams_sentences,
        seed=seed,
        unload_after=unload_after_minutes,
    )
    return VietTTSEngine(settings)


def say(
    engine: VietTTSEngine, text: str, voice: str = "an", speed: float = 1.0
) -> Generator[bytes, None, None]:
    """PCM, which is empty at a pause."""
    return _with_empty_pauses(engine.voices[voice].speak(text, speed))


def _with_empty_pauses(pieces: PCM) -> Generator[bytes, None, None]:
    with closing(pieces):
        for pcm in pieces:
            yield pcm or b""


def samples_of(pieces: Iterable[bytes | None]) -> np.ndarray:
    return np.frombuffer(joined(pieces), "<i2").astype(float)


@pytest.fixture(scope="session")
def voices_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two voices; not to be changed."""
    folder = tmp_path_factory.mktemp("voices")
    record(folder / "an.wav")
    record(folder / "binh.wav", "espeak-north-female")
    return folder
