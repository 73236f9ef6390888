"""What Home Assistant's Supervisor is told of a server in an app."""

import asyncio
import logging
import re
import socket

import pytest

from tests.harness import free_port
from tests.supervisor import TOKEN, running_supervisor
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
