"""Home Assistant's Supervisor on this machine, as far as an app announces itself to it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

TOKEN = "0123456789abcdef"


@dataclass
class Supervisor:
    """Remembers what it is told, and answers with its status; never, if that is None."""

    port: int
    status: str | None = "200 OK"
    tries: int = 0
    messages: list[Any] = field(default_factory=list)
    """What came with the right address, token and type, and was accepted."""
    has_changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def environment(self) -> dict[str, str]:
        """As an app sees it."""
        return {"SUPERVISOR_API": self.url, "SUPERVISOR_TOKEN": TOKEN}

    async def wait_for(self, tries: int) -> None:
        async with asyncio.timeout(60):
            while self.tries < tries:
                self.has_changed.clear()
                await self.has_changed.wait()

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().splitlines()
        headers = dict(line.lower().split(": ", 1) for line in lines[1:] if line)
        body = await reader.readexactly(int(headers["content-length"]))
        status = self.status
        if not lines[0].startswith("POST /discovery HTTP/1."):
            status = "404 Not Found"
        elif headers.get("authorization") != f"bearer {TOKEN}":
            status = "401 Unauthorized"
        elif headers.get("content-type") != "application/json" or "host" not in headers:
            status = "400 Bad Request"
        if status is not None:
            if status == "200 OK":
                self.messages.append(json.loads(body))
            result = json.dumps({"result": "ok" if status == "200 OK" else "error"})
            writer.write(
                f"HTTP/1.1 {status}\r\nContent-Length: {len(result)}\r\n\r\n{result}".encode()
            )
        self.tries += 1
        self.has_changed.set()
        if status is None:
            await reader.read()  # until the client gives up
        writer.close()


@asynccontextmanager
async def running_supervisor(
    port: int = 0, status: str | None = "200 OK"
) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(port, status)
    server = await asyncio.start_server(supervisor.answer, "127.0.0.1", port)
    supervisor.port = server.sockets[0].getsockname()[1]
    try:
        yield supervisor
    finally:
        server.close()
