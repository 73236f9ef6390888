"""A real server on a real socket, a client that reads all it says, and an engine made for tests."""

import asyncio
import os
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Generator, Iterable, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
from wyoming.client import AsyncClient
from wyoming.event import Event
from wyoming.info import Describe, Info
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from wyoming_vietts.engines.catalogue import Catalogue
from wyoming_vietts.engines.contract import Engine, Voice
from wyoming_vietts.engines.pcm import PCM
from wyoming_vietts.frontends.wyoming.handler import Handler, HandlerSettings
from wyoming_vietts.frontends.wyoming.server import Server
from wyoming_vietts.settings.table import NO_DOWNLOAD
from wyoming_vietts.speech.script import SpeechSettings
from wyoming_vietts.speech.synthesizer import Synthesizer
from wyoming_vietts.steps import Steps
from wyoming_vietts.text import LexiconFile

SETTINGS = SpeechSettings(
    voice=None,
    speed=1.0,
    lead_silence_seconds=0.0,
    tail_silence_seconds=0.0,
    sentence_silence_seconds=0.0,
    max_text_characters=20_000,
    lexicon=LexiconFile(Path("/nowhere/lexicon.txt"), may_be_missing=True),
)


@dataclass(frozen=True)
class StepVoice(Voice):
    """A voice of a `StepEngine`."""

    engine: "StepEngine"

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        return self.engine.speak(text, self.name, speed)


@dataclass
class StepEngine:
    """Speaks `steps` pieces of PCM a sentence, and remembers what it was asked and has computed.

    A sentence's samples depend on its text, voice and speed alone. `silent_steps` are steps that
    have no audio yet.
    """

    steps: int = 4
    silent_steps: int = 0
    samples_per_step: int = 100
    sample_rate: int = 22_050
    languages: dict[str, str] = field(default_factory=lambda: {"an": "vi-VN", "binh": "vi"})
    """By name of voice."""
    asked: list[tuple[str, str, float]] = field(default_factory=list)
    computed: list[str] = field(default_factory=list)

    def idle_work(self) -> Steps[None]:
        yield from ()

    @property
    def voices(self) -> dict[str, StepVoice]:
        return {
            name: StepVoice(
                name=name,
                description=f"Voice {name}",
                languages=(language,),
                author="tests",
                author_url="https://localhost",
                sample_rate=self.sample_rate,
                engine=self,
            )
            for name, language in self.languages.items()
        }

    def speak(self, text: str, voice: str, speed: float) -> PCM:
        self.asked.append((text, voice, speed))
        for step in range(self.silent_steps + self.steps):
            self.computed.append(text)
            if "lỗi" in text:
                raise RuntimeError("the engine broke")
            if "hết bộ nhớ" in text:
                bytearray(1 << 60)
            level = sum(map(ord, text + voice)) + step
            samples = np.full(self.samples_per_step, level % 30_000, "<i2")
            yield None if step < self.silent_steps else samples.tobytes()


def joined(pieces: Iterable[bytes | None]) -> bytes:
    """All PCM that a voice yields, without its pauses."""
    return b"".join(filter(None, pieces))


_PORTS = count(os.getpid())


def free_port() -> int:
    """Find a free port below those of clients, in a range of this worker's own.

    The kernel may give one of its own choice to somebody else before the test's server takes it.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    for number in _PORTS:
        port = 12_000 + 2000 * (worker % 8) + number % 2000
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            break
    return port


def address_of(uri: str) -> tuple[str, int]:
    host, port = uri.removeprefix("tcp://").split(":")
    return host, int(port)


def resident_kib(pid: int, key: str = "VmRSS") -> int:
    """The resident memory of a process, or the most so far: `VmHWM`."""
    return int(Path(f"/proc/{pid}/status").read_text().split(f"{key}:")[1].split()[0])


@asynccontextmanager
async def running_server(
    *engines: Engine,
    settings: SpeechSettings = SETTINGS,
    samples_per_chunk: int = 2048,
    supports_streaming: bool = True,
    idle_timeout_seconds: float = 600.0,
    max_clients: int = 200,
) -> AsyncIterator[str]:
    """Serve on a port of its own; yields the URI."""
    uri = f"tcp://127.0.0.1:{free_port()}"
    catalogue = Catalogue(engines, is_auto=False)
    how = HandlerSettings(samples_per_chunk, supports_streaming, idle_timeout_seconds)
    server = Server(uri, max_clients, partial(Handler, Synthesizer(catalogue, settings), how))
    await server.start()
    try:
        yield uri
    finally:
        server.stop_accepting()
        await server.finish()


@asynccontextmanager
async def connected(uri: str) -> AsyncIterator[AsyncClient]:
    async with asyncio.timeout(60), AsyncClient.from_uri(uri) as client:
        yield client


async def read_until(client: AsyncClient, *last_types: str) -> list[Event]:
    """Events up to the first of one of these types, or to the end of the connection."""
    events: list[Event] = []
    while (event := await client.read_event()) is not None:
        events.append(event)
        if event.type in last_types:
            break
    return events


def types(events: Sequence[Event]) -> list[str]:
    """Event types, runs of audio chunks as one."""
    names = [event.type for event in events]
    return [
        name for i, name in enumerate(names) if not (name == "audio-chunk" == names[i - 1] and i)
    ]


def pcm_of(events: Sequence[Event]) -> bytes:
    return b"".join(event.payload or b"" for event in events if event.type == "audio-chunk")


def voice_of(voice: str | None) -> SynthesizeVoice | None:
    return None if voice is None else SynthesizeVoice(name=voice)


async def synthesize(
    uri: str, text: str, voice: str | None = None, text_format: str | None = None
) -> list[Event]:
    """The whole answer to a plain request on a connection of its own."""
    async with connected(uri) as client:
        request = Synthesize(text=text, voice=voice_of(voice), text_format=text_format)
        await client.write_event(request.event())
        return await read_until(client, "audio-stop")


async def stream(
    uri: str, pieces: Sequence[str], voice: str | None = None, text_format: str | None = None
) -> list[Event]:
    """The whole answer to a streamed text, as Home Assistant sends it."""
    async with connected(uri) as client:
        start = SynthesizeStart(voice=voice_of(voice), text_format=text_format)
        await client.write_event(start.event())
        for piece in pieces:
            await client.write_event(SynthesizeChunk(text=piece).event())
        await client.write_event(Synthesize(text="".join(pieces)).event())
        await client.write_event(SynthesizeStop().event())
        return await read_until(client, "synthesize-stopped")


async def describe(uri: str) -> Info:
    async with connected(uri) as client:
        await client.write_event(Describe().event())
        events = await read_until(client, "info")
    return Info.from_event(events[-1])


async def voice_names(uri: str) -> list[str]:
    return [voice.name for voice in (await describe(uri)).tts[0].voices]


async def send(uri: str, type_: str, data: dict[str, Any]) -> list[Event]:
    """All that comes back for one event until the server closes the connection."""
    async with connected(uri) as client:
        await client.write_event(Event(type_, data))
        return await read_until(client)


@contextmanager
def server_process(
    *arguments: str, **options: Any
) -> Generator["subprocess.Popen[bytes]", None, None]:
    """The `wyoming-vietts` command, ended at exit."""
    environment = clean_environment() | options.pop("environment", {})
    options.setdefault("stderr", subprocess.PIPE)
    process = subprocess.Popen(
        [sys.executable, "-m", "wyoming_vietts", *arguments], env=environment, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()


@asynccontextmanager
async def ready_server(
    *arguments: str, **options: Any
) -> AsyncIterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """The `wyoming-vietts` command on a free port, once it answers; yields its URI, too."""
    uri = f"tcp://127.0.0.1:{free_port()}"
    with server_process("--uri", uri, *arguments, **options) as process:
        await wait_until_ready(uri)
        yield uri, process


async def wait_until_ready(uri: str) -> None:
    for _ in range(1200):
        try:
            await describe(uri)
        except OSError:
            await asyncio.sleep(0.05)
        else:
            return
    raise AssertionError(f"{uri} never answered")


def run_command(
    *arguments: str, cwd: Path | None = None, **environment: str
) -> "subprocess.CompletedProcess[str]":
    """The `wyoming-vietts` command, run to its end."""
    return subprocess.run(
        [sys.executable, "-m", "wyoming_vietts", *arguments],
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=cwd,
    )


def clean_environment() -> dict[str, str]:
    """This process's variables, without the program's and the user's language.

    Nothing is downloaded unasked.
    """
    others = {
        k: v
        for k, v in os.environ.items()
        if not k.startswith(("WYOMING_VIETTS_", "LC_")) and k != "LANG"
    }
    return others | {NO_DOWNLOAD.variable: "1"}
