"""Announces the server over zeroconf (mDNS), so that Home Assistant finds it automatically.

The addresses of a network interface are announced on this interface only: the LAN never learns the
address of a VPN or a container bridge. A server that cannot be announced still serves. In a Home
Assistant app, `supervisor.py` announces the server instead.
"""

import asyncio
import contextlib
import logging
import socket
from typing import Any, cast

from zeroconf.asyncio import AsyncServiceInfo, AsyncZeroconf

from ...errors import SetupError
from .interfaces import Interface, addresses_of, is_usable, reachable_interfaces

_LOGGER = logging.getLogger(__name__)

SERVICE_TYPE = "_wyoming._tcp.local."

_MAX_LABEL_BYTES = 63
_LOOK_SECONDS = 2.0  # between two scans of the interfaces
_PROBE_MILLISECONDS = 1500.0
_WITHDRAW_SECONDS = 2.0


class ZeroconfAnnouncement:
    """Announces the server on every interface, and follows their changes."""

    def __init__(self, host: str, port: int, name: str | None) -> None:
        """Prepare to announce a server that listens on `host` and `port`.

        Args:
            name: instance name; None for one made of host name and port, which is stable and
                different for two servers on one host.

        Raises:
            SetupError: no other machine can reach the server, or the name is too long.
            OSError: the host is unknown.
        """
        self.name = name or f"wyoming-vietts-{socket.gethostname().split('.')[0]}-{port}"
        if len(self.name.encode()) > _MAX_LABEL_BYTES:
            raise SetupError(
                f"The zeroconf name '{self.name}' is longer than {_MAX_LABEL_BYTES} bytes"
            )
        self._port = port
        self._listening = addresses_of(host)
        if all(address.is_loopback for address in self._listening):
            raise SetupError(
                f"--zeroconf would announce a server that listens on loopback ({host}), where no "
                "other machine can reach it; use --uri tcp://0.0.0.0:PORT or omit --zeroconf"
            )
        self._links: dict[Interface, _Link] = {}
        self._problems: dict[str, str] = {}
        self._task: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """Begin to announce the server, which is ready."""
        # Its log has a stack trace for each try; `_note` logs a problem once.
        logging.getLogger("zeroconf").setLevel(logging.CRITICAL)
        self._task = asyncio.create_task(self._follow())

    async def withdraw(self) -> None:
        """Withdraw the announcement: the server is about to stop."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_WITHDRAW_SECONDS):
                await asyncio.gather(*(link.close() for link in self._links.values()))

    async def _follow(self) -> None:
        """Announce the server wherever it can be reached, until cancelled."""
        while True:
            try:
                found = [*reachable_interfaces(self._listening)]
            except OSError as error:
                self._note("the network", str(error))
            else:
                if not found:
                    self._note("the network", "no interface has an address")
                await self._announce_on(found)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _announce_on(self, interfaces: list[Interface]) -> None:
        """Announce the server on these interfaces, and on no others."""
        gone = [self._links.pop(interface) for interface in self._links.keys() - interfaces]
        await asyncio.gather(*(link.close() for link in gone))
        new = [interface for interface in interfaces if interface not in self._links]
        await asyncio.gather(*map(self._announce, new))

    async def _announce(self, interface: Interface) -> None:
        link = self._links[interface] = _Link(interface)
        try:
            name = await link.announce(self.name, self._port)
        except Exception as error:  # see `_Link.announce`
            await self._links.pop(interface).close()
            self._note(interface.name, str(error) or type(error).__name__)
        else:
            self._problems.clear()
            _LOGGER.info("Announced as '%s' at %s", name, ", ".join(interface.addresses))

    def _note(self, where: str, problem: str) -> None:
        """Warn of a problem, once."""
        if self._problems.get(where) != problem:
            _LOGGER.warning("Cannot announce the server on %s yet: %s", where, problem)
        self._problems[where] = problem


class _Link:
    """The announcement on one interface."""

    def __init__(self, interface: Interface) -> None:
        self._interface = interface
        self._zeroconf: AsyncZeroconf | None = None

    async def announce(self, name: str, port: int) -> str:
        """Announce the server under this name; append a number if another server has it.

        Returns:
            The name.

        Raises:
            Exception: it cannot be announced here; zeroconf's errors have no common base.
        """
        one_of_each_version = {":" in ip: ip for ip in reversed(self._interface.addresses)}
        self._zeroconf = AsyncZeroconf([*one_of_each_version.values()])
        await self._zeroconf.zeroconf.async_wait_for_start()
        for reader in self._zeroconf.zeroconf.engine.readers:
            transport = reader.transport
            listener = cast(asyncio.DatagramProtocol, transport.get_protocol())
            transport.set_protocol(_Neighbours(self._interface, listener))
        chosen, number = name, 1
        while await self._is_taken(chosen, port):
            number += 1
            taken, chosen = chosen, _numbered(name, number)
            _LOGGER.warning("Another server is announced as '%s': this one is '%s'", taken, chosen)
        service = AsyncServiceInfo(
            SERVICE_TYPE,
            f"{chosen}.{SERVICE_TYPE}",
            parsed_addresses=[*self._interface.addresses],
            port=port,
            server=f"{chosen}.local.".replace(" ", "-"),
        )
        # `_is_taken` has checked the name: zeroconf would take this machine's other interface on
        # the same network for another server.
        announced = await self._zeroconf.async_register_service(
            service, cooperating_responders=True
        )
        await announced
        return chosen

    async def close(self) -> None:
        """Withdraw the announcement, if there is one."""
        if self._zeroconf is not None:
            await self._zeroconf.async_close()

    async def _is_taken(self, name: str, port: int) -> bool:
        """Return whether another server has a name."""
        assert self._zeroconf is not None
        found = AsyncServiceInfo(SERVICE_TYPE, f"{name}.{SERVICE_TYPE}")
        if not await found.async_request(self._zeroconf.zeroconf, _PROBE_MILLISECONDS):
            return False
        is_here = all(is_usable(address) for address in found.parsed_addresses())
        return not is_here or found.port != port


def _numbered(name: str, number: int) -> str:
    """Append a number, within the length of a DNS label."""
    suffix = f"-{number}"
    return name.encode()[: _MAX_LABEL_BYTES - len(suffix)].decode(errors="ignore") + suffix


class _Neighbours(asyncio.DatagramProtocol):
    """Passes on datagrams from an interface's own networks only.

    The kernel delivers multicast of every interface to each socket of the port. (Since Linux 6.13,
    its option IP_MULTICAST_ALL picks one of several sockets at random.)
    """

    def __init__(self, interface: Interface, protocol: asyncio.DatagramProtocol) -> None:
        self._interface = interface
        self._protocol = protocol

    def datagram_received(self, data: bytes, addr: tuple[Any, ...]) -> None:
        if self._interface.is_neighbour(addr[0], scope=addr[3] if len(addr) > 2 else 0):
            self._protocol.datagram_received(data, addr)

    def error_received(self, exc: Exception) -> None:
        self._protocol.error_received(exc)

    def connection_lost(self, exc: Exception | None) -> None:
        self._protocol.connection_lost(exc)
