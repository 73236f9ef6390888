"""What is done while nobody is being served."""

import asyncio
import logging
from collections.abc import Callable, Iterator

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..errors import SynthesisError

_LOGGER = logging.getLogger(__name__)

_PAUSE_SECONDS = 2.0
_BUSY_PAUSE_SECONDS = 0.1
_STEP_PAUSE_SECONDS = 0.005  # a client that comes between two steps is answered there


async def work_while_idle(
    catalogue: Catalogue, default: Voice | None, is_busy: Callable[[], bool]
) -> None:
    """Load the default voice, and let the engines work ahead whenever no utterance is under way."""
    if default is not None:
        try:
            await _take_steps(default.load(), is_busy)
        except SynthesisError as error:
            _LOGGER.warning("Voice '%s' cannot speak: %s", default.name, error)
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
