"""Finds programs that listen on this machine's ports."""

import asyncio
import os
import socket
from pathlib import Path


def who_has(host: str, port: int) -> str:
    """Return `free`, or name the program that listens on a port."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return "free"
    except OSError as error:
        if not _is_listening(port):
            return f"not available: {error.strerror or error}"
    return f"taken by {_program_listening_on(port)}"


def _is_listening(port: int) -> bool:
    try:
        asyncio.run(asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1.0))
    except (OSError, TimeoutError):
        return _inode_of(port) is not None
    return True


def _program_listening_on(port: int) -> str:
    """Return name and number of a process of this user, from Linux's list of its sockets."""
    inode = _inode_of(port)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            links = [os.readlink(link) for link in (folder / "fd").iterdir()]
            if f"socket:[{inode}]" in links:
                words = (folder / "cmdline").read_text().replace("\0", " ").strip()
                return f"process {folder.name} ({words:.100})"
        except OSError:  # it has ended, or belongs to another user
            continue
    return "another program"


def _inode_of(port: int) -> str | None:
    """Return the inode of the socket that listens on a port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                return row[9]
    return None
