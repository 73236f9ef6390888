"""What Rhasspy 2.5 and clients of MaryTTS ask for, from a real process."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from speak2mary import MaryTTS

from tests.frontends.http.harness import Doors, serving, wav_pcm
from tests.harness import pcm_of, synthesize

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
    assert wav_pcm(answer)[1] == await spoken(doors, OTHER)


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


async def test_voices_and_locales_are_lines(doors: Doors) -> None:
    lines = (await curl(f"{doors.url}/voices")).decode().splitlines()
    assert lines[0].split()[:2] == [FIRST, "vi_VN"]
    assert len(lines) == 3
    assert (await curl(f"{doors.url}/locales")) == b"vi_VN\n"
