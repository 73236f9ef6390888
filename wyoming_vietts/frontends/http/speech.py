"""Answers requests for speech; audio is sent as it is computed."""

import asyncio
import base64
import hashlib
import json
import logging
from collections import Counter
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from contextlib import aclosing, closing, contextmanager
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from ...errors import HungUpError, ServerStoppingError
from ...speech.prosody import scale
from ...speech.ssml import begins_ssml
from ...speech.synthesizer import Synthesizer
from ...speech.utterance import Utterance
from .. import limits
from ..listener import finish
from ..sockets import reset
from .formats import MOST_AT_ONCE, WAV_HEADER_BYTES, Encoder, make_encoder, wav_header
from .requests import HttpError, error_object, error_response

_LOGGER = logging.getLogger(__name__)

DOOR = "http"

_STOPPING = "The server is shutting down"
_MOST_FILE_BYTES = 200_000_000  # of all WAV files being made or sent
_PIECE_BYTES = 64 * 1024


@dataclass(frozen=True)
class SpeechRequest:
    """A request for speech, from any API."""

    text: str
    """SSML if it begins with `<speak`."""
    voice: str | None = None
    speed: float = 1.0
    volume: float = 1.0
    """Factor of the amplitude."""
    audio_format: str = "wav"
    sample_rate: int | None = None
    """In Hz; None for that of the voice."""
    as_file: bool = False
    """Send a WAV file of known length, once it is complete."""
    as_events: bool = False
    """Send the server-sent events of OpenAI's API instead of bare audio."""


class SpeechEndpoint:
    """Answers requests for speech from every API."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        self._synthesizer = synthesizer
        self._under_way: set[asyncio.Task[object]] = set()
        self._encoding: Counter[str] = Counter()  # answers under way, by format
        self._file_bytes = 0
        self._is_stopping = False

    def handler(self, read: Callable[[web.Request], Awaitable[SpeechRequest]]) -> Handler:
        """Make the handler of a route from the function that reads its requests."""

        async def speak(request: web.Request) -> web.StreamResponse:
            task = asyncio.current_task()
            assert task is not None
            self._under_way.add(task)
            try:
                return await self._answer(request, read)
            finally:
                self._under_way.discard(task)

        return speak

    def stop_accepting(self) -> None:
        """Refuse further requests; answers under way go on."""
        self._is_stopping = True

    async def finish(self) -> None:
        """Wait for the answers under way, at most 5 s, then cut off the others."""
        await finish(set(self._under_way), len(self._under_way))

    async def _answer(
        self, request: web.Request, read: Callable[[web.Request], Awaitable[SpeechRequest]]
    ) -> web.StreamResponse:
        utterance: Utterance | None = None
        response: web.StreamResponse | None = None
        is_events = False
        try:
            if self._is_stopping:
                raise ServerStoppingError(_STOPPING)
            wanted = await read(request)
            is_events = wanted.as_events
            utterance = self._synthesizer.begin(
                DOOR,
                voice=wanted.voice,
                speed=wanted.speed,
                is_ssml=bool(begins_ssml(wanted.text)),
            )
            if wanted.as_file:
                return await self._send_file(request, utterance, wanted)
            rate = utterance.voice.sample_rate
            with self._encoder(wanted, rate) as encoder:
                response = web.StreamResponse()
                response.content_type = "text/event-stream" if is_events else encoder.content_type
                async with aclosing(_audio(utterance, wanted, encoder)) as pieces:
                    async for piece in pieces:
                        if not response.prepared:  # until then, errors have their own status
                            response.headers.update(_headers(utterance, encoder.sample_rate))
                            await response.prepare(request)
                        await _write(response, _audio_event(piece) if is_events else piece)
            if is_events:
                await _write(response, _END_EVENT)
            async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
                await response.write_eof()
            return response
        except (ConnectionError, TimeoutError):
            return _hang_up(request, utterance, response)
        except asyncio.CancelledError:
            if request.transport is None:  # the client has closed it
                _hang_up(request, utterance, response)
                raise
            error: Exception = ServerStoppingError(_STOPPING)
        except Exception as other:
            error = other
        failure = utterance.fail(error) if utterance else self._synthesizer.refuse(DOOR, error)
        if response is None or not response.prepared:
            return error_response(failure.code, failure.message)
        if is_events:
            await _write(response, _event(error_object(failure.code, failure.message)))
        else:
            _cut_off(request)
        return response

    @contextmanager
    def _encoder(self, wanted: SpeechRequest, voice_rate: int) -> Iterator[Encoder]:
        """Make an encoder, unless too many are in use, and close it afterwards."""
        name = wanted.audio_format
        most = MOST_AT_ONCE.get(name)
        if most is not None and self._encoding[name] >= most:
            raise HttpError("busy", f"{most} answers are being made as {name}; try again, or wav")
        with closing(make_encoder(name, voice_rate, wanted.sample_rate)) as encoder:
            self._encoding[name] += 1
            try:
                yield encoder
            finally:
                self._encoding[name] -= 1

    async def _send_file(
        self, request: web.Request, utterance: Utterance, wanted: SpeechRequest
    ) -> web.StreamResponse:
        content = bytearray(wav_header(utterance.voice.sample_rate, 0))
        try:
            async with aclosing(_speech(utterance, wanted)) as pieces:
                async for pcm in pieces:
                    if self._file_bytes + len(pcm) > _MOST_FILE_BYTES:
                        raise HttpError("busy", "The server is making many WAV files; try again")
                    self._file_bytes += len(pcm)
                    content += pcm
            header = wav_header(utterance.voice.sample_rate, len(content) - WAV_HEADER_BYTES)
            content[:WAV_HEADER_BYTES] = header
            headers = _headers(utterance, utterance.voice.sample_rate)
            return await _send_range(request, content, headers)
        finally:
            self._file_bytes -= len(content) - WAV_HEADER_BYTES


def _headers(utterance: Utterance, sample_rate: int) -> dict[str, str]:
    headers = {"X-Sample-Rate": str(sample_rate)}
    return headers | ({"X-Nothing-To-Say": "1"} if utterance.has_nothing_to_say else {})


def _hang_up(
    request: web.Request, utterance: Utterance | None, response: web.StreamResponse | None
) -> web.StreamResponse:
    if utterance is not None:
        utterance.fail(HungUpError())
    _cut_off(request)
    return response or web.Response()


def _cut_off(request: web.Request) -> None:
    """Reset the connection, as cut-off audio must not look complete."""
    if request.transport is not None:
        reset(request.transport)


async def _speech(utterance: Utterance, wanted: SpeechRequest) -> AsyncGenerator[bytes, None]:
    """Yield the PCM of a whole answer."""
    for pcm_pieces in (utterance.add(wanted.text), utterance.finish()):
        async with aclosing(pcm_pieces):
            async for pcm in pcm_pieces:
                if pcm:
                    yield scale(pcm, wanted.volume)


async def _audio(
    utterance: Utterance, wanted: SpeechRequest, encoder: Encoder
) -> AsyncGenerator[bytes, None]:
    """Yield the encoded bytes of a whole answer."""
    async with aclosing(_speech(utterance, wanted)) as pieces:
        async for pcm in pieces:
            if encoded := encoder.encode(pcm):
                yield encoded
    if rest := encoder.finish():
        yield rest


# --- sending -------------------------------------------------------------------------------------


async def _write(response: web.StreamResponse, piece: bytes | memoryview) -> None:
    """Send bytes, with backpressure; raise TimeoutError if the client reads nothing."""
    async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
        await response.write(piece)


async def _send_range(
    request: web.Request, content: bytearray, headers: dict[str, str]
) -> web.StreamResponse:
    """Send a WAV file, or the range of it that the client asks for (RFC 9110, section 14)."""
    tag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
    response = web.StreamResponse(headers={**headers, "ETag": tag, "Accept-Ranges": "bytes"})
    response.content_type = "audio/wav"
    start, stop = 0, len(content)
    if request.headers.get("If-Range", tag) == tag:
        start, stop = _range(request, len(content))
    if start >= stop:
        response.set_status(416)
        response.headers["Content-Range"] = f"bytes */{len(content)}"
        stop = start
    elif (start, stop) != (0, len(content)):
        response.set_status(206)
        response.headers["Content-Range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    response.content_length = stop - start
    await response.prepare(request)
    if request.method != "HEAD":
        with memoryview(content) as view:
            for first in range(start, stop, _PIECE_BYTES):
                await _write(response, view[first : min(first + _PIECE_BYTES, stop)])
    async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
        await response.write_eof()
    return response


def _range(request: web.Request, size: int) -> tuple[int, int]:
    """Return start and stop of the requested range; of the whole unless it is one range."""
    try:
        wanted = request.http_range
    except ValueError:
        return 0, size
    start, stop, _ = wanted.indices(size)
    return start, stop


# --- OpenAI's server-sent events -----------------------------------------------------------------


def _audio_event(piece: bytes) -> bytes:
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})


def _event(data: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}  # are counted here
_END_EVENT = _event({"type": "speech.audio.done", "usage": _NO_TOKENS})
