"""Measures a newcomer's first audio beside seven long answers: in order, and by urgency."""

import argparse
import asyncio
import multiprocessing
import random
import statistics

from measure import THIS_PROGRAM, free_uri, keep_talking, server, speak

NEWCOMER = "Đèn trong phòng khách đã được bật rồi."
LONG_TEXT = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 100
CROWD = 7

# Everybody's deadline is the same, so it is first come, first served: a step of each in turn.
IN_ORDER = """
import sys
from wyoming_vietts.__main__ import main
from wyoming_vietts.speech.turns import Turns
wait = Turns.wait
Turns.wait = lambda self, deadline: wait(self, 0.0)
sys.exit(main(sys.argv[1:]))
"""


def main(options: argparse.Namespace) -> None:
    engines = ["espeak"]
    if list(options.piper_dir.glob("*.onnx")):
        engines.append("piper")
    print("| first audio of a newcomer | quiet | beside 7, in order | beside 7, by urgency |")
    print("| --- | --- | --- | --- |")
    for engine in engines:
        arguments = ("--engine", engine, "--piper-dir", str(options.piper_dir))
        in_order = (THIS_PROGRAM[0], "-c", IN_ORDER, *arguments)
        quiet, urgent = asyncio.run(measure((*THIS_PROGRAM, *arguments), options.repeat))
        _, ordered = asyncio.run(measure(in_order, options.repeat))
        cells = [f"{1000 * s:.1f} ms ({s / quiet:.1f})" for s in (quiet, ordered, urgent)]
        print(f"| {engine} | {' | '.join(cells)} |")


async def measure(command: tuple[str, ...], repeat: int) -> tuple[float, float]:
    """Medians of the seconds to the first audio, without and with a crowd."""
    uri = free_uri()
    async with server(uri, command):
        await speak(uri, NEWCOMER)
        quiet = await come_now_and_then(uri, 10 * repeat)
        # Another process, as the newcomer's client has nothing to do with the others'.
        crowd = multiprocessing.Process(target=surround, args=(uri,), daemon=True)
        crowd.start()
        await asyncio.sleep(3)
        beside = await come_now_and_then(uri, 10 * repeat)
        crowd.kill()
    return statistics.median(quiet), statistics.median(beside)


async def come_now_and_then(uri: str, times: int) -> list[float]:
    """Seconds to the first audio of requests at random moments."""
    seconds = []
    for _ in range(times):
        await asyncio.sleep(random.uniform(0, 0.1))
        seconds.append((await speak(uri, NEWCOMER))[0])
    return seconds


def surround(uri: str) -> None:
    async def crowd() -> None:
        await asyncio.gather(*(keep_talking(uri, LONG_TEXT) for _ in range(CROWD)))

    asyncio.run(crowd())
