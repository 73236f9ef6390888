"""Which voice speaks, for all the ways of asking."""

from dataclasses import replace
from typing import Any

import pytest
from wyoming.event import Event

from tests.frontends.http.harness import running_doors
from tests.harness import (
    SETTINGS,
    StepEngine,
    connected,
    read_until,
    running_server,
    send,
    synthesize,
)


def make_engine() -> StepEngine:
    return StepEngine(languages={"an": "vi-VN", "binh": "vi", "chi": "en-US", "nhiều-s1": "vi-VN"})


async def ask(uri: str, voice: Any) -> None:
    async with connected(uri) as client:
        await client.write_event(Event("synthesize", {"text": "Xin chào.", "voice": voice}))
        await read_until(client, "audio-stop")


@pytest.mark.parametrize(
    ("asked", "spoken"),
    [
        (None, "an"),
        ({}, "an"),
        ({"name": None, "language": None}, "an"),
        ({"name": "binh"}, "binh"),
        ({"speaker": "binh"}, "binh"),
        ({"name": "binh", "speaker": "binh"}, "binh"),
        ({"name": "binh", "language": "en"}, "binh"),
        ({"language": "en"}, "chi"),
        ({"language": "en_GB"}, "chi"),
        ({"language": "vi"}, "an"),
        ({"language": "VI-vn"}, "an"),
        ({"name": ""}, "an"),
        ({"name": "", "speaker": "", "language": ""}, "an"),
        ({"name": "", "language": "en"}, "chi"),
        ({"name": "alloy"}, "an"),
        ({"name": "shimmer", "language": "en"}, "chi"),
        ({"name": "nhiều", "speaker": "s1"}, "nhiều-s1"),
        ({"name": "nhiều-s1"}, "nhiều-s1"),
        ({"name": "nhiều-s1", "speaker": "nhiều-s1"}, "nhiều-s1"),
    ],
)
async def test_voice_is_chosen_by_name_speaker_language_default(asked: Any, spoken: str) -> None:
    tts = make_engine()
    async with running_server(tts) as uri:
        await ask(uri, asked)
    assert tts.asked[0][1] == spoken


async def test_voice_with_a_stock_name_of_openai_is_itself() -> None:
    tts = StepEngine(languages={"an": "vi-VN", "nova": "vi-VN"})
    async with running_server(tts) as uri:
        await ask(uri, {"name": "nova"})
    assert tts.asked[0][1] == "nova"


async def test_default_voice_speaks_vietnamese_if_there_is_one() -> None:
    for languages, spoken in (
        ({"an": "en-GB", "binh": "vi"}, "binh"),
        ({"an": "en-GB", "binh": "de"}, "an"),
    ):
        tts = StepEngine(languages=languages)
        async with running_server(tts) as uri:
            await ask(uri, None)
        assert tts.asked[0][1] == spoken


@pytest.mark.parametrize("voice", ["", None, "alloy", "marin"])
async def test_openai_clients_get_the_default_voice(voice: str | None) -> None:
    tts = make_engine()
    async with running_doors(tts, settings=replace(SETTINGS, voice="binh")) as doors:
        answer = await doors.speech("Xin chào.", voice=voice)
        assert answer.status == 200
        assert (await doors.speech("Xin chào.", voice="dung")).error["code"] == "unknown-voice"
    assert [name for _, name, _ in tts.asked] == ["binh"]


async def test_default_voice_is_the_servers_and_wins_within_its_language() -> None:
    for asked in (None, {"language": "vi"}):
        tts = make_engine()
        async with running_server(tts, settings=replace(SETTINGS, voice="binh")) as uri:
            await ask(uri, asked)
        assert tts.asked[0][1] == "binh"


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"name": "dung"}, "Unknown voice 'dung'; available: an, binh, chi, nhiều-s1"),
        ({"speaker": "dung"}, "Unknown voice 'dung'; available: an, binh, chi, nhiều-s1"),
        ({"name": "an", "speaker": "binh"}, "Voice 'an' has no speaker 'binh'; available: an"),
        (
            {"name": "nhiều", "speaker": "s2"},
            "Unknown voice 'nhiều'; available: an, ",
        ),
        ({"language": "fr"}, "No voice speaks language 'fr'; available: en-US, vi, vi-VN"),
        ({"name": 5}, "'name' must be a string, not int"),
        ("binh", "'voice' must be an object"),
    ],
)
async def test_wrong_voice_is_an_error_that_lists_the_right_ones(asked: Any, message: str) -> None:
    tts = make_engine()
    async with running_server(tts) as uri:
        events = await send(uri, "synthesize", {"text": "Xin chào.", "voice": asked})
        assert [event.type for event in events] == ["error"]
        assert message in events[0].data["text"]
        events = await send(uri, "synthesize-start", {"voice": asked})
        assert [event.type for event in events] == ["error"]
        await synthesize(uri, "Máy chủ vẫn sống.")
    assert len(tts.asked) == 1
