"""Listens, hands every connection to a handler, and stops cleanly.

The wyoming package's AsyncServer closes all connections as soon as it is told to stop, even in the
middle of a word. Here an utterance under way may finish.
"""

import asyncio
import contextlib
import logging
import os
import resource
import socket
import stat
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

from wyoming.error import Error

from ...settings.addresses import parse_uri
from ..sockets import BACKLOG, buffer_little, listen_on_tcp
from .handler import Handler
from .wire import MAX_HEADER_BYTES, encode_event

_LOGGER = logging.getLogger(__name__)

STOP_TIMEOUT_SECONDS = 5.0
_LAST_WORDS_SECONDS = 1.0
_RETRY_SECONDS = 1.0
_REFUSED_AT_ONCE = 20
_OTHER_FILES = 32  # that the server itself has open at a time

HandlerFactory = Callable[[asyncio.StreamReader, asyncio.StreamWriter, Callable[[], bool]], Handler]


class Server:
    """Serves Wyoming clients on one address."""

    def __init__(self, uri: str, max_clients: int, make_handler: HandlerFactory) -> None:
        """Prepare to listen on `uri`; clients beyond `max_clients` are refused with an error."""
        self._scheme, self._host, self._port = parse_uri(uri)
        self._max_clients = min(max_clients, _most_clients())
        if self._max_clients < max_clients:
            _LOGGER.warning(
                "At most %d clients are served, as this process may open few files (ulimit -n)",
                self._max_clients,
            )
        self._make_handler = make_handler
        self._handlers: dict[asyncio.Task[None], Handler] = {}
        self._listeners: list[socket.socket] = []
        self._accepting: list[asyncio.Task[None]] = []
        self._refused: set[asyncio.Task[None]] = set()
        self._place_is_free = asyncio.Event()
        self._socket_file: os.stat_result | None = None

    @property
    def is_busy(self) -> bool:
        """An utterance is under way."""
        return any(handler.is_busy for handler in self._handlers.values())

    async def start(self) -> None:
        """Accept connections from now on.

        Raises:
            OSError: the address cannot be used.
        """
        if self._scheme == "stdio":
            await self._open_stdio()
        elif self._scheme == "unix":
            self._listeners = [_listen_on_unix(Path(self._host))]
            self._socket_file = os.stat(self._host)
        else:
            self._listeners = await listen_on_tcp(self._host, self._port)
        self._place_is_free.set()
        for listener in self._listeners:
            listener.setblocking(False)
            buffer_little(listener)
            self._accepting.append(asyncio.create_task(self._accept(listener)))

    async def wait(self, stop: Awaitable[object]) -> None:
        """Serve until `stop` is done or, on stdio, until the one client is."""
        waiting: set[asyncio.Future[object]] = {asyncio.ensure_future(stop)}
        if self._scheme == "stdio":
            waiting |= set(self._handlers)  # type: ignore[arg-type]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)

    def stop_accepting(self) -> None:
        """Take no more clients and no more requests; utterances under way go on."""
        for task in self._accepting:
            task.cancel()
        for listener in self._listeners:
            listener.close()
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
        if self._socket_file is not None:
            _remove_own_socket(Path(self._host), self._socket_file)

    async def _accept(self, listener: socket.socket) -> None:
        """Take clients, as long as there are places for them."""
        loop = asyncio.get_running_loop()
        is_failing = False
        while True:
            await self._place_is_free.wait()
            try:
                connection, _ = await loop.sock_accept(listener)
            except OSError as error:  # such as: out of file descriptors
                if not is_failing:
                    _LOGGER.warning("Cannot accept clients for now: %s", error)
                is_failing = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            is_failing = False
            _keep_alive(connection)
            reader = asyncio.StreamReader(limit=MAX_HEADER_BYTES)
            protocol = asyncio.StreamReaderProtocol(reader, self._welcome)
            await loop.connect_accepted_socket(lambda: protocol, connection)  # noqa: B023, used now

    def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._handlers) >= self._max_clients:
            task = asyncio.create_task(self._refuse(reader, writer))
            self._refused.add(task)
            task.add_done_callback(self._forget_refused)
        else:
            # A Wyoming client keeps its sending side open for as long as it listens.
            self._serve(reader, writer, lambda: reader.at_eof() or writer.is_closing())
        self._count_places()

    async def _refuse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Tell a client that there is no place for it."""
        _LOGGER.info("Refused a client: %d are connected", len(self._handlers))
        error = Error(text=f"The server has {self._max_clients} clients; try again", code="busy")
        with contextlib.suppress(OSError, TimeoutError):
            writer.write(encode_event(error.event()))
            writer.write_eof()
            # What it has sent must be read, or it sees a reset and no error.
            async with asyncio.timeout(_RETRY_SECONDS):
                while await reader.read(MAX_HEADER_BYTES):
                    pass
        writer.transport.abort()

    def _forget_refused(self, task: asyncio.Task[None]) -> None:
        self._refused.discard(task)
        self._count_places()

    def _count_places(self) -> None:
        """Accept while there are places, and some more to refuse clients on."""
        if len(self._handlers) + len(self._refused) < self._max_clients + _REFUSED_AT_ONCE:
            self._place_is_free.set()
        else:
            self._place_is_free.clear()

    def _serve(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        has_hung_up: Callable[[], bool],
    ) -> None:
        handler = self._make_handler(reader, writer, has_hung_up)
        task = asyncio.create_task(handler.run())
        self._handlers[task] = handler
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[None]) -> None:
        del self._handlers[task]
        self._count_places()

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


def _most_clients() -> int:
    """How many connections leave the process enough file descriptors for its work."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        return sys.maxsize
    return max(1, files - _OTHER_FILES - _REFUSED_AT_ONCE)


def _listen_on_unix(path: Path) -> socket.socket:
    _remove_stale_socket(path)
    listener = socket.socket(socket.AF_UNIX)
    try:
        listener.bind(str(path))
        listener.listen(BACKLOG)
    except OSError:
        listener.close()
        raise
    return listener


def _keep_alive(connection: socket.socket) -> None:
    """Have the kernel notice that a client's machine is gone: after two minutes of silence."""
    if connection.family == socket.AF_UNIX:
        return
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def _remove_own_socket(path: Path, own: os.stat_result) -> None:
    """Remove the socket file, unless a successor has replaced it by its own."""
    with contextlib.suppress(FileNotFoundError):
        found = path.stat()
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
            path.unlink()


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
