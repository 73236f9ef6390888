"""Measures a Piper voice in this program; on request also in wyoming-piper and piper-tts."""

import argparse
import asyncio
import json
import subprocess
import sys
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from unittest import mock

from measure import (
    THIS_PROGRAM,
    Table,
    describe_seconds,
    free_uri,
    keep_talking,
    memory_mib,
    server,
    speak,
)

from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.piper import network as network_module
from wyoming_vietts.engines.piper.engine import PiperEngine
from wyoming_vietts.engines.piper.network import PiperNetwork
from wyoming_vietts.engines.piper.phonemes import phoneme_ids, phonemes
from wyoming_vietts.engines.piper.voice import PiperVoice
from wyoming_vietts.steps import finish

EIGHT_WORDS = "Đèn trong phòng khách đã được bật rồi."
FORTY_WORDS = (
    "Hôm nay trời nhiều mây và có mưa vào chiều, nhiệt độ cao nhất trong ngày khoảng ba mươi độ, "
    "cửa sổ phòng ngủ đang mở nên tôi sẽ đóng, bạn có muốn tôi bật máy điều hòa ngay không?"
)
TEN_WORDS = "hôm nay trời nhiều mây và có mưa vào chiều."
LONG_TEXT = f"{FORTY_WORDS} " * 10


def main(options: argparse.Namespace) -> None:
    table = Table()
    for threads in (1, 2):
        measure_engine(table, options, threads)
    figures = {"this": asyncio.run(measure_server(options, this_server(options)))}
    if options.reference_python != "python3":
        theirs = asyncio.run(measure_server(options, reference_server(options)))
        figures |= {"wyoming-piper": theirs, "piper-tts": measure_piper_tts(options)}
    print(table)
    report("server", figures, options.json)


def report(title: str, figures: Mapping[str, Mapping[str, float]], file: Path | None) -> None:
    """Print a column for each program, and the rows of this one; write them to a file, too."""
    print(f"\n| {title} | {' | '.join(figures)} |\n| --- |{' --- |' * len(figures)}")
    for what in figures["this"]:
        cells = (f"{row[what]:.4g}" if what in row else "" for row in figures.values())
        print(f"| {what} | {' | '.join(cells)} |")
    if file:
        file.write_text(json.dumps(figures, indent=1))


def voice_file(options: argparse.Namespace) -> Path:
    """The voice to measure: the first of the folder."""
    files = sorted(options.piper_dir.glob("*.onnx"))
    if not files:
        sys.exit(f"No voice in {options.piper_dir}: script/run download, or name a --piper-dir")
    return Path(files[0])


# --- the engine by itself ------------------------------------------------------------------------


def measure_engine(table: Table, options: argparse.Namespace, threads: int) -> None:
    file = voice_file(options)
    engine = PiperEngine(EngineSettings(piper_dir=file.parent, threads=threads, seed=1))
    voice = next(iter(engine.voices.values()))
    started = time.perf_counter()
    finish(voice.load())
    name = f"{threads} thread{'s' if threads > 1 else ''}"
    table.add(f"{name}: load", [time.perf_counter() - started], "s")
    whole = PiperNetwork(file, voice.sample_rate, threads)
    with mock.patch.object(network_module, "cut", side_effect=ValueError("it is measured whole")):
        finish(whole.load())
    list(voice.speak(TEN_WORDS))
    ours, theirs, steps = [], [], []
    for _ in range(options.repeat):
        took = [*step_seconds(voice.speak(FORTY_WORDS.lower()))]
        steps.append(1000 * max(seconds for seconds, _ in took))
        one = [*step_seconds(voice.speak(TEN_WORDS))]
        ours.append(sum(s for s, _ in one) / (sum(n for _, n in one) / voice.sample_rate))
        theirs.append(uncut(whole, voice))
    table.add(f"{name}: real-time factor, 10 words", ours, "")
    table.add(f"{name}: the same in a single run", theirs, "")
    table.add(f"{name}: longest step of 40 words", steps, "ms")


def step_seconds(speaking: Iterable[bytes | None]) -> Iterator[tuple[float, int]]:
    """Seconds that each step takes, and the samples that it gives."""
    started = time.perf_counter()
    for pcm in speaking:
        yield time.perf_counter() - started, len(pcm or b"") // 2
        started = time.perf_counter()


def uncut(network: PiperNetwork, voice: PiperVoice) -> float:
    """Real-time factor of one run of the whole graph."""
    started = time.perf_counter()
    ids, _ = phoneme_ids(phonemes([TEN_WORDS], voice.config), voice.config)
    samples = finish(network.latents(ids, voice.scales, voice.speaker))
    return (time.perf_counter() - started) / (samples.shape[2] / voice.sample_rate)


# --- servers -------------------------------------------------------------------------------------


def this_server(options: argparse.Namespace) -> list[str]:
    return [*THIS_PROGRAM, "--engine", "piper", "--piper-dir", str(voice_file(options).parent)]


def reference_server(options: argparse.Namespace) -> list[str]:
    file = voice_file(options)
    return [options.reference_python, "-m", "wyoming_piper", "--voice", file.stem,
            "--data-dir", str(file.parent), "--download-dir", str(file.parent)]  # fmt: skip


async def measure_server(options: argparse.Namespace, command: list[str]) -> dict[str, float]:
    """Medians as a client sees them, in seconds, MiB and ms."""
    uri, rows = free_uri(), []
    started = time.perf_counter()
    async with server(uri, command=command) as process:
        start = time.perf_counter() - started
        await speak(uri, EIGHT_WORDS)
        for _ in range(options.repeat):
            first, total, audio = await speak(uri, EIGHT_WORDS)
            first_of_40, total_of_40, audio_of_40 = await speak(uri, FORTY_WORDS)
            rows.append((first, total / audio, first_of_40, total_of_40 / audio_of_40))
        talkers = [asyncio.create_task(keep_talking(uri, LONG_TEXT)) for _ in range(2)]
        await asyncio.sleep(1)
        answers = []
        for _ in range(30):
            answers.append(1000 * await describe_seconds(uri))
            await asyncio.sleep(0.1)
        memory = memory_mib(process.pid, "VmHWM")
        for talker in talkers:
            talker.cancel()
    medians = [sorted(column)[len(rows) // 2] for column in zip(*rows, strict=True)]
    return {
        "process start to first `describe`, s": start,
        "8 words, first audio, s": medians[0],
        "8 words, real-time factor": medians[1],
        "40 words, first audio, s": medians[2],
        "40 words, real-time factor": medians[3],
        "`describe` beside 2 clients, median, ms": sorted(answers)[15],
        "`describe` beside 2 clients, longest, ms": max(answers),
        "peak memory, MiB": memory,
    }


# --- piper-tts -----------------------------------------------------------------------------------

PIPER_TTS = """
import json, resource, sys, time
started = time.perf_counter()
from piper import PiperVoice
voice = PiperVoice.load(sys.argv[1])
loaded = time.perf_counter() - started
def speak(text):
    started, first, samples = time.perf_counter(), 0.0, 0
    for chunk in voice.synthesize(text):
        first = first or time.perf_counter() - started
        samples += len(chunk.audio_int16_bytes) // 2
    return first, (time.perf_counter() - started) * voice.config.sample_rate / samples
speak(sys.argv[3])
rows = [speak(sys.argv[3]) + speak(sys.argv[4]) for _ in range(int(sys.argv[2]))]
medians = [sorted(column)[len(rows) // 2] for column in zip(*rows)]
memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
print(json.dumps([loaded, *medians, memory]))
"""


def measure_piper_tts(options: argparse.Namespace) -> dict[str, float]:
    """The library that wyoming-piper uses, by itself."""
    command = [options.reference_python, "-c", PIPER_TTS, str(voice_file(options)),
               str(options.repeat), EIGHT_WORDS, FORTY_WORDS]  # fmt: skip
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    names = (
        "process start to first `describe`, s",  # here: import and load
        "8 words, first audio, s",
        "8 words, real-time factor",
        "40 words, first audio, s",
        "40 words, real-time factor",
        "peak memory, MiB",
    )
    return dict(zip(names, json.loads(output), strict=True))
