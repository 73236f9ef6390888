"""Asks a running server to describe itself; the exit status says whether it did.

python3 -m wyoming_vietts.healthcheck [--uri tcp://127.0.0.1:10200]
"""

import argparse
import asyncio
import os
import sys
from collections.abc import Sequence

from wyoming.client import AsyncClient
from wyoming.info import Describe, Info

from .options import DEFAULT_URI, ENVIRONMENT_PREFIX

TIMEOUT_SECONDS = 5.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns 0 if the server offers a voice, else 1 and a line on standard error."""
    parser = argparse.ArgumentParser(
        prog="wyoming_vietts.healthcheck", description=(__doc__ or "").splitlines()[0]
    )
    default = os.environ.get(f"{ENVIRONMENT_PREFIX}URI") or DEFAULT_URI
    parser.add_argument("--uri", default=default, help="the server (default: %(default)s)")
    uri = reachable(parser.parse_args(arguments).uri)
    try:
        voices = asyncio.run(_count_voices(uri))
    except (OSError, TimeoutError, ValueError) as error:
        print(f"{uri} does not answer: {error or type(error).__name__}", file=sys.stderr)
        return 1
    print(f"{uri} offers {voices} voices")
    return 0


def reachable(uri: str) -> str:
    """The URI at which this machine reaches a server that listens on all addresses."""
    return uri.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


async def _count_voices(uri: str) -> int:
    async with asyncio.timeout(TIMEOUT_SECONDS), AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        while (event := await client.read_event()) is not None:
            if Info.is_type(event.type):
                voices = sum(len(program.voices) for program in Info.from_event(event).tts)
                if not voices:
                    raise ValueError("it offers no voice")
                return voices
    raise ValueError("it closed the connection")


if __name__ == "__main__":
    sys.exit(main())
