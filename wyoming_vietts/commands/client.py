"""A small Wyoming client for commands, with bounded memory and one-line errors."""

import asyncio
import json
from collections.abc import Collection
from typing import Any

from wyoming.event import Event, async_write_event
from wyoming.info import Describe

from ..errors import printable
from ..settings.addresses import parse_uri, reachable

SILENCE_SECONDS = 60.0
"""Longest wait for an event."""

_MAX_BYTES = 16 * 2**20  # of an event's data or payload
_MAX_PAYLOAD_BYTES = 3600 * 48_000 * 2  # of an answer: an hour of speech
_MAX_JSON_BYTES = 64 * 2**20  # of an answer


async def ask(
    uri: str, request: Event, last: Collection[str], kept: Collection[str] = ()
) -> list[Event]:
    """Send a request; return the events of the types in `kept`, and the first of those in `last`.

    Raises:
        OSError: no server answers.
        ValueError: it is not a Wyoming server, closes the connection too early, falls silent, or
            sends too much.
    """
    scheme, host, port = parse_uri(reachable(uri))
    if scheme == "stdio":
        raise ValueError("a server on stdio has no other clients")
    reader, writer = await (
        asyncio.open_unix_connection(host)
        if scheme == "unix"
        else asyncio.open_connection(host, port)
    )
    events: list[Event] = []
    json_bytes = payload_bytes = 0
    try:
        await asyncio.wait_for(async_write_event(request, writer), SILENCE_SECONDS)
        while not events or events[-1].type not in last:
            event, size = await asyncio.wait_for(_read_event(reader), SILENCE_SECONDS)
            json_bytes += size
            payload_bytes += len(event.payload or b"")
            if json_bytes > _MAX_JSON_BYTES or payload_bytes > _MAX_PAYLOAD_BYTES:
                raise ValueError("it sent more data than an hour of speech")
            if event.type in last or event.type in kept:
                events.append(event)
    except TimeoutError as error:
        raise ValueError(f"it has sent nothing for {SILENCE_SECONDS:g} seconds") from error
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        raise ValueError("it closed the connection before the end") from error
    finally:
        writer.close()
    return events


async def _read_event(reader: asyncio.StreamReader) -> tuple[Event, int]:
    """Read an event; return it and the bytes of its JSON."""
    try:
        line = await reader.readline()
        if not line.endswith(b"\n"):
            raise asyncio.IncompleteReadError(line, None)
        header = _object(json.loads(line))
        data = _object(header.get("data") or {})
        length = _length(header, "data_length")
        if length:
            data = data | _object(json.loads(await reader.readexactly(length)))
        payload = await reader.readexactly(_length(header, "payload_length"))
        return Event(str(header["type"]), data, payload), len(line) + length
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"that is no Wyoming server: {shown(error)}") from error


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.80} is not a JSON object")
    return value


def _length(header: dict[str, Any], key: str) -> int:
    length = header.get(key) or 0
    if type(length) is not int or not 0 <= length <= _MAX_BYTES:
        raise ValueError(f"'{key}' is {length!r:.80}")
    return length


async def describe(uri: str, timeout_seconds: float) -> tuple[str, int]:
    """Return the name of a server's program, and how many voices it offers.

    Raises:
        OSError: no server answers in time.
        ValueError: it is not a Wyoming server.
    """
    async with asyncio.timeout(timeout_seconds):
        info = (await ask(uri, Describe().event(), ("info",)))[-1]
    try:
        programs = info.data.get("tts") or []
        name = shown(programs[0]["name"]) if programs else ""
        return name, sum(len(program["voices"]) for program in programs)
    except (LookupError, TypeError) as error:
        raise ValueError(f"that is no Wyoming server: {shown(error)}") from error


def shown(text: object) -> str:
    """Return text from a server as one short line, without terminal control codes."""
    return printable(str(text)[:500])
