"""Measures what a server carries, and what several carry behind HAProxy (deploy/haproxy.cfg)."""

import argparse
import asyncio
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from measure import THIS_PROGRAM, cpu_seconds, describe_seconds, free_uri, memory_mib, server, speak
from wyoming.tts import Synthesize

from wyoming_vietts.frontends.wyoming.wire import encode_event

HAPROXY = "/usr/sbin/haproxy"
CONFIGURATION = Path(__file__).parents[2] / "deploy" / "haproxy.cfg"
CLIENTS = 8
WARM_UP = 0.2  # of the seconds that a row is measured for
CROWDS = (1, 10, 30, 100)

TEXT = "Đèn trong phòng khách đã được bật rồi."
LONG_TEXT = (
    "Hôm nay trời nhiều mây và có mưa vào chiều, nhiệt độ cao nhất trong ngày khoảng ba mươi độ, "
    "cửa sổ phòng ngủ đang mở nên tôi sẽ đóng, bạn có muốn tôi bật máy điều hòa ngay không?"
)

Process = subprocess.Popen[bytes]


@dataclass(frozen=True)
class Fleet:
    """Servers, and what is in front of them."""

    uri: str
    """For clients."""
    servers: list[tuple[str, Process]]
    balancer: Process | None


def main(options: argparse.Namespace) -> None:
    if not Path(HAPROXY).exists():
        sys.exit("HAProxy is missing: apt-get install haproxy")
    # With a seed, every answer to a text is as long.
    command = (*THIS_PROGRAM, "--engine", options.engine, "--seed", "1",
               "--piper-dir", str(options.piper_dir))  # fmt: skip
    asyncio.run(measure(command, options.seconds))


async def measure(command: Sequence[str], seconds: float) -> None:
    cores = sorted(os.sched_getaffinity(0))
    print("| servers | answers/s | speech/s | first audio at half, p50 | p95 | p99 | memory |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    await carry(seconds, "1, on one core", ("taskset", "--cpu-list", str(cores[0]), *command))
    await carry(seconds, "1", command)
    for count in (1, 2, 3):
        await carry(seconds, f"{count} behind HAProxy", command, count)
    print(
        f"\nClients, HAProxy and servers share {len(cores)} cores: more servers do not make more."
    )
    await compare(command, seconds)
    await crowd(command)


async def carry(seconds: float, name: str, command: Sequence[str], behind_haproxy: int = 0) -> None:
    """Print the most that servers carry, and how soon they speak at half of that."""
    async with running(command, behind_haproxy) as fleet:
        _, _, audio = await speak(fleet.uri, TEXT)
        rate = await answers_a_second(lambda: answer(fleet.uri, TEXT), seconds)
        firsts = [first for first, _ in await at_random_times(fleet.uri, rate / 2, seconds)]
        memory = max(memory_mib(process.pid, "VmHWM") for _, process in fleet.servers)
    cells = [short(rate), f"{short(rate * audio)} s", *percentiles(firsts), f"{memory:.0f} MiB"]
    print(f"| {name} | {' | '.join(cells)} |")


async def compare(command: Sequence[str], seconds: float) -> None:
    """Print what HAProxy adds."""
    async with running(command, 1) as fleet:
        assert fleet.balancer is not None
        ((direct, process),) = fleet.servers
        print("\n| one client | directly | behind HAProxy |\n| --- | --- | --- |")
        for what, timed in (("first audio", first_audio_seconds), ("`describe`", describe_seconds)):
            uris = (direct, fleet.uri)
            rows = [[await timed(uri) for uri in uris] for _ in range(300)]
            cells = [f"{short(1000 * statistics.median(s))} ms" for s in zip(*rows, strict=True)]
            print(f"| {what} | {' | '.join(cells)} |")
        print("\n| eight clients | a second | server's CPU for one | HAProxy's CPU for one |")
        print("| --- | --- | --- | --- |")
        for what, ask in (
            ("answers", lambda: answer(fleet.uri, TEXT)),
            ("`describe`s", lambda: describe_seconds(fleet.uri)),
        ):
            pids = (process.pid, fleet.balancer.pid)
            before = [cpu_seconds(pid) for pid in pids]
            rate = await answers_a_second(ask, seconds)
            used = [cpu_seconds(pid) - b for pid, b in zip(pids, before, strict=True)]
            made = rate * seconds * (1 + WARM_UP)
            cells = [f"{short(1000 * cpu / made)} ms" for cpu in used]
            print(f"| {what} | {short(rate)} | {' | '.join(cells)} |")


async def crowd(command: Sequence[str]) -> None:
    """Print what many feel who ask for a long answer at the same moment."""
    print("\n| 40 words, clients at once | first audio, p50 | p95 | p99 | worst real-time factor |")
    print("| --- | --- | --- | --- | --- |")
    async with running(command) as fleet:
        _, _, audio = await speak(fleet.uri, LONG_TEXT)
        for count in CROWDS:
            answers = await asyncio.gather(*(answer(fleet.uri, LONG_TEXT) for _ in range(count)))
            worst = max(total for _, total in answers) / audio
            cells = [*percentiles([first for first, _ in answers]), f"{worst:.2g}"]
            print(f"| {count} | {' | '.join(cells)} |")


def percentiles(seconds: Sequence[float]) -> list[str]:
    """The 50th, 95th and 99th, in milliseconds."""
    ordered = sorted(seconds)
    last = len(ordered) - 1
    return [f"{short(1000 * ordered[round(share * last)])} ms" for share in (0.5, 0.95, 0.99)]


def short(number: float) -> str:
    """Three digits, or all that stand before the point."""
    return f"{number:.3g}" if number < 1000 else f"{number:.0f}"


# --- clients --------------------------------------------------------------------------------------


async def answer(uri: str, text: str) -> tuple[float, float]:
    """Seconds to the first audio and to the end, at little cost to the machine."""
    host, port = uri.removeprefix("tcp://").split(":")
    started, first, tail = time.perf_counter(), 0.0, b""
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(encode_event(Synthesize(text).event()))
    while piece := await reader.read(1 << 16):
        first = first or time.perf_counter() - started
        tail = tail[-100:] + piece
        if b'"audio-stop"' in tail:
            writer.close()
            return first, time.perf_counter() - started
    raise RuntimeError(f"An answer was cut off: {tail[-200:]!r}")


async def first_audio_seconds(uri: str) -> float:
    return (await answer(uri, TEXT))[0]


async def answers_a_second(ask: Callable[[], Awaitable[object]], seconds: float) -> float:
    """How many answers some clients get, each of which asks again at once."""
    answered = 0

    async def client() -> None:
        nonlocal answered
        while True:
            await ask()
            answered += 1

    clients = [asyncio.create_task(client()) for _ in range(CLIENTS)]
    await asyncio.sleep(WARM_UP * seconds)
    before = answered
    await asyncio.sleep(seconds)
    rate = (answered - before) / seconds
    for task in clients:
        task.cancel()
    await asyncio.wait(clients)
    return rate


async def at_random_times(uri: str, rate: float, seconds: float) -> list[tuple[float, float]]:
    """Answers to independent clients, so many a second on average."""
    draw = random.Random(0)
    asked: list[asyncio.Task[tuple[float, float]]] = []
    started = due = time.perf_counter()
    while due < started + 2 * seconds:
        await asyncio.sleep(due - time.perf_counter())
        asked.append(asyncio.create_task(answer(uri, TEXT)))
        due += draw.expovariate(rate)
    try:
        return await asyncio.gather(*asked)
    except RuntimeError as error:  # too many wait
        sys.exit(f"Measure again when this machine is quiet: half was too much. {error}")


# --- servers --------------------------------------------------------------------------------------


@asynccontextmanager
async def running(command: Sequence[str], behind_haproxy: int = 0) -> AsyncIterator[Fleet]:
    """So many servers behind HAProxy, or one alone."""
    async with AsyncExitStack() as stack:
        servers = []
        for _ in range(behind_haproxy or 1):
            uri = free_uri()
            servers.append((uri, await stack.enter_async_context(server(uri, command))))
        if behind_haproxy:
            addresses = [uri for uri, _ in servers]
            uri, balancer = await stack.enter_async_context(haproxy(addresses))
            yield Fleet(uri, servers, balancer)
        else:
            yield Fleet(servers[0][0], servers, None)


@asynccontextmanager
async def haproxy(servers: Sequence[str]) -> AsyncIterator[tuple[str, Process]]:
    """HAProxy in front of some servers; the others that it is told of are not there."""
    addresses = [*servers, *(free_uri() for _ in range(3 - len(servers)))]
    uri, metrics_uri = free_uri(), free_uri()
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "VIETTS_ADMIN": f"{folder}/admin.sock",
            "VIETTS_BIND": uri.removeprefix("tcp://"),
            "VIETTS_METRICS": metrics_uri.removeprefix("tcp://"),
        } | {f"VIETTS_{i}": a.removeprefix("tcp://") for i, a in enumerate(addresses, 1)}
        configuration = CONFIGURATION.read_text()
        if os.getuid() != 0:  # only root can become somebody else
            configuration = re.sub(r"(?m)^ +(user|group|chroot) .*\n", "", configuration)
        (Path(folder) / "haproxy.cfg").write_text(configuration)
        process = subprocess.Popen(
            [HAPROXY, "-f", f"{folder}/haproxy.cfg"],
            env=environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            await asyncio.sleep(3)  # until it knows who is there
            await describe_seconds(uri)
            yield uri, process
        finally:
            process.kill()
            process.wait()
