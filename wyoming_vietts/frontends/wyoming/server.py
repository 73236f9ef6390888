"""Hands every Wyoming connection to a handler, and stops cleanly.

The wyoming package's AsyncServer closes all connections as soon as it is told to stop, even in the
middle of a word. Here an utterance under way may finish.
"""

import asyncio
import os
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from wyoming.error import Error

from ...settings.addresses import parse_uri
from ..listener import Listener, finish
from ..sockets import listen_on_tcp, listen_on_unix, remove_own_socket
from .connection import Connection
from .handler import Handler
from .wire import MAX_HEADER_BYTES, encode_event


class Server:
    """Serves Wyoming clients on one address."""

    def __init__(
        self, uri: str, max_clients: int, make_handler: Callable[[Connection], Handler]
    ) -> None:
        """Prepare to listen on `uri`; clients beyond `max_clients` are refused with an error."""
        self._scheme, self._host, self._port = parse_uri(uri)
        self._max_clients = max_clients
        self._make_handler = make_handler
        self._handlers: dict[asyncio.Task[None], Handler] = {}
        self._listener: Listener | None = None
        self._socket_file: os.stat_result | None = None

    @property
    def is_busy(self) -> bool:
        """Whether an utterance is under way."""
        return any(handler.is_busy for handler in self._handlers.values())

    async def start(self) -> None:
        """Accept connections from now on; raise OSError if the address cannot be used."""
        if self._scheme == "stdio":
            await self._open_stdio()
            return
        if self._scheme == "unix":
            sockets = [listen_on_unix(Path(self._host))]
            self._socket_file = os.stat(self._host)
        else:
            sockets = await listen_on_tcp(self._host, self._port)
        error = Error(text=f"The server has {self._max_clients} clients; try again", code="busy")
        self._listener = Listener(
            sockets,
            self._make_protocol,
            lambda: len(self._handlers),
            self._max_clients,
            encode_event(error.event()),
        )

    async def wait(self, stop: Awaitable[object]) -> None:
        """Serve until `stop` is done or, on stdio, the only client is."""
        waiting: set[asyncio.Future[object]] = {asyncio.ensure_future(stop)}
        if self._scheme == "stdio":
            waiting |= set(self._handlers)  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def stop_accepting(self) -> None:
        """Accept no more clients and requests; utterances under way go on."""
        if self._listener is not None:
            self._listener.close()
        for task, handler in self._handlers.items():
            handler.stop_after_answer()
            if not handler.is_busy:
                task.cancel()

    async def finish(self) -> None:
        """Wait for utterances under way, at most 5 s, then end the others with an error."""
        busy = sum(handler.is_busy for handler in self._handlers.values())
        await finish(set(self._handlers), busy)
        if self._socket_file is not None:
            remove_own_socket(Path(self._host), self._socket_file)

    def _make_protocol(self) -> asyncio.Protocol:
        reader = asyncio.StreamReader(limit=MAX_HEADER_BYTES)

        def serve(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            # A Wyoming client keeps its sending side open for as long as it listens.
            self._serve(Connection(reader, writer, lambda: reader.at_eof() or writer.is_closing()))

        return asyncio.StreamReaderProtocol(reader, serve)

    def _serve(self, connection: Connection) -> None:
        handler = self._make_handler(connection)
        task = asyncio.create_task(handler.run())
        self._handlers[task] = handler
        task.add_done_callback(self._handlers.pop)

    async def _open_stdio(self) -> None:
        """Serve the only client, on standard input and output; raise OSError if one is unusable."""
        if sys.stdin is None or sys.stdout is None:
            raise OSError("standard input or output is closed")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_HEADER_BYTES)
        mode = os.fstat(sys.stdin.fileno()).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty():
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        else:  # an event loop cannot watch a file
            reader.feed_data(sys.stdin.buffer.read())
            reader.feed_eof()
        try:
            transport, protocol = await loop.connect_write_pipe(
                asyncio.streams.FlowControlMixin, sys.stdout
            )
        except ValueError as error:
            raise OSError("standard output must be a pipe, a socket or a terminal") from error
        writer = asyncio.StreamWriter(transport, protocol, None, loop)
        # The end of input on a pipe is not a hang-up: the client still wants its answers.
        self._serve(Connection(reader, writer, writer.is_closing))
