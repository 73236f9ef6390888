"""Memory over many requests and many clients, and the public benchmark client."""

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from wyoming.event import async_write_event
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeVoice,
)

from tests.harness import (
    address_of,
    connected,
    describe,
    free_port,
    read_until,
    ready_server,
    resident_kib,
    server_process,
    synthesize,
    types,
    wait_until_ready,
)

CLIENTS = 200
# No pause marks: each step speaks as much as one ever does, about 10 s.
LONG_TEXT = ("hôm nay trời đẹp và nắng ấm cả ngày mọi người cùng nhau đi chơi " * 320)[:20_000]


async def speak(uri: str, count: int) -> None:
    for i in range(count):
        async with connected(uri) as client:
            voice = ("espeak-north-male", "espeak-north-female", "espeak-south-male")[i % 3]
            request = Synthesize(f"Phòng số {i}: {i},5 độ.", SynthesizeVoice(voice))
            await client.write_event(request.event())
            assert types(await read_until(client, "audio-stop"))[-1] == "audio-stop"


async def test_memory_stays_flat_over_two_thousand_syntheses() -> None:
    async with ready_server("--engine", "espeak") as (uri, process):
        draining = asyncio.create_task(asyncio.to_thread(process.stderr.read))  # type: ignore[union-attr]
        await speak(uri, 200)
        before = resident_kib(process.pid)
        await speak(uri, 2000)
        assert resident_kib(process.pid) - before < 2048
        process.terminate()
        await draining


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_memory_is_bounded_when_a_crowd_with_long_texts_reads_slowly(
    is_streamed: bool,
) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    arguments = ("--uri", uri, "--engine", "espeak", "--max-clients", str(CLIENTS + 1))
    with server_process(*arguments, stderr=subprocess.DEVNULL) as process:
        await wait_until_ready(uri)
        assert types(await synthesize(uri, LONG_TEXT[:500]))[-1] == "audio-stop"
        quiet = resident_kib(process.pid, "VmHWM")
        listening = asyncio.gather(*(listen_slowly(uri, is_streamed) for _ in range(CLIENTS)))
        assert (await describe(uri)).tts
        received = await listening
        assert min(received) > 22_050 * 2, "each has heard a second"
        # 0.8 MB for each: what one step has spoken, and what waits for the network.
        assert resident_kib(process.pid, "VmHWM") - quiet < 160 * 1024
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"


async def listen_slowly(uri: str, is_streamed: bool, seconds: float = 6.0) -> int:
    """Ask for a long text, read it at the speed of speech, and hang up; count the bytes read."""
    connection = socket.socket()
    connection.setblocking(False)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    await asyncio.get_running_loop().sock_connect(connection, address_of(uri))
    reader, writer = await asyncio.open_connection(sock=connection, limit=4096)
    events = (
        (SynthesizeStart(), SynthesizeChunk(text=LONG_TEXT), SynthesizeStop())
        if is_streamed
        else (Synthesize(LONG_TEXT),)
    )
    for event in events:
        await async_write_event(event.event(), writer)
    received = len(await reader.read(8192))
    loop = asyncio.get_running_loop()
    end = loop.time() + seconds
    while loop.time() < end and (piece := await reader.read(8192)):
        received += len(piece)
        await asyncio.sleep(len(piece) / (2 * 22_050))
    writer.transport.abort()
    return received


async def test_benchmark_client_runs_in_both_modes_without_an_error() -> None:
    port = free_port()
    command = Path(sys.executable).with_name("wyoming-bench")
    with server_process("--uri", f"tcp://127.0.0.1:{port}", "--engine", "espeak"):
        await wait_until_ready(f"tcp://127.0.0.1:{port}")
        result = await asyncio.to_thread(
            subprocess.run,
            [
                command,
                "tts",
                f"127.0.0.1:{port}",
                "--texts",
                "Trời 25,5°C. Độ ẩm 60%.",
                "Xin chào.",
            ],
            capture_output=True,
            text=True,
            timeout=120,
        )
    assert result.returncode == 0, result.stderr
    for mode in ("non_streaming", "streaming"):
        assert f"[{mode}] ok=6 fail=0" in result.stdout
