"""Accepts clients up to a limit, and lets answers finish at shutdown, for every protocol.

asyncio's own servers cannot pause: out of file descriptors, they log a stack trace for each client
that waits.
"""

import asyncio
import contextlib
import logging
import resource
import socket
import sys
from collections.abc import Callable, Collection, Sequence

from . import limits
from .sockets import keep_alive, shrink_send_buffer

_LOGGER = logging.getLogger(__name__)

_REFUSED_AT_ONCE = 20
_OTHER_FILES = 32  # descriptors that the process itself needs
_RETRY_SECONDS = 1.0
_FULL_PAUSE_SECONDS = 0.05


def limit_clients(max_clients: int, frontends: int) -> int:
    """Limit the clients of each frontend, to leave enough file descriptors.

    Args:
        max_clients: the user's limit for each.
    """
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if files == resource.RLIM_INFINITY:
        files = sys.maxsize
    most = max(1, (files - _OTHER_FILES) // frontends - _REFUSED_AT_ONCE)
    if most < max_clients:
        _LOGGER.warning(
            "At most %d clients are served%s, as this process may open few files (ulimit -n)",
            most,
            " at each address" if frontends > 1 else "",
        )
    return min(max_clients, most)


class Listener:
    """Accepts clients on some sockets."""

    def __init__(
        self,
        sockets: Sequence[socket.socket],
        make_protocol: Callable[[], asyncio.Protocol],
        count_clients: Callable[[], int],
        max_clients: int,
        refusal: bytes,
    ) -> None:
        """Accept clients from now on; an event loop must be running.

        Args:
            count_clients: returns the number of connected clients.
            max_clients: further clients are sent the `refusal`.
        """
        self._sockets = sockets
        self._make_protocol = make_protocol
        self._count_clients = count_clients
        self._max_clients = max_clients
        self._refusal = refusal
        self._refused: set[asyncio.BaseTransport] = set()
        self._is_failing = False
        for listening in sockets:
            listening.setblocking(False)
            shrink_send_buffer(listening)
        self._accepting = [asyncio.create_task(self._accept(listening)) for listening in sockets]

    def close(self) -> None:
        """Accept no more clients."""
        for task in self._accepting:
            task.cancel()
        for listening in self._sockets:
            listening.close()

    async def _accept(self, listening: socket.socket) -> None:
        """Accept clients up to the limit; refuse some more."""
        loop = asyncio.get_running_loop()
        while True:
            while (
                self._count_clients() + len(self._refused) >= self._max_clients + _REFUSED_AT_ONCE
            ):
                await asyncio.sleep(_FULL_PAUSE_SECONDS)
            try:
                connection, _ = await loop.sock_accept(listening)
            except OSError as error:  # such as: out of file descriptors
                if not self._is_failing:
                    _LOGGER.warning("Cannot accept clients for now: %s", error)
                self._is_failing = True
                await asyncio.sleep(_RETRY_SECONDS)
                continue
            self._is_failing = False
            keep_alive(connection)
            await loop.connect_accepted_socket(self._welcome, connection)

    def _welcome(self) -> asyncio.Protocol:
        if self._count_clients() < self._max_clients:
            return self._make_protocol()
        _LOGGER.info("Refused a client: %d are connected", self._count_clients())
        return _Refusal(self._refusal, self._refused)


class _Refusal(asyncio.Protocol):
    """Sends a client the refusal, and closes the connection."""

    def __init__(self, refusal: bytes, refused: set[asyncio.BaseTransport]) -> None:
        self._refusal = refusal
        self._refused = refused

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._refused.add(transport)
        transport.write(self._refusal)
        with contextlib.suppress(OSError):  # the client is gone already
            transport.write_eof()  # not a close: unread input would turn it into a reset
        asyncio.get_running_loop().call_later(limits.LAST_WORDS_SECONDS, transport.abort)

    def connection_lost(self, error: Exception | None) -> None:
        self._refused.discard(self._transport)


async def finish(answering: Collection[asyncio.Task[object]], answers: int) -> None:
    """Wait for answers under way; cancel late ones, and let them send their last words.

    Args:
        answering: a task for each connection.
        answers: number of answers under way.
    """
    if answers:
        _LOGGER.info("Waiting for %d answers under way", answers)
    if answering:
        _, late = await asyncio.wait(answering, timeout=limits.STOP_SECONDS)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late, timeout=limits.LAST_WORDS_SECONDS)
