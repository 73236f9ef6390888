"""A text that grows while it is spoken."""

import asyncio
import random
from dataclasses import replace

import pytest
from wyoming.tts import Synthesize, SynthesizeChunk, SynthesizeStart, SynthesizeStop

from tests.harness import (
    SETTINGS,
    StepEngine,
    connected,
    describe,
    pcm_of,
    read_until,
    running_server,
    send,
    stream,
    synthesize,
    types,
)
from wyoming_vietts.engines.espeak.engine import EspeakEngine

TEXT = (
    "Nhiệt độ là 26,5°C. Độ ẩm 60%! TP. HCM lúc 10:30... Danh sách:\n1. Bật đèn\n"
    "2. Tắt quạt v.v. Xong chưa?"
)


async def test_stream_is_one_start_one_stop_then_stopped() -> None:
    async with running_server(StepEngine()) as uri:
        events = await stream(uri, ["Câu một. ", "Câu hai. Câu", " ba."])
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]


async def test_whole_text_synthesize_inside_a_stream_is_ignored() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        await stream(uri, ["Câu một. ", "Câu hai."])
    assert len(tts.asked) == 2


@pytest.mark.parametrize("seed", range(20))
async def test_any_cutting_of_the_text_is_the_same_speech(seed: int) -> None:
    draw = random.Random(seed)
    cuts = sorted(draw.sample(range(1, len(TEXT)), draw.randint(1, 30)))
    pieces = [TEXT[a:b] for a, b in zip([0, *cuts], [*cuts, len(TEXT)], strict=True)]
    async with running_server(EspeakEngine()) as uri:
        assert pcm_of(await stream(uri, pieces)) == pcm_of(await synthesize(uri, TEXT))


async def test_pieces_that_split_numbers_and_accents_are_the_same_speech() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        await synthesize(uri, "Trời 25,5 độ, ấm.")
        whole = list(tts.asked)
        tts.asked.clear()
        await stream(uri, ["Tr", "o", "\u031b", "\u0300", "i 25", ",5", " độ, ", "ấ", "m."])
    assert tts.asked == whole


async def test_audio_comes_before_the_text_is_complete() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk("Câu thứ nhất. Câu").event())
        assert types(await read_until(client, "audio-chunk")) == ["audio-start", "audio-chunk"]


async def test_a_long_first_clause_is_spoken_before_its_sentence_ends() -> None:
    tts = StepEngine()
    clause = "Hôm nay thời tiết ở Hà Nội rất đẹp và nắng ấm cả ngày, "
    async with running_server(tts) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk(clause).event())
        await read_until(client, "audio-chunk")
    assert len(tts.asked) == 1


async def test_plain_synthesize_works_after_stream() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeChunk("Một.").event())
        await client.write_event(SynthesizeStop().event())
        await read_until(client, "synthesize-stopped")
        await client.write_event(Synthesize("Hai.").event())
        events = await read_until(client, "audio-stop")
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]


async def test_stream_with_nothing_to_say_is_a_short_silence() -> None:
    async with running_server(StepEngine()) as uri:
        events = await stream(uri, ["😀", " "])
        empty = await stream(uri, [])
    for answer in (events, empty):
        assert types(answer) == ["audio-start", "audio-chunk", "audio-stop", "synthesize-stopped"]
        assert not any(pcm_of(answer))


async def test_stream_uses_the_voice_of_its_start() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        await stream(uri, ["Xin chào. ", "Tạm biệt."], voice="binh")
    assert [voice for _, voice, _ in tts.asked] == ["binh", "binh"]


async def test_ssml_can_be_streamed() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri:
        events = await stream(
            uri, ["<speak>Xin <sub ali", 'as="chào">x</sub></speak>'], text_format="ssml"
        )
    assert types(events)[-1] == "synthesize-stopped"
    assert [text.lower().rstrip(" .") for text, _, _ in tts.asked] == ["xin chào"]


@pytest.mark.parametrize("type_", ["synthesize-chunk", "synthesize-stop"])
async def test_stream_event_without_a_start_is_an_error(type_: str) -> None:
    async with running_server(StepEngine()) as uri:
        events = await send(uri, type_, {"text": "Xin chào."})
    assert types(events) == ["error"]
    assert "synthesize-start" in events[0].data["text"]


async def test_second_start_within_a_stream_is_an_error() -> None:
    async with running_server(StepEngine()) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        await client.write_event(SynthesizeStart().event())
        assert types(await read_until(client)) == ["error"]


async def test_limit_counts_the_whole_stream() -> None:
    settings = replace(SETTINGS, max_text_characters=20)
    async with running_server(StepEngine(), settings=settings) as uri, connected(uri) as client:
        await client.write_event(SynthesizeStart().event())
        for _ in range(3):
            await client.write_event(SynthesizeChunk("mười ký tự").event())
        events = await read_until(client)
    assert types(events)[-1] == "error"
    assert "20 characters" in events[-1].data["text"]


async def test_without_streaming_the_server_says_so_and_speaks_whole_texts() -> None:
    async with running_server(StepEngine(), supports_streaming=False) as uri:
        info = await describe(uri)
        async with connected(uri) as client:  # as a client that streams to old servers as well
            await client.write_event(SynthesizeStart().event())
            await client.write_event(SynthesizeChunk("Xin chào.").event())
            await client.write_event(Synthesize("Xin chào.").event())
            await client.write_event(SynthesizeStop().event())
            events = await read_until(client, "audio-stop")
    assert not info.tts[0].supports_synthesize_streaming
    assert types(events) == ["audio-start", "audio-chunk", "audio-stop"]


async def test_interleaved_streams_on_two_connections_do_not_mix() -> None:
    tts = StepEngine()
    async with running_server(tts) as uri, connected(uri) as one, connected(uri) as two:
        for client in (one, two):
            await client.write_event(SynthesizeStart().event())
        await one.write_event(SynthesizeChunk("Một").event())
        await two.write_event(SynthesizeChunk("Hai").event())
        await one.write_event(SynthesizeChunk(" mốt.").event())
        await two.write_event(SynthesizeChunk(" hai.").event())
        for client in (one, two):
            await client.write_event(SynthesizeStop().event())
        await asyncio.gather(
            read_until(one, "synthesize-stopped"), read_until(two, "synthesize-stopped")
        )
    assert sorted(text.lower().rstrip(" .") for text, _, _ in tts.asked) == ["hai hai", "một mốt"]
