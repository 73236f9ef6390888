"""Runs background work while no utterance is under way."""

import asyncio
from collections.abc import Callable

from ..engines.catalogue import Catalogue

_PAUSE_SECONDS = 2.0
_BUSY_PAUSE_SECONDS = 0.1
_STEP_PAUSE_SECONDS = 0.005  # for clients that arrive between two steps


async def work_while_idle(catalogue: Catalogue, is_busy: Callable[[], bool]) -> None:
    """Let the engines do their background work whenever no utterance is under way."""
    while True:
        await _wait_until_idle(is_busy)
        for _ in catalogue.idle_work():
            await asyncio.sleep(_STEP_PAUSE_SECONDS)
            await _wait_until_idle(is_busy)
        await asyncio.sleep(_PAUSE_SECONDS)


async def _wait_until_idle(is_busy: Callable[[], bool]) -> None:
    while is_busy():
        await asyncio.sleep(_BUSY_PAUSE_SECONDS)
