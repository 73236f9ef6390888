"""What all doors do with sockets."""

import asyncio
import contextlib
import socket
import struct

BACKLOG = 256
"""How many clients may wait to be accepted."""

_SEND_BUFFER_BYTES = 64 * 1024


async def listen_on_tcp(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that a host name stands for.

    Raises:
        OSError: the address cannot be used.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    addresses = dict.fromkeys((family, address) for family, _, _, _, address in found)
    return [
        socket.create_server(address, family=family, backlog=BACKLOG)
        for family, address in addresses
    ]


def buffer_little(listener: socket.socket) -> None:
    """Let few bytes wait in the kernel: what a client has not read is seen here."""
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER_BYTES)


def reset(transport: asyncio.WriteTransport) -> None:
    """End a connection so that the client sees an error instead of a normal end."""
    close_by_reset(transport, True)
    transport.abort()


def close_by_reset(transport: asyncio.WriteTransport, wanted: bool) -> None:
    """Choose how the kernel closes a TCP connection: so that the client sees an error, or normally.

    It does so whoever closes it, also if this process is killed.
    """
    connection = transport.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # closed already
            linger = struct.pack("ii", wanted, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
