"""The web application, and the server of its connections."""

import logging
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web
from aiohttp.typedefs import Handler

from ...downloads.background import Downloads
from ...errors import WyomingViettsError
from ...speech.synthesizer import Synthesizer
from .. import limits
from ..listener import Listener
from ..sockets import listen_on_tcp
from .apis import mary_routes, openai_routes, rhasspy_routes
from .downloads import DownloadRoutes
from .guard import Access, Guard
from .metrics import Metrics
from .openapi import openapi_routes
from .page_api import DefaultVoice, page_api_routes, page_routes, text_routes
from .piper_uploads import PiperUploadRoutes
from .requests import error_response
from .speech import SpeechEndpoint
from .voices import VoiceRoutes

_LOGGER = logging.getLogger(__name__)

_MAX_BYTES_A_CHARACTER = 12  # an emoji in JSON may be \ud83d\ude00
_OTHER_BYTES = 10_000  # of a request, beside its text
_CODES = {404: "not-found", 405: "wrong-method", 413: "too-large"}
_MAX_LINE_BYTES = 64 * 1024  # with a text in the URL, nine bytes a letter: %E1%BB%87
_REFUSAL = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n"
    b"Retry-After: 1\r\n\r\n"
)

# aiohttp logs a stack trace for each request that is not HTTP.
_PROTOCOL_LOGGER = logging.getLogger(f"{__name__}.protocol")
_PROTOCOL_LOGGER.setLevel(logging.CRITICAL)


class HttpServer:
    """Serves HTTP clients on one address."""

    def __init__(
        self,
        address: tuple[str, int],
        access: Access,
        max_clients: int,
        voices_dir: Path,
        synthesizer: Synthesizer,
        downloads: Downloads,
    ) -> None:
        """Prepare to listen.

        Args:
            address: host and port.
            max_clients: further ones are refused.
            voices_dir: where recordings are, and those that clients send are put.
        """
        self._address = address
        self._max_clients = max_clients
        self._endpoint = SpeechEndpoint(synthesizer)
        download_routes = DownloadRoutes(downloads)
        guard = Guard(address[0], access)
        metrics = Metrics(synthesizer)
        chosen = DefaultVoice(synthesizer, voices_dir)
        chosen.restore()
        voices = VoiceRoutes(synthesizer, chosen, voices_dir)
        routes = [
            web.get("/health", _health),
            web.get("/metrics", metrics.handle),
            *openai_routes(synthesizer, self._endpoint),
            *rhasspy_routes(self._endpoint),
            *mary_routes(synthesizer, self._endpoint),
            *openapi_routes(synthesizer.settings.max_text_characters, access.token is not None),
            *page_routes(),
            *page_api_routes(synthesizer, chosen, download_routes, metrics, guard),
            *text_routes(synthesizer, guard),
            *voices.routes(guard),
            *PiperUploadRoutes(synthesizer, voices.count_new).routes(guard),
            *download_routes.routes(guard),
        ]
        self.app = _make_app(guard, routes, synthesizer.settings.max_text_characters)
        """All routes."""
        self._runner = web.AppRunner(
            self.app,
            access_log=None,
            logger=_PROTOCOL_LOGGER,
            handler_cancellation=True,  # a client that hangs up ends its request
            keepalive_timeout=limits.REQUEST_SECONDS,
            auto_decompress=False,  # no request needs it, and a small one could become huge
            max_line_size=_MAX_LINE_BYTES,
            lingering_time=limits.LAST_WORDS_SECONDS,
            shutdown_timeout=limits.LAST_WORDS_SECONDS,
        )
        self._listener: Listener | None = None

    async def start(self) -> None:
        """Accept connections from now on; raise OSError if the address cannot be used."""
        await self._runner.setup()
        server = self._runner.server
        assert server is not None
        sockets = await listen_on_tcp(*self._address)
        self._listener = Listener(
            sockets, server, lambda: len(server.connections), self._max_clients, _REFUSAL
        )

    def stop_accepting(self) -> None:
        """Accept no more connections and requests for speech; answers under way go on."""
        self._endpoint.stop_accepting()
        if self._listener is not None:
            self._listener.close()

    async def finish(self) -> None:
        """Wait for answers under way, at most 5 s, then cut off the others."""
        await self._endpoint.finish()
        await self._runner.cleanup()


async def _health(request: web.Request) -> web.Response:
    return web.Response(text="ok")


def _make_app(guard: Guard, routes: Sequence[web.RouteDef], max_text: int) -> web.Application:
    """Put routes behind the guard; texts of requests have at most `max_text` characters."""
    openai_paths = {route.path for route in routes}

    @web.middleware
    async def refuse_in_json(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            guard.check(request)
            if guard.is_preflight(request):
                return web.Response(status=204)
            return await handler(request)
        except WyomingViettsError as error:
            return error_response(error.code, str(error))
        except web.HTTPException as error:
            code = _CODES.get(error.status, "bad-request")
            hint = ""
            if error.status == 404 and f"/v1{request.path}" in openai_paths:
                hint = "; the base URL of OpenAI's API ends with /v1"
            message = f"{request.method} {request.path:.200}: {error.reason}{hint}"
            allow = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else None
            return error_response(code, message, allow)
        except ConnectionError:
            raise
        except OSError as error:  # such as: a disk that is full
            _LOGGER.warning("Cannot answer %s %.200s: %s", request.method, request.path, error)
            return error_response("failed", str(error))
        except Exception:
            _LOGGER.exception("Cannot answer %s %.200s", request.method, request.path)
            return error_response("failed", "The server failed; see its log")

    async def set_headers(request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(guard.headers(request))
        if response.status == 401:
            response.headers["WWW-Authenticate"] = 'Basic realm="wyoming-vietts"'

    app = web.Application(
        middlewares=[refuse_in_json],
        client_max_size=_MAX_BYTES_A_CHARACTER * max_text + _OTHER_BYTES,
    )
    app.on_response_prepare.append(set_headers)
    app.add_routes(routes)
    return app
