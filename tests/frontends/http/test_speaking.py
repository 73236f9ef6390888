"""Speech over HTTP: the same as over Wyoming, as it is made, and what happens when it ends."""

import asyncio
import logging
import math
import time

import pytest

from tests.frontends.http.harness import raw, running_doors, serving, wav_pcm
from tests.harness import StepEngine, describe, pcm_of, synthesize
from wyoming_vietts.engines.espeak.engine import EspeakEngine
from wyoming_vietts.frontends import limits
from wyoming_vietts.frontends.http import formats, speech

TEXT = "Nhiệt độ phòng khách là 26,5°C. Độ ẩm là 60%, hôm nay trời đẹp cả ngày."
LONG = "Đây là một câu khá dài để máy đọc lên cho mọi người cùng nghe. " * 20
SSML = '<speak>Xin chào<break time="300ms"/><prosody rate="120%">các bạn</prosody></speak>'


@pytest.mark.parametrize("voice", ["espeak-north-male", "espeak-north-female"])
async def test_speech_is_that_of_the_wyoming_door(voice: str) -> None:
    async with running_doors(EspeakEngine()) as doors:
        answer = await doors.speech(TEXT, voice=voice)
        spoken = await synthesize(doors.uri, TEXT, voice)
    assert answer.status == 200
    assert answer.headers["Content-Type"] == "audio/wav"
    assert wav_pcm(answer.body) == (spoken[0].data["rate"], pcm_of(spoken))


async def test_markup_is_that_of_the_wyoming_door() -> None:
    async with running_doors(EspeakEngine()) as doors:
        answer = await doors.speech(SSML)
        spoken = await synthesize(doors.uri, SSML, text_format="ssml")
        bad = await doors.speech("<speak>a & b</speak>")
    assert wav_pcm(answer.body)[1] == pcm_of(spoken)
    assert (bad.status, bad.error["code"]) == (400, "bad-ssml")


async def test_nothing_to_say_is_a_short_silence() -> None:
    async with running_doors(EspeakEngine()) as doors:
        answer = await doors.speech("😀")
        others = [
            await doors.speech("…", response_format="mp3"),
            await doors.speech("", stream_format="sse"),
            await doors.ask("POST", "/api/text-to-speech", data=b"  "),
            await doors.get("/process?INPUT_TEXT=**"),
        ]
        spoken = await doors.speech("<speak><break time='1s'/>Xin chào.</speak>")
    rate, pcm = wav_pcm(answer.body)
    assert len(pcm) == 2 * round(0.2 * rate)
    assert not any(pcm)
    assert [each.headers["X-Nothing-To-Say"] for each in (answer, *others)] == ["1"] * 5
    assert "X-Nothing-To-Say" not in spoken.headers


async def test_audio_is_sent_as_it_is_made() -> None:
    tts = StepEngine(steps=2000)
    async with running_doors(tts) as doors:
        body = {"input": "Dài.", "response_format": "wav"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
            assert await response.content.readexactly(44 + 200)
            assert len(tts.computed) < 1000
            assert await response.read()
    assert len(tts.computed) == 2000


async def test_describe_is_answered_while_a_long_text_is_spoken() -> None:
    async with running_doors(EspeakEngine()) as doors:
        speaking = asyncio.create_task(doors.speech(LONG * 5))
        while doors.synthesizer is None or not doors.synthesizer.under_way:
            await asyncio.sleep(0.001)
        started = time.perf_counter()
        assert (await describe(doors.uri)).tts
        assert time.perf_counter() - started < 1
        assert not speaking.done()
        await speaking


async def test_requests_of_both_doors_take_turns() -> None:
    tts = StepEngine(steps=500)
    async with running_doors(tts) as doors:
        first = asyncio.create_task(doors.speech("Một."))
        while not tts.computed:
            await asyncio.sleep(0)
        await synthesize(doors.uri, "Hai.", "binh")
        await first
    (first_text, *_), (second_text, *_) = tts.asked
    both = tts.computed[tts.computed.index(second_text) :][:100]
    assert both.count(first_text) > 30, "one waited for the other"


async def test_hang_up_stops_the_computation(caplog: pytest.LogCaptureFixture) -> None:
    tts = StepEngine(steps=1_000_000)
    with caplog.at_level(logging.INFO):
        async with running_doors(tts) as doors:
            body = {"input": "Rất dài.", "response_format": "wav"}
            async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
                await response.content.readexactly(44)
                response.close()
            await asyncio.sleep(0.1)  # the end of the connection reaches the server
            computed = len(tts.computed)
            await asyncio.sleep(0.2)
            assert len(tts.computed) <= computed + 2
            assert doors.synthesizer is not None
            assert doors.synthesizer.under_way == 0
    assert any("hung up" in record.getMessage() for record in caplog.records)
    assert not any(r.levelno > logging.INFO or r.exc_info for r in caplog.records)


async def test_hang_up_is_seen_before_there_is_any_audio() -> None:
    tts = StepEngine(silent_steps=1_000_000)
    async with running_doors(tts) as doors:
        asking = asyncio.create_task(doors.speech("Chờ mãi."))
        while not tts.computed:
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.sleep(0.1)
        computed = len(tts.computed)
        await asyncio.sleep(0.2)
        assert len(tts.computed) <= computed + 2


async def test_client_that_reads_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "PLAYING_PAUSE_SECONDS", 0.5)
    tts = StepEngine(steps=1_000_000, samples_per_step=4000)
    async with running_doors(tts) as doors:
        body = {"input": "Rất dài.", "response_format": "wav"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body):
            for _ in range(100):
                await asyncio.sleep(0.1)
                if doors.synthesizer is not None and not doors.synthesizer.under_way:
                    break
            else:
                raise AssertionError("it is waited for")
        assert len(tts.computed) < 100_000


@pytest.mark.parametrize("voice", ["alloy", "nova", "", None, {"id": "alloy"}, {}])
async def test_stock_names_and_empty_ones_speak_with_the_default_voice(voice: object) -> None:
    tts = StepEngine()
    async with running_doors(tts) as doors:
        answers = [await doors.speech("Xin chào.", voice=voice)]
        if not isinstance(voice, dict):
            given = {} if voice is None else {"voice": voice}
            query = {"text": "Xin chào."} | given
            answers.append(await doors.get("/api/tts", params=query))
            body = "Xin chào.".encode()
            answers.append(await doors.ask("POST", "/api/text-to-speech", params=given, data=body))
            mary = {"INPUT_TEXT": "Xin chào."} | ({} if voice is None else {"VOICE": voice})
            answers.append(await doors.get("/process", params=mary))
            answers.append(await doors.ask("POST", "/process", data=mary))
    assert [answer.status for answer in answers] == [200] * len(answers)
    assert {name for _, name, _ in tts.asked} == {"an"}


@pytest.mark.parametrize("path", ["/api/tts?text=a&voice=x", "/process?INPUT_TEXT=a&VOICE=x"])
async def test_other_unknown_voices_stay_an_error(path: str) -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.get(path)
    assert (answer.status, answer.error["code"]) == (400, "unknown-voice")


@pytest.mark.parametrize("name", ["mp3", "flac", "opus", "aac"])
async def test_compressed_answers_of_a_format_are_counted(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(formats.MOST_AT_ONCE, name, 2)
    tts = StepEngine(silent_steps=1_000_000)
    async with running_doors(tts) as doors:
        crowd = [
            asyncio.create_task(doors.speech("Chờ mãi.", response_format=name)) for _ in range(2)
        ]
        while len(tts.asked) < 2:
            await asyncio.sleep(0.01)
        third = await doors.speech("Xin chào.", response_format=name)
        assert (third.status, third.error["code"]) == (503, "busy")
        assert third.headers["Retry-After"] == "1"
        for task in crowd:
            task.cancel()  # the clients hang up
        await asyncio.sleep(0.3)
        tts.silent_steps = 0
        assert (await doors.speech("Xin chào.", response_format=name)).status == 200


async def test_encoder_of_a_client_that_hangs_up_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    closed = []
    monkeypatch.setattr(formats._CodecEncoder, "close", lambda self: closed.append(self))
    tts = StepEngine(steps=1_000_000, samples_per_step=4000)
    async with running_doors(tts) as doors:
        body = {"input": "Rất dài.", "response_format": "flac"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
            await response.content.read(1000)
            assert not closed
        await asyncio.sleep(0.3)
        assert len(closed) == 1


async def test_wav_files_under_way_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(speech, "_MOST_FILE_BYTES", 100_000)
    async with running_doors(StepEngine(steps=3, samples_per_step=20_000)) as doors:
        refused = await doors.get("/api/tts?text=Xin+ch%C3%A0o.")
        assert (refused.status, refused.error["code"]) == (503, "busy")
    async with running_doors(StepEngine(steps=2, samples_per_step=20_000)) as doors:
        for _ in range(5):
            assert (await doors.get("/api/tts?text=Xin+ch%C3%A0o.")).status == 200


# --- errors --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "status", "code", "message"),
    [
        ({"voice": "x"}, 400, "unknown-voice", "Unknown voice 'x'; available: an, binh"),
        ({"speed": 5}, 400, "bad-request", "'speed' is 5; it must be a number from 0.25 to 4"),
        ({"speed": 10**400}, 400, "bad-request", "'speed' is 1000"),
        ({"speed": math.nan}, 400, "bad-request", "'speed' is nan"),
        ({"speed": "1"}, 400, "bad-request", "'speed' is '1'; it must be a number"),
        ({"input": 5}, 400, "bad-request", "'input' must be a string, not int"),
        ({"input": None}, 400, "bad-request", "'input' is missing; it must be a string"),
        ({"input": "a" * 20_001}, 400, "text-too-long", "longer than 20000 characters"),
        ({"input": "a" * 300_000}, 413, "too-large", "longer than 250000 bytes"),
        ({"response_format": "wma"}, 400, "bad-request", "'wma'; available: wav, pcm, mp3, flac"),
        ({"stream_format": "x"}, 400, "bad-request", "'x'; available: audio, sse"),
        ({"input": "lỗi"}, 500, "engine-failed", "The speech engine failed; see the server's log"),
    ],
)
async def test_wrong_request_is_an_error_object(
    values: dict[str, object], status: int, code: str, message: str
) -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.speech(**({"text": "Xin chào."} | values))  # type: ignore[arg-type]
    assert answer.status == status
    assert answer.error["code"] == code
    assert message in answer.error["message"]
    assert answer.error["type"] == ("server_error" if status == 500 else "invalid_request_error")


@pytest.mark.parametrize("body", [b"", b"\xff", b"[]", b"{", b'{"input"', b"[" * 100_000])
async def test_body_that_is_no_object_is_an_error_object(body: bytes) -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.ask("POST", "/v1/audio/speech", data=body)
    assert answer.status == 400
    assert "body" in answer.error["message"]


async def test_unknown_routes_and_methods_are_error_objects() -> None:
    async with running_doors(StepEngine()) as doors:
        unknown = await doors.get("/v1/nothing")
        wrong = await doors.get("/v1/audio/speech")
    assert (unknown.status, unknown.error["code"]) == (404, "not-found")
    assert (wrong.status, wrong.error["code"]) == (405, "wrong-method")


@pytest.mark.parametrize("version", ["1.0", "1.1"])
async def test_audio_that_is_cut_off_never_looks_whole(version: str) -> None:
    tts = StepEngine()
    async with running_doors(tts) as doors:
        body = '{"input": "Xin chào. Có lỗi ở đây.", "response_format": "wav"}'.encode()
        head = f"POST /v1/audio/speech HTTP/{version}\r\nHost: localhost\r\n"
        with pytest.raises(ConnectionResetError):
            await raw(doors.url, f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
    assert len(tts.asked) == 2, "the first sentence was spoken"


# --- stopping ------------------------------------------------------------------------------------


async def test_stopping_server_finishes_an_answer() -> None:
    async with serving("--engine", "espeak") as (doors, process):
        body = {"input": LONG, "response_format": "wav"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
            start = await response.content.readexactly(44)
            process.terminate()
            rest = await response.read()
        log = process.communicate(timeout=10)[1].decode()
    assert wav_pcm(start + rest)
    assert process.returncode == 0
    assert "Traceback" not in log
    assert "ERROR" not in log


async def test_stopping_server_cuts_off_an_answer_that_takes_too_long() -> None:
    async with serving("--engine", "espeak") as (doors, process):
        body = {"input": LONG * 10, "response_format": "wav"}
        async with doors.session.post(f"{doors.url}/v1/audio/speech", json=body) as response:
            await response.content.readexactly(44)
            process.terminate()
            await asyncio.sleep(6)  # as a client that is slow to read
            with pytest.raises(Exception, match=r"(?i)reset|payload|incomplete"):
                await response.read()
        log = process.communicate(timeout=10)[1].decode()
    assert process.returncode == 0
    assert "Traceback" not in log
    assert "shutting-down" in log
