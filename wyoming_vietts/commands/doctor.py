"""Look at this machine as a server would find it, and say what to do next."""

import argparse
import asyncio
import importlib.metadata
import json
import logging
import os
import platform
import re
import shutil
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from .. import __version__
from ..downloads.table import DOWNLOADS, NATURAL_VOICE
from ..engines.catalogue import Catalogue, make_catalogue
from ..engines.contract import Voice
from ..engines.cores import granted_cores
from ..engines.piper.engine import PiperEngine
from ..errors import DiscoveryError, SetupError, SynthesisError
from ..frontends.wyoming.discovery import ZeroconfAnnouncement
from ..frontends.wyoming.interfaces import addresses_of, reachable_interfaces
from ..program import command, how_to_install
from ..settings.addresses import parse_uri
from ..steps import finish
from .engine_settings import engine_settings

SENTENCE = "nhiệt độ phòng khách là hai mươi sáu độ."
_PACKAGES = (
    "wyoming", "numpy", "zeroconf", "espeakng-loader", "soxr", "onnxruntime", "onnxruntime-gpu",
    "torch", "torchaudio", "soundfile", "av",
)  # fmt: skip
_ENOUGH_DISK_MB, _ENOUGH_MEMORY_MB = 500, 300


def run(options: argparse.Namespace) -> None:
    """Print what was found, line by line or as JSON."""
    report = examine(options)
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
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
    """Everything that an issue report needs, by section; `next` is what to do."""
    steps: list[str] = []
    program = _program()
    if "not installed" not in (program["onnxruntime"], program["onnxruntime-gpu"]):
        steps.append("Uninstall onnxruntime or onnxruntime-gpu: together they break each other")
    report: dict[str, Any] = {"program": program, "machine": _machine(options, steps)}
    with _warnings() as warnings:
        try:
            catalogue = make_catalogue(options.engine, engine_settings(options))
            voices = catalogue.voices
        except SetupError as error:
            catalogue, voices = None, {}
            steps.append(str(error))
        report["voices"] = {voice.name: _measure(voice) for voice in voices.values()}
    if warnings:
        report["left out, or worth knowing"] = dict(enumerate(warnings, start=1))
        steps.append("Look at what was left out, above, and at the reason for it")
    report["network"] = _network(options, steps)
    if catalogue is not None:
        steps += _ways_to_better_voices(catalogue)
    report["next"] = steps or [f"Nothing is missing: start it with {command('serve')}"]
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
    folder = next(path for path in (options.piper_dir, *options.piper_dir.resolve().parents)
                  if path.is_dir())  # fmt: skip
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
    }


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


def _measure(voice: Voice) -> str:
    """How long one sentence takes."""
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
        return f"cannot speak: {error}"
    if first is None:
        return "cannot speak: it makes no audio"
    seconds, audio = time.perf_counter() - started, size / 2 / voice.sample_rate
    return (
        f"{voice.description}: {audio:.1f} s of audio in {seconds:.2f} s, the first after "
        f"{first:.2f} s; loaded in {started - began:.2f} s"
    )


@contextmanager
def _warnings() -> Iterator[list[str]]:
    """Collects the program's own warnings, which say why a voice is left out."""
    found: list[str] = []

    class Collector(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            found.append(record.getMessage())

    logger, collector = logging.getLogger("wyoming_vietts"), Collector(logging.WARNING)
    logger.addHandler(collector)
    was, logger.propagate = logger.propagate, False
    try:
        yield found
    finally:
        logger.removeHandler(collector)
        logger.propagate = was


def _network(options: argparse.Namespace, steps: list[str]) -> dict[str, str]:
    scheme, host, port = parse_uri(options.uri)
    if scheme != "tcp":
        return {"address": options.uri}
    found = {"address": options.uri, "port": _who_has(host, port)}
    if found["port"] != "free":
        steps.append(f"Port {port} is {found['port']}: stop that one, or choose another --uri")
    try:
        ZeroconfAnnouncement(host, port, None)
        reached = [
            f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            for interface in reachable_interfaces(addresses_of(host))
            for address in interface.addresses
        ]
        found["zeroconf would announce"] = ", ".join(reached) or "nothing: there is no network"
    except (DiscoveryError, OSError) as error:
        found["zeroconf would announce"] = f"nothing: {error}"
    return found


def _who_has(host: str, port: int) -> str:
    """`free`, or who is listening there."""
    try:
        family, *_, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
        return "free"
    except OSError as error:
        if not _is_listening(port):
            return f"not to be had: {error.strerror or error}"
    return f"taken by {_program_listening_on(port)}"


def _is_listening(port: int) -> bool:
    try:
        asyncio.run(asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 1.0))
    except (OSError, TimeoutError):
        return _inode_of(port) is not None
    return True


def _program_listening_on(port: int) -> str:
    """Name and number of a process of this user, by what Linux says of its sockets."""
    inode = _inode_of(port)
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            links = [os.readlink(link) for link in (folder / "fd").iterdir()]
            if f"socket:[{inode}]" in links:
                words = (folder / "cmdline").read_text().replace("\0", " ").strip()
                return f"process {folder.name} ({words:.100})"
        except OSError:  # it is gone, or somebody else's
            continue
    return "another program"


def _inode_of(port: int) -> str | None:
    """Of the socket that listens on a port."""
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        except OSError:
            continue
        for row in rows:
            if row[3] == "0A" and int(row[1].rpartition(":")[2], 16) == port:
                return row[9]
    return None


def _ways_to_better_voices(catalogue: Catalogue) -> Iterator[str]:
    if not catalogue.has_embedded_only:
        return
    size = DOWNLOADS[NATURAL_VOICE].megabytes
    if not PiperEngine.is_installed():
        yield f"For natural voices: {how_to_install('piper')}"
    yield f"For a natural voice ({size} MB): {command(f'download {NATURAL_VOICE}')}"
