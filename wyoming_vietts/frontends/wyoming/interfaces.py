"""Lists the network interfaces at which other machines reach a server."""

import fcntl
import socket
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address, ip_network

import ifaddr

from ...settings.addresses import Address, Network, unmapped

# Of Linux's headers; Python has no names for them.
_SIOCGIFFLAGS, _IFF_RUNNING, _IFF_MULTICAST = 0x8913, 0x40, 0x1000


@dataclass(frozen=True)
class Interface:
    """A network interface at which other machines reach the server."""

    name: str
    index: int
    addresses: tuple[str, ...]
    """Those of IPv4 first."""
    networks: tuple[Network, ...]

    def is_neighbour(self, address: str, scope: int) -> bool:
        """Return whether an address, of IPv6 with its scope, is on a network of this interface."""
        ip = ip_address(address.partition("%")[0])
        if isinstance(ip, IPv6Address) and ip.is_link_local:
            return scope == self.index
        return any(unmapped(ip) in network for network in self.networks)


def addresses_of(host: str) -> set[Address]:
    """Return the addresses of a host name or an address; raise OSError if it is unknown."""
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    addresses = {ip_address(str(address[0]).partition("%")[0]) for *_, address in found}
    if ip_address("::") in addresses:
        addresses.add(ip_address("0.0.0.0"))
    return addresses


def reachable_interfaces(listening: Collection[Address]) -> Iterator[Interface]:
    """Yield the interfaces at which other machines reach a server that listens on these addresses.

    Raises:
        OSError: they cannot be listed.
    """
    for adapter in ifaddr.get_adapters():
        ips = [(ip.ip if isinstance(ip.ip, str) else ip.ip[0], ip) for ip in adapter.ips]
        reached = [address for address, _ in ips if _is_reachable(address, listening)]
        if reached and _can_multicast(adapter.name):
            yield Interface(
                adapter.name,
                adapter.index or 0,
                tuple(sorted(reached, key=lambda address: ":" in address)),
                tuple(
                    ip_network(f"{address}/{ip.network_prefix}", strict=False)
                    for address, ip in ips
                    if not ip_address(address).is_link_local or ip.is_IPv4
                ),
            )


def _is_reachable(address: str, listening: Collection[Address]) -> bool:
    ip = ip_address(address.partition("%")[0])
    if ip.is_loopback or (ip.version == 6 and ip.is_link_local):
        return False
    is_listening = any(
        each == ip or (each.is_unspecified and each.version == ip.version) for each in listening
    )
    return is_listening and is_usable(address)


def is_usable(address: str) -> bool:
    """Return whether an address belongs to this machine, and is no longer tentative."""
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((address, 0))
        except OSError:
            return False
    return True


def _can_multicast(interface: str) -> bool:
    """Return whether an interface is connected and carries multicast."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        request = struct.pack("256s", interface.encode()[:15])
        try:
            (flags,) = struct.unpack_from("H", fcntl.ioctl(asking, _SIOCGIFFLAGS, request), 16)
        except OSError:  # it is gone
            return False
    return bool(flags & _IFF_RUNNING and flags & _IFF_MULTICAST)
