"""Both doors of one server in this process, or of a real process, and what comes back over HTTP."""

import asyncio
import json
import struct
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp

from tests.harness import SETTINGS, free_port, server_process, wait_until_ready
from wyoming_vietts.downloads.background import Downloads
from wyoming_vietts.downloads.table import ModelFolders
from wyoming_vietts.engines.catalogue import Catalogue
from wyoming_vietts.engines.contract import Engine
from wyoming_vietts.frontends.http.app import HttpServer
from wyoming_vietts.frontends.http.guard import Access
from wyoming_vietts.frontends.wyoming.handler import Handler, HandlerSettings
from wyoming_vietts.frontends.wyoming.server import Server
from wyoming_vietts.settings.addresses import LOOPBACK
from wyoming_vietts.speech.script import SpeechSettings
from wyoming_vietts.speech.synthesizer import Synthesizer

NOWHERE = Path("/does/not/exist")
WAV_HEADER_BYTES = 44


@dataclass(frozen=True)
class Answer:
    """What came back for a request, all of it."""

    status: int
    headers: Any
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def error(self) -> Any:
        return self.json["error"]


@dataclass
class Doors:
    """A running server."""

    url: str
    uri: str
    synthesizer: Synthesizer | None = None
    session: aiohttp.ClientSession = field(repr=False, kw_only=True)
    token: str = ""

    async def ask(self, method: str, path: str, **options: Any) -> Answer:
        async with self.session.request(method, f"{self.url}{path}", **options) as response:
            return Answer(response.status, response.headers, await response.read())

    async def get(self, path: str, **options: Any) -> Answer:
        return await self.ask("GET", path, **options)

    async def change(self, method: str, path: str, **options: Any) -> Answer:
        """A request as the page makes it."""
        if not self.token:
            self.token = (await self.get("/api/status")).json["token"]
        headers = {"X-Page-Token": self.token, "Origin": self.url} | options.pop("headers", {})
        return await self.ask(method, path, headers=headers, **options)

    async def speech(self, text: str, **values: Any) -> Answer:
        """The answer to OpenAI's request; a WAV file unless something else is asked for."""
        body = {"input": text, "model": "vietts", "response_format": "wav"} | values
        return await self.ask("POST", "/v1/audio/speech", json=body)


FOLDERS = ModelFolders(NOWHERE, NOWHERE, NOWHERE)


@asynccontextmanager
async def running_doors(
    *engines: Engine,
    settings: SpeechSettings = SETTINGS,
    token: str | None = None,
    allowed: Sequence[Any] = LOOPBACK,
    names: Sequence[str] = (),
    proxies: Sequence[Any] = (),
    origins: Sequence[str] = (),
    max_clients: int = 200,
    voices_dir: Path = NOWHERE,
    piper_dir: Path = NOWHERE,
    model_dir: Path = NOWHERE,
) -> AsyncIterator[Doors]:
    """Serve Wyoming and HTTP from one synthesizer, in this event loop."""
    uri, port = f"tcp://127.0.0.1:{free_port()}", free_port()
    synthesizer = Synthesizer(Catalogue(engines, is_auto=False), settings)
    how = HandlerSettings(2048, True, 600.0)
    wyoming = Server(uri, 200, partial(Handler, synthesizer, how))
    http = HttpServer(
        ("127.0.0.1", port),
        Access(allowed, token, names, proxies, origins),
        max_clients,
        voices_dir,
        synthesizer,
        downloads := Downloads(ModelFolders(piper_dir, NOWHERE, model_dir)),
    )
    await wyoming.start()
    await http.start()
    try:
        async with aiohttp.ClientSession() as session, asyncio.timeout(120):
            yield Doors(f"http://127.0.0.1:{port}", uri, synthesizer, session=session)
    finally:
        for door in (wyoming, http):
            door.stop_accepting()
        await asyncio.gather(wyoming.finish(), http.finish(), downloads.finish())


async def routes_of(*engines: Engine) -> list[Any]:
    """Every route of a server."""
    synthesizer = Synthesizer(Catalogue(engines, is_auto=False), SETTINGS)
    access = Access(LOOPBACK, None)
    server = HttpServer(("localhost", 0), access, 1, NOWHERE, synthesizer, Downloads(FOLDERS))
    return [*server.app.router.routes()]


@asynccontextmanager
async def serving(*arguments: str, **options: Any) -> AsyncIterator[tuple[Doors, Any]]:
    """A real process with both doors, and the process."""
    uri, address = f"tcp://127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    with server_process("--uri", uri, "--http", address, *arguments, **options) as process:
        await wait_until_ready(uri)
        async with aiohttp.ClientSession() as session, asyncio.timeout(120):
            yield Doors(f"http://{address}", uri, session=session), process


def wav_pcm(content: bytes) -> tuple[int, bytes]:
    """Sample rate and PCM of a WAV file whose length is unknown."""
    assert content[:4] == b"RIFF"
    assert content[8:16] == b"WAVEfmt "
    return struct.unpack_from("<I", content, 24)[0], content[WAV_HEADER_BYTES:]


async def raw(url: str, sent: bytes) -> bytes:
    """All that comes back for some bytes, until the server closes the connection."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(sent)
    try:
        return await reader.read()
    finally:
        writer.close()
