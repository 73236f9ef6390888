"""Addresses in flags and variables: where the server listens, and which clients may connect."""

import contextlib
import re
from collections.abc import Sequence
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from urllib.parse import urlsplit

DEFAULT_HTTP_ADDRESS = "127.0.0.1:10280"
DEFAULT_URI = "tcp://0.0.0.0:10200"

Address = IPv4Address | IPv6Address


def unmapped(address: Address) -> Address:
    """Return 127.0.0.1 for ::ffff:127.0.0.1, as clients are compared by IPv4 addresses."""
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def parse_uri(uri: str) -> tuple[str, str, int]:
    """Split a server URI into its parts.

    Returns:
        Scheme, host or path, port (0 where there is none).

    Raises:
        ValueError: not `tcp://HOST:PORT`, `unix://PATH` or `stdio://`.
    """
    parts = urlsplit(uri)
    rest = parts.netloc + parts.path
    with contextlib.suppress(ValueError):  # a port out of range, or an invalid host name
        (parts.hostname or "").encode("idna")
        if parts.scheme == "tcp" and parts.hostname and parts.port is not None and not parts.path:
            return "tcp", _without_mapping(parts.hostname), parts.port
    if parts.scheme == "unix" and rest:
        return "unix", rest, 0
    if parts.scheme == "stdio" and not rest:
        return "stdio", "", 0
    raise ValueError(f"'{uri}' must be tcp://HOST:PORT, unix://PATH or stdio://")


def _without_mapping(host: str) -> str:
    """Return 127.0.0.1 for ::ffff:127.0.0.1, which no socket can bind to."""
    with contextlib.suppress(ValueError):
        return str(unmapped(ip_address(host)))
    return host


def reachable(uri: str) -> str:
    """Return the URI at which this machine reaches a server that listens on all addresses."""
    return uri.replace("//0.0.0.0:", "//127.0.0.1:").replace("//[::]:", "//[::1]:")


Network = IPv4Network | IPv6Network

_NAME = re.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?(\.[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?)*")

LOOPBACK: Sequence[Network] = (ip_network("127.0.0.0/8"), ip_network("::1"))

HOME_NETWORKS: Sequence[Network] = tuple(
    map(ip_network, ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7", "fe80::/10"))
)
"""Private and link-local: no public address is in one of them."""


def parse_http_address(value: str) -> tuple[str, int]:
    """Split HOST:PORT, where an IPv6 address stands in brackets.

    Raises:
        ValueError: it is not HOST:PORT.
    """
    with contextlib.suppress(ValueError):  # a port out of range, or half a pair of brackets
        parts = urlsplit(f"//{value}")
        if parts.hostname and parts.port is not None and parts.netloc == value and "@" not in value:
            return parts.hostname, parts.port
    raise ValueError(f"'{value}' must be HOST:PORT, such as {DEFAULT_HTTP_ADDRESS}")


def parse_networks(value: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    networks = []
    for part in value.split(","):
        try:
            networks.append(_unmapped_network(ip_network(part.strip(), strict=False)))
        except ValueError as error:
            raise ValueError(
                f"'{part.strip()}' must be an address or a network, such as 192.168.1.0/24"
            ) from error
    return tuple(networks)


def _unmapped_network(network: Network) -> Network:
    """Return 127.0.0.0/8 for ::ffff:127.0.0.0/104."""
    address = unmapped(network.network_address)
    if network.prefixlen < 96 or address.version == 6:
        return network
    return ip_network((str(address), network.prefixlen - 96))


def parse_names(value: str) -> tuple[str, ...]:
    """Read host names, separated by commas; `*.` stands for any name below a domain.

    Raises:
        ValueError: one of them is not a name.
    """
    names = tuple(part.strip().lower() for part in value.split(","))
    for name in names:
        if name != "*" and not _NAME.fullmatch(name.removeprefix("*.")):
            raise ValueError(f"'{name}' must be a host name, such as nas.lan or *.ts.net")
    return names


def is_name_in(name: str, patterns: Sequence[str]) -> bool:
    """Match a host name against the names that `parse_names` returns."""
    name = name.lower()
    return any(
        pattern in ("*", name) or (pattern.startswith("*.") and name.endswith(pattern[1:]))
        for pattern in patterns
    )


def parse_origins(value: str) -> tuple[str, ...]:
    """Read origins of web pages, separated by commas.

    Raises:
        ValueError: one of them is not an origin.
    """
    origins = tuple(part.strip().rstrip("/") for part in value.split(","))
    for origin in origins:
        parts = urlsplit(origin)
        if origin != "*" and (
            parts.scheme not in ("http", "https", "app", "chrome-extension", "moz-extension")
            or not parts.netloc
            or origin != f"{parts.scheme}://{parts.netloc}"
        ):
            raise ValueError(
                f"'{origin}' must be an origin, such as https://app.example.org, or * for all"
            )
    return origins
