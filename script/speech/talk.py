"""Lets voices speak through a server of their own, and keeps what a client of it hears."""

import asyncio
import json
import math
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
from wyoming.audio import AudioChunk, AudioStop
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeVoice

from script.benchmark.measure import free_uri, memory_mib, server

ROOT = Path(__file__).parents[2]
PROGRAM = (str(ROOT / ".venv" / "bin" / "python"), "-m", "wyoming_vietts")

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Speaker:
    """A voice, and the server that it speaks through."""

    voice: str
    flags: Sequence[str] = ()
    """Of the server."""
    settings: dict[str, object] = field(default_factory=dict)
    """For the .toml beside the voice; `steps` is for the flow of VietTTS."""

    @staticmethod
    def parse(text: str) -> "Speaker":
        """Read `VOICE [--flag ...] [--set KEY=VALUE ...]`."""
        voice, *words = shlex.split(text)
        flags: list[str] = []
        settings: dict[str, object] = {}
        rest = iter(words)
        for word in rest:
            if word == "--set":
                settings |= tomllib.loads(next(rest, ""))
            else:
                flags.append(word)
        return Speaker(voice, flags, settings)

    def folder(self, flag: str) -> Path:
        """The folder that a flag of the server names."""
        if flag not in self.flags:
            sys.exit(f"--set needs {flag} DIR beside voice {self.voice}")
        return Path(self.flags[self.flags.index(flag) + 1])


@dataclass(frozen=True)
class Answer:
    """What a client got."""

    samples: Floats
    """[N], in -1 ... 1."""
    rate: int
    """Hz."""
    first_seconds: float
    """Until its first audio."""
    total_seconds: float
    """Until its end."""

    @property
    def seconds(self) -> float:
        return len(self.samples) / self.rate


def hear(speaker: Speaker, texts: Sequence[str]) -> tuple[list[Answer], float]:
    """Let a voice speak texts, one after the other; return also the server's peak memory in MiB."""
    with changed(speaker) as flags:
        return asyncio.run(_hear(speaker.voice, flags, texts))


async def _hear(
    voice: str, flags: Sequence[str], texts: Sequence[str]
) -> tuple[list[Answer], float]:
    async with serving((*PROGRAM, "--voice", voice, *flags)) as (uri, pid):
        await speak(uri, voice, texts[0])
        answers = [await speak(uri, voice, text) for text in texts]
        return answers, memory_mib(pid, "VmHWM")


@asynccontextmanager
async def serving(command: Sequence[str]):  # type: ignore[no-untyped-def]
    """A server's address and process id."""
    uri = free_uri()
    async with server(uri, command) as process:
        if process.poll() is not None:
            sys.exit(f"The server ended; to see why: {shlex.join(command)}")
        yield uri, process.pid


async def speak(uri: str, voice: str, text: str) -> Answer:
    """Hear a text.

    Raises:
        RuntimeError: the server refuses, or hangs up.
    """
    started = time.perf_counter()
    first, rate, pcm = 0.0, 0, b""
    async with AsyncClient.from_uri(uri) as client:
        await client.write_event(Synthesize(text, SynthesizeVoice(voice)).event())
        while (event := await client.read_event()) is not None:
            if AudioChunk.is_type(event.type):
                first = first or time.perf_counter() - started
                chunk = AudioChunk.from_event(event)
                rate, pcm = chunk.rate, pcm + chunk.audio
            elif AudioStop.is_type(event.type):
                samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32768
                return Answer(samples, rate, first, time.perf_counter() - started)
            elif event.type == "error":
                raise RuntimeError(str(event.data))
    raise RuntimeError("the server closed the connection")


def convert(recording: Path, voice: str, flags: Sequence[str]) -> Answer:
    """Let a voice say the words of a recording."""
    with tempfile.TemporaryDirectory() as folder:
        output = Path(folder, "converted.wav")
        command = (*PROGRAM, "convert", str(recording), voice, "-o", str(output), *flags)
        subprocess.run(command, check=True)
        return read(output)


def read(recording: Path) -> Answer:
    """Read a recording."""
    samples, rate = soundfile.read(recording, dtype="float32", always_2d=True)
    return Answer(samples.mean(axis=1), rate, first_seconds=0.0, total_seconds=0.0)


@contextmanager
def changed(speaker: Speaker) -> Iterator[list[str]]:
    """Flags of a server whose voice has the speaker's settings, in copies of its files."""
    settings, flags = dict(speaker.settings), [*speaker.flags]
    with tempfile.TemporaryDirectory() as folder:
        if "steps" in settings:
            model = linked(speaker.folder("--model-dir"), Path(folder, "model"))
            steps = settings.pop("steps")
            config = json.loads((model / "config.json").read_text())
            (model / "config.json").unlink()  # it is a link
            config["flow"]["solver_times"] = [
                1 - math.cos(step / steps * math.pi / 2) for step in range(steps + 1)
            ]
            (model / "config.json").write_text(json.dumps(config))
            flags += ["--model-dir", str(model)]
        if settings:
            flag = "--piper-dir" if "--piper-dir" in flags else "--voices-dir"
            for file in speaker.folder(flag).glob(f"{speaker.voice}.*"):
                shutil.copy(file, folder)
            lines = [f"{key} = {json.dumps(value)}\n" for key, value in settings.items()]
            with Path(folder, f"{speaker.voice}.toml").open("a") as toml:
                toml.writelines(lines)
            flags += [flag, folder]
        yield flags


def linked(folder: Path, copy: Path) -> Path:
    """A folder of links to the files of another."""
    copy.mkdir()
    for file in folder.iterdir():
        (copy / file.name).symlink_to(file.resolve())
    return copy
