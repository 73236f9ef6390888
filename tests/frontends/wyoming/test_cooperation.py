"""Several clients on the one instance: turns, hang-ups, and the same audio as alone."""

import asyncio
import logging
import time

import pytest
from wyoming.info import Describe
from wyoming.tts import Synthesize, SynthesizeVoice

from tests.harness import (
    StepEngine,
    connected,
    describe,
    pcm_of,
    read_until,
    running_server,
    stream,
    synthesize,
)
from wyoming_vietts.engines.espeak.engine import EspeakEngine

TWENTY_SENTENCES = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20


async def test_describe_is_answered_while_a_long_text_is_spoken() -> None:
    async with running_server(EspeakEngine()) as uri, connected(uri) as client:
        await client.write_event(Synthesize(TWENTY_SENTENCES).event())
        await read_until(client, "audio-chunk")
        started = time.perf_counter()
        assert (await describe(uri)).tts
        assert time.perf_counter() - started < 0.5
        events = await read_until(client, "audio-stop")
        assert events[-1].type == "audio-stop"


async def test_short_text_starts_within_two_steps_of_a_long_one() -> None:
    tts = StepEngine(steps=1000)
    async with running_server(tts) as uri, connected(uri) as long, connected(uri) as short:
        await long.write_event(Synthesize("Dài.").event())
        await read_until(long, "audio-chunk")
        await short.write_event(Synthesize("Ngắn.").event())
        await read_until(short, "audio-chunk")
    long_text = tts.asked[0][0]
    short_text = tts.asked[1][0]
    asked_at = tts.computed.index(short_text)
    # Once the short one is served, the two take turns.
    turns = tts.computed[asked_at : asked_at + 20]
    assert turns.count(long_text) <= turns.count(short_text) + 2
    assert len(tts.computed) < 1000


async def test_silent_steps_give_other_clients_a_turn() -> None:
    tts = StepEngine(silent_steps=3000, steps=1)
    async with running_server(tts) as uri, connected(uri) as busy, connected(uri) as asking:
        await busy.write_event(Synthesize("Chờ.").event())
        while not tts.computed:
            await asyncio.sleep(0)
        await asking.write_event(Describe().event())
        await read_until(asking, "info")
        assert len(tts.computed) < 3000


@pytest.mark.parametrize("voices", [("espeak-north-male", "espeak-south-male"), (None, None)])
async def test_interleaved_clients_get_the_same_audio_as_alone(
    voices: tuple[str | None, str | None],
) -> None:
    texts = (TWENTY_SENTENCES, "Nhiệt độ ngoài trời là 26,5°C, độ ẩm 70%. " * 12)
    async with running_server(EspeakEngine()) as uri:
        alone = [pcm_of(await synthesize(uri, *pair)) for pair in zip(texts, voices, strict=True)]
        together = await asyncio.gather(
            *(synthesize(uri, *pair) for pair in zip(texts, voices, strict=True)),
            stream(uri, [texts[0][i : i + 7] for i in range(0, len(texts[0]), 7)], voices[0]),
        )
    assert [pcm_of(events) for events in together] == [*alone, alone[0]]


async def test_hang_up_stops_the_computation_within_two_chunks(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tts = StepEngine(steps=100_000)
    with caplog.at_level(logging.INFO):
        async with running_server(tts) as uri:
            async with connected(uri) as client:
                await client.write_event(Synthesize("Rất dài.").event())
                await read_until(client, "audio-chunk")
            await asyncio.sleep(0.1)  # the end of the connection reaches the server
            computed = len(tts.computed)
            await asyncio.sleep(0.2)
            assert len(tts.computed) <= computed + 2
            assert computed < 50_000
    assert any("hung up" in record.getMessage() for record in caplog.records)
    assert not any(r.levelno > logging.INFO or r.exc_info for r in caplog.records)


async def test_hang_up_is_seen_before_there_is_any_audio() -> None:
    tts = StepEngine(silent_steps=1_000_000)
    async with running_server(tts) as uri:
        async with connected(uri) as client:
            await client.write_event(Synthesize("Chờ mãi.").event())
            while not tts.computed:
                await asyncio.sleep(0)
        await asyncio.sleep(0.1)
        computed = len(tts.computed)
        await asyncio.sleep(0.2)
        assert len(tts.computed) <= computed + 2


async def test_hang_up_of_one_client_does_not_disturb_another() -> None:
    async with running_server(EspeakEngine()) as uri:
        alone = pcm_of(await synthesize(uri, TWENTY_SENTENCES))
        other = asyncio.create_task(synthesize(uri, TWENTY_SENTENCES))
        for _ in range(5):
            async with connected(uri) as client:
                request = Synthesize(TWENTY_SENTENCES, SynthesizeVoice("espeak-south-male"))
                await client.write_event(request.event())
                await read_until(client, "audio-chunk")
        assert pcm_of(await other) == alone
