"""Measures VieNeu in this program; on request also the package vieneu, on the same files."""

import argparse
import asyncio
import json
import subprocess
import tempfile
import time
from pathlib import Path

from measure import THIS_PROGRAM, Table, describe_seconds, free_uri, memory_mib, server, speak
from piper import EIGHT_WORDS, FORTY_WORDS, LONG_TEXT, report, step_seconds

from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.vieneu.engine import PRESETS_FILE, VieNeuEngine
from wyoming_vietts.steps import finish

QUALITIES = {"fast": 8, "exact": 16}


def main(options: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        model_dir = options.vieneu_dir
        if not (model_dir / PRESETS_FILE).is_file():
            from vieneu_model import write_large_model

            print("There is no VieNeu model here: random weights of the published sizes\n")
            model_dir = write_large_model(Path(folder))
        _measure(options, model_dir)


def _measure(options: argparse.Namespace, model_dir: Path) -> None:
    table = Table()
    for threads in (1, 2):
        for quality in QUALITIES:
            measure_engine(table, model_dir, threads, quality, options.repeat)
    print(table)
    figures = {"this": asyncio.run(measure_server(model_dir, options.repeat))}
    if options.reference_python != "python3":
        figures["vieneu"] = measure_package(options, model_dir)
    report("16 steps, 2 threads", figures, options.json)


def measure_engine(table: Table, model_dir: Path, threads: int, quality: str, repeat: int) -> None:
    engine = VieNeuEngine(
        EngineSettings(vieneu_dir=model_dir, threads=threads, quality=quality, seed=1)
    )
    voice = next(iter(engine.voices.values()))
    started = time.perf_counter()
    finish(voice.load())
    name = f"{threads} thread{'s' if threads > 1 else ''}, {QUALITIES[quality]} steps"
    if quality == "fast":
        table.add(f"{name}: load", [time.perf_counter() - started], "s")
    firsts, factors, longest = [], [], []
    for _ in range(repeat):
        took = [*step_seconds(voice.speak(FORTY_WORDS.lower()))]
        spoken = next(index for index, (_, samples) in enumerate(took) if samples)
        firsts.append(sum(seconds for seconds, _ in took[: spoken + 1]))
        factors.append(sum(s for s, _ in took) / (sum(n for _, n in took) / voice.sample_rate))
        longest.append(1000 * max(seconds for seconds, _ in took))
    table.add(f"{name}: first audio, 40 words", firsts, "s")
    table.add(f"{name}: real-time factor, 40 words", factors, "")
    table.add(f"{name}: longest step, 40 words", longest, "ms")


async def measure_server(model_dir: Path, repeat: int) -> dict[str, float]:
    uri = free_uri()
    command = [*THIS_PROGRAM, "--engine", "vieneu", "--vieneu-dir", str(model_dir),
               "--quality", "exact", "--threads", "2"]  # fmt: skip
    async with server(uri, command) as process:
        found = {"memory after loading, MiB": memory_mib(process.pid, "VmRSS")}
        runs = [[await speak(uri, text) for text in (EIGHT_WORDS, FORTY_WORDS)]
                for _ in range(repeat)]  # fmt: skip
        for index, words in enumerate(("8 words", "40 words")):
            firsts, ends, audio = zip(*(run[index] for run in runs), strict=True)
            found[f"{words}, first audio, s"] = min(firsts)
            found[f"{words}, real-time factor"] = min(ends) / audio[0]
        clients = [asyncio.create_task(speak(uri, LONG_TEXT)) for _ in range(2)]
        await asyncio.sleep(1.0)
        answers = []
        for _ in range(40):
            answers.append(await describe_seconds(uri))
            await asyncio.sleep(0.05)
        found["describe beside two clients, ms"] = 1000 * max(answers)
        found["memory, most so far, MiB"] = memory_mib(process.pid, "VmHWM")
        for client in clients:
            client.cancel()
        await asyncio.gather(*clients, return_exceptions=True)
    return found


# --- the package vieneu --------------------------------------------------------------------------

_PACKAGE = """
import json, os, re, sys, time
os.environ |= {"HF_HUB_OFFLINE": "1", "ORT_DISABLE_TELEMETRY": "1"}
from vieneu import Vieneu
folder, repeat, *texts = sys.argv[1:]
def status(key):
    said = open("/proc/self/status").read()
    return int(re.search(key + r":\\s+(\\d+)", said)[1]) / 1024
tts = Vieneu(mode="v3nano", onnx_dir=folder, threads=2)
found = {"memory after loading, MiB": status("VmRSS")}
for words, text in zip(("8 words", "40 words"), texts):
    firsts, factors = [], []
    for _ in range(int(repeat)):
        started, first, samples = time.perf_counter(), 0.0, 0
        for wave in tts.infer_stream(text, apply_watermark=False):
            first = first or time.perf_counter() - started
            samples += len(wave)
        firsts.append(first)
        factors.append((time.perf_counter() - started) / (samples / 24000))
    found[words + ", first audio, s"] = min(firsts)
    found[words + ", real-time factor"] = min(factors)
found["memory, most so far, MiB"] = status("VmHWM")
print(json.dumps(found))
"""


def measure_package(options: argparse.Namespace, model_dir: Path) -> dict[str, float]:
    """The package by itself, which streams by pieces of at most 140 characters."""
    arguments = (str(model_dir), str(options.repeat), EIGHT_WORDS, FORTY_WORDS)
    said = subprocess.check_output([options.reference_python, "-c", _PACKAGE, *arguments])
    found: dict[str, float] = json.loads(said.splitlines()[-1])
    return found
