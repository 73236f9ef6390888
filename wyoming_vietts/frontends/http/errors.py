"""What clients are told when something is wrong: OpenAI's error object, on every route."""

from collections.abc import Mapping

from aiohttp import web

from ...errors import RequestError, ServerStoppingError, SynthesisError, WyomingViettsError

_STATUSES = {
    "unauthorized": 401,
    "forbidden": 403,
    "not-found": 404,
    "wrong-method": 405,
    "too-slow": 408,
    "conflict": 409,
    "needed": 409,
    "too-large": 413,
    "too-many": 429,
    WyomingViettsError.code: 500,
    SynthesisError.code: 500,
    ServerStoppingError.code: 503,
}
"""By the code of an error; 400 for others."""


class HttpError(RequestError):
    """A request that is refused, with a code of its own."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


def error_response(
    code: str, message: str, headers: Mapping[str, str] | None = None
) -> web.Response:
    """An answer with an error object."""
    return web.json_response(error_object(code, message), status=status_of(code), headers=headers)


def error_object(code: str, message: str) -> dict[str, object]:
    """The error object, as OpenAI's clients expect it."""
    kind = "server_error" if status_of(code) >= 500 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": None, "code": code}}


def status_of(code: str) -> int:
    """The HTTP status that goes with the code of an error."""
    return _STATUSES.get(code, 400)
