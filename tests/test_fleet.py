"""Debian's HAProxy, configured as users get it, before three real servers under load."""

import asyncio
import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from wyoming.event import async_read_event, async_write_event
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.harness import free_port, server_process, wait_until_ready

HAPROXY = Path("/usr/sbin/haproxy")
CONFIGURATION = Path(__file__).parents[1] / "deploy" / "haproxy.cfg"
SENTENCE = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. "


class Fleet:
    """HAProxy and its three servers, which need not run."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port, self.metrics_port, *ports = (free_port() for _ in range(5))
        self.uris = {f"vietts{i}": f"tcp://127.0.0.1:{port}" for i, port in enumerate(ports, 1)}

    @contextmanager
    def balancer(self) -> Iterator[None]:
        configuration = CONFIGURATION.read_text()
        if os.getuid() != 0:  # only root can become somebody else
            configuration = re.sub(r"(?m)^ +(user|group|chroot) .*\n", "", configuration)
        path = self.folder / "haproxy.cfg"
        path.write_text(configuration)
        addresses = {
            "VIETTS_ADMIN": str(self.folder / "admin.sock"),
            "VIETTS_BIND": f"127.0.0.1:{self.port}",
            "VIETTS_METRICS": f"127.0.0.1:{self.metrics_port}",
        } | {name.upper().replace("S", "S_"): uri[6:] for name, uri in self.uris.items()}
        with (self.folder / "log").open("wb") as log:
            process = subprocess.Popen([HAPROXY, "-f", path], env=addresses, stdout=log)
            try:
                yield
            finally:
                process.kill()
                process.wait()

    @asynccontextmanager
    async def server(self, name: str) -> AsyncIterator["subprocess.Popen[bytes]"]:
        arguments = ("--engine", "espeak", "--uri", self.uris[name])
        with server_process(*arguments, stderr=subprocess.DEVNULL) as process:
            await wait_until_ready(self.uris[name])
            yield process

    def tell(self, command: str) -> str:
        """Say something to HAProxy on its administration socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(str(self.folder / "admin.sock"))
            connection.sendall(command.encode() + b"\n")
            return b"".join(iter(lambda: connection.recv(1 << 16), b"")).decode()

    def sees(self, name: str) -> dict[str, str]:
        """HAProxy's figures of a server."""
        header, *rows = self.tell("show stat").removeprefix("# ").splitlines()
        row = next(row for row in rows if row.startswith(f"vietts,{name},"))
        return dict(zip(header.split(","), row.split(","), strict=True))

    def under_way(self, name: str) -> set[int]:
        """The clients' ports of the connections that a server has now."""
        sessions = re.findall(r"src=127\.0\.0\.1:(\d+) .* srv=(\S+) ", self.tell("show sess"))
        return {int(port) for port, server in sessions if server == name}

    def served(self) -> dict[int, str]:
        """By the client's port, which server a connection was given to."""
        line = re.compile(r"127\.0\.0\.1:(\d+) \[\S+ wyoming vietts/(\S+) ")
        return {int(port): name for port, name in line.findall((self.folder / "log").read_text())}


@dataclass(frozen=True)
class Request:
    """What a client that does as Home Assistant does makes of its answer."""

    streamed: bool
    began: float
    """Seconds of the monotonic clock."""
    port: int
    """Of the client."""
    is_whole: bool
    """To the client, which may be wrong."""
    ended_as_it_should: bool


# The modes of the requests under way, by the client's port.
Modes = dict[int, bool]


async def ask(port: int, text: str, modes: Modes, hurry: asyncio.Event | None = None) -> Request:
    """Plain: an answer is whole when audio-stop has come, and nothing else.

    Args:
        hurry: until it is set, the answer is read slowly.
    """
    async with connection(port, False, modes) as (reader, writer, began, own_port):
        last = None
        with suppress(OSError, EOFError):
            await async_write_event(Synthesize(text).event(), writer)
            while (event := await async_read_event(reader)) is not None:
                if hurry is not None and not hurry.is_set():
                    await asyncio.sleep(0.05)
                last = event.type
                if last in ("audio-stop", "error"):
                    break
    return Request(False, began, own_port, last == "audio-stop", last == "audio-stop")


async def ask_streamed(port: int, sentences: int, modes: Modes, pause_seconds: float) -> Request:
    """Streamed, while the text is being written: whole is what does not end in an error."""
    async with connection(port, True, modes) as (reader, writer, began, own_port):
        writing = asyncio.create_task(write_text(writer, sentences, pause_seconds))
        heard, last = False, None
        try:
            while (event := await async_read_event(reader)) is not None:
                heard, last = heard or event.type == "audio-chunk", event.type
                if last in ("synthesize-stopped", "error"):
                    break
            is_whole = heard and last != "error"
        except (OSError, EOFError):
            is_whole = False
        writing.cancel()
        with suppress(asyncio.CancelledError, OSError):
            await writing
    return Request(True, began, own_port, is_whole, last == "synthesize-stopped")


@asynccontextmanager
async def connection(
    port: int, is_streamed: bool, modes: Modes
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter, float, int]]:
    began = time.monotonic()
    async with asyncio.timeout(60):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        own_port = writer.get_extra_info("sockname")[1]
        modes[own_port] = is_streamed
        yield reader, writer, began, own_port
        del modes[own_port]
        writer.close()


async def write_text(writer: asyncio.StreamWriter, sentences: int, pause_seconds: float) -> None:
    await async_write_event(SynthesizeStart().event(), writer)
    for _ in range(sentences):
        await async_write_event(SynthesizeChunk(text=SENTENCE).event(), writer)
        await asyncio.sleep(pause_seconds)
    await async_write_event(Synthesize(SENTENCE * sentences).event(), writer)
    await async_write_event(SynthesizeStop().event(), writer)


class Load:
    """Clients that ask again and again; the first four read one long answer, slowly."""

    def __init__(self, port: int) -> None:
        self.requests: list[Request] = []
        self.modes: Modes = {}
        self._port = port
        self._hurry = asyncio.Event()
        self._is_over = False
        self._clients = [
            *(asyncio.create_task(self._slow(150)) for _ in range(4)),  # of 25 MB
            *(asyncio.create_task(self._plain(1 + i)) for i in range(6)),
            *(asyncio.create_task(self._streamed(0.0)) for _ in range(4)),
            *(asyncio.create_task(self._streamed(0.4)) for _ in range(6)),
        ]

    def hurry(self) -> None:
        """Let the slow clients read as fast as they can."""
        self._hurry.set()

    async def end(self) -> None:
        self._is_over = True
        await asyncio.gather(*self._clients)

    async def _slow(self, sentences: int) -> None:
        self.requests.append(await ask(self._port, SENTENCE * sentences, self.modes, self._hurry))

    async def _plain(self, sentences: int) -> None:
        while not self._is_over:
            self.requests.append(await ask(self._port, SENTENCE * sentences, self.modes))
            await asyncio.sleep(0.05)

    async def _streamed(self, pause_seconds: float) -> None:
        while not self._is_over:
            self.requests.append(await ask_streamed(self._port, 4, self.modes, pause_seconds))
            await asyncio.sleep(0.05)


async def until(is_so: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not is_so():
            await asyncio.sleep(0.05)


async def test_servers_are_killed_drained_and_added_under_load(tmp_path: Path) -> None:
    assert HAPROXY.exists(), "HAProxy is missing: apt-get install haproxy, as script/test does"
    fleet = Fleet(tmp_path)
    async with fleet.server("vietts1") as first, fleet.server("vietts2") as second:
        with fleet.balancer():
            await until(lambda: (tmp_path / "admin.sock").exists())
            await until(lambda: fleet.sees("vietts3")["status"] == "DOWN")
            load = Load(fleet.port)
            await asyncio.sleep(2)

            async with fleet.server("vietts3"):
                await until(lambda: fleet.sees("vietts3")["status"] == "UP")
                await asyncio.sleep(2)

                first.send_signal(signal.SIGSTOP)  # so that no answer ends before the kill
                await until(
                    lambda: {load.modes.get(port) for port in fleet.under_way("vietts1")}
                    >= {False, True}
                )
                first.kill()
                first.wait()
                killed = time.monotonic()
                load.hurry()
                await until(lambda: fleet.sees("vietts1")["status"] == "DOWN")
                await asyncio.sleep(1)

                fleet.tell("set server vietts/vietts2 state drain")
                drained = time.monotonic()
                await until(lambda: fleet.sees("vietts2")["scur"] == "0")
                second.send_signal(signal.SIGTERM)
                assert second.wait(10) == 0
                await asyncio.sleep(1)
                await load.end()
                metrics = urllib.request.urlopen(f"http://127.0.0.1:{fleet.metrics_port}/metrics")
                assert 'haproxy_server_status{proxy="vietts",server="vietts1",state="DOWN"} 1' in (
                    metrics.read().decode()
                )
    check(load.requests, fleet.served(), killed, drained)


def check(requests: list[Request], served: dict[int, str], killed: float, drained: float) -> None:
    looks_whole = [r for r in requests if r.is_whole and not r.ended_as_it_should]
    assert looks_whole == []
    cut_off = [r for r in requests if not r.is_whole]
    assert {served[r.port] for r in cut_off} == {"vietts1"}
    assert {r.streamed for r in cut_off} == {False, True}, "the kill hit requests of both modes"
    assert max(r.began for r in cut_off) < killed
    by_server = {
        name: [r.began for r in requests if served[r.port] == name]
        for name in ("vietts1", "vietts2", "vietts3")
    }
    assert max(by_server["vietts1"]) < killed
    assert max(by_server["vietts2"]) < drained
    assert sum(began < killed for began in by_server["vietts3"]) > 5, "the new one has its share"
    assert sum(began > drained for began in by_server["vietts3"]) > 5, "and then all of it"
