"""Listens, hands every connection to a handler, and stops cleanly.

The wyoming package's AsyncServer closes all connections as soon as it is told to stop, even in the
middle of a word. Here an utterance under way may finish.
"""

import asyncio
import logging
import os
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from .handler import Handler
from .uri import parse_uri
from .wire import MAX_HEADER_BYTES

_LOGGER = logging.getLogger(__name__)

STOP_TIMEOUT_SECONDS = 5.0
_LAST_WORDS_SECONDS = 1.0
_BACKLOG = 256

HandlerFactory = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Callable[[], bool]], Handler]


class Server:
    """Serves Wyoming clients on one address."""

    def __init__(self, uri: str, make_handler: HandlerFactory) -> None:
        self._scheme, self._host, self._port = parse_uri(uri)
        self._make_handler = make_handler
        self._handlers: dict[asyncio.Task[None], Handler] = {}
        self._listener: asyncio.Server | None = None

    async def start(self) -> None:
        """Accept connections from now on.

        Raises:
            OSError: the address cannot be used.
        """
        if self._scheme == "tcp":
            self._listener = await asyncio.start_server(
                self._accept, self._host, self._port, limit=MAX_HEADER_BYTES, backlog=_BACKLOG
            )
        elif self._scheme == "unix":
            _remove_stale_socket(Path(self._host))
            self._listener = await asyncio.start_unix_server(
                self._accept, self._host, limit=MAX_HEADER_BYTES, backlog=_BACKLOG
            )
        else:
            await self._open_stdio()

    async def wait(self, stop: Awaitable[object]) -> None:
        """Serve until `stop` is done or, on stdio, until the one client is."""
        waiting: set[asyncio.Future[object]] = {asyncio.ensure_future(stop)}
        if self._scheme == "stdio":
            waiting |= set(self._handlers)  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def stop_accepting(self) -> None:
        """Take no more clients and no more requests; utterances under way go on."""
        if self._listener is not None:
            self._listener.close()
        for task, handler in self._handlers.items():
            handler.stop_after_answer()
            if not handler.is_busy:
                task.cancel()

    async def finish(self) -> None:
        """Wait for utterances under way, at most 5 s, then end what is left with an error."""
        if busy := sum(handler.is_busy for handler in self._handlers.values()):
            _LOGGER.info("Waiting for %d utterances under way", busy)
        if self._handlers:
            _, late = await asyncio.wait(set(self._handlers), timeout=STOP_TIMEOUT_SECONDS)
            for task in late:
                task.cancel()
        if self._handlers:
            await asyncio.wait(set(self._handlers), timeout=_LAST_WORDS_SECONDS)
        if self._scheme == "unix":
            Path(self._host).unlink(missing_ok=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        # A Wyoming client keeps its sending side open for as long as it listens.
        self._serve(reader, writer, lambda: reader.at_eof() or writer.is_closing())

    def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        has_hung_up: Callable[[], bool],
    ) -> None:
        handler = self._make_handler(reader, writer, has_hung_up)
        task = asyncio.create_task(handler.run())
        self._handlers[task] = handler
        task.add_done_callback(self._handlers.pop)

    async def _open_stdio(self) -> None:
        """One client on standard input and output.

        Raises:
            OSError: one of them is closed, or the output is a file.
        """
        if sys.stdin is None or sys.stdout is None:
            raise OSError("standard input or output is closed")
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader(limit=MAX_HEADER_BYTES)
        mode = os.fstat(sys.stdin.fileno()).st_mode
        if stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode) or sys.stdin.isatty():
            await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
        else:  # a file, which an event loop cannot wait for, and need not
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
        self._serve(reader, writer, writer.is_closing)


def _remove_stale_socket(path: Path) -> None:
    """Remove the socket that an earlier server left behind; never a file of another kind.

    Raises:
        OSError: a server listens on it.
    """
    try:
        is_socket = stat.S_ISSOCK(path.stat().st_mode)
    except FileNotFoundError:
        return
    if not is_socket:
        return
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(str(path))
        except ConnectionRefusedError:
            path.unlink()
        else:
            raise OSError("another server listens there")
