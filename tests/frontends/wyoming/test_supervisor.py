"""What Home Assistant's Supervisor is told of a server in an app."""

import asyncio
import logging
import re
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import asynccontextmanager, suppress

import pytest

from tests.harness import free_port
from tests.supervisor import TOKEN, running_supervisor
from wyoming_vietts.errors import SetupError
from wyoming_vietts.frontends.wyoming import supervisor as module
from wyoming_vietts.frontends.wyoming.supervisor import SupervisorAnnouncement

MESSAGE = {"service": "wyoming", "config": {"uri": f"tcp://{socket.gethostname()}:10200"}}


@pytest.fixture(autouse=True)
def _short_times(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(module, "PAUSES_SECONDS", (0.1, 0.4))
    monkeypatch.setattr(module, "ANSWER_SECONDS", 0.3)
    caplog.set_level(logging.INFO)


async def wait_for_line(caplog: pytest.LogCaptureFixture, pattern: str) -> str:
    async with asyncio.timeout(30):
        while not (found := [m for m in caplog.messages if re.search(pattern, m)]):
            await asyncio.sleep(0.01)
    return found[0]


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [r.getMessage() for r in caplog.records if r.levelno >= logging.WARNING]


async def test_supervisor_is_told_where_the_server_is_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_supervisor() as supervisor:
        await SupervisorAnnouncement(supervisor.url, TOKEN, 10200).publish()
        await wait_for_line(caplog, "^Announced to Home Assistant as .+:10200$")
        await asyncio.sleep(0.3)
        assert supervisor.messages == [MESSAGE]
        assert supervisor.tries == 1
    assert warnings(caplog) == []


async def test_refusal_is_one_warning_after_three_tries(caplog: pytest.LogCaptureFixture) -> None:
    async with running_supervisor(status="403 Forbidden") as supervisor:
        await SupervisorAnnouncement(supervisor.url, TOKEN, 10200).publish()
        line = await wait_for_line(caplog, "cannot be told")
        await asyncio.sleep(0.6)
        assert supervisor.tries == 3
    assert warnings(caplog) == [line]
    assert "it answered '403 Forbidden'" in line
    assert f"host {socket.gethostname()}, port 10200" in line


async def test_silence_is_one_warning_after_three_tries(caplog: pytest.LogCaptureFixture) -> None:
    async with running_supervisor(status=None) as supervisor:
        announcement = SupervisorAnnouncement(supervisor.url, TOKEN, 10200)
        async with asyncio.timeout(0.2):
            await announcement.publish()
        line = await wait_for_line(caplog, "cannot be told")
        assert supervisor.tries == 3
    assert warnings(caplog) == [line]
    assert "no answer within 0.3 s" in line


async def test_absence_is_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    await SupervisorAnnouncement(f"http://127.0.0.1:{free_port()}", TOKEN, 10200).publish()
    line = await wait_for_line(caplog, "cannot be told")
    assert warnings(caplog) == [line]
    assert "Connect call failed" in line


async def test_supervisor_that_comes_late_is_told(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "PAUSES_SECONDS", (0.05, 2.0))
    port = free_port()
    await SupervisorAnnouncement(f"http://127.0.0.1:{port}", TOKEN, 10200).publish()
    await asyncio.sleep(0.2)  # after two tries
    async with running_supervisor(port) as supervisor:
        await wait_for_line(caplog, "^Announced")
        assert supervisor.messages == [MESSAGE]
    assert warnings(caplog) == []


async def test_stopping_server_does_not_try_again(caplog: pytest.LogCaptureFixture) -> None:
    async with running_supervisor(status=None) as supervisor:
        announcement = SupervisorAnnouncement(supervisor.url, TOKEN, 10200)
        await announcement.publish()
        await supervisor.wait_for(tries=1)
        await announcement.withdraw()
        await asyncio.sleep(1.0)
        assert supervisor.tries == 1
    assert warnings(caplog) == []


@asynccontextmanager
async def answering(answer: Callable[[bytes], Iterable[bytes]]) -> AsyncIterator[str]:
    """A Supervisor that answers a request with these pieces; yields its URL."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        request = await reader.readuntil(b"\r\n\r\n")
        with suppress(ConnectionError):
            for piece in answer(request):
                writer.write(piece)
                await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()


@pytest.mark.parametrize("status", ["200 OK", "500 Internal Server Error"])
async def test_endless_answer_is_not_read_to_its_end(
    caplog: pytest.LogCaptureFixture, status: str
) -> None:
    sent = []

    def answer(_: bytes) -> Iterator[bytes]:
        yield f"HTTP/1.1 {status}\r\n\r\n".encode()
        while True:
            sent.append(65_536)
            yield bytes(65_536)

    async with answering(answer) as url:
        await SupervisorAnnouncement(url, TOKEN, 10200).publish()
        await wait_for_line(caplog, "Announced" if status == "200 OK" else "it answered '500")
    assert sum(sent) < 30_000_000, "what the kernel's buffers take, three times"


async def test_answer_that_repeats_the_request_does_not_put_the_token_into_the_log(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def answer(request: bytes) -> Iterator[bytes]:
        yield b"HTTP/1.1 400 Not for " + TOKEN.encode() + b"\r\n\r\n" + request
        yield b"\n2026-01-01 ERROR forged"

    caplog.set_level(logging.DEBUG)
    async with answering(answer) as url:
        await SupervisorAnnouncement(url, TOKEN, 10200).publish()
        line = await wait_for_line(caplog, "cannot be told")
    assert "it answered '400 Not for TOKEN' POST /discovery" in line
    assert TOKEN not in caplog.text
    assert not any("\n" in message for message in caplog.messages)


@pytest.mark.parametrize("url", ["supervisor", "http://[::1", "http://x:99999", "http://a..b", ""])
def test_wrong_address_is_an_error_at_start(url: str) -> None:
    message = f"SUPERVISOR_API is '{url}'; it must be like http://supervisor"
    with pytest.raises(SetupError, match=f"^{re.escape(message)}$"):
        SupervisorAnnouncement(url, TOKEN, 10200)
