"""What is done while nobody is being served is not done while somebody is."""

import asyncio
from collections.abc import Iterator

from tests.harness import StepEngine
from wyoming_vietts.engines.catalogue import Catalogue
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
