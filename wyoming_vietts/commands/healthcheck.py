"""Ask a running server to describe itself; the exit status says whether it did."""

import argparse
import asyncio

from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

from ..errors import SetupError
from ..settings.addresses import reachable

TIMEOUT_SECONDS = 5.0


def run(options: argparse.Namespace) -> None:
    """Print how many voices the server offers.

    Raises:
        SetupError: it does not answer.
    """
    uri = reachable(options.uri)
    try:
        voices = asyncio.run(_count_voices(uri))
    except (OSError, TimeoutError, ValueError) as error:
        raise SetupError(
            f"{uri} does not answer ({str(error) or type(error).__name__}): "
            "look at the server's log, and whether it listens there"
        ) from error
    print(f"{uri} answers, with {voices} voices")


async def _count_voices(uri: str) -> int:
    async with asyncio.timeout(TIMEOUT_SECONDS), AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        while (event := await client.read_event()) is not None:
            if Info.is_type(event.type):
                return sum(len(program.voices) for program in Info.from_event(event).tts)
    raise ValueError("it closed the connection")
