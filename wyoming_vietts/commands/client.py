"""A small Wyoming client for commands: bounded memory and one-line errors, whatever answers."""

import asyncio
import json
from collections.abc import Collection
from typing import Any

from wyoming.event import Event, async_write_event
from wyoming.info import Describe

from ..settings.addresses import parse_uri, reachable

_MAX_BYTES = 16 * 2**20  # of an event's data or payload


async def ask(uri: str, request: Event, last: Collection[str]) -> list[Event]:
    """Send a request; return the events of the answer, up to one of the types in `last`.

    Raises:
        OSError: nobody answers.
        ValueError: it is no Wyoming server, or closes the connection before the end.
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
    try:
        await async_write_event(request, writer)
        while not events or events[-1].type not in last:
            events.append(await _read_event(reader))
    except asyncio.IncompleteReadError as error:
        raise ValueError("it closed the connection before the end") from error
    except (LookupError, TypeError, ValueError, RecursionError) as error:
        raise ValueError(f"that is no Wyoming server: {printable(error)}") from error
    finally:
        writer.close()
    return events


async def _read_event(reader: asyncio.StreamReader) -> Event:
    line = await reader.readline()
    if not line.endswith(b"\n"):
        raise asyncio.IncompleteReadError(line, None)
    header = _object(json.loads(line))
    data = _object(header.get("data") or {})
    if length := _length(header, "data_length"):
        data = data | _object(json.loads(await reader.readexactly(length)))
    payload = await reader.readexactly(_length(header, "payload_length"))
    return Event(str(header["type"]), data, payload)


def _object(value: Any) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise TypeError(f"{value!r:.80} is no JSON object")
    return value


def _length(header: dict[str, Any], key: str) -> int:
    length = header.get(key) or 0
    if type(length) is not int or not 0 <= length <= _MAX_BYTES:
        raise ValueError(f"'{key}' is {length!r:.80}")
    return length


async def describe(uri: str, timeout_seconds: float) -> tuple[str, int]:
    """Return the name of a server's program, and how many voices it offers.

    Raises:
        OSError: nobody answers, or not in time.
        ValueError: it is no Wyoming server.
    """
    async with asyncio.timeout(timeout_seconds):
        info = (await ask(uri, Describe().event(), ("info",)))[-1]
    try:
        programs = info.data.get("tts") or []
        name = printable(programs[0]["name"]) if programs else ""
        return name, sum(len(program["voices"]) for program in programs)
    except (LookupError, TypeError) as error:
        raise ValueError(f"that is no Wyoming server: {printable(error)}") from error


def printable(text: object) -> str:
    """Return a foreign text as one short line, without control codes of terminals."""
    return "".join(sign if sign.isprintable() else " " for sign in str(text)[:500])
