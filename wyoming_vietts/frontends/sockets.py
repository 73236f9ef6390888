"""Opens, tunes and resets sockets."""

import asyncio
import contextlib
import os
import socket
import stat
import struct
from pathlib import Path

_BACKLOG = 256
"""Clients that may wait to be accepted."""

_SEND_BUFFER_BYTES = 64 * 1024


async def listen_on_tcp(host: str, port: int) -> list[socket.socket]:
    """Listen on every address of a host name; raise OSError if one cannot be used."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    if host == "::":  # on a separate socket, clients have plain IPv4 addresses
        addresses[socket.AF_INET, ("0.0.0.0", port)] = None
    return [
        socket.create_server(address, family=family, backlog=_BACKLOG)
        for family, address in addresses
    ]


def listen_on_unix(path: Path) -> socket.socket:
    """Listen on a socket file; one that an earlier server has left is replaced.

    Raises:
        OSError: the path cannot be used, or another server listens on it.
    """
    _remove_stale_socket(path)
    listening = socket.socket(socket.AF_UNIX)
    try:
        listening.bind(str(path))
        listening.listen(_BACKLOG)
    except OSError:
        listening.close()
        raise
    return listening


def _remove_stale_socket(path: Path) -> None:
    """Remove a socket, but no other file; raise OSError if a server listens on it."""
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


def remove_own_socket(path: Path, own: os.stat_result) -> None:
    """Remove a socket file, unless another server has replaced it."""
    with contextlib.suppress(FileNotFoundError):
        found = path.stat()
        if (found.st_dev, found.st_ino) == (own.st_dev, own.st_ino):
            path.unlink()


def shrink_send_buffer(listening: socket.socket) -> None:
    """Shrink the send buffer of accepted connections, for backpressure."""
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def keep_alive(connection: socket.socket) -> None:
    """Enable keep-alive: the kernel detects within two minutes that a client's machine is gone."""
    if connection.family == socket.AF_UNIX:
        return
    with contextlib.suppress(OSError):  # the client is gone already
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
            if hasattr(socket, option):
                connection.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


def reset(transport: asyncio.WriteTransport) -> None:
    """End a connection by RST, so that the client sees an error instead of a normal end."""
    close_by_reset(transport, True)
    transport.abort()


def close_by_reset(transport: asyncio.WriteTransport, wanted: bool) -> None:
    """Choose whether the kernel closes a TCP connection by RST or by FIN.

    This holds even if the process is killed.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # closed already
            linger = struct.pack("ii", wanted, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
