"""Sends bytes as fast as a client reads; as a file, also parts of it (RFC 9110, section 14)."""

import asyncio
import hashlib
from collections.abc import Mapping

from aiohttp import web

from .. import limits

_PIECE_BYTES = 64 * 1024


async def write(response: web.StreamResponse, piece: bytes | memoryview) -> None:
    """Send bytes, as fast as the client reads.

    Raises:
        TimeoutError: it has read nothing for too long.
    """
    async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
        await response.write(piece)


async def send_file(
    request: web.Request, content: bytearray, content_type: str, headers: Mapping[str, str]
) -> web.StreamResponse:
    """Send a file, or the range of it that the client asks for.

    Raises:
        TimeoutError: the client has read nothing for too long.
    """
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    response = web.StreamResponse(headers={**headers, "ETag": tag, "Accept-Ranges": "bytes"})
    response.content_type = content_type
    start, stop = 0, len(content)
    if request.headers.get("If-Range", tag) == tag:
        start, stop = _range(request, len(content))
    if start >= stop:
        response.set_status(416)
        response.headers["Content-Range"] = f"bytes */{len(content)}"
        stop = start
    elif (start, stop) != (0, len(content)):
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    response.content_length = stop - start
    await response.prepare(request)
    if request.method != "HEAD":
        with memoryview(content) as view:
            for first in range(start, stop, _PIECE_BYTES):
                await write(response, view[first : min(first + _PIECE_BYTES, stop)])
    async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
        await response.write_eof()
    return response


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """Return start and stop of the wanted range; the whole where it is not one range."""
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    start, stop, _ = wanted.indices(size)
    return start, stop
