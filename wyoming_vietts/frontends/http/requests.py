"""Reads the bodies of requests, within limits of size and time, and answers with errors."""

import asyncio
from collections.abc import AsyncGenerator, Mapping
from email import message_from_bytes
from email.message import Message
from typing import Any

from aiohttp import web

from ...errors import RequestError, ServerStoppingError, SynthesisError, WyomingViettsError
from .. import limits
from ..fields import parse_object

_MEGABYTE = 1_000_000
_MAX_FIELDS = 20
_MAX_HEAD_BYTES = 4096  # of a field of a form; the parser takes quadratic time


async def read_body(request: web.Request, most_bytes: int | None = None) -> bytes:
    """Read the whole body of a request.

    Args:
        most_bytes: its limit; None for the application's limit for texts.

    Raises:
        HttpError: it is too long or too slow.
        RequestError: it is incomplete.
    """
    if most_bytes is None:
        most_bytes = request.client_max_size
    body = bytearray()
    async for piece in body_pieces(request, most_bytes, limits.REQUEST_SECONDS):
        body += piece
    return bytes(body)


async def body_pieces(
    request: web.Request, most_bytes: int, seconds: float
) -> AsyncGenerator[bytes, None]:
    """Yield the body of a request as it comes; see `read_body`.

    Args:
        seconds: for each megabyte, so that a place is soon free again if a client drips bytes.
    """
    clock = asyncio.get_running_loop().time
    deadline = clock() + seconds
    size = 0
    try:
        while (request.content_length or 0) <= most_bytes and size <= most_bytes:
            async with asyncio.timeout_at(deadline):
                piece = await request.content.readany()
            if not piece:
                return
            if (size + len(piece)) // _MEGABYTE > size // _MEGABYTE:
                deadline = clock() + seconds
            size += len(piece)
            if size <= most_bytes:
                yield piece
    except TimeoutError as error:
        raise HttpError(
            "too-slow", f"A megabyte of the request was not complete after {seconds:g} seconds"
        ) from error
    except web.RequestPayloadError as error:
        raise RequestError("The body breaks off, or is not encoded as its headers say") from error
    raise HttpError("too-large", f"The request is longer than {most_bytes} bytes")


async def read_json(request: web.Request) -> dict[str, Any]:
    """Read a body that must be a JSON object; see `read_body`."""
    return parse_object(await read_body(request), "body", RequestError)


async def read_form(request: web.Request, most_bytes: int) -> dict[str, bytes]:
    """Read the fields of a body that must be multipart/form-data; see `read_body`."""
    head = Message()
    head["Content-Type"] = request.headers.get("Content-Type", "")
    try:
        boundary = head.get_boundary()
    except ValueError as error:  # in an unknown encoding
        raise RequestError(f"The boundary of the form cannot be read: {error}") from error
    if head.get_content_type() != "multipart/form-data" or not boundary:
        raise RequestError("The body must be multipart/form-data")
    body = b"\r\n" + await read_body(request, most_bytes)
    parts = body.split(b"\r\n--" + boundary.encode("utf-8", "replace"), _MAX_FIELDS + 1)
    if len(parts) < 2 or not parts[-1].startswith(b"--"):
        raise RequestError(f"The form is not complete, or has more than {_MAX_FIELDS} fields")
    fields = {}
    for part in parts[1:-1]:
        end = part.find(b"\r\n\r\n", 0, _MAX_HEAD_BYTES)
        if end < 0:
            raise RequestError(
                f"The headers of a field of the form must end in its first {_MAX_HEAD_BYTES} bytes"
            )
        headers = message_from_bytes(part[:end].lstrip())
        name = headers.get_param("name", "", "Content-Disposition")
        fields[str(name)] = part[end + 4 :]
    return fields


# --- errors ---------------------------------------------------------------------------------------

_STATUSES = {
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "wrong-method": 405,
    "too-slow": 408,
    "conflict": 409,
    "needed": 409,
    "name-taken": 409,
    "too-large": 413,
    "too-many": 429,
    "no-room": 507,
    "busy": 503,
    WyomingViettsError.code: 500,
    SynthesisError.code: 500,
    ServerStoppingError.code: 503,
}
"""HTTP statuses, by the code of an error; 400 for others."""


class HttpError(RequestError):
    """A request that is refused, with a code of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def error_response(
    code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    status = status_of(code)
    if status == 503:
        headers = {"Retry-After": "1", **(headers or {})}
    return web.json_response(error_object(code, message), status=status, headers=headers)


def error_object(code: str, message: str) -> dict[str, object]:
    """Make the error object of OpenAI's API."""
    kind = "server_error" if status_of(code) >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def status_of(code: str) -> int:
    return _STATUSES.get(code, 400)
