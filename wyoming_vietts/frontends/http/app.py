"""The web application: all routes, behind one guard, with one kind of error."""

import logging
from collections.abc import Awaitable, Callable

from aiohttp import web

from ...errors import WyomingViettsError
from ...speech.narrator import Narrator
from .errors import error_response
from .guard import HEADERS, Guard
from .mary import mary_routes
from .metrics import Metrics
from .openai import openai_routes
from .page_api import page_api_routes
from .page_files import page_routes
from .rhasspy import rhasspy_routes
from .speaking import Speaker

_LOGGER = logging.getLogger(__name__)

_CODES = {404: "not-found", 405: "wrong-method", 413: "too-large"}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def make_app(
    narrator: Narrator, speaker: Speaker, guard: Guard, metrics: Metrics
) -> web.Application:
    """Put the routes together."""

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
        except Exception:
            _LOGGER.exception("Cannot answer %s %.200s", request.method, request.path)
            return error_response("failed", "The server failed; see its log")

    async def health(request: web.Request) -> web.Response:
        return web.Response(text="ok")

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        if response.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="wyoming-vietts"'

    app = web.Application(middlewares=[refuse_in_json])
    app.on_response_prepare.append(set_headers)
    app.add_routes(
        [
            web.get("/health", health),
            web.get("/metrics", metrics.handle),
            *openai_routes(narrator, speaker),
            *rhasspy_routes(speaker),
            *mary_routes(narrator, speaker),
            *page_api_routes(narrator, metrics, guard),
            *page_routes(),
        ]
    )
    return app
