"""A request for speech in, audio out as it is made; and how it ends."""

import asyncio
import base64
import json
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from dataclasses import dataclass

from aiohttp import web
from aiohttp.typedefs import Handler

from ...errors import HungUpError, ServerStoppingError
from ...speech.synthesizer import Synthesizer
from ...speech.utterance import Utterance
from .. import limits
from ..listener import finish
from ..sockets import reset
from .formats import Encoder, make_encoder
from .requests import error_object, error_response

_LOGGER = logging.getLogger(__name__)

DOOR = "http"

_STOPPING = "The server is shutting down"


@dataclass(frozen=True)
class SpeechRequest:
    """What a request for speech asks for."""

    text: str
    """SSML if it begins with `<speak`."""
    voice: str | None = None
    speed: float = 1.0
    audio_format: str = "wav"
    as_events: bool = False
    """Send server-sent events, as OpenAI has them, instead of bare audio."""


class SpeechEndpoint:
    """Answers requests for speech, whatever API they come through."""

    def __init__(self, synthesizer: Synthesizer) -> None:
        """Speak with the voices of a synthesizer."""
        self._synthesizer = synthesizer
        self._under_way: set[asyncio.Task[object]] = set()
        self._is_stopping = False

    def handler(self, read: Callable[[web.Request], Awaitable[SpeechRequest]]) -> Handler:
        """A route's handler, from what reads its requests."""

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
                is_ssml=wanted.text.lstrip().startswith("<speak"),
            )
            encoder = make_encoder(wanted.audio_format, utterance.voice.sample_rate)
            response = web.StreamResponse()
            response.content_type = "text/event-stream" if is_events else encoder.content_type
            async with aclosing(_audio(utterance, wanted.text, encoder)) as pieces:
                async for piece in pieces:
                    if not response.prepared:
                        await response.prepare(request)  # not before there is something to hear
                    await self._write(response, _audio_event(piece) if is_events else piece)
            if is_events:
                await self._write(response, _END_EVENT)
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
            await self._write(response, _event(error_object(failure.code, failure.message)))
        else:
            _cut_off(request)
        return response

    async def _write(self, response: web.StreamResponse, piece: bytes) -> None:
        """Send bytes, as fast as the client reads.

        Raises:
            TimeoutError: it has read nothing for too long.
        """
        async with asyncio.timeout(limits.PLAYING_PAUSE_SECONDS):
            await response.write(piece)


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


async def _audio(utterance: Utterance, text: str, encoder: Encoder) -> AsyncGenerator[bytes, None]:
    """Yield the bytes of a whole answer, as they are made."""
    for pcm_pieces in (utterance.add(text), utterance.finish()):
        async with aclosing(pcm_pieces):
            async for pcm in pcm_pieces:
                if pcm and (encoded := encoder.encode(pcm)):
                    yield encoded
    if rest := encoder.finish():
        yield rest


# --- OpenAI's server-sent events -----------------------------------------------------------------


def _audio_event(piece: bytes) -> bytes:
    return _event({"type": "speech.audio.delta", "audio": base64.b64encode(piece).decode()})


def _event(data: dict[str, object]) -> bytes:
    return b"data: " + json.dumps(data).encode() + b"\n\n"


_NO_TOKENS = {"input_tokens": 0, "output_tokens": 0, "total_tokens": 0}  # are counted here
_END_EVENT = _event({"type": "speech.audio.done", "usage": _NO_TOKENS})
