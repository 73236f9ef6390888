"""Answers that are cut off: clients take one that ends between two events for complete."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from wyoming.client import AsyncClient
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.harness import (
    StepEngine,
    address_of,
    connected,
    free_port,
    pcm_of,
    read_until,
    running_server,
    server_process,
    types,
    wait_until_ready,
)
from wyoming_vietts.engines.pauses import SENTENCE_SECONDS
from wyoming_vietts.frontends.wyoming.wire import encode_event

SENTENCE = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. "


@asynccontextmanager
async def client_of_a_killed_server(uri: str) -> AsyncIterator[AsyncClient]:
    """Its server is killed when it has heard all that was said so far of a text that goes on."""
    with server_process("--uri", uri, "--engine", "espeak") as process:
        await wait_until_ready(uri)
        async with asyncio.timeout(60):
            client = AsyncClient.from_uri(uri)
            await client.connect()
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk(text=SENTENCE * 2).event())
            heard = 0
            while heard < 22_050:
                event = await client.read_event()
                assert event is not None
                heard += len(event.payload or b"") // 2
            await asyncio.sleep(0.5)  # the rest of it arrives
            process.kill()
            yield client


async def test_killed_server_resets_its_connections() -> None:
    async with client_of_a_killed_server(f"tcp://127.0.0.1:{free_port()}") as client:
        with pytest.raises(ConnectionResetError):
            await read_until(client)


async def test_answer_of_a_killed_server_ends_within_an_event(tmp_path: Path) -> None:
    """On a socket that knows no reset, as behind a proxy that turns it into a normal end."""
    async with client_of_a_killed_server(f"unix://{tmp_path / 'socket'}") as client:
        with pytest.raises(asyncio.IncompleteReadError):
            await read_until(client)


async def test_all_but_a_sample_of_what_was_spoken_is_heard_before_more_text_comes() -> None:
    async with running_server(StepEngine(samples_per_step=100)) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text="Câu thứ nhất. Câu").event())
        heard = b""
        while len(heard) < 2 * 399:
            event = await client.read_event()
            assert event is not None
            heard += event.payload or b""
        await client.write_event(SynthesizeStop().event())
        rest = await read_until(client, "synthesize-stopped")
    pause = round(SENTENCE_SECONDS * 22_050)
    assert len(heard + pcm_of(rest)) == 2 * (800 + pause)


async def test_whole_answer_waits_for_nothing() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        for _ in range(2):
            await client.write_event(Synthesize("Xin chào.").event())
            events = await read_until(client, "audio-stop")
            assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]


async def test_whole_answer_that_the_server_closes_has_a_normal_end() -> None:
    """Also to a client that is slow: nothing that is on its way is thrown away."""
    engine = StepEngine(steps=1, samples_per_step=30_000)
    async with running_server(engine, idle_timeout_seconds=0.1) as uri:
        with socket.socket() as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.connect(address_of(uri))
            client.sendall(encode_event(Synthesize("Xin chào.").event()))
            await asyncio.sleep(2)  # the server has long closed its side
            client.settimeout(10)
            received = await asyncio.to_thread(read_to_the_end, client)
    assert len(received) > 60_000
    assert b'"audio-stop"' in received[-200:]


def read_to_the_end(connection: socket.socket) -> bytes:
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))
