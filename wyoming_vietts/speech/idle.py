"""What is done while nobody is being served."""

import asyncio
from collections.abc import Callable

from ..engines.catalogue import Catalogue

_PAUSE_SECONDS = 2.0
_BUSY_PAUSE_SECONDS = 0.1


async def work_while_idle(catalogue: Catalogue, is_busy: Callable[[], bool]) -> None:
    """Let the engines work ahead, a step at a time, whenever no utterance is under way."""
    while True:
        for _ in catalogue.idle_work():
            await asyncio.sleep(0)
            while is_busy():
                await asyncio.sleep(_BUSY_PAUSE_SECONDS)
        await asyncio.sleep(_PAUSE_SECONDS)
