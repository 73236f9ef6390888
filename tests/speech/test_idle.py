"""What is done while nobody is being served is not done while somebody is."""

import asyncio
from collections.abc import Iterator

import pytest

from tests.harness import StepEngine
from wyoming_vietts.engines.catalogue import Catalogue
from wyoming_vietts.speech import idle
from wyoming_vietts.speech.idle import work_while_idle


class WorkingEngine(StepEngine):
    """Counts the steps of its idle work."""

    worked = 0

    def idle_work(self) -> Iterator[None]:
        for _ in range(3):
            self.worked += 1
            yield


async def test_work_waits_for_the_end_of_every_utterance() -> None:
    engine = WorkingEngine()
    is_busy = True
    working = asyncio.create_task(
        work_while_idle(Catalogue([engine], is_auto=False), lambda: is_busy)
    )
    await asyncio.sleep(0.05)
    assert engine.worked == 0
    is_busy = False
    async with asyncio.timeout(10):
        while engine.worked < 1:
            await asyncio.sleep(0)
    is_busy = True
    await asyncio.sleep(0.05)
    assert engine.worked == 1
    is_busy = False
    async with asyncio.timeout(10):
        while engine.worked < 3:
            await asyncio.sleep(0)
    working.cancel()


class FailingEngine(WorkingEngine):
    """Fails in each round of its idle work."""

    def idle_work(self) -> Iterator[None]:
        self.worked += 1
        yield
        raise ZeroDivisionError("stride 0")


async def test_work_goes_on_after_an_error_which_is_logged_once(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(idle, "_PAUSE_SECONDS", 0.0)
    failing, other = FailingEngine(), WorkingEngine()
    catalogue = Catalogue([failing, other], is_auto=False)
    working = asyncio.create_task(work_while_idle(catalogue, lambda: False))
    async with asyncio.timeout(10):
        while failing.worked < 3:
            await asyncio.sleep(0)
    working.cancel()
    assert other.worked >= 6
    assert caplog.text.count("ZeroDivisionError: stride 0") == 1
