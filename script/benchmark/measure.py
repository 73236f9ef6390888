"""What all benchmarks use: a table, a server process, a client, and busy loops."""

import asyncio
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

THIS_PROGRAM = (sys.executable, "-m", "wyoming_vietts")


class Table:
    """Rows of the result: what was measured, p50 and p95, unit."""

    def __init__(self) -> None:
        self.rows: list[tuple[str, float, float, str]] = []

    def add(self, what: str, values: Sequence[float], unit: str) -> None:
        ordered = sorted(values)
        p95 = ordered[min(len(ordered) - 1, round(0.95 * len(ordered)))]
        self.rows.append((what, statistics.median(ordered), p95, unit))

    def __str__(self) -> str:
        lines = ["| what | p50 | p95 | unit |", "| --- | --- | --- | --- |"]
        lines += [
            f"| {what} | {p50:.4g} | {p95:.4g} | {unit} |" for what, p50, p95, unit in self.rows
        ]
        return "\n".join(lines)


@contextmanager
def company(loops: int) -> Iterator[None]:
    """Run this many other processes, all of them always busy."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(loops)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def free_uri() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def server(uri: str, command: Sequence[str]) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A server process that has answered `describe`."""
    process = subprocess.Popen([*command, "--uri", uri], stderr=subprocess.DEVNULL)
    try:
        while process.poll() is None:
            try:
                await describe_seconds(uri)
                break
            except OSError:
                await asyncio.sleep(0.02)
        yield process
    finally:
        process.terminate()
        process.wait()


async def describe_seconds(uri: str) -> float:
    started = time.perf_counter()
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Describe().event())
        event = await client.read_event()
        assert event is not None
        assert Info.is_type(event.type)
    return time.perf_counter() - started


async def speak(uri: str, text: str) -> tuple[float, float, float]:
    """Seconds to the first audio, seconds to the end, seconds of audio."""
    started = time.perf_counter()
    first, audio = 0.0, 0.0
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Synthesize(text).event())
        while (event := await client.read_event()) is not None:
            if AudioChunk.is_type(event.type):
                first = first or time.perf_counter() - started
                audio += AudioChunk.from_event(event).seconds
            elif AudioStop.is_type(event.type):
                return first, time.perf_counter() - started, audio
    raise RuntimeError("the server closed the connection")


async def keep_talking(uri: str, text: str) -> None:
    while True:
        await speak(uri, text)


def memory_mib(pid: int, key: str) -> float:
    """`VmRSS` is the resident memory now, `VmHWM` the most so far."""
    match = re.search(rf"{key}:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) / 1024


def cpu_seconds(pid: int) -> float:
    """Seconds of CPU time that a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
