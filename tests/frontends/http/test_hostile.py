"""Whatever comes over the wire, the server goes on answering."""

import asyncio
import gzip
import io
import json
import random
import resource
import shutil
import socket
import struct
import time
import wave
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import aiohttp
import pytest
from aiohttp.test_utils import make_mocked_request

from tests.engines.vietts.speech import voices_dir
from tests.frontends.http.harness import Doors, raw, running_doors, serving
from tests.harness import StepEngine, describe, synthesize, types
from wyoming_vietts.errors import RequestError
from wyoming_vietts.frontends import limits
from wyoming_vietts.frontends.http.requests import read_form
from wyoming_vietts.text import LexiconFile

__all__ = ["voices_dir"]

REQUESTS = 10_000
AT_ONCE = 40
LORISES = 100

JSON_ROUTES = (
    ("POST", "/v1/audio/speech"), ("POST", "/v1/audio/speech"), ("POST", "/api/normalize"),
    ("POST", "/api/lexicon"), ("DELETE", "/api/lexicon"), ("PUT", "/api/default"),
    ("PATCH", "/api/voices/an"), ("PATCH", "/api/voices/espeak-north-male"),
)  # fmt: skip
OTHER_ROUTES = (
    ("GET", "/"), ("GET", "/health"), ("GET", "/metrics"), ("GET", "/page/app.js"),
    ("GET", "/v1/models"), ("GET", "/v1/audio/voices"), ("POST", "/api/text-to-speech"),
    ("GET", "/api/tts"), ("GET", "/process"), ("POST", "/process"), ("GET", "/voices"),
    ("GET", "/locales"), ("GET", "/api/status"), ("GET", "/api/voices"), ("POST", "/api/voices"),
    ("DELETE", "/api/voices/x"), ("GET", "/api/lexicon"), ("POST", "/api/recordings"),
    ("POST", "/api/undo/0123456789abcdef"), ("GET", "/api/downloads"), ("POST", "/api/downloads/x"),
)  # fmt: skip
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "CONNECT", "BREW")
HEADERS = (
    "Host", "Origin", "Sec-Fetch-Site", "X-Page-Token", "Authorization", "Content-Type",
    "Content-Length", "Transfer-Encoding", "Content-Encoding", "Expect", "Upgrade", "Connection",
    "Cookie", "Range", "X-Ingress-Path", "X-Forwarded-Host", "Accept", "Sec-WebSocket-Key",
)  # fmt: skip
VALUES = (
    "localhost", "127.0.0.1", "evil.example", "[::1", "null", "cross-site", "Bearer x", "Basic //",
    "multipart/form-data; boundary=b", "multipart/form-data", "application/json", "-1", "0", "3",
    "99999999999999999999", "1e3", "chunked", "gzip", "gzip, chunked", "100-continue", "websocket",
    "upgrade", "close", "bytes=0-", "\xff\xfe", "a" * 9000, "", "0x10", "\t", "'\"<script>",
)  # fmt: skip
TEXTS = ("a", "", "<speak>a</speak>", "<speak>", "\x00", "😀", "\ud83d", "../..", "%s%n", "a" * 300,
    "x = y", "# z", "a\nb = c", "wav", "mp3", "opus", "sse", "espeak-north-male")  # fmt: skip
OTHER_VALUES = (None, True, 0, -1, 1.5, 1e309, 2**70, [], {}, {"id": "an"}, [[[]]])
KEYS = {
    "/v1/audio/speech": ("input", "voice", "speed", "response_format", "stream_format"),
    "/api/normalize": ("text",),
    "/api/lexicon": ("written", "spoken"),
    "/api/default": ("voice",),
}
PATH_PARTS = ("..", "%2e%2e", "%00", "%ff", "//", "page", "\\", ";", "?", "#", "a" * 50, "é", "*")
CHUNKS = (
    b"3\r\nabc\r\n", b"0\r\n\r\n", b"-1\r\n", b"zz\r\n", b"ffffffff\r\nabc", b"3;a=b\r\nabc\r\n"
)  # fmt: skip


def short_recording() -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as wav:
        wav.setframerate(16_000)
        wav.setsampwidth(2)
        wav.setnchannels(1)
        wav.writeframes(bytes(3200))
    return file.getvalue()


SHORT = short_recording()


class Fuzzer:
    """Makes bytes that are nearly, or not at all, requests."""

    def __init__(self, seed: int, page_token: str) -> None:
        self.random = random.Random(seed)
        self.page_token = page_token

    def requests(self) -> Iterator[bytes]:
        kinds = (self.noise, self.path, self.headers, self.json, self.json, self.json, self.form,
            self.query, self.chunks)  # fmt: skip
        while True:
            sent = self.random.choice(kinds)()
            if self.random.random() < 0.2:
                sent = self.damaged(sent)
            yield sent

    def damaged(self, sent: bytes) -> bytes:
        """The same with some bytes changed, or cut short."""
        changed = bytearray(sent)
        for _ in range(self.random.randrange(1, 6)):
            changed[self.random.randrange(len(changed))] = self.random.randrange(256)
        if self.random.random() < 0.5:
            del changed[self.random.randrange(len(changed)) :]
        return bytes(changed)

    def noise(self) -> bytes:
        return self.random.randbytes(self.random.randrange(400)) + b"\r\n\r\n"

    def request(self, method: str, path: str, body: bytes = b"", **headers: str) -> bytes:
        lines = {"Host": "localhost", "Content-Length": str(len(body)),
            "X-Page-Token": self.page_token} | headers  # fmt: skip
        head = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in lines.items())
        start = f"{method} {path} HTTP/1.1\r\n{head}\r\n"
        return start.encode("utf-8", "surrogatepass") + body

    def route(self) -> tuple[str, str]:
        return self.random.choice(JSON_ROUTES + OTHER_ROUTES)

    def path(self) -> bytes:
        method, path = self.route()
        parts = self.random.choices(PATH_PARTS, k=self.random.randrange(6))
        if self.random.random() < 0.5:
            method = self.random.choice(METHODS)
        return self.request(method, path + "/".join(parts))

    def headers(self) -> bytes:
        chosen = {
            self.random.choice(HEADERS): self.random.choice(VALUES)
            for _ in range(self.random.randrange(1, 8))
        }
        return self.request(*self.route(), b"abc", **chosen)

    def json(self) -> bytes:
        method, path = self.random.choice(JSON_ROUTES)
        body = {
            key: self.random.choice(TEXTS if self.random.random() < 0.8 else OTHER_VALUES)
            for key in KEYS.get(path, ("description",))
            if self.random.random() < 0.8
        }
        return self.request(method, path, json.dumps(body).encode())

    def query(self) -> bytes:
        names = ("text", "voice", "INPUT_TEXT", "VOICE", "AUDIO", "INPUT_TYPE", "filename", "%ff")
        values = ("a", "%00", "%ff", "%", "", "WAVE", "an")
        pairs = "&".join(
            f"{self.random.choice(names)}={self.random.choice(values)}"
            for _ in range(self.random.randrange(8))
        )
        path = self.random.choice(("/api/tts", "/process", "/api/text-to-speech", "/voices"))
        return self.request(self.random.choice(("GET", "POST")), f"{path}?{pairs}", b"a=b")

    def form(self) -> bytes:
        names = (b"description", b"consent", b"recording", b"", b"\xff", b'"')
        kinds = (b"", b'; filename="../x.wav"', b"; filename*=utf-8''%00")
        contents = (b"yes", b"RIFF", SHORT, self.random.randbytes(50), b"--b", b"\r\n")
        body = b"".join(
            b'--b\r\nContent-Disposition: form-data; name="%s"%s\r\n\r\n%s\r\n'
            % tuple(map(self.random.choice, (names, kinds, contents)))
            for _ in range(self.random.choice((0, 1, 3, 5, 40)))
        )
        body += self.random.choice((b"--b--\r\n", b"--b--\r\n", b"--b", b""))
        boundary = self.random.choice(("b", "b", "b", '"b"', "", "c", "b" * 99))
        form = f"multipart/form-data; boundary={boundary}"
        path = self.random.choice(("/api/voices", "/api/voices", "/api/recordings"))
        return self.request("POST", path, body, Content_Type=form)

    def chunks(self) -> bytes:
        method, path = self.route()
        head = f"{method} {path} HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        return head.encode() + b"".join(self.random.choices(CHUNKS, k=self.random.randrange(5)))


async def throw(doors: Doors, sent: bytes, manner: float) -> None:
    """Send bytes to the door, and end the connection one way or another."""
    host, port = doors.url.removeprefix("http://").split(":")
    with suppress(OSError, TimeoutError):
        reader, writer = await asyncio.open_connection(host, int(port))
        try:
            writer.write(sent)
            await writer.drain()
            if manner < 0.6:
                async with asyncio.timeout(0.2):
                    await reader.read(10_000)
            elif manner < 0.8:
                writer.write_eof()
                async with asyncio.timeout(0.2):
                    await reader.read()
            elif manner < 0.9:
                off_at_once = struct.pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(1, 13, off_at_once)
                writer.transport.abort()
        finally:
            writer.close()


def memory_mb(pid: int) -> float:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) / 1000


async def test_ten_thousand_hostile_requests_leave_the_server_answering(
    model_dirs: dict[int, Path], voices_dir: Path, tmp_path: Path
) -> None:
    voices, lexicon, log_file = (tmp_path / name for name in ("voices", "lexicon", "log"))
    shutil.copytree(voices_dir, voices)
    lexicon.write_text("Bo = Bô\n")
    arguments = ("--engine", "espeak,vietts", "--model-dir", str(model_dirs[25].absolute()),
        "--voices-dir", str(voices), "--lexicon", str(lexicon))  # fmt: skip
    with log_file.open("wb") as log:
        async with serving(*arguments, stderr=log, cwd=tmp_path) as (doors, process):
            fuzzer = Fuzzer(10_280, (await doors.get("/api/status")).json["token"])
            requests = fuzzer.requests()
            host, port = doors.url.removeprefix("http://").split(":")
            lorises = [await asyncio.open_connection(host, int(port)) for _ in range(LORISES)]
            for _, writer in lorises[: LORISES // 2]:
                writer.write(b"POST /v1/audio/speech HTTP/1.1\r\nHost: loc")

            async def throw_some(count: int) -> None:
                for _ in range(count):
                    await throw(doors, next(requests), fuzzer.random.random())

            async def throw_all(count: int) -> None:
                await asyncio.gather(*(throw_some(count // AT_ONCE) for _ in range(AT_ONCE)))

            await throw_all(REQUESTS // 2)
            before = memory_mb(process.pid)
            await throw_all(REQUESTS // 2)
            after = memory_mb(process.pid)

            assert (await doors.get("/health")).body == b"ok"
            assert (await doors.speech("Xin chào.", voice="espeak-south-male")).status == 200
            assert (await doors.speech("Xin chào.", voice="binh")).status == 200
            assert (await describe(doors.uri)).tts
            assert after < before + 50
            metrics = (await doors.get("/metrics")).body.decode()
            assert metrics.count('vietts_requests_total{door="http"') > 4, "it is reached"
            for _, writer in lorises:
                writer.close()
            process.terminate()
            assert await asyncio.to_thread(process.wait, 15) == 0
    said = log_file.read_text(errors="replace")
    assert "Traceback" not in said
    assert "ERROR" not in said
    assert LexiconFile(lexicon).lexicon
    assert {path.name for path in tmp_path.iterdir()} == {"voices", "lexicon", "log"}
    assert {path.name for path in voices.iterdir()} <= {
        "an.wav", "an.toml", "binh.wav", ".default-voice"}  # fmt: skip


async def test_slow_loris_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.5)
    async with running_doors(StepEngine()) as doors:
        host, port = doors.url.removeprefix("http://").split(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        silent, _ = await asyncio.open_connection(host, int(port))

        async def trickle() -> None:
            for letter in b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-Slow: " + b"a" * 1000:
                writer.write(bytes([letter]))
                await asyncio.sleep(0.02)

        trickling = asyncio.create_task(trickle())
        async with asyncio.timeout(10):
            assert await reader.read() == b""
            assert await silent.read() == b""
        trickling.cancel()


async def test_slow_body_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "REQUEST_SECONDS", 0.5)
    async with running_doors(StepEngine()) as doors:
        head = b"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        answer = await raw(doors.url, head)
    assert b" 408 " in answer.splitlines()[0]
    assert b"was not complete after 0.5 seconds" in answer


async def test_clients_beyond_the_limit_are_turned_away() -> None:
    async with running_doors(StepEngine(), max_clients=3) as doors:
        host, port = doors.url.removeprefix("http://").split(":")
        idle = [await asyncio.open_connection(host, int(port)) for _ in range(3)]
        await asyncio.sleep(0.05)
        assert b" 503 " in (await raw(doors.url, b"GET /health HTTP/1.1\r\n\r\n")).splitlines()[0]
        for _, writer in idle:
            writer.close()
        await asyncio.sleep(0.05)
        assert (await doors.get("/health")).body == b"ok"


async def test_compressed_bodies_are_not_blown_up() -> None:
    async with running_doors(StepEngine()) as doors:
        body = gzip.compress(b" " * 200_000_000)[:240_000]
        headers = {"Content-Encoding": "gzip"}
        answer = await doors.ask("POST", "/v1/audio/speech", data=body, headers=headers)
    assert answer.status == 400


async def test_a_crowd_at_the_http_door_leaves_descriptors_and_wyoming_clients_in_peace(
    tmp_path: Path,
) -> None:
    log_file = tmp_path / "log"
    limit = (256, 256)
    with log_file.open("wb") as log:
        async with serving(
            "--engine",
            "espeak",
            stderr=log,
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limit),
        ) as (doors, process):
            host, port = doors.url.removeprefix("http://").split(":")
            crowd = [socket.create_connection((host, int(port))) for _ in range(256)]
            until = time.monotonic() + 4
            while time.monotonic() < until:
                assert (await describe(doors.uri)).tts[0].voices
                await asyncio.sleep(0.1)
            assert types(await synthesize(doors.uri, "Xin chào."))[-1] == "audio-stop"
            assert len(list(Path(f"/proc/{process.pid}/fd").iterdir())) < 200
            for connection in crowd:
                connection.close()
            assert (await doors.speech("Xin chào.")).status == 200
    said = log_file.read_text()
    assert "Traceback" not in said
    assert "At most 92 clients are served at each address" in said
    assert len(said.splitlines()) < 250


@pytest.mark.parametrize(
    "boundary", ["boundary*=idna''x", "boundary*=undefined''x", "boundary*=punycode''%ff", ""]
)
async def test_boundary_that_cannot_be_read_is_a_bad_request(boundary: str) -> None:
    headers = {"Content-Type": f"multipart/form-data; {boundary}"}
    request = make_mocked_request("POST", "/api/voices", headers)
    with pytest.raises(RequestError, match=r"boundary|must be multipart"):
        await read_form(request, 1000)


HEAD = b"--X\r\nContent-Disposition: form-data%s\r\n\r\nx\r\n"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (HEAD % (b";" * 100_000) + b"--X--", "must end in its first 4096 bytes"),
        (HEAD % (b"\r\na: b" * 100_000) + b"--X--", "must end in its first 4096 bytes"),
        (b"--X\r\nno head\r\n--X--", "must end in its first 4096 bytes"),
        (HEAD % b"" * 21 + b"--X--", "more than 20 fields"),
    ],
)
async def test_form_that_is_slow_to_parse_is_a_bad_request(body: bytes, message: str) -> None:
    payload = aiohttp.StreamReader(Mock(), 2**20, loop=asyncio.get_running_loop())
    payload.feed_data(body)
    payload.feed_eof()
    headers = {"Content-Type": "multipart/form-data; boundary=X"}
    request = make_mocked_request("POST", "/api/voices", headers, payload=payload)
    with pytest.raises(RequestError, match=message):
        await read_form(request, 10_000_000)
