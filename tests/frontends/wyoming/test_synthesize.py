"""A text in one piece: what goes out, in what order, and when."""

import asyncio
import logging
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from wyoming.event import Event
from wyoming.info import Describe
from wyoming.ping import Ping
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.harness import (
    SETTINGS,
    StepEngine,
    address_of,
    connected,
    describe,
    joined,
    pcm_of,
    read_until,
    running_server,
    synthesize,
    types,
)
from wyoming_vietts import __version__
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.frontends.wyoming.wire import encode_event
from wyoming_vietts.text import LexiconFile


async def test_answer_is_start_chunks_stop_in_one_format() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        events = await synthesize(uri, "Xin chào.")
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]
    formats = [(e.data["rate"], e.data["width"], e.data["channels"]) for e in events[:-1]]
    assert set(formats) == {(22_050, 2, 1)}
    assert pcm_of(events) == joined(StepEngine().voices["an"].speak(tts.asked[0][0]))


async def test_embedded_voice_says_a_sentence() -> None:
    async with running_server(EspeakEngine()) as uri:
        events = await synthesize(uri, "Xin chào, hôm nay trời đẹp.")
    seconds = len(pcm_of(events)) / 2 / 22_050
    assert 1.0 < seconds < 5.0
    assert max(pcm_of(events)) > 0


async def test_chunks_have_at_most_the_samples_asked_for() -> None:
    async with running_server(StepEngine(samples_per_step=1000), samples_per_chunk=300) as uri:
        events = await synthesize(uri, "Xin chào.")
    chunks = [e for e in events if e.type == "audio-chunk"]
    assert len(chunks) == 4 * 5
    assert max(len(e.payload or b"") for e in chunks) == 600


async def test_first_chunk_goes_out_before_second_sentence_is_computed() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri, connected(uri) as client:
        await client.write_event(Synthesize("Câu thứ nhất. Câu thứ hai. Câu thứ ba.").event())
        await read_until(client, "audio-chunk")
        assert len(tts.asked) == 1
        await read_until(client, "audio-stop")
    assert len(tts.asked) == 3


async def test_several_requests_on_one_connection_are_answered_in_order() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        for _ in range(3):
            await client.write_event(Synthesize("Xin chào.").event())
        for _ in range(3):
            events = await read_until(client, "audio-stop")
            assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]


@pytest.mark.parametrize("text", ["", "   ", "😀🎉", "...", "!?", "**", "\u200b", "—"])
async def test_nothing_to_say_is_a_short_silence(
    text: str, caplog: pytest.LogCaptureFixture
) -> None:
    tts = StepEngine()
    caplog.set_level("INFO")
    async with running_server(tts) as uri:
        events = await synthesize(uri, text)
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]
    assert 0.1 < len(pcm_of(events)) / 2 / tts.sample_rate < 0.5
    assert not any(pcm_of(events))
    assert not tts.asked
    assert "Nothing to say" in caplog.text


async def test_lexicon_that_changes_does_not_change_an_answer_under_way(tmp_path: Path) -> None:
    path = tmp_path / "lexicon"
    path.write_text("Aqara = a ca ra\n")
    tts = StepEngine()
    settings = replace(SETTINGS, lexicon=LexiconFile(path))
    async with running_server(tts, settings=settings) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(text="Aqara. Bật ").event())
        await read_until(client, "audio-chunk")
        path.write_text("Aqara = ác ca ra mới\n")
        await synthesize(uri, "Aqara")
        await client.write_event(SynthesizeChunk(text="Aqara.").event())
        await client.write_event(SynthesizeStop().event())
        await read_until(client, "synthesize-stopped")
    assert [text for text, _, _ in tts.asked] == ["a ca ra.", "ác ca ra mới", "Bật a ca ra."]


async def test_long_spoken_text_reaches_the_engine_in_pieces() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        await synthesize(uri, "‰" * 249)
    assert len(tts.asked) > 10
    assert max(len(text) for text, _, _ in tts.asked) <= 200


async def test_default_speed_reaches_the_engine() -> None:
    tts = StepEngine()
    async with running_server(tts, settings=replace(SETTINGS, speed=1.5)) as uri:
        await synthesize(uri, "Xin chào.")
    assert tts.asked[0][2] == 1.5


async def test_written_text_reaches_the_engine_as_it_is_spoken() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        await synthesize(uri, "**Lưu ý:** có 25 người 😀")
    spoken = " ".join(text for text, _, _ in tts.asked).lower()
    assert "hai mươi lăm" in spoken
    assert not set("*😀0123456789") & set(spoken)


async def test_describe_tells_all_that_home_assistant_reads() -> None:
    async with running_server(EspeakEngine()) as uri:
        info = await describe(uri)
    assert len(info.tts) == 1
    program = info.tts[0]
    assert program.installed
    assert program.supports_synthesize_streaming
    assert program.version == __version__
    assert program.description
    assert program.attribution.name
    assert program.attribution.url
    assert len(program.voices) == 3
    for voice in program.voices:
        assert voice.installed
        assert voice.description
        assert voice.version
        assert voice.attribution.url
        assert voice.languages == ["vi-VN"]
    labels = [voice.description for voice in program.voices]
    assert sorted(map(str, labels))[0] == labels[0], "a new assistant takes the first label"


async def test_two_describes_give_identical_bytes() -> None:
    async with running_server(EspeakEngine()) as uri:
        answers = []
        for _ in range(2):
            reader, writer = await asyncio.open_connection(*address_of(uri))
            writer.write(b'{"type":"describe"}\n')
            header = await reader.readline()
            answers.append(header + await reader.read(100_000))
            writer.close()
    assert answers[0] == answers[1]


async def test_describe_and_ping_are_answered_on_the_same_connection() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        await client.write_event(Describe().event())
        assert types(await read_until(client, "info")) == ["info"]
        await client.write_event(Ping(text="a").event())
        pong = (await read_until(client, "pong"))[-1]
    assert pong.data["text"] == "a"


async def test_unknown_events_are_ignored() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        await client.write_event(Event("transcribe", {"language": "vi"}))
        await client.write_event(Event("select-program", {"name": "vietts"}))
        await client.write_event(Ping(text="still here").event())
        assert types(await read_until(client, "pong")) == ["pong"]


async def test_one_info_line_a_request(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(StepEngine()) as uri:
        with caplog.at_level(logging.INFO):
            await synthesize(uri, "Xin chào. Tạm biệt.", voice="binh")
    lines = [record.getMessage() for record in caplog.records if record.levelno >= logging.INFO]
    assert len(lines) == 1
    assert "binh" in lines[0]
    assert "real-time factor" in lines[0]
    assert "first audio" in lines[0]


async def test_lexicon_wins_and_is_read_again_when_it_changes(tmp_path: Path) -> None:
    path = tmp_path / "lexicon"
    path.write_text("Aqara = a ca ra\n")
    tts = StepEngine()
    async with running_server(tts, settings=replace(SETTINGS, lexicon=LexiconFile(path))) as uri:
        await synthesize(uri, "Aqara")
        path.write_text("Aqara = ác ca ra mới\n")
        await synthesize(uri, "Aqara")
    assert [text.rstrip(".") for text, _, _ in tts.asked] == ["a ca ra", "ác ca ra mới"]


async def test_client_that_hangs_up_while_the_lexicon_is_read_leaves_it_to_the_next(
    tmp_path: Path,
) -> None:
    path = tmp_path / "lexicon"
    path.write_text("Aqara = a ca ra\n")
    tts = StepEngine()
    async with running_server(tts, settings=replace(SETTINGS, lexicon=LexiconFile(path))) as uri:
        path.write_text("Aqara = ác ca ra mới\n")
        with socket.create_connection(("127.0.0.1", int(uri.rpartition(":")[2]))) as client:
            client.sendall(encode_event(Synthesize("Aqara").event()))
        await asyncio.sleep(0.2)
        await synthesize(uri, "Aqara")
    assert [text.rstrip(".") for text, _, _ in tts.asked] == ["ác ca ra mới"]


async def test_debug_log_tells_what_is_spoken_for_what(caplog: pytest.LogCaptureFixture) -> None:
    async with running_server(StepEngine()) as uri:
        with caplog.at_level(logging.DEBUG):
            await synthesize(uri, "Có 25 người.")
    assert "hai mươi lăm" in caplog.text
    assert "25" in caplog.text
