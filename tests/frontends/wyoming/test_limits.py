"""Limits that one hostile or unlucky client meets, before it costs others anything."""

import asyncio
import json
import logging
import resource
import socket
import time
from pathlib import Path

import pytest
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart

from tests.frontends.wyoming.test_cut_off import read_to_the_end
from tests.harness import (
    StepEngine,
    address_of,
    connected,
    describe,
    free_port,
    pcm_of,
    read_until,
    ready_server,
    resident_kib,
    running_server,
    send,
    server_process,
    synthesize,
    types,
    wait_until_ready,
)
from wyoming_vietts.frontends import limits


async def test_clients_over_the_limit_are_told_so_and_places_are_given_again(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    async with running_server(StepEngine(), max_clients=2) as uri, connected(uri) as first:
        async with connected(uri):
            await describe_on(first)
            async with connected(uri) as third:
                (refusal,) = await read_until(third)
            await describe_on(first)
        assert refusal.type == "error"
        assert refusal.data["code"] == "busy"
        assert "has 2 clients" in refusal.data["text"]
        await asyncio.sleep(0.1)
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
    assert sum("Refused a client" in record.getMessage() for record in caplog.records) == 1


async def describe_on(client: object) -> None:
    await client.write_event(Synthesize("Xin chào.").event())  # type: ignore[attr-defined]
    assert types(await read_until(client, "audio-stop"))[-1] == "audio-stop"  # type: ignore[arg-type]


async def test_a_flood_of_clients_is_answered_or_refused(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(StepEngine(silent_steps=2000), max_clients=5) as uri:
        async with asyncio.timeout(60):
            answers = await asyncio.gather(
                *(synthesize(uri, "Xin chào.") for _ in range(150)), return_exceptions=True
            )
        ends = [answer[-1].type for answer in answers if isinstance(answer, list) and answer]
        assert set(ends) == {"audio-stop", "error"}
        assert len(ends) > 140
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
    assert not any(record.exc_info for record in caplog.records)


async def test_server_keeps_file_descriptors_for_those_that_it_serves(tmp_path: Path) -> None:
    uri = f"tcp://127.0.0.1:{free_port()}"
    log = tmp_path / "log"
    limit = (100, 100)
    command = ("--uri", uri, "--engine", "espeak")
    with (
        log.open("wb") as stderr,
        server_process(
            *command,
            stderr=stderr,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
        ),
    ):
        await wait_until_ready(uri)
        async with connected(uri) as before:
            crowd = [socket.create_connection(address_of(uri)) for _ in range(200)]
            await asyncio.sleep(2.5)
            await describe_on(before)
            for connection in crowd:
                connection.close()
            async with asyncio.timeout(20):
                assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
    written = log.read_text()
    assert "Traceback" not in written
    assert "At most 48 clients are served" in written
    assert len(written) < 20_000


async def test_idle_connection_ends_quietly_and_a_busy_one_stays(
    caplog: pytest.LogCaptureFixture,
) -> None:
    engine = StepEngine(silent_steps=20_000, steps=1)
    async with running_server(engine, idle_timeout_seconds=0.1) as uri:
        started = time.monotonic()
        async with connected(uri) as idle:
            assert await read_until(idle) == []
        assert 0.05 < time.monotonic() - started < 5
        started = time.monotonic()
        assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
        assert time.monotonic() - started > 0.1, "it should have taken longer than the limit"
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


async def test_stream_without_further_text_ends_with_an_error() -> None:
    server = running_server(StepEngine(), idle_timeout_seconds=0.3)
    async with server as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text="Một câu. ").event())
        events = await read_until(client)
    assert types(events) == ["audio-start", "audio-chunk", "error"]
    assert events[-1].data["text"] == "No text came for 0.3 seconds"


async def test_stream_that_is_half_closed_ends_with_an_error() -> None:
    async with running_server(StepEngine()) as uri:
        reader, writer = await asyncio.open_connection(*address_of(uri))
        for type_, data in (("synthesize-start", {}), ("synthesize-chunk", {"text": "Một câu. "})):
            writer.write(json.dumps({"type": type_, "data": data}).encode() + b"\n")
        await reader.readuntil(b"audio-chunk")
        writer.write_eof()
        assert b'"type": "error"' in await reader.read()
        writer.close()


async def test_idle_connection_keeps_nothing_of_its_last_event() -> None:
    nested = "[" * 400 + "]" * 400
    data = json.dumps({"text": "a"})[:-1] + ',"x":[' + ",".join([nested] * 1200) + "]}"
    header = json.dumps({"type": "ping", "data_length": len(data)})
    async with ready_server("--engine", "espeak") as (uri, process):
        before = resident_kib(process.pid)
        clients = []
        for _ in range(12):
            reader, writer = await asyncio.open_connection(*address_of(uri))
            writer.write(f"{header}\n{data}".encode())
            assert b"pong" in await reader.readline()
            clients.append((reader, writer))
        assert resident_kib(process.pid) - before < 100 * 1024
        for _, writer in clients:
            writer.close()


async def test_slow_but_steady_reader_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each wait is longer than the limit; but it reads all the while."""
    monkeypatch.setattr(limits, "READING_PAUSE_SECONDS", 0.3)
    engine = StepEngine(steps=1, samples_per_step=1_500_000)
    async with running_server(engine, samples_per_chunk=500_000) as uri:
        reader, writer = await asyncio.open_connection(*address_of(uri), limit=4096)
        writer.write(b'{"type":"synthesize","data":{"text":"a"}}\n')
        received = bytearray()
        while piece := await reader.read(40_000):
            received += piece
            if b'"audio-stop"' in received[-600:]:
                break
            await asyncio.sleep(0.04)
        writer.close()
    assert len(received) > 3_000_000
    assert b'"audio-stop"' in received[-600:]


async def test_client_that_stops_reading_gets_a_reset_not_an_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "READING_PAUSE_SECONDS", 0.3)
    engine = StepEngine(steps=1, samples_per_step=8_000_000)
    async with running_server(engine) as uri:
        with socket.create_connection(address_of(uri)) as client:
            client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            client.sendall(b'{"type":"synthesize","data":{"text":"a"}}\n')
            await asyncio.sleep(1.5)
            client.settimeout(5)
            with pytest.raises(ConnectionResetError):
                read_to_the_end(client)


async def test_stopping_server_leaves_its_successors_socket_alone(tmp_path: Path) -> None:
    path = tmp_path / "socket"
    uri = f"unix://{path}"
    with server_process("--uri", uri, "--engine", "espeak") as first:
        await wait_until_ready(uri)
        path.unlink()
        with server_process("--uri", uri, "--engine", "espeak"):
            await wait_until_ready(uri)
            first.terminate()
            await asyncio.to_thread(first.wait)
            assert (await describe(uri)).tts


async def test_ipv4_address_may_be_written_as_a_mapped_one() -> None:
    port = free_port()
    with server_process("--uri", f"tcp://[::ffff:127.0.0.1]:{port}", "--engine", "espeak"):
        await wait_until_ready(f"tcp://127.0.0.1:{port}")


@pytest.mark.parametrize(
    "data",
    [
        {"text": "a", "text_format": "x" * 50_000},
        {"text": "a", "voice": {"name": "x" * 50_000}},
        {
            "text": f"<speak><prosody rate='{'x' * 15_000}'>a</prosody></speak>",
            "text_format": "ssml",
        },
    ],
)
async def test_what_clients_send_does_not_fill_the_log(
    data: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with running_server(StepEngine()) as uri:
        (refusal,) = await send(uri, "synthesize", data)
    assert len(refusal.data["text"]) <= 1000
    lines = [len(r.getMessage()) for r in caplog.records if r.name.startswith("wyoming_vietts")]
    assert lines
    assert max(lines) <= 400


async def test_answer_of_a_client_that_pauses_is_whole() -> None:
    engine = StepEngine(steps=4, samples_per_step=50_000)
    async with running_server(engine) as uri, connected(uri) as client:
        await client.write_event(Synthesize("Xin chào.").event())
        await asyncio.sleep(0.5)
        events = await read_until(client, "audio-stop")
    assert len(pcm_of(events)) == 4 * 50_000 * 2
