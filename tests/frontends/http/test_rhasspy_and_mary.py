"""What Rhasspy 2.5 and clients of MaryTTS ask for, from a real process."""

import asyncio
import io
import subprocess
import wave
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from speak2mary import MaryTTS

from tests.frontends.http.harness import Doors, serving, wav_pcm
from tests.harness import pcm_of, synthesize
from wyoming_vietts.speech.prosody import scale

TEXT = "Nhiệt độ phòng khách là 26,5°C & độ ẩm 60%."
FIRST, OTHER = "espeak-north-male", "espeak-south-male"

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def doors() -> AsyncIterator[Doors]:
    async with serving("--engine", "espeak") as (doors, _):
        yield doors


async def curl(*arguments: str) -> bytes:
    done = await asyncio.to_thread(
        subprocess.run, ["curl", "-sS", "--fail", *arguments], capture_output=True, timeout=30
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


async def spoken(doors: Doors, voice: str) -> bytes:
    return pcm_of(await synthesize(doors.uri, TEXT, voice))


# --- Rhasspy -------------------------------------------------------------------------------------


async def test_plain_text_comes_back_as_wav(doors: Doors) -> None:
    url = f"{doors.url}/api/text-to-speech"
    answer = await curl(url, "-H", "Content-Type: text/plain", "--data-binary", TEXT)
    assert wav_pcm(answer) == (22_050, await spoken(doors, FIRST))
    chosen = await curl(f"{url}?voice={OTHER}", "--data-binary", TEXT)
    assert wav_pcm(chosen)[1] == await spoken(doors, OTHER)


async def test_text_in_the_query_comes_back_as_wav(doors: Doors) -> None:
    answer = await curl(f"{doors.url}/api/tts?text={quote(TEXT)}&voice={OTHER}")
    assert wav_pcm(answer)[1] == await spoken(doors, OTHER)


async def test_a_long_text_fits_into_the_query(doors: Doors) -> None:
    answer = await doors.get("/api/tts", params={"text": "Trời đẹp quá. " * 300})
    assert answer.status == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "message"),
    [
        ("POST", "/api/text-to-speech", b"\xff", "not UTF-8"),
        ("POST", "/api/text-to-speech?voice=x", b"a", "Unknown voice 'x'"),
        ("GET", "/api/tts", None, "'text' is missing"),
        ("GET", "/process", None, "'INPUT_TEXT' is missing"),
        ("GET", "/process?INPUT_TEXT=a&AUDIO=AU", None, "Unknown AUDIO 'AU'; available: WAVE"),
        ("GET", "/process?INPUT_TEXT=a&INPUT_TYPE=RAWMARYXML", None, "available: TEXT, SSML"),
        ("GET", "/process?INPUT_TEXT=a&OUTPUT_TYPE=ACOUSTPARAMS", None, "available: AUDIO"),
        ("POST", "/process", b"INPUT_TEXT=%s" % (b"&a=b" * 200), "The form cannot be read"),
    ],
)
async def test_wrong_request_says_why(
    doors: Doors, method: str, path: str, body: bytes | None, message: str
) -> None:
    answer = await doors.ask(method, path, data=body)
    assert answer.status == 400
    assert message in answer.error["message"]


# --- MaryTTS -------------------------------------------------------------------------------------


async def test_client_of_home_assistant_is_answered(doors: Doors) -> None:
    host, port = doors.url.removeprefix("http://").split(":")
    client = MaryTTS(host, int(port), "WAVE_FILE", "en_US", OTHER)
    answer = await asyncio.to_thread(client.speak, TEXT, {"Volume": "amount:2.0;"})
    assert wav_pcm(answer)[1] == scale(await spoken(doors, OTHER), 2.0)


async def test_client_of_home_assistant_is_told_of_a_wrong_voice(doors: Doors) -> None:
    host, port = doors.url.removeprefix("http://").split(":")
    client = MaryTTS(host, int(port))
    with pytest.raises(Exception, match=r"400 .*cmu-slt-hsmm.*available: espeak"):
        await asyncio.to_thread(client.speak, TEXT)


async def test_query_of_older_clients_is_answered(doors: Doors) -> None:
    parameters = {"INPUT_TEXT": TEXT, "INPUT_TYPE": "TEXT", "OUTPUT_TYPE": "AUDIO",
        "AUDIO": "WAVE", "LOCALE": "vi_VN"}  # fmt: skip
    answer = await curl(f"{doors.url}/process?{urlencode(parameters)}")
    assert wav_pcm(answer)[1] == await spoken(doors, FIRST)


@pytest.mark.parametrize(
    ("effects", "message"),
    [
        ({"effect_Robot_selected": "on"}, "Unknown effect 'Robot'; available: Rate, Volume"),
        ({"effect_Volume_selected": "on"}, "The effect Volume is ''; it must be 'amount:NUMBER;'"),
        ({"effect_Volume_selected": "on", "effect_Volume_parameters": "amount:4.1;"},
            "a number from 0 to 4"),
        ({"effect_Volume_selected": "on", "effect_Volume_parameters": "amount:-1;"},
            "a number from 0 to 4"),
        ({"effect_Rate_selected": "on", "effect_Rate_parameters": "durScale:5;"},
            "a number from 0.25 to 4"),
    ],
)  # fmt: skip
async def test_effect_that_is_not_possible_is_refused(
    doors: Doors, effects: dict[str, str], message: str
) -> None:
    answer = await doors.get("/process", params={"INPUT_TEXT": "Xin chào."} | effects)
    assert answer.status == 400
    assert message in answer.error["message"]


async def test_rate_scales_the_duration_and_what_is_off_changes_nothing(doors: Doors) -> None:
    async def seconds(**effects: str) -> float:
        answer = await doors.get("/process", params={"INPUT_TEXT": TEXT} | effects)
        return len(wav_pcm(answer.body)[1]) / 2 / 22_050

    slow = {"effect_Rate_selected": "on", "effect_Rate_parameters": "durScale:1.5;"}
    off = {"effect_Robot_selected": "", "effect_Rate_parameters": "durScale:1.5;"}
    usual = await seconds()
    assert await seconds(**slow) == pytest.approx(1.5 * usual, rel=0.1)
    assert await seconds(**off) == usual


# --- files ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "path", ["/api/tts?text=Xin+ch%C3%A0o.", "/process?INPUT_TEXT=Xin+ch%C3%A0o."]
)
async def test_wav_file_has_its_true_length_and_parts(doors: Doors, path: str) -> None:
    answer = await doors.get(path)
    size = len(answer.body)
    with wave.open(io.BytesIO(answer.body)) as file:
        assert 44 + 2 * file.getnframes() == size
        assert 0.3 < file.getnframes() / file.getframerate() < 3
    assert answer.headers["Content-Length"] == str(size)
    assert answer.headers["Accept-Ranges"] == "bytes"
    assert answer.headers["X-Sample-Rate"] == "22050"

    head = await doors.ask("HEAD", path)
    assert (head.status, head.body, head.headers["Content-Length"]) == (200, b"", str(size))

    for wanted, start, stop in (
        ("bytes=0-99", 0, 100),
        ("bytes=1000-", 1000, size),
        ("bytes=-10", size - 10, size),
        (f"bytes=10-{2 * size}", 10, size),
    ):
        part = await doors.get(path, headers={"Range": wanted})
        assert (part.status, part.body) == (206, answer.body[start:stop]), wanted
        assert part.headers["Content-Range"] == f"bytes {start}-{stop - 1}/{size}"
    tag = answer.headers["ETag"]
    for headers, status in (
        ({"Range": "bytes=0-"}, 200),
        ({"Range": "bytes=0-1,5-6"}, 200),
        ({"Range": "nonsense"}, 200),
        ({"Range": "bytes=0-9", "If-Range": tag}, 206),
        ({"Range": "bytes=0-9", "If-Range": '"other"'}, 200),
        ({"Range": f"bytes={size}-"}, 416),
    ):
        answered = await doors.get(path, headers=headers)
        assert answered.status == status, headers
        assert len(answered.body) == {200: size, 206: 10, 416: 0}[status]
    assert answered.headers["Content-Range"] == f"bytes */{size}"


async def test_posted_text_comes_back_as_a_file_of_known_length(doors: Doors) -> None:
    for path, body in (
        ("/api/text-to-speech", "Xin chào.".encode()),
        ("/process", urlencode({"INPUT_TEXT": "Xin chào."}).encode()),
    ):
        answer = await doors.ask("POST", path, data=body)
        with wave.open(io.BytesIO(answer.body)) as file:
            assert 44 + 2 * file.getnframes() == len(answer.body)


async def test_voices_and_locales_are_lines(doors: Doors) -> None:
    lines = (await curl(f"{doors.url}/voices")).decode().splitlines()
    assert lines[0].split()[:2] == [FIRST, "vi_VN"]
    assert len(lines) == 3
    assert (await curl(f"{doors.url}/locales")) == b"vi_VN\n"
