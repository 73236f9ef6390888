"""Announces the server over zeroconf (mDNS), so that Home Assistant finds it automatically.

The wyoming package's own helper is close, but it cannot withdraw what it announced, and its default
name is the same for every server on a host. In a Home Assistant app, `supervisor.py` announces the
server instead.
"""

import ipaddress
import logging
import socket
from typing import Protocol

from zeroconf import NonUniqueNameException
from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from ...errors import DiscoveryError

_LOGGER = logging.getLogger(__name__)

SERVICE_TYPE = "_wyoming._tcp.local."

_MDNS_GROUP = ("224.0.0.251", 5353)
_MAX_LABEL_BYTES = 63


class Announcement(Protocol):
    """Makes a server known that already answers."""

    async def publish(self) -> None:
        """Announce the server.

        Raises:
            DiscoveryError: it cannot be announced, and must not be served unannounced.
        """

    async def withdraw(self) -> None:
        """Take the announcement back, as the server is about to stop."""


class ZeroconfAnnouncement:
    """What the network is told about this server."""

    def __init__(self, host: str, port: int, name: str | None) -> None:
        """Prepare to announce a server that listens on `host` and `port`.

        Args:
            name: instance name; None for one made of host name and port, which is stable and
                different for two servers on one host.

        Raises:
            DiscoveryError: the announced address could not be reached, or the name is too long.
        """
        self.name = name or f"wyoming-vietts-{socket.gethostname().split('.')[0]}-{port}"
        if len(self.name.encode()) > _MAX_LABEL_BYTES:
            raise DiscoveryError(
                f"The zeroconf name '{self.name}' is longer than {_MAX_LABEL_BYTES} bytes"
            )
        self.address = _address_to_announce(host)
        self._service = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{self.name}.{SERVICE_TYPE}",
            addresses=[socket.inet_aton(self.address)],
            port=port,
            server=f"{self.name}.local.".replace(" ", "-"),
        )
        self._zeroconf: AsyncZeroconf | None = None

    async def publish(self) -> None:
        """Announce the server.

        Raises:
            DiscoveryError: another server already has the name.
        """
        self._zeroconf = AsyncZeroconf()
        try:
            await self._zeroconf.async_register_service(self._service)
        except NonUniqueNameException as error:
            raise DiscoveryError(
                f"Another server is announced as '{self.name}'; choose --zeroconf ANOTHER_NAME"
            ) from error
        _LOGGER.info("Announced as '%s' at %s", self.name, self.address)

    async def withdraw(self) -> None:
        """Tell the network that the server is gone."""
        if self._zeroconf is not None:
            await self._zeroconf.async_unregister_all_services()
            await self._zeroconf.async_close()


def _address_to_announce(host: str) -> str:
    """The IPv4 address at which other machines reach a server that listens on `host`."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        address = ipaddress.ip_address(socket.gethostbyname(host))
    if address.is_loopback:
        raise DiscoveryError(
            f"--zeroconf would announce a server that listens on loopback ({host}), where no other "
            "machine can reach it; use --uri tcp://0.0.0.0:PORT or omit --zeroconf"
        )
    if address.is_unspecified:
        return _outgoing_address()
    if address.version != 4:
        raise DiscoveryError(
            f"--zeroconf needs an IPv4 address, and {host} is not one; use --uri tcp://0.0.0.0:PORT"
        )
    return str(address)


def _outgoing_address() -> str:
    """This machine's own address on the network that multicast goes to; nothing is sent."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(_MDNS_GROUP)
        except OSError as error:
            raise DiscoveryError(
                f"--zeroconf finds no network to announce the server on: {error}"
            ) from error
        return str(probe.getsockname()[0])
