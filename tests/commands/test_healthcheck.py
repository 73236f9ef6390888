"""The health check of containers."""

import asyncio
import sys
from pathlib import Path

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
    assert "3 voices" in by_flag.stdout


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


async def test_server_without_a_voice_is_healthy() -> None:
    async with running_server(StepEngine(languages={})) as uri:
        result = await asyncio.to_thread(run_command, "healthcheck", "--uri", uri)
    assert result.returncode == 0, result.stderr
    assert "0 voices" in result.stdout


def test_healthcheck_says_where_to_look() -> None:
    result = run_command("healthcheck", "--uri", f"tcp://127.0.0.1:{free_port()}")
    assert "look at the server's log" in result.stderr
