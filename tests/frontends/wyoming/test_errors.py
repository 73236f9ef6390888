"""What clients may do wrong, down to hostile bytes; the server says so, and lives."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest

from tests.harness import (
    SETTINGS,
    StepEngine,
    address_of,
    connected,
    describe,
    pcm_of,
    running_server,
    send,
    synthesize,
    types,
)
from wyoming_vietts.frontends import limits
from wyoming_vietts.frontends.wyoming import wire


@asynccontextmanager
async def raw_connection(
    uri: str,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    async with asyncio.timeout(30):
        reader, writer = await asyncio.open_connection(*address_of(uri))
        yield reader, writer
        writer.close()


async def answer_to_bytes(uri: str, sent: bytes) -> list[dict[str, Any]]:
    """Headers and data of all that comes back until the server closes the connection."""
    async with raw_connection(uri) as (reader, writer):
        writer.write(sent)
        events = []
        while line := await reader.readline():
            event = json.loads(line)
            data = json.loads(await reader.readexactly(event.get("data_length", 0)) or b"{}")
            await reader.readexactly(event.get("payload_length", 0))
            events.append({"type": event["type"], **data})
        return events


def no_tracebacks(caplog: pytest.LogCaptureFixture) -> bool:
    return not any(r.levelno >= logging.WARNING or r.exc_info for r in caplog.records)


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        (b'{"type":"' + b"a" * 70_000 + b'"}\n', "header line is longer than 65536 bytes"),
        (b"a" * 200_000, "header line is longer than 65536 bytes"),
        (b"GET / HTTP/1.1\r\nHost: a\r\n\r\n", "header line is not JSON"),
        (b"\n", "header line is not JSON"),
        (b"\xff\xfe\n", "header line is not JSON"),
        (b"[" * 60_000 + b"\n", "header line is not JSON"),
        (b"[1]\n", "must be a JSON object"),
        (b"null\n", "must be a JSON object"),
        (b'{"data":{}}\n', "no 'type' that is a string"),
        (b'{"type":5}\n', "no 'type' that is a string"),
        (b'{"type":"ping","data":[1]}\n', "'data' must be a JSON object"),
        (b'{"type":"ping","data_length":1048577}\n', "whole number from 0 to 1048576"),
        (b'{"type":"ping","data_length":-1}\n', "whole number from 0 to 1048576"),
        (b'{"type":"ping","data_length":"9"}\n', "whole number from 0 to 1048576"),
        (b'{"type":"ping","data_length":true}\n', "whole number from 0 to 1048576"),
        (b'{"type":"ping","data_length":1.5}\n', "whole number from 0 to 1048576"),
        (b'{"type":"ping","data_length":3}\n[1]', "data must be a JSON object"),
        (b'{"type":"ping","data_length":3}\n{{{', "data is not JSON"),
        (b'{"type":"ping","payload_length":16777217}\n', "whole number from 0 to 16777216"),
        (b'{"type":"ping","data":{"text":5}}\n', "'text' must be a string, not int"),
        (b'{"type":"synthesize"}\n', "'text' is missing"),
        (b'{"type":"synthesize","data":{"text":null}}\n', "'text' is missing"),
        (b'{"type":"synthesize","data":{"text":["a"]}}\n', "'text' must be a string, not list"),
        (b'{"type":"synthesize","data":{"text":"a","voice":[]}}\n', "'voice' must be an object"),
        (
            b'{"type":"synthesize","data":{"text":"a","text_format":"rtf"}}\n',
            "available: text, ssml",
        ),
    ],
)
async def test_bad_bytes_get_an_error_that_says_what_was_wrong(
    sent: bytes, message: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with running_server(StepEngine()) as uri:
        events = await answer_to_bytes(uri, sent)
        assert [event["type"] for event in events] == ["error"]
        assert message in events[0]["text"]
        assert types(await synthesize(uri, "Vẫn sống."))[-1] == "audio-stop"
    assert no_tracebacks(caplog)


async def test_lengths_of_zero_are_lengths() -> None:
    sent = b'{"type":"ping","data":{"text":"a"},"data_length":0,"payload_length":0}\n' * 2
    async with running_server(StepEngine()) as uri, raw_connection(uri) as (reader, writer):
        writer.write(sent)
        assert b'"pong"' in await reader.readline()


async def test_payload_within_the_limit_is_skipped() -> None:
    async with running_server(StepEngine()) as uri, raw_connection(uri) as (reader, writer):
        size = wire.MAX_PAYLOAD_BYTES
        writer.write(b'{"type":"audio-chunk","payload_length":%d}\n' % size)
        writer.write(bytes(size))
        writer.write(b'{"type":"ping"}\n')
        assert json.loads(await reader.readline())["type"] == "pong"


async def test_half_of_a_surrogate_pair_is_dropped_not_fatal() -> None:
    async with running_server(StepEngine()) as uri:
        sent = rb'{"type":"synthesize","data":{"text":"a","voice":{"name":"x\ud83d"}}}' + b"\n"
        events = await answer_to_bytes(uri, sent)
        assert "Unknown voice 'x'; available: an, binh" in events[0]["text"]


async def test_refusal_is_logged_readably_on_one_line(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(StepEngine()) as uri:
        with caplog.at_level(logging.INFO):
            await synthesize(uri, "Xin chào.", voice="Hạnh\nINFO all is well")
    (line,) = (r.getMessage() for r in caplog.records if "Refused" in r.getMessage())
    assert "Unknown voice 'Hạnh" in line
    assert "\n" not in line


async def test_event_cut_off_by_end_of_connection_ends_quietly(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_server(StepEngine()) as uri:
        for sent in (b'{"type":', b'{"type":"ping","data_length":9}\n{'):
            async with raw_connection(uri) as (_, writer):
                writer.write(sent)
                await writer.drain()
        assert (await describe(uri)).tts
    assert no_tracebacks(caplog)


async def test_event_that_never_completes_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EVENT_SECONDS", 0.2)
    async with running_server(StepEngine()) as uri:
        events = await answer_to_bytes(uri, b'{"type":"pi')
        assert "not complete after 0.2 seconds" in events[0]["text"]


async def test_idle_connection_may_stay(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "EVENT_SECONDS", 0.1)
    async with running_server(StepEngine()) as uri, raw_connection(uri) as (reader, writer):
        await asyncio.sleep(0.5)
        writer.write(b'{"type":"ping"}\n')
        assert json.loads(await reader.readline())["type"] == "pong"


async def test_client_that_does_not_read_is_dropped_and_memory_stays_bounded(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(limits, "READING_PAUSE_SECONDS", 0.5)
    tts = StepEngine(steps=100_000, samples_per_step=22_050)
    async with running_server(tts) as uri, raw_connection(uri) as (_, writer):
        writer.write(b'{"type":"synthesize","data":{"text":"Dai."}}\n')
        await asyncio.sleep(1.5)
        computed = len(tts.computed)
        await asyncio.sleep(0.3)
        assert len(tts.computed) == computed, "it still computes for a client that is gone"
        assert computed * 22_050 * 2 < 32 * 2**20, "it computed far ahead of its client"
        assert (await describe(uri)).tts


async def test_text_over_the_limit_is_an_error() -> None:
    tts = StepEngine()
    async with running_server(tts, settings=replace(SETTINGS, max_text_characters=10)) as uri:
        assert types(await synthesize(uri, "a" * 10))[-1] == "audio-stop"
        events = await send(uri, "synthesize", {"text": "a" * 11})
    assert types(events) == ["error"]
    assert "longer than 10 characters" in events[0].data["text"]
    assert events[0].data["code"] == "text-too-long"


async def test_engine_failure_is_an_error_and_the_server_lives(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_server(StepEngine()) as uri:
        events = await send(uri, "synthesize", {"text": "Câu tốt. Câu lỗi. Câu sau."})
        assert types(events) == ["audio-start", "audio-chunk", "error"], "no audio-stop"
        assert events[-1].data["code"] == "engine-failed"
        assert types(await synthesize(uri, "Câu tốt."))[-1] == "audio-stop"
    assert any(record.exc_info for record in caplog.records), "a fault of ours is logged whole"


async def test_error_on_one_connection_leaves_the_others_alone() -> None:
    async with running_server(StepEngine(steps=200)) as uri:
        long = asyncio.create_task(synthesize(uri, "Một câu dài."))
        for _ in range(5):
            await send(uri, "synthesize", {"text": "a", "voice": {"name": "x"}})
            await answer_to_bytes(uri, b"{\n")
        assert types(await long) == ["audio-start", "audio-chunk", "audio-stop"]


async def test_two_hundred_connections_at_once_are_all_served() -> None:
    async with running_server(StepEngine()) as uri:
        answers = await asyncio.gather(*(synthesize(uri, f"Câu số {i}.") for i in range(200)))
        alone = [pcm_of(await synthesize(uri, f"Câu số {i}.")) for i in range(200)]
    assert [pcm_of(answer) for answer in answers] == alone


async def test_hundred_idle_connections_do_not_matter() -> None:
    async with running_server(StepEngine()) as uri:
        idle = [await asyncio.open_connection(*address_of(uri)) for _ in range(100)]
        async with connected(uri):
            assert types(await synthesize(uri, "Xin chào."))[-1] == "audio-stop"
        for _, writer in idle:
            writer.close()


async def test_events_that_come_all_at_once_do_not_keep_others_waiting() -> None:
    async with (
        running_server(StepEngine()) as uri,
        raw_connection(uri) as (reader, writer),
        raw_connection(uri) as (other_reader, other_writer),
    ):
        writer.write(b'{"type":"describe"}\n' * 3000)
        other_writer.write(b'{"type":"ping"}\n')
        assert json.loads(await other_reader.readline())["type"] == "pong"
        assert (await reader.read(2**24)).count(b'"info"') < 1000


async def test_client_that_reads_slowly_hears_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its answer takes longer than the write time-out, but it never stops reading."""
    monkeypatch.setattr(limits, "READING_PAUSE_SECONDS", 0.5)
    tts = StepEngine(steps=1, samples_per_step=4_000_000)
    async with running_server(tts) as uri, raw_connection(uri) as (reader, writer):
        writer.write(b'{"type":"synthesize","data":{"text":"Dai."}}\n')
        heard = b""
        while b"audio-stop" not in heard[-200:]:
            piece = await reader.read(400_000)
            assert piece, "cut off"
            heard += piece
            await asyncio.sleep(0.05)
    assert len(heard) > 8_000_000


async def test_half_closed_connection_ends_with_an_error_not_as_if_complete() -> None:
    async with (
        running_server(StepEngine(steps=1000)) as uri,
        raw_connection(uri) as (reader, writer),
    ):
        writer.write(b'{"type":"synthesize","data":{"text":"Dai."}}\n')
        await reader.readline()
        writer.write_eof()
        assert b'"type": "error"' in await reader.read(-1)


async def test_long_names_are_cut_in_messages() -> None:
    async with running_server(StepEngine()) as uri:
        events = await send(uri, "synthesize", {"text": "a", "voice": {"name": "x" * 100_000}})
    assert len(events[0].data["text"]) < 200


async def test_memory_that_runs_out_is_the_error_of_one_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with running_server(StepEngine()) as uri:
        (failed, *others) = await asyncio.gather(
            send(uri, "synthesize", {"text": "Câu tốt. Câu hết bộ nhớ. Câu sau."}),
            *(synthesize(uri, "Xin chào.") for _ in range(3)),
        )
        assert types(failed) == ["audio-start", "audio-chunk", "error"]
        assert failed[-1].data["code"] == "engine-failed"
        assert failed[-1].data["text"].startswith("The server is out of memory")
        others.append(await synthesize(uri, "Xin chào."))
        assert [types(events)[-1] for events in others] == ["audio-stop"] * 4
    assert "Traceback" not in caplog.text
