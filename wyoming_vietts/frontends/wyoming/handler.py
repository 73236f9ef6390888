"""Wyoming events in, Wyoming events out, for one client."""

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from typing import Any

from wyoming.audio import AudioChunk, AudioStart, AudioStop
from wyoming.error import Error
from wyoming.event import Event, Eventable
from wyoming.info import Describe
from wyoming.ping import Ping, Pong
from wyoming.tts import (
    Synthesize,
    SynthesizeChunk,
    SynthesizeStart,
    SynthesizeStop,
    SynthesizeStopped,
    SynthesizeTextFormat,
)

from ...engines.catalogue import Catalogue
from ...errors import (
    RequestError,
    ServerStoppingError,
    SynthesisError,
    WyomingViettsError,
)
from ...speech.answer import Answer
from ...speech.speech import PCM, SAMPLE_WIDTH, Speech, SpeechSettings
from ...speech.turns import Turns
from ...speech.voice_choice import choose_voice
from .info import make_info
from .wire import encode_event, read_event

_LOGGER = logging.getLogger(__name__)

WRITE_TIMEOUT_SECONDS = 30.0
_BATCH_BYTES = 64 * 1024
_LINGER_SECONDS = 1.0
_LAST_WORDS_SECONDS = 0.8
_MAX_MESSAGE_CHARACTERS = 1000
_CLOSED = "The client closed its side of the connection"


class HungUpError(Exception):
    """The client is gone; there is nobody to answer."""


@dataclass(frozen=True)
class HandlerSettings:
    """How clients are served; the flags of these names say more."""

    samples_per_chunk: int
    supports_streaming: bool
    idle_timeout_seconds: float


class Handler:
    """Answers one client until it hangs up, it sends a bad request or the server stops."""

    def __init__(
        self,
        catalogue: Catalogue,
        speech_settings: SpeechSettings,
        settings: HandlerSettings,
        turns: Turns,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        has_hung_up: Callable[[], bool],
    ) -> None:
        self._catalogue = catalogue
        self._speech_settings = speech_settings
        self._chunk_bytes = settings.samples_per_chunk * SAMPLE_WIDTH
        self._supports_streaming = settings.supports_streaming
        self._idle_timeout_seconds = settings.idle_timeout_seconds
        self._turns = turns
        self._reader = reader
        self._writer = writer
        self._has_hung_up = has_hung_up
        self._answer: Answer | None = None  # the stream that is open
        self._is_answering = False
        self._is_stopping = False
        self._flush_seconds: float | None = None  # for as long as the client reads

    @property
    def is_busy(self) -> bool:
        """An utterance is under way."""
        return self._is_answering or self._answer is not None

    def stop_after_answer(self) -> None:
        """Take no further request once the utterance under way is finished."""
        self._is_stopping = True

    async def run(self) -> None:
        """Answer events until the end; never raises because of what a client does."""
        try:
            while not (self._is_stopping and not self.is_busy):
                if not await self._handle_next():
                    break
            if self._answer is not None:
                await self._write(Error(text=_CLOSED))
                raise HungUpError
        except RequestError as error:
            await self._refuse(error)
        except (HungUpError, ConnectionError):
            self._log_hang_up()
        except asyncio.CancelledError:  # the server stops
            self._flush_seconds = _LAST_WORDS_SECONDS
            if self.is_busy:
                await self._refuse(ServerStoppingError("The server is shutting down"))
        except SynthesisError as error:
            _LOGGER.error("%s", error)
            await self._refuse(error)
        except Exception:
            _LOGGER.exception("Cannot answer a request")
            await self._refuse(SynthesisError("The speech engine failed; see the server's log"))
        finally:
            self._is_answering = False
            self._answer = None
            await self._close()

    async def _handle_next(self) -> bool:
        """Answer the next event; False if there is none, or none comes."""
        try:
            event = await read_event(self._reader, self._idle_timeout_seconds)
        except TimeoutError:
            if self._answer is None:
                return False
            seconds = self._idle_timeout_seconds
            raise RequestError(f"No text came for {seconds:g} seconds") from None
        if event is None:
            return False
        self._is_answering = True
        await self._handle(event)
        self._is_answering = False
        await asyncio.sleep(0)  # events that came together must not keep others waiting
        return True

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            await self._write(make_info(self._catalogue.voices, self._supports_streaming))
        elif Ping.is_type(event.type):
            await self._write(Pong(text=_text(event.data, "text", default="")))
        elif Synthesize.is_type(event.type):
            if self._answer is None:  # within a stream it repeats the text for old servers
                await self._synthesize(event.data)
        elif not self._supports_streaming:
            _LOGGER.debug("Ignored event %.200r", event.type)
        elif SynthesizeStart.is_type(event.type):
            if self._answer is not None:
                raise RequestError("synthesize-start came while the last stream was open")
            self._answer = self._new_answer(event.data)
        elif SynthesizeChunk.is_type(event.type):
            answer = self._open_answer(event.type)
            await self._speak(answer, answer.speech.add(_text(event.data, "text")))
        elif SynthesizeStop.is_type(event.type):
            answer = self._open_answer(event.type)
            await self._finish(answer)
            self._answer = None
            await self._write(SynthesizeStopped())
        else:
            _LOGGER.debug("Ignored event %.200r", event.type)

    async def _synthesize(self, data: dict[str, Any]) -> None:
        answer = self._new_answer(data)
        text = _text(data, "text")
        await self._speak(answer, answer.speech.add(text))
        await self._finish(answer)

    def _new_answer(self, data: dict[str, Any]) -> Answer:
        text_format = _text(data, "text_format", default=SynthesizeTextFormat.TEXT.value)
        formats = [text_format.value for text_format in SynthesizeTextFormat]
        if text_format not in formats:
            raise RequestError(
                f"Unknown text_format '{text_format:.80}'; available: {', '.join(formats)}"
            )
        wanted = data.get("voice")
        if wanted is None:
            wanted = {}
        if not isinstance(wanted, dict):
            raise RequestError("'voice' must be an object with 'name', 'speaker' or 'language'")
        voice = choose_voice(
            self._catalogue,
            self._speech_settings.voice,
            name=_optional_text(wanted, "name"),
            speaker=_optional_text(wanted, "speaker"),
            language=_optional_text(wanted, "language"),
        )
        is_ssml = text_format == SynthesizeTextFormat.SSML.value
        return Answer(Speech(voice, self._speech_settings, is_ssml))

    def _open_answer(self, event_type: str) -> Answer:
        if self._answer is None:
            raise RequestError(f"{event_type} came without synthesize-start")
        return self._answer

    async def _speak(self, answer: Answer, pcm_pieces: PCM) -> None:
        """Send PCM as it is made, and give other clients a turn after every step."""
        answer.resume()
        with closing(pcm_pieces):
            while True:
                await self._turns.wait(answer.deadline)
                pcm = answer.next_piece(pcm_pieces)
                if pcm is None:
                    return
                if pcm:
                    await self._send_pcm(answer, pcm)
                if self._has_hung_up():
                    await self._write(Error(text=_CLOSED))
                    raise HungUpError

    async def _send_pcm(self, answer: Answer, pcm: bytes) -> None:
        rate = answer.speech.voice.sample_rate
        audio_format = {"rate": rate, "width": SAMPLE_WIDTH, "channels": 1}
        if answer.first_audio_seconds is None:
            answer.first_audio_seconds = time.monotonic() - answer.started
            await self._write(AudioStart(**audio_format))
        answer.plays(len(pcm) / SAMPLE_WIDTH / rate)
        size = self._chunk_bytes
        batch = size * max(1, _BATCH_BYTES // size)
        for first in range(0, len(pcm), batch):
            starts = range(first, min(first + batch, len(pcm)), size)
            # Not all at once: a slow reader would hold a copy of the whole of it.
            await self._write(
                *(AudioChunk(**audio_format, audio=pcm[at : at + size]) for at in starts)
            )

    async def _finish(self, answer: Answer) -> None:
        await self._speak(answer, answer.speech.finish())
        await self._write(AudioStop())
        seconds = answer.speech.seconds
        _LOGGER.info(
            "Spoke %.2f s with voice %s: first audio after %.0f ms, real-time factor %.3f",
            seconds,
            answer.speech.voice.name,
            1000 * (answer.first_audio_seconds or 0.0),
            answer.computing_seconds / seconds,
        )

    async def _write(self, *events: Eventable) -> None:
        """Send events at once; see `_drain`."""
        self._writer.write(b"".join(encode_event(event.event()) for event in events))
        await self._drain()

    async def _drain(self) -> None:
        """Wait until the client has read enough.

        Raises:
            HungUpError: it has read nothing for 30 s.
        """
        while True:
            unsent = self._writer.transport.get_write_buffer_size()
            try:
                async with asyncio.timeout(WRITE_TIMEOUT_SECONDS):
                    await self._writer.drain()
                return
            except TimeoutError:
                if self._writer.transport.get_write_buffer_size() == unsent:
                    _LOGGER.info("A client read nothing for %g s", WRITE_TIMEOUT_SECONDS)
                    _reset(self._writer)
                    raise HungUpError from None

    async def _refuse(self, error: WyomingViettsError) -> None:
        """Tell the client what was wrong; the connection closes afterwards.

        Some clients wait forever after an error unless the connection closes, and treat audio that
        ends without an error as complete.
        """
        # Short and on one line, whatever the client put into it.
        message = str(error)[:_MAX_MESSAGE_CHARACTERS]
        _LOGGER.info("Refused a request (%s): %.300r", error.code, message)
        try:
            await self._write(Error(text=message, code=error.code))
        except (HungUpError, ConnectionError):
            self._log_hang_up()

    def _log_hang_up(self) -> None:
        _LOGGER.info("A client hung up%s", " before its answer was complete" * self.is_busy)

    async def _close(self) -> None:
        """Close once everything is sent; else reset, as cut-off audio must not look complete."""
        try:
            self._writer.transport.set_write_buffer_limits(0)
            async with asyncio.timeout(self._flush_seconds):
                await self._drain()
            await self._linger()
        except (TimeoutError, HungUpError, asyncio.CancelledError):
            _reset(self._writer)
        except OSError:
            pass  # the client has closed it
        finally:
            self._writer.close()

    async def _linger(self) -> None:
        """Let the client read what was sent: unread input would reset the connection."""
        if self._is_stopping or not self._writer.can_write_eof():
            return
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_SECONDS):
                while await self._reader.read(_BATCH_BYTES):
                    pass


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection so that the client sees an error instead of a normal end."""
    connection = writer.get_extra_info("socket")
    if connection is not None and connection.family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError):  # closed already
            off_at_once = struct.pack("ii", 1, 0)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, off_at_once)
    writer.transport.abort()


def _optional_text(data: dict[str, Any], key: str) -> str | None:
    value = data.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"'{key}' must be a string, not {type(value).__name__}")
    # JSON can hold half of a surrogate pair, which no encoding can carry.
    return value.encode("utf-8", "ignore").decode("utf-8")


def _text(data: dict[str, Any], key: str, default: str | None = None) -> str:
    value = _optional_text(data, key)
    if value is not None:
        return value
    if default is None:
        raise RequestError(f"'{key}' is missing; it must be a string")
    return default
