"""Replaces the embedded voices by a small natural one, while a server already serves."""

import asyncio
import logging
from contextlib import suppress

from ..downloads.background import Downloads
from ..downloads.table import DOWNLOADS, SMALL_VOICE
from ..engines.piper.engine import PiperEngine
from ..engines.voice_folder import RESCAN_SECONDS
from ..errors import SynthesisError
from ..settings.table import NO_DOWNLOAD
from ..speech.synthesizer import Synthesizer
from ..steps import finish_in_turns

_LOGGER = logging.getLogger(__name__)

RETRY_SECONDS = 3600.0


async def fetch_first_voice(synthesizer: Synthesizer, downloads: Downloads) -> None:
    """Download the small natural voice, and load it; try again every hour.

    A server that has another voice, or a user who has chosen one, needs none.
    """
    if not (PiperEngine.is_installed() and _is_needed(synthesizer)):
        return
    _LOGGER.info(
        "Downloading '%s' (%d MB) meanwhile, a small natural voice; %s turns this off",
        *(SMALL_VOICE, DOWNLOADS[SMALL_VOICE].megabytes, NO_DOWNLOAD.flag),
    )
    while _is_needed(synthesizer):
        await downloads.start(SMALL_VOICE)
        if downloads.error_of(SMALL_VOICE) is None:
            await asyncio.sleep(RESCAN_SECONDS)  # then the folder is looked at again
            with suppress(SynthesisError):  # the log says why, and an embedded voice goes on
                await finish_in_turns(synthesizer.choose_voice().load())
            return
        await asyncio.sleep(RETRY_SECONDS)


def _is_needed(synthesizer: Synthesizer) -> bool:
    return synthesizer.settings.voice is None and synthesizer.catalogue.has_embedded_only
