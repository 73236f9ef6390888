"""Examines this machine as a server would see it, and suggests next steps."""

import argparse
import asyncio
import importlib.metadata
import json
import logging
import platform
import re
import shutil
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from logging.handlers import BufferingHandler
from pathlib import Path
from typing import Any

from .. import __version__
from ..downloads import hub
from ..downloads.table import DOWNLOADS, NATURAL_VOICE
from ..engines.catalogue import Catalogue, make_catalogue
from ..engines.contract import ClonedVoice, EngineSettings, Voice
from ..engines.cores import granted_cores
from ..engines.piper.engine import PiperEngine
from ..errors import SetupError, SynthesisError
from ..files import nearest_existing
from ..frontends.wyoming.discovery import ZeroconfAnnouncement
from ..frontends.wyoming.info import PRODUCT, PROGRAM_NAME
from ..frontends.wyoming.interfaces import addresses_of, reachable_interfaces
from ..program import command, how_to_install
from ..settings.addresses import DEFAULT_HTTP_ADDRESS, parse_http_address, parse_uri
from ..settings.table import HTTP
from ..steps import finish
from .client import describe
from .language import NO_PLAYER, translated
from .ports import who_has
from .say import find_player

_COMFORTABLE = 0.7  # real-time factor
SENTENCE = "nhiệt độ phòng khách là hai mươi sáu độ."
_PACKAGES = (
    "wyoming", "numpy", "zeroconf", "espeakng-loader", "soxr", "onnxruntime", "onnxruntime-gpu",
    "torch", "torchaudio", "soundfile", "av",
)  # fmt: skip
_ANSWER_SECONDS = 2.0
_LEFT_OUT, _CANNOT_SPEAK = "left out, or worth knowing", "cannot speak"
_ENOUGH_DISK_MB, _ENOUGH_MEMORY_MB = 500, 300


def run(options: argparse.Namespace) -> None:
    """Print the report, line by line or as JSON.

    Raises:
        SetupError: a voice's file cannot be used; the report names it.
    """
    report = examine(options)
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
    else:
        _print(report)
    said = [*report["voices"].values(), *report.get(_LEFT_OUT, {}).values()]
    if damaged := sum(text.startswith((_CANNOT_SPEAK, "Skipped")) for text in said):
        raise SetupError(f"Files of voices that cannot speak: {damaged}, named above")


def _print(report: dict[str, Any]) -> None:
    for section, found in report.items():
        if section == "next":
            continue
        print(section)
        for name, value in found.items():
            print(f"  {name}: {value}")
    print("next")
    for step in report["next"]:
        print(f"  * {step}")


def examine(options: argparse.Namespace) -> dict[str, Any]:
    """Collect the facts for an issue report, by section; `next` lists the next steps."""
    steps: list[str] = []
    program = _program()
    if "not installed" not in (program["onnxruntime"], program["onnxruntime-gpu"]):
        steps.append("Uninstall onnxruntime or onnxruntime-gpu: together they break each other")
    report: dict[str, Any] = {"program": program, "machine": _machine(options, steps)}
    with _warnings() as records:
        try:
            catalogue = make_catalogue(options.engine, EngineSettings.of(options))
            voices = catalogue.voices
        except SetupError as error:
            catalogue, voices = None, {}
            steps.append(str(error))
        report["voices"] = _measure_all(voices.values())
    if warnings := [record.getMessage() for record in records]:
        report[_LEFT_OUT] = dict(enumerate(warnings, start=1))
        steps.append("See above what was left out, and why")
    is_running, report["network"] = _network(options, steps)
    if catalogue is not None:
        steps += _ways_to_better_voices(catalogue)
    nothing = f"Nothing is missing: a server answers at {options.uri}"
    if not is_running:
        nothing = translated(
            "Nothing is missing: start it with {command}", command=command("serve")
        )
    report["next"] = steps or [nothing]
    return report


def _program() -> dict[str, str]:
    versions = {"version": __version__, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            versions[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            versions[package] = "not installed"
    return versions


def _machine(options: argparse.Namespace, steps: list[str]) -> dict[str, str]:
    memory = _available_memory_mb()
    folder = nearest_existing(options.piper_dir)
    disk = shutil.disk_usage(folder).free / 1e6
    if memory is not None and memory < _ENOUGH_MEMORY_MB:
        steps.append(
            f"Free some memory: {memory:.0f} MB are available, and a Piper voice takes 300"
        )
    if disk < _ENOUGH_DISK_MB:
        steps.append(f"Free some space for voices in {folder}: {disk:.0f} MB are left")
    return {
        "system": platform.platform(),
        "processor": platform.machine(),
        "cores granted": str(granted_cores()),
        "memory available": "unknown" if memory is None else f"{memory:.0f} MB",
        f"disk free in {folder}": f"{disk:.0f} MB",
        "device": _device(options.device),
        "audio player": _player(),
        "audio formats of --http": _formats(),
    }


def _player() -> str:
    player = find_player()
    return player[0] if player else translated(NO_PLAYER)


def _formats() -> str:
    try:
        from ..frontends.http.formats import available_formats
    except ModuleNotFoundError as error:
        return f"none, as {error.name} is missing: {how_to_install('http')}"
    return ", ".join(available_formats())


def _available_memory_mb() -> float | None:
    try:
        found = re.search(r"MemAvailable:\s+(\d+)", Path("/proc/meminfo").read_text())
    except OSError:
        return None
    return int(found[1]) / 1000 if found else None


def _device(name: str) -> str:
    try:
        from ..engines.vietts.device import choose_device

        return str(choose_device(name))
    except ModuleNotFoundError:
        return "cpu (PyTorch is not installed)"
    except SetupError as error:
        return str(error)


def _measure_all(voices: Iterable[Voice]) -> dict[str, str]:
    """Measure voices, but of the presets of VieNeu, which share its networks, only the first."""
    measured: dict[str, str] = {}
    first_preset = ""
    for voice in voices:
        is_preset = voice.engine_name == "vieneu" and not isinstance(voice, ClonedVoice)
        if is_preset and first_preset:
            measured[voice.name] = f"{voice.description}: has the networks of {first_preset}"
            continue
        if is_preset:
            first_preset = voice.name
        measured[voice.name] = _measure(voice)
    return measured


def _measure(voice: Voice) -> str:
    began = time.perf_counter()
    first, size = None, 0
    try:
        finish(voice.load())
        started = time.perf_counter()
        for pcm in voice.speak(SENTENCE):
            size += len(pcm or b"")
            if pcm and first is None:
                first = time.perf_counter() - started
    except SynthesisError as error:
        return f"{_CANNOT_SPEAK}: {error}"
    if first is None:
        return f"{_CANNOT_SPEAK}: it makes no audio"
    seconds, audio = time.perf_counter() - started, size / 2 / voice.sample_rate
    return (
        f"{voice.description}: {audio:.1f} s of audio in {seconds:.2f} s, the first after "
        f"{first:.2f} s; loaded in {started - began:.2f} s; {_judge(seconds / audio)}"
    )


def _judge(real_time_factor: float) -> str:
    if real_time_factor <= _COMFORTABLE:
        return "this machine is fast enough for it"
    if real_time_factor <= 1.0:
        return "this machine is just fast enough for it"
    return "this machine is too slow for it, so that speech has gaps"


@contextmanager
def _warnings() -> Iterator[list[logging.LogRecord]]:
    """Collect the program's warnings, which say why a voice is left out."""
    logger, collector = logging.getLogger("wyoming_vietts"), BufferingHandler(sys.maxsize)
    collector.setLevel(logging.WARNING)
    logger.addHandler(collector)
    was, logger.propagate = logger.propagate, False
    try:
        yield collector.buffer
    finally:
        logger.removeHandler(collector)
        logger.propagate = was


def _network(options: argparse.Namespace, steps: list[str]) -> tuple[bool, dict[str, str]]:
    """Return whether a server of this program is running, and the findings."""
    scheme, host, port = parse_uri(options.uri)
    found, answer = {"address": options.uri}, _who_answers(options.uri)
    is_running = answer.startswith(PRODUCT)
    if answer:
        found["port"] = answer
    elif scheme == "tcp":
        found["port"] = who_has(host, port)
        if found["port"] != "free":
            steps.append(f"Port {port} is {found['port']}: stop that one, or choose another --uri")
    if scheme == "tcp":
        found["zeroconf would announce"] = _announced(host, port)
    if not is_running:
        page_host, page_port = parse_http_address(options.http or DEFAULT_HTTP_ADDRESS)
        found["port of the page"] = f"{page_port}, {who_has(page_host, page_port)}"
        if options.http and not found["port of the page"].endswith("free"):
            steps.append(f"Choose another port for the page, with {HTTP.flag}")
    found["downloads"] = _reach_hub()
    return is_running, found


def _who_answers(uri: str) -> str:
    """Name the Wyoming server that answers at an address; "" if none does."""
    try:
        name, voices = asyncio.run(describe(uri, _ANSWER_SECONDS))
    except (OSError, ValueError):
        return ""
    program = PRODUCT if name == PROGRAM_NAME else f"Another Wyoming server ('{name}')"
    return f"{program} answers there; voices: {voices}"


def _announced(host: str, port: int) -> str:
    try:
        ZeroconfAnnouncement(host, port, None)
        reached = [
            f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            for interface in reachable_interfaces(addresses_of(host))
            for address in interface.addresses
        ]
    except (SetupError, OSError) as error:
        return f"nothing: {error}"
    return ", ".join(reached) or "nothing: there is no network"


def _reach_hub() -> str:
    """Ask the hub for the smallest file that can be downloaded."""
    entry = DOWNLOADS[NATURAL_VOICE]
    try:
        hub.find(entry.repository, entry.revision, entry.files[0])
    except SetupError as error:
        return str(error)
    return "can be reached"


def _ways_to_better_voices(catalogue: Catalogue) -> Iterator[str]:
    if not catalogue.has_embedded_only:
        return
    size = DOWNLOADS[NATURAL_VOICE].megabytes
    if not PiperEngine.is_installed():
        yield f"For natural voices: {how_to_install('piper')}"
    yield translated(
        "For a natural voice ({size} MB): {command}",
        size=size,
        command=command(f"download {NATURAL_VOICE}"),
    )
