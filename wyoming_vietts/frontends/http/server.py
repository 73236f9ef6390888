"""Listens for HTTP clients, in the event loop that all doors share, and stops cleanly."""

import asyncio
import contextlib
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from aiohttp import web

from ...settings.addresses import Network
from ...speech.narrator import Narrator
from ..sockets import BACKLOG, buffer_little, listen_on_tcp
from .apis import mary_routes, openai_routes, rhasspy_routes
from .app import make_app
from .default_voice import DefaultVoice
from .downloads import Downloads
from .guard import Guard
from .metrics import Metrics
from .page_api import page_api_routes, page_routes, text_routes
from .speech import SpeechEndpoint
from .voices import VoiceRoutes

HEAD_SECONDS = 30.0  # in which a client must send its next request, as far as the body
STOP_TIMEOUT_SECONDS = 5.0
_LAST_WORDS_SECONDS = 1.0
_TOLD_AT_ONCE = 20  # clients, that there is no place for them
_MAX_LINE_BYTES = 64 * 1024  # a text may be in it, nine bytes a letter: %E1%BB%87
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n"
    b"Retry-After: 1\r\n\r\n"
)

# aiohttp logs a stack trace for each request that is not HTTP.
_PROTOCOL_LOGGER = logging.getLogger(f"{__name__}.protocol")
_PROTOCOL_LOGGER.setLevel(logging.CRITICAL)


@dataclass(frozen=True)
class HttpSettings:
    """How the door is opened; the flags of these names say more."""

    host: str
    port: int
    token: str | None
    allowed: Sequence[Network]
    max_clients: int
    idle_timeout_seconds: float
    voices_dir: Path
    piper_dir: Path
    model_dir: Path


class HttpServer:
    """Serves HTTP clients on one address."""

    def __init__(self, narrator: Narrator, settings: HttpSettings) -> None:
        """Prepare to listen; clients beyond `max_clients` are turned away."""
        self._settings = settings
        self._endpoint = SpeechEndpoint(narrator, settings.idle_timeout_seconds)
        self._downloads = Downloads(settings.piper_dir, settings.model_dir)
        guard = Guard(settings.host, settings.allowed, settings.token)
        metrics = Metrics(narrator)
        chosen = DefaultVoice(narrator, settings.voices_dir)
        chosen.restore()
        routes = [
            web.get("/health", _health),
            web.get("/metrics", metrics.handle),
            *openai_routes(narrator, self._endpoint),
            *rhasspy_routes(self._endpoint),
            *mary_routes(narrator, self._endpoint),
            *page_routes(),
            *page_api_routes(narrator, chosen, self._downloads, metrics, guard),
            *text_routes(narrator, guard),
            *VoiceRoutes(narrator, chosen, settings.voices_dir).routes(guard),
            *self._downloads.routes(guard),
        ]
        self.app = make_app(guard, routes, narrator.settings.max_text_characters)
        """All routes."""
        self._runner = web.AppRunner(
            self.app,
            access_log=None,
            logger=_PROTOCOL_LOGGER,
            handler_cancellation=True,  # a client that hangs up ends its request
            keepalive_timeout=HEAD_SECONDS,
            auto_decompress=False,  # no request needs it, and a small one could become huge
            max_line_size=_MAX_LINE_BYTES,
            lingering_time=_LAST_WORDS_SECONDS,
            shutdown_timeout=_LAST_WORDS_SECONDS,
        )
        self._listening: list[asyncio.Server] = []
        self._turned_away: set[asyncio.Transport] = set()

    async def start(self) -> None:
        """Accept connections from now on.

        Raises:
            OSError: the address cannot be used.
        """
        await self._runner.setup()
        loop = asyncio.get_running_loop()
        for listener in await listen_on_tcp(self._settings.host, self._settings.port):
            buffer_little(listener)
            self._listening.append(
                await loop.create_server(self._welcome, sock=listener, backlog=BACKLOG)
            )

    def stop_accepting(self) -> None:
        """Take no more connections and no more requests for speech; answers under way go on."""
        self._endpoint.stop_accepting()
        for listening in self._listening:
            listening.close()

    async def finish(self) -> None:
        """Wait for answers under way, at most 5 s, then cut off what is left."""
        await asyncio.gather(self._endpoint.finish(STOP_TIMEOUT_SECONDS), self._downloads.finish())
        await self._runner.cleanup()

    def _welcome(self) -> asyncio.Protocol:
        server = self._runner.server
        assert server is not None
        if len(server.connections) >= self._settings.max_clients:
            return _TurnAway(self._turned_away)
        protocol: asyncio.Protocol = server()
        return protocol


async def _health(request: web.Request) -> web.Response:
    return web.Response(text="ok")


class _TurnAway(asyncio.Protocol):
    """Tells a client that there is no place for it."""

    def __init__(self, others: set[asyncio.Transport]) -> None:
        self._others = others  # that are being told, too

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        transport.write(_BUSY)
        if len(self._others) >= _TOLD_AT_ONCE:
            transport.close()
            return
        self._others.add(transport)
        with contextlib.suppress(OSError):  # it is gone already
            transport.write_eof()  # unread input would reset the connection and lose the answer
        asyncio.get_running_loop().call_later(_LAST_WORDS_SECONDS, transport.close)

    def connection_lost(self, error: Exception | None) -> None:
        self._others.discard(self._transport)
