"""Checks a running server; the exit status says whether it can speak."""

import argparse
import asyncio

from ..errors import SetupError
from ..settings.addresses import reachable
from .client import describe

TIMEOUT_SECONDS = 5.0


def run(options: argparse.Namespace) -> None:
    """Print how many voices the server offers.

    Raises:
        SetupError: it does not answer, or no voice can speak.
    """
    uri = reachable(options.uri)
    try:
        _, voices = asyncio.run(describe(uri, TIMEOUT_SECONDS))
    except (OSError, ValueError) as error:
        raise SetupError(
            f"{uri} does not answer ({str(error) or type(error).__name__}): "
            "look at the server's log, and whether it listens there"
        ) from error
    if not voices:
        raise SetupError(
            f"{uri} answers, without a voice: the server's log says why none can speak"
        )
    print(f"{uri} answers; voices: {voices}")
