"""The client library of OpenAI against a real process."""

import base64
import json
from collections.abc import AsyncIterator

import openai
import pytest
import pytest_asyncio
from openai import AsyncOpenAI

from tests.frontends.http.harness import Answer, Doors, running_doors, serving, wav_pcm
from tests.frontends.http.test_formats import decoded
from tests.harness import StepEngine, pcm_of, synthesize

TOKEN = "open-sesame"
KEY = {"Authorization": f"Bearer {TOKEN}"}
TEXT = "Nhiệt độ phòng khách là 26,5°C. Độ ẩm là 60%."

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def doors() -> AsyncIterator[Doors]:
    async with serving("--engine", "espeak", "--http-token", TOKEN) as (doors, _):
        yield doors


async def ask(doors: Doors, **values: object) -> Answer:
    body = {"input": TEXT} | values
    return await doors.ask("POST", "/v1/audio/speech", json=body, headers=KEY)


def client_of(doors: Doors, token: str = TOKEN) -> AsyncOpenAI:
    return AsyncOpenAI(base_url=f"{doors.url}/v1", api_key=token, max_retries=0)


async def create(doors: Doors, **changes: object) -> bytes:
    values = {"model": "tts-1", "voice": "espeak-north-male", "input": TEXT} | changes
    answer = await client_of(doors).audio.speech.create(**values)  # type: ignore[arg-type]
    return await answer.aread()


@pytest.mark.parametrize("name", ["wav", "pcm", "flac", "mp3", "opus", "aac", None])
async def test_every_format_lasts_as_long_as_the_speech(doors: Doors, name: str | None) -> None:
    content = await create(doors, **({} if name is None else {"response_format": name}))
    samples, rate = decoded(name or "mp3", content)
    spoken = await synthesize(doors.uri, TEXT, "espeak-north-male")
    assert len(samples) / rate == pytest.approx(len(pcm_of(spoken)) / 2 / 22_050, abs=0.15)


async def test_speed_is_heard(doors: Doors) -> None:
    normal, fast = [
        len(await create(doors, response_format="pcm", speed=speed)) for speed in (1.0, 1.5)
    ]
    assert fast == pytest.approx(normal / 1.5, rel=0.1)


async def test_audio_streams(doors: Doors) -> None:
    speech = client_of(doors).audio.speech.with_streaming_response
    async with speech.create(
        model="tts-1", voice="espeak-north-male", input=TEXT * 20, response_format="wav"
    ) as response:
        pieces = [piece async for piece in response.iter_bytes()]
    assert len(pieces) > 5
    assert wav_pcm(b"".join(pieces))[0] == 22_050


async def test_first_audio_comes_before_the_last_is_made() -> None:
    tts = StepEngine(steps=2000)
    async with running_doors(tts) as doors:
        speech = client_of(doors).audio.speech.with_streaming_response
        async with speech.create(
            model="tts-1", voice="an", input="Dài.", response_format="pcm"
        ) as response:
            async for _ in response.iter_bytes(256):
                assert len(tts.computed) < 1500
                break


async def test_events_carry_the_same_audio(doors: Doors) -> None:
    lines = (await create(doors, response_format="wav", stream_format="sse")).split(b"\n\n")
    events = [json.loads(line.removeprefix(b"data: ")) for line in lines if line]
    assert [event["type"] for event in events[:-1]] == ["speech.audio.delta"] * (len(events) - 1)
    assert events[-1]["type"] == "speech.audio.done"
    audio = b"".join(base64.b64decode(event["audio"]) for event in events[:-1])
    assert audio == await create(doors, response_format="wav")


async def test_an_error_among_events_is_an_event() -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.speech("Xin chào. Có lỗi ở đây.", stream_format="sse")
    last = answer.body.strip().split(b"\n\n")[-1]
    assert json.loads(last.removeprefix(b"data: "))["error"]["code"] == "engine-failed"
    assert b"speech.audio.done" not in answer.body


async def test_voice_may_be_an_object(doors: Doors) -> None:
    by_object, by_name = [
        await create(doors, voice=voice, response_format="wav")
        for voice in ({"id": "espeak-south-male"}, "espeak-south-male")
    ]
    assert by_object == by_name


async def test_models_and_voices_are_listed(doors: Doors) -> None:
    models = [model.id async for model in client_of(doors).models.list()]
    assert models == ["vietts"]
    listed = await doors.get("/v1/audio/voices", headers={"Authorization": f"Bearer {TOKEN}"})
    assert listed.json["voices"][0]["id"] == "espeak-north-male"


async def test_errors_are_those_of_the_library(doors: Doors) -> None:
    with pytest.raises(openai.BadRequestError, match="Unknown voice 'chu-bay'") as bad:
        await create(doors, voice="chu-bay")
    assert bad.value.code == "unknown-voice"
    assert bad.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError, match="longer than 20000"):
        await create(doors, input="a" * 20_001)
    with pytest.raises(openai.AuthenticationError, match="--http-token"):
        await client_of(doors, "wrong").models.list()
    with pytest.raises(openai.NotFoundError):
        await client_of(doors).models.retrieve("x")


async def test_models_are_listed_and_described(doors: Doors) -> None:
    client = client_of(doors)
    (listed,) = (await client.models.list()).data
    assert (await client.models.retrieve(listed.id)) == listed
    with pytest.raises(openai.NotFoundError, match=r"Unknown model 'x'; available: vietts"):
        await client.models.retrieve("x")
    assert (await doors.get("/v1/audio/models", headers=KEY)).json == {
        "models": [{"id": "vietts", "name": "Wyoming VietTTS"}]
    }


@pytest.mark.parametrize(
    ("name", "wanted", "rate"),
    [("wav", 16_000, 16_000), ("pcm", None, 24_000), ("pcm", 8_000, 8_000), ("mp3", None, 22_050),
        ("opus", None, 24_000), ("flac", 44_100, 44_100)],
)  # fmt: skip
async def test_sample_rate_is_told_and_chosen(
    doors: Doors, name: str, wanted: int | None, rate: int
) -> None:
    values = {} if wanted is None else {"sample_rate": wanted}
    answer = await ask(doors, response_format=name, **values)
    assert answer.headers["X-Sample-Rate"] == str(rate)
    if name == "wav":
        assert wav_pcm(answer.body)[0] == rate


@pytest.mark.parametrize(
    ("value", "shown"),
    [("16000", "'16000'"), (True, "True"), (16000.5, "16000.5"), (10**400, "1" + 79 * "0"),
        (-1, "-1"), (7_999, "7999"), (48_001, "48001")],
)  # fmt: skip
async def test_wrong_sample_rate_says_why(doors: Doors, value: object, shown: str) -> None:
    answer = await ask(doors, sample_rate=value)
    assert answer.status == 400
    right = "a whole number from 8000 to 48000"
    assert answer.error["message"] == f"'sample_rate' is {shown}; it must be {right}"


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/audio/speech"), ("GET", "/models"), ("GET", "/audio/voices")]
)
async def test_base_url_without_its_version_gets_a_hint(
    doors: Doors, method: str, path: str
) -> None:
    answer = await doors.ask(method, path, headers=KEY)
    assert answer.status == 404
    assert answer.error["message"].endswith("; the base URL of OpenAI's API ends with /v1")
    assert "base URL" not in (await doors.get("/nothing", headers=KEY)).error["message"]
