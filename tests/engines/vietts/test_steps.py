"""No text makes a step much longer than a normal sentence does."""

import asyncio
import gc
import time
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from torch import Tensor

from tests.engines.vietts.speech import make_engine, voices_dir
from tests.harness import SETTINGS
from wyoming_vietts.engines.catalogue import Catalogue
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.networks import flow_stream
from wyoming_vietts.engines.vietts.networks.flow import Flow
from wyoming_vietts.engines.vietts.voice import MAX_CHUNK_SECONDS
from wyoming_vietts.speech.synthesizer import Synthesizer
from wyoming_vietts.steps import Steps

__all__ = ["voices_dir"]

NORMAL = "Nhiệt độ phòng khách là 26,5°C, độ ẩm 60%, hôm nay trời đẹp và nắng ấm cả ngày."

LONG_SPOKEN = {
    "signs": "‰" * 249,
    "digits": "0" * 249,
    "telephone numbers": "0912345678 " * 22,
    "acronyms": "WXYZ " * 49,
    "units": "9 kWh/m² " * 27,
    "one word": "nghiêng" * 35,
    "rare letters": "Ω±≈" * 83,
    "fractions": "⅞" * 249,
}


@pytest.fixture(scope="module")
def engine(model_dirs: dict[int, Path], voices_dir: Path) -> VietTTSEngine:
    engine = make_engine(model_dirs[25], voices_dir)
    list(engine.idle_work())
    longest_step(engine, NORMAL)  # what is made once is made here
    gc.collect()
    gc.freeze()
    return engine


def longest_step(engine: VietTTSEngine, text: str, steps: int = 3000) -> float:
    """Seconds of processor time of the longest step of the first ones."""

    async def measure() -> float:
        utterance = Synthesizer(Catalogue([engine], is_auto=False), SETTINGS).begin("tests")
        longest, count, started = 0.0, 0, time.process_time()
        for pieces in (utterance.add(text), utterance.finish()):
            async with aclosing(pieces):
                async for _ in pieces:
                    longest = max(longest, time.process_time() - started)
                    if (count := count + 1) == steps:
                        return longest
                    started = time.process_time()
        return longest

    return asyncio.run(measure())


@pytest.fixture(scope="module")
def normal(engine: VietTTSEngine) -> float:
    """Seconds of the longest step of a normal sentence."""
    return max(longest_step(engine, NORMAL) for _ in range(2))


@pytest.mark.parametrize("what", LONG_SPOKEN)
def test_longest_step_is_not_much_longer_than_that_of_a_normal_sentence(
    engine: VietTTSEngine, normal: float, what: str
) -> None:
    assert longest_step(engine, LONG_SPOKEN[what]) < 6 * normal


def test_no_more_than_some_seconds_of_speech_are_solved_at_once(
    engine: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    frames: list[int] = []
    real = flow_stream.euler

    def euler(flow: Flow, mu: Tensor, *rest: Any) -> Steps[Tensor]:
        frames.append(mu.shape[1])
        return real(flow, mu, *rest)

    monkeypatch.setattr(flow_stream, "euler", euler)
    longest_step(engine, "nghiêng " * 24, steps=4000)
    prompt_seconds, context_seconds, foresight_seconds = 4.0, 0.6, 0.3
    most = MAX_CHUNK_SECONDS + prompt_seconds + context_seconds + foresight_seconds
    assert len(frames) > 3
    assert max(frames) <= most * 22_050 / 256
