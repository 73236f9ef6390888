"""Addresses of Wyoming servers."""

import contextlib
import ipaddress
from urllib.parse import urlsplit

DEFAULT_URI = "tcp://0.0.0.0:10200"


def parse_uri(uri: str) -> tuple[str, str, int]:
    """Split a server URI into its parts.

    Returns:
        Scheme, host or path, port (0 where there is none).

    Raises:
        ValueError: not `tcp://HOST:PORT`, `unix://PATH` or `stdio://`.
    """
    parts = urlsplit(uri)
    rest = parts.netloc + parts.path
    with contextlib.suppress(ValueError):  # a port out of range, or a host that is no name
        (parts.hostname or "").encode("idna")
        if parts.scheme == "tcp" and parts.hostname and parts.port is not None and not parts.path:
            return "tcp", _without_mapping(parts.hostname), parts.port
    if parts.scheme == "unix" and rest:
        return "unix", rest, 0
    if parts.scheme == "stdio" and not rest:
        return "stdio", "", 0
    raise ValueError(f"'{uri}' must be tcp://HOST:PORT, unix://PATH or stdio://")


def _without_mapping(host: str) -> str:
    """127.0.0.1 of ::ffff:127.0.0.1, which no socket can be bound to."""
    with contextlib.suppress(ValueError):
        address = ipaddress.ip_address(host)
        if address.version == 6 and address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
    return host


def reachable(uri: str) -> str:
    """The URI at which this machine reaches a server that listens on all addresses."""
    return uri.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")
