"""Machines with networks of their own: network namespaces, joined by virtual cables."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from secrets import token_hex

from zeroconf import (
    DNSAddress,
    DNSIncoming,
    DNSOutgoing,
    DNSQuestion,
    IPVersion,
    ServiceStateChange,
)
from zeroconf.asyncio import AsyncServiceBrowser, AsyncServiceInfo, AsyncZeroconf

from tests.harness import clean_environment
from wyoming_vietts.frontends.wyoming.discovery import SERVICE_TYPE

AS_ROOT = () if os.geteuid() == 0 else ("sudo", "--non-interactive", "--preserve-env")


def ip(*arguments: str) -> None:
    subprocess.run([*AS_ROOT, "ip", *arguments], check=True, timeout=20)


@dataclass
class Machine:
    """A network namespace, with processes in it."""

    name: str
    processes: list["subprocess.Popen[str]"] = field(default_factory=list)

    def ip(self, *arguments: str) -> None:
        ip("-netns", self.name, *arguments)

    def command(self, *arguments: str) -> list[str]:
        return [*AS_ROOT, "ip", "netns", "exec", self.name, sys.executable, "-m", *arguments]

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        """Start a Python module with these arguments."""
        process = subprocess.Popen(
            self.command(*arguments),
            env=clean_environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        self.processes.append(process)
        return process

    def serve(self, uri: str, *arguments: str) -> "subprocess.Popen[str]":
        """Start a server that is announced."""
        return self.start(
            *("wyoming_vietts", "--uri", uri, "--engine", "espeak", "--zeroconf", *arguments)
        )

    def reaches(self, address: str, port: int) -> bool:
        host = f"[{address}]" if ":" in address else address
        command = self.command("wyoming_vietts", "healthcheck", "--uri", f"tcp://{host}:{port}")
        return subprocess.run(command, env=clean_environment(), timeout=60).returncode == 0

    def wait_for_log(self, process: "subprocess.Popen[str]", text: str) -> str:
        """The next line of a server's log that contains a text."""
        assert process.stderr is not None
        patience = threading.Timer(60, process.kill)
        patience.start()
        try:
            return next(line for line in process.stderr if text in line)
        finally:
            patience.cancel()

    def ask(self, address: str) -> set[str]:
        """The addresses in the answers to a question that this machine asks from its address."""
        asked = self.start("tests.networks", "ask", address)
        return set(asked.communicate(timeout=20)[0].split())

    def browse(self, seconds: float = 30.0) -> "Browsing":
        return Browsing(self.start("tests.networks", "browse"), time.monotonic() + seconds)


@dataclass
class Browsing:
    """A browser of Wyoming services on a machine."""

    process: "subprocess.Popen[str]"
    deadline: float
    found: dict[str, set[str]] = field(default_factory=dict)
    """Addresses of the services that are there, by name."""

    def wait_for(self, **expected: set[str]) -> None:
        """Wait until exactly these services are there, with these addresses."""
        while self.found != expected:
            self.look()

    def look(self) -> None:
        assert time.monotonic() < self.deadline, f"found {self.found}"
        assert self.process.stdout is not None
        found: dict[str, list[str]] = json.loads(self.process.stdout.readline())
        self.found = {name: set(addresses) for name, addresses in found.items()}


@contextmanager
def machines(*names: str) -> Iterator[list[Machine]]:
    """Make machines that are connected to nothing yet."""
    made = [Machine(f"{name}-{token_hex(3)}") for name in names]
    try:
        for machine in made:
            ip("netns", "add", machine.name)
            machine.ip("link", "set", "lo", "up")
        yield made
    finally:
        for machine in made:
            for process in machine.processes:
                process.terminate()
                process.communicate(timeout=20)
            subprocess.run([*AS_ROOT, "ip", "netns", "delete", machine.name], timeout=20)


def connect(one: Machine, port: str, other: Machine, other_port: str) -> None:
    """Lay a cable between two machines; both ends are up, without addresses."""
    ip(
        *("link", "add", port, "netns", one.name, "type", "veth"),
        *("peer", "name", other_port, "netns", other.name),
    )
    one.ip("link", "set", port, "up")
    other.ip("link", "set", other_port, "up")


def make_switch(machine: Machine) -> None:
    """Join all cables of a machine to one network, on which it is `lan`."""
    machine.ip("link", "add", "lan", "type", "bridge")
    machine.ip("link", "set", "lan", "up")


# --- what runs on the machines -------------------------------------------------------------------


async def browse() -> None:
    """Print the services that are there, and their addresses, twice a second."""
    browsing = AsyncZeroconf(ip_version=IPVersion.All)
    names: dict[str, ServiceStateChange] = {}

    def change(
        zeroconf: object, service_type: str, name: str, state_change: ServiceStateChange
    ) -> None:
        names[name] = state_change

    AsyncServiceBrowser(browsing.zeroconf, SERVICE_TYPE, handlers=[change])
    while True:
        found = {}
        for name, state in [*names.items()]:
            service = AsyncServiceInfo(SERVICE_TYPE, name)
            if state is not ServiceStateChange.Removed and await service.async_request(
                browsing.zeroconf, 1000
            ):
                key = name.removesuffix(f".{SERVICE_TYPE}").replace("-", "_")
                found[key] = service.parsed_addresses()
        print(json.dumps(found), flush=True)
        await asyncio.sleep(0.5)


def ask(address: str) -> None:
    """Ask once, from a port of its own, so that the answers come to this machine alone."""
    question = DNSOutgoing(0)
    question.add_question(DNSQuestion(SERVICE_TYPE, 12, 1))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.bind((address, 0))
        asking.setsockopt(socket.IPPROTO_IP, socket.IP_MULTICAST_IF, socket.inet_aton(address))
        asking.sendto(question.packets()[0], ("224.0.0.251", 5353))
        asking.settimeout(2)
        with suppress(TimeoutError):
            while True:
                for answer in DNSIncoming(asking.recv(9000)).answers():
                    if isinstance(answer, DNSAddress):
                        print(socket.inet_ntoa(answer.address))


def occupy(port: int) -> None:
    """Share a port with nobody."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as own:
        own.bind(("0.0.0.0", port))
        print("bound", flush=True)
        signal.pause()


if __name__ == "__main__":
    if sys.argv[1] == "browse":
        asyncio.run(browse())
    elif sys.argv[1] == "ask":
        ask(sys.argv[2])
    else:
        occupy(int(sys.argv[2]))
