"""The web application: what every request goes through, whatever it asks for."""

import logging
from collections.abc import Sequence

from aiohttp import web
from aiohttp.typedefs import Handler

from ...errors import WyomingViettsError
from .guard import HEADERS, Guard
from .requests import error_response

_LOGGER = logging.getLogger(__name__)

_MAX_BYTES_A_CHARACTER = 12  # an emoji in JSON may be \ud83d\ude00
_OTHER_BYTES = 10_000  # of a request, besides its text
_CODES = {404: "not-found", 405: "wrong-method", 413: "too-large"}


def make_app(guard: Guard, routes: Sequence[web.RouteDef], max_text: int) -> web.Application:
    """Put routes behind the guard.

    Args:
        max_text: characters of the longest text that a request may have.
    """

    @web.middleware
    async def refuse_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            guard.check(request)
            return await handler(request)
        except WyomingViettsError as error:
            return error_response(error.code, str(error))
        except web.HTTPException as error:
            code = _CODES.get(error.status, "bad-request")
            return error_response(code, f"{request.method} {request.path:.200}: {error.reason}")
        except ConnectionError:
            raise
        except OSError as error:  # such as: a disk that is full
            _LOGGER.warning("Cannot answer %s %.200s: %s", request.method, request.path, error)
            return error_response("failed", str(error))
        except Exception:
            _LOGGER.exception("Cannot answer %s %.200s", request.method, request.path)
            return error_response("failed", "The server failed; see its log")

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        if response.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="wyoming-vietts"'

    app = web.Application(
        middlewares=[refuse_in_json],
        client_max_size=_MAX_BYTES_A_CHARACTER * max_text + _OTHER_BYTES,
    )
    app.on_response_prepare.append(set_headers)
    app.add_routes(routes)
    return app
