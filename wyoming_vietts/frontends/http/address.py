"""Addresses of the HTTP door: where it listens, and who may come."""

import contextlib
from collections.abc import Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network
from urllib.parse import urlsplit

DEFAULT_ADDRESS = "127.0.0.1:10280"

Network = IPv4Network | IPv6Network

LOOPBACK: Sequence[Network] = (ip_network("127.0.0.0/8"), ip_network("::1"))


def parse_address(value: str) -> tuple[str, int]:
    """Split HOST:PORT, where an IPv6 address stands in brackets.

    Raises:
        ValueError: it is something else.
    """
    with contextlib.suppress(ValueError):  # a port out of range, or half a pair of brackets
        parts = urlsplit(f"//{value}")
        if parts.hostname and parts.port is not None and parts.netloc == value and "@" not in value:
            return parts.hostname, parts.port
    raise ValueError(f"'{value}' must be HOST:PORT, such as {DEFAULT_ADDRESS}")


def parse_networks(value: str) -> tuple[Network, ...]:
    """Read addresses and networks, separated by commas.

    Raises:
        ValueError: one of them is neither.
    """
    networks = []
    for part in value.split(","):
        try:
            networks.append(ip_network(part.strip(), strict=False))
        except ValueError as error:
            raise ValueError(
                f"'{part.strip()}' must be an address or a network, such as 192.168.1.0/24"
            ) from error
    return tuple(networks)
