"""What other machines on the network are told."""

import asyncio
import ipaddress
import signal

import pytest
from zeroconf import ServiceStateChange
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from tests.harness import describe, free_port, server_process
from wyoming_vietts.errors import SetupError
from wyoming_vietts.frontends.wyoming.discovery import SERVICE_TYPE, ZeroconfAnnouncement


class Browser:
    """What a browser on this machine sees of Wyoming services, by name."""

    def __init__(self) -> None:
        self.seen: set[str] = set()
        self._changed = asyncio.Event()

    async def __aenter__(self) -> "Browser":
        self._zeroconf = AsyncZeroconf()
        self._browser = AsyncServiceBrowser(
            self._zeroconf.zeroconf, SERVICE_TYPE, handlers=[self._on_change]
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._browser.async_cancel()
        await self._zeroconf.async_close()

    def _on_change(
        self, zeroconf: object, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        if state_change is ServiceStateChange.Removed:
            self.seen.discard(name)
        else:
            self.seen.add(name)
        self._changed.set()

    async def wait_for(self, name: str, is_there: bool) -> None:
        async with asyncio.timeout(20):
            while (name in self.seen) != is_there:
                self._changed.clear()
                await self._changed.wait()

    async def look_up(self, name: str) -> AsyncServiceInfo:
        service = AsyncServiceInfo(SERVICE_TYPE, name)
        assert await service.async_request(self._zeroconf.zeroconf, 5000)
        return service


async def test_server_is_found_reached_and_withdrawn() -> None:
    port = free_port()
    name = f"giọng nói {port}.{SERVICE_TYPE}"
    with server_process(
        "--uri", f"tcp://0.0.0.0:{port}", "--zeroconf", f"giọng nói {port}"
    ) as process:
        async with Browser() as browser:
            await browser.wait_for(name, is_there=True)
            service = await browser.look_up(name)
            assert service.port == port
            assert service.parsed_addresses()
            for address in service.parsed_addresses():
                assert ipaddress.ip_address(address).version == 4
                assert not ipaddress.ip_address(address).is_unspecified
                assert not ipaddress.ip_address(address).is_loopback
                assert (await describe(f"tcp://{address}:{port}")).tts
            process.send_signal(signal.SIGTERM)
            await browser.wait_for(name, is_there=False)
        assert await asyncio.to_thread(process.wait, 10) == 0


async def test_two_servers_on_one_host_have_different_stable_names() -> None:
    one, again, other = (
        ZeroconfAnnouncement("0.0.0.0", port, None) for port in (10200, 10200, 10201)
    )
    assert one.name == again.name
    assert one.name != other.name


async def test_second_server_of_the_same_name_gets_a_number() -> None:
    name = f"taken-{free_port()}"
    first, second = (ZeroconfAnnouncement("0.0.0.0", port, name) for port in (10200, 10201))
    async with Browser() as browser:
        await first.publish()
        await browser.wait_for(f"{name}.{SERVICE_TYPE}", is_there=True)
        await second.publish()
        await browser.wait_for(f"{name}-2.{SERVICE_TYPE}", is_there=True)
        assert (await browser.look_up(f"{name}.{SERVICE_TYPE}")).port == 10200
        assert (await browser.look_up(f"{name}-2.{SERVICE_TYPE}")).port == 10201
        await second.withdraw()
        await first.withdraw()


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_loopback_is_refused_with_the_reason(host: str) -> None:
    with pytest.raises(SetupError, match=r"loopback.*no other machine can reach"):
        ZeroconfAnnouncement(host, 10200, None)


def test_name_too_long_for_dns_is_refused() -> None:
    with pytest.raises(SetupError, match="longer than 63 bytes"):
        ZeroconfAnnouncement("0.0.0.0", 10200, "ă" * 40)
