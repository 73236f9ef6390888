"""Decodes Wyoming events from untrusted bytes, and encodes them.

The wyoming package's reader has no limits: it waits for as many bytes as a client announces,
forever, and fails on a header that is not an object. Its writer makes three system calls for each
event, although many events can be sent in one.
"""

import asyncio
import json
from typing import Any

from wyoming import __version__ as PROTOCOL_VERSION
from wyoming.audio import AudioChunk
from wyoming.event import Event

from ...errors import WireError
from .. import limits
from ..fields import parse_object

MAX_HEADER_BYTES = 64 * 1024
MAX_DATA_BYTES = 1024 * 1024
MAX_PAYLOAD_BYTES = 16 * 1024 * 1024

_KEYS = ("text", "text_format", "voice")  # of clients' events

_PIECE_BYTES = 64 * 1024


async def read_event(
    reader: asyncio.StreamReader, idle_timeout_seconds: float | None = None
) -> Event | None:
    """Read one event; its payload is skipped, as no request for speech has one.

    Args:
        idle_timeout_seconds: how long to wait for the first byte; for the rest it is 60 s.

    Returns:
        The event with the values of `_KEYS`, or None at the end of input.

    Raises:
        TimeoutError: no event has begun in time.
        WireError: not an event, over a limit, incomplete or too slow.
    """
    async with asyncio.timeout(idle_timeout_seconds):
        first = await reader.read(1)
    if not first:
        return None
    try:
        async with asyncio.timeout(limits.EVENT_SECONDS):
            return await _read_rest(first, reader)
    except TimeoutError as error:
        raise WireError(
            f"The event was not complete after {limits.EVENT_SECONDS:g} seconds"
        ) from error
    except asyncio.IncompleteReadError as error:
        raise WireError("The connection ended in the middle of an event") from error


async def _read_rest(first: bytes, reader: asyncio.StreamReader) -> Event:
    try:
        line = first if first == b"\n" else first + await reader.readuntil(b"\n")
    except asyncio.LimitOverrunError as error:
        raise WireError(f"The header line is longer than {MAX_HEADER_BYTES} bytes") from error
    header = parse_object(line, "header line", WireError)
    event_type = header.get("type")
    if not isinstance(event_type, str):
        raise WireError("The header has no 'type' that is a string")
    data = header.get("data")
    if data is None:
        data = {}
    if not isinstance(data, dict):
        raise WireError("'data' must be a JSON object")
    data_length = _length(header, "data_length", MAX_DATA_BYTES)
    payload_length = _length(header, "payload_length", MAX_PAYLOAD_BYTES)
    if data_length:
        data.update(parse_object(await reader.readexactly(data_length), "data", WireError))
    while payload_length:
        payload_length -= len(await reader.readexactly(min(payload_length, _PIECE_BYTES)))
    return Event(event_type, {key: value for key, value in data.items() if key in _KEYS})


def _length(header: dict[str, Any], key: str, limit: int) -> int:
    length = header.get(key)
    if length is None:
        return 0
    if not isinstance(length, int) or isinstance(length, bool) or not 0 <= length <= limit:
        raise WireError(f"'{key}' must be a whole number from 0 to {limit}")
    return length


def encode_event(event: Event) -> bytes:
    """Encode an event: a header line, then its data and payload."""
    return _head(event) + (event.payload or b"")


def encode_chunks(sample_rate: int, pcm: bytes, chunk_bytes: int) -> bytes:
    """Encode `audio-chunk` events, each with at most `chunk_bytes` of mono int16 PCM."""
    heads: dict[int, bytes] = {}  # all but the last have the same
    pieces: list[bytes] = []
    for start in range(0, len(pcm), chunk_bytes):
        chunk = pcm[start : start + chunk_bytes]
        if len(chunk) not in heads:
            event = AudioChunk(rate=sample_rate, width=2, channels=1, audio=chunk).event()
            heads[len(chunk)] = _head(event)
        pieces += heads[len(chunk)], chunk
    return b"".join(pieces)


def _head(event: Event) -> bytes:
    """Encode an event without its payload."""
    header: dict[str, Any] = {"type": event.type, "version": PROTOCOL_VERSION}
    data = json.dumps(event.data, ensure_ascii=False).encode() if event.data else b""
    if data:
        header["data_length"] = len(data)
    if event.payload:
        header["payload_length"] = len(event.payload)
    return b"".join((json.dumps(header).encode(), b"\n", data))
