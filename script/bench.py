"""Measures the server: real processes, real sockets, this machine."""

import argparse
import asyncio
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.info import Describe, Info
from wyoming.tts import Synthesize

from wyoming_vietts.espeak import EspeakTTS
from wyoming_vietts.text import speakable, split_sentences

EIGHT_WORDS = "Nhiệt độ phòng khách là hai mươi độ."
LONG_TEXT = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20
SENTENCES = (
    "Nhiệt độ phòng khách là 25,5°C, độ ẩm 60%.",
    "Đã hẹn giờ 1h30p, chuông reo lúc 07:05 sáng thứ 2.",
    "**Lưu ý:** mất điện 8h-17h ngày 22/11/2026 ở Q.3, TP.HCM.",
    "Hôm nay dùng hết 12,4 kWh, khoảng 35.000đ.",
    "Đã bật đèn phòng ngủ.",
)


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


def main() -> None:
    parser = argparse.ArgumentParser(prog="script/bench", description=__doc__)
    add = parser.add_argument
    add("--engine", choices=("espeak", "vietts"), default="espeak")
    add("--requests", type=int, default=200, help="espeak: per figure (default: 200)")
    add("--json", type=Path, metavar="FILE", help="write the figures, too")
    vietts = parser.add_argument_group("vietts")
    add = vietts.add_argument
    add("--model-dir", type=Path, default=Path("models/viet-tts"), metavar="DIR")
    add("--voices-dir", type=Path, metavar="DIR", help="default: voices in the model directory")
    add("--device", default="cpu")
    add("--threads", type=int)
    add("--quality", default="balanced", choices=("exact", "balanced", "fast"))
    add("--repeat", type=int, default=3, help="runs (default: 3)")
    add("--limits", action="store_true", help="what this machine can do at most")
    add("--fidelity", action="store_true", help="what each quality changes")
    add("--compare-reference", type=Path, metavar="DIR", help="where run_reference.py is")
    add("--reference-python", default="python3", help="with the reference installed")
    add("--whole-reference", action="store_true", help="whole sentences of it, too: minutes")
    options = parser.parse_args()
    if options.engine == "vietts":
        import bench_vietts

        options.voices_dir = options.voices_dir or options.model_dir / "voices"
        bench_vietts.main(options)
        return
    table = Table()
    asyncio.run(measure_server(table, options.requests))
    measure_text(table, options.requests)
    print(table)
    if options.json:
        rows = [dict(zip(("what", "p50", "p95", "unit"), row, strict=True)) for row in table.rows]
        options.json.write_text(json.dumps(rows, indent=1))


async def measure_server(table: Table, requests: int) -> None:
    uri = free_uri()
    starts = []
    for _ in range(5):
        started = time.perf_counter()
        async with server(uri):
            starts.append(time.perf_counter() - started)
    table.add("process start to first `describe` answer", starts, "s")
    async with server(uri) as process:
        await speak(uri, EIGHT_WORDS)
        cpu_before = cpu_seconds(process.pid)
        answers = [await speak(uri, EIGHT_WORDS) for _ in range(requests)]
        server_cpu = (cpu_seconds(process.pid) - cpu_before) / requests
        table.add("first audio, 8 words", [1000 * first for first, _, _ in answers], "ms")
        table.add("real-time factor, 8 words", [total / audio for _, total, audio in answers], "")
        engine_cpu = engine_cpu_seconds(EIGHT_WORDS, requests)
        overhead, audio = server_cpu - engine_cpu, answers[0][2]
        table.add("server's own CPU a request", [1000 * overhead], "ms")
        table.add("server's own CPU a second of audio", [100 * overhead / audio], "%")
        talkers = [asyncio.create_task(keep_talking(uri)) for _ in range(4)]
        table.add(
            "`describe` while 4 clients hear long texts",
            [1000 * await describe_seconds(uri) for _ in range(requests)],
            "ms",
        )
        for talker in talkers:
            talker.cancel()
        crowd = await asyncio.gather(*(speak(uri, LONG_TEXT[:630]) for _ in range(100)))
        table.add("real-time factor, 100 clients at once", [t / a for _, t, a in crowd], "")
        table.add("first audio, 100 clients at once", [1000 * first for first, _, _ in crowd], "ms")
        table.add("resident memory afterwards", [resident_mib(process.pid)], "MiB")


def measure_text(table: Table, requests: int) -> None:
    code = (
        "import time; started = time.perf_counter()\n"
        "from wyoming_vietts.text import speakable\n"
        f"speakable({SENTENCES[2]!r}); print(time.perf_counter() - started)"
    )
    cold = [float(subprocess.check_output([sys.executable, "-c", code])) for _ in range(5)]
    table.add("text: import and first sentence", [1000 * seconds for seconds in cold], "ms")
    seconds = []
    for _ in range(requests):
        for text in SENTENCES:
            started = time.perf_counter()
            for sentence in split_sentences(text):
                speakable(sentence)
            seconds.append(time.perf_counter() - started)
    table.add("text: a sentence split and normalised", [1000 * s for s in seconds], "ms")


def free_uri() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"tcp://127.0.0.1:{probe.getsockname()[1]}"


@asynccontextmanager
async def server(uri: str, *arguments: str) -> AsyncIterator["subprocess.Popen[bytes]"]:
    """A server process that has answered `describe`."""
    process = subprocess.Popen(
        [
            sys.executable,
            "-m",
            "wyoming_vietts",
            "--uri",
            uri,
            *(arguments or ("--engine", "espeak")),
        ],
        stderr=subprocess.DEVNULL,
    )
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


async def keep_talking(uri: str) -> None:
    while True:
        await speak(uri, LONG_TEXT)


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def engine_cpu_seconds(text: str, requests: int) -> float:
    """CPU time of the engine alone for the sentences that the server gives it."""
    tts = EspeakTTS()
    voice = next(iter(tts.voices))
    sentences = [speakable(sentence) for sentence in split_sentences(text)]
    started = time.process_time()
    for _ in range(requests):
        for sentence in sentences:
            for _pcm in tts.synthesize(sentence, voice):
                pass
    return (time.process_time() - started) / requests


def resident_mib(pid: int) -> float:
    match = re.search(r"VmRSS:\s+(\d+)", Path(f"/proc/{pid}/status").read_text())
    assert match
    return int(match[1]) / 1024


if __name__ == "__main__":
    main()
