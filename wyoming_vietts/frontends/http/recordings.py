"""Recordings that somebody sends, checked before a voice is made of one."""

import asyncio

from ...engines.contract import CloningEngine, Heard
from ...errors import RecordingError

MAX_BYTES = 20_000_000
SECONDS_TO_SEND = 120.0

_NAME = "The recording"  # in messages
_SUFFIXES = {b"RIFF": ".wav", b"fLaC": ".flac", b"OggS": ".ogg", b"ID3": ".mp3", b"\xff": ".mp3"}
"""By the first bytes of the file. Only libsndfile reads these, and no other kind is read."""


def suffix_of(content: bytes) -> str:
    """What the name of a recording's file ends with, whatever its sender calls it.

    Raises:
        RecordingError: it is of none of the kinds that are accepted.
    """
    for start, suffix in _SUFFIXES.items():
        if content.startswith(start):
            return suffix
    raise RecordingError(f"{_NAME} must be a WAV, FLAC, MP3 or Ogg (Opus) file")


async def listen(engine: CloningEngine, content: bytes) -> Heard:
    """Find out which seconds would make a voice, with turns for others.

    Raises:
        RecordingError: it cannot be one.
    """
    suffix_of(content)
    steps = engine.listen(content, _NAME)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            heard: Heard = end.value
            return heard
        await asyncio.sleep(0)


async def hearing(engine: CloningEngine, content: bytes) -> dict[str, object]:
    """What the page shows of a recording."""
    try:
        heard = await listen(engine, content)
    except RecordingError as error:
        return {
            "seconds": None,
            "start_seconds": None,
            "end_seconds": None,
            "problem": {"code": error.code, "message": str(error)},
            "warning": None,
        }
    two_voices = {"code": "two-voices", "message": "Two people seem to speak; one is cloned best"}
    return {
        "seconds": heard.seconds,
        "start_seconds": heard.start_seconds,
        "end_seconds": heard.end_seconds,
        "problem": None,
        "warning": two_voices if heard.has_two_voices else None,
    }
