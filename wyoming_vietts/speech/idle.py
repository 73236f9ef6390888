"""Background work, while no utterance is under way."""

import asyncio
from collections.abc import Callable, Iterator

from ..engines.catalogue import Catalogue

_PAUSE_SECONDS = 2.0
_BUSY_PAUSE_SECONDS = 0.1
_STEP_PAUSE_SECONDS = 0.005  # a client that comes between two steps is answered there


async def work_while_idle(catalogue: Catalogue, is_busy: Callable[[], bool]) -> None:
    """Let the engines do their background work whenever no utterance is under way."""
    while True:
        await _take_steps(catalogue.idle_work(), is_busy)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _take_steps(steps: Iterator[None], is_busy: Callable[[], bool]) -> None:
    await _wait_until_idle(is_busy)
    for _ in steps:
        await asyncio.sleep(_STEP_PAUSE_SECONDS)
        await _wait_until_idle(is_busy)


async def _wait_until_idle(is_busy: Callable[[], bool]) -> None:
    while is_busy():
        await asyncio.sleep(_BUSY_PAUSE_SECONDS)
