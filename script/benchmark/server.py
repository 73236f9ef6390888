"""Measures the server with the embedded voice, and the text rules."""

import argparse
import asyncio
import json
import subprocess
import sys
import time

from measure import (
    THIS_PROGRAM,
    Table,
    cpu_seconds,
    describe_seconds,
    free_uri,
    keep_talking,
    memory_mib,
    server,
    speak,
)

from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.text import speakable, split_sentences

ESPEAK = (*THIS_PROGRAM, "--engine", "espeak")
EIGHT_WORDS = "Nhiệt độ phòng khách là hai mươi độ."
LONG_TEXT = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20
SENTENCES = (
    "Nhiệt độ phòng khách là 25,5°C, độ ẩm 60%.",
    "Đã hẹn giờ 1h30p, chuông reo lúc 07:05 sáng thứ 2.",
    "**Lưu ý:** mất điện 8h-17h ngày 22/11/2026 ở Q.3, TP.HCM.",
    "Hôm nay dùng hết 12,4 kWh, khoảng 35.000đ.",
    "Đã bật đèn phòng ngủ.",
)


def main(options: argparse.Namespace) -> None:
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
        async with server(uri, ESPEAK):
            starts.append(time.perf_counter() - started)
    table.add("process start to first `describe` answer", starts, "s")
    async with server(uri, ESPEAK) as process:
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
        talkers = [asyncio.create_task(keep_talking(uri, LONG_TEXT)) for _ in range(4)]
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
        table.add("resident memory afterwards", [memory_mib(process.pid, "VmRSS")], "MiB")


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


def engine_cpu_seconds(text: str, requests: int) -> float:
    """CPU time of the engine alone for the sentences that the server gives it."""
    voice = next(iter(EspeakEngine().voices.values()))
    sentences = [speakable(sentence) for sentence in split_sentences(text)]
    started = time.process_time()
    for _ in range(requests):
        for sentence in sentences:
            for _pcm in voice.speak(sentence):
                pass
    return (time.process_time() - started) / requests
