"""The health check of containers."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from tests.harness import (
    StepEngine,
    free_port,
    run_command,
    running_server,
    server_process,
    wait_until_ready,
)


async def test_healthcheck_asks_the_server(tmp_path: Path) -> None:
    port = free_port()
    assert run_command("healthcheck", "--uri", f"tcp://127.0.0.1:{port}").returncode == 1
    with server_process("--uri", f"tcp://0.0.0.0:{port}"):
        await wait_until_ready(f"tcp://127.0.0.1:{port}")
        by_flag = run_command("healthcheck", "--uri", f"tcp://127.0.0.1:{port}")
        by_variable = run_command("healthcheck", WYOMING_VIETTS_URI=f"tcp://0.0.0.0:{port}")
    assert by_flag.returncode == by_variable.returncode == 0
    assert "voices: 3" in by_flag.stdout


@asynccontextmanager
async def answering(answer: bytes, closes: bool = True) -> AsyncIterator[str]:
    """A server that answers so whatever it is asked; yields the URI."""

    async def reply(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(answer)
        if closes:
            writer.close()
        else:
            await reader.read()

    server = await asyncio.start_server(reply, "127.0.0.1", 0)
    yield f"tcp://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    server.close()


async def test_healthcheck_fails_on_a_server_that_is_none() -> None:
    async def ignore(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    other = await asyncio.start_server(ignore, "127.0.0.1", 0)
    port = other.sockets[0].getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "wyoming_vietts", "healthcheck"),
        *("--uri", f"tcp://127.0.0.1:{port}"),
        stderr=asyncio.subprocess.PIPE,
    )
    _, stderr = await process.communicate()
    other.close()
    assert process.returncode == 1
    assert b"does not answer" in stderr


async def test_server_without_a_voice_is_not_healthy() -> None:
    async with running_server(StepEngine(languages={})) as uri:
        result = await asyncio.to_thread(run_command, "healthcheck", "--uri", uri)
    assert result.returncode == 1
    assert "without a voice" in result.stderr


NONSENSE = {
    "nothing": b"",
    "no JSON": b"HTTP/1.1 400 Bad Request\r\n\r\n",
    "a list": b"[]\n",
    "no type": b"{}\n",
    "deep": b"[" * 50_000 + b"\n",
    "no end": b'{"type":"info"',
    "a long line": b"a" * 100_000 + b"\n",
    "data that is a list": b'{"type":"info","data":[1]}\n',
    "a length that is text": b'{"type":"info","data_length":"9"}\n',
    "a negative length": b'{"type":"info","payload_length":-1}\n',
    "a huge length": b'{"type":"info","payload_length":1000000000000}\n',
    "programs that are none": b'{"type":"info","data":{"tts":[5]}}\n',
    "bytes that are no text": b"\xff\xfe\n",
    "codes of a terminal": b'{"type":"info","data":"\\u001b[2J"}\n',
}


@pytest.mark.parametrize("answer", NONSENSE.values(), ids=NONSENSE)
async def test_nonsense_is_answered_with_one_line(answer: bytes) -> None:
    async with answering(answer) as uri:
        for command in (("healthcheck",), ("say", "Xin chào", "-o", "/tmp/none.wav")):
            result = await asyncio.to_thread(run_command, *command, "--uri", uri)
            assert result.returncode == 1
            (line,) = result.stderr.splitlines()
            assert uri in line
            assert "\x1b" not in line


def test_healthcheck_says_where_to_look() -> None:
    result = run_command("healthcheck", "--uri", f"tcp://127.0.0.1:{free_port()}")
    assert "look at the server's log" in result.stderr


async def test_length_beyond_all_bounds_is_not_waited_for() -> None:
    answer = b'{"type":"info","payload_length":1000000000000}\n'
    async with answering(answer, closes=False) as uri:
        result = await asyncio.to_thread(run_command, "healthcheck", "--uri", uri)
    assert "'payload_length' is 1000000000000" in result.stderr
