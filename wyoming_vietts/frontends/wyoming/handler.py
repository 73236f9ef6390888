"""Wyoming events in, Wyoming events out, for one client."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from wyoming.audio import AudioStart, AudioStop
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

from ...engines.contract import PCM
from ...errors import RequestError, ServerStoppingError
from ...speech.answer import HUNG_UP, SPOKEN, Answer
from ...speech.narrator import Narrator
from ...speech.speech import SAMPLE_WIDTH
from ..sockets import close_by_reset, reset
from .info import make_info
from .wire import encode_chunks, encode_event, read_event

_LOGGER = logging.getLogger(__name__)

DOOR = "wyoming"

WRITE_TIMEOUT_SECONDS = 30.0
_BATCH_BYTES = 64 * 1024
_LINGER_SECONDS = 1.0
_LAST_WORDS_SECONDS = 0.8
_CLOSED = "The client closed its side of the connection"


class HungUpError(Exception):
    """The client is gone; there is nobody to answer."""


@dataclass(frozen=True)
class HandlerSettings:
    """How clients are served; the flags of these names say more."""

    samples_per_chunk: int
    supports_streaming: bool
    idle_timeout_seconds: float | None
    """None: wait for ever."""


class Handler:
    """Answers one client until it hangs up, it sends a bad request or the server stops."""

    def __init__(
        self,
        narrator: Narrator,
        settings: HandlerSettings,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        has_hung_up: Callable[[], bool],
    ) -> None:
        self._narrator = narrator
        self._chunk_bytes = settings.samples_per_chunk * SAMPLE_WIDTH
        self._supports_streaming = settings.supports_streaming
        self._idle_timeout_seconds = settings.idle_timeout_seconds
        self._reader = reader
        self._writer = writer
        self._has_hung_up = has_hung_up
        self._answer: Answer | None = None  # the one under way
        self._has_started_audio = False
        self._held_back = b""
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
        close_by_reset(self._writer.transport, True)  # until all is said
        try:
            while not (self._is_stopping and not self.is_busy):
                if not await self._handle_next():
                    break
            if self._answer is not None:
                await self._write(Error(text=_CLOSED))
                raise HungUpError
        except (HungUpError, ConnectionError):
            self._log_hang_up()
        except asyncio.CancelledError:  # the server stops
            self._flush_seconds = _LAST_WORDS_SECONDS
            if self.is_busy:
                await self._refuse(ServerStoppingError("The server is shutting down"))
        except Exception as error:
            await self._refuse(error)
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
            voices = self._narrator.catalogue.voices
            await self._write(make_info(voices, self._supports_streaming))
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
            await self._finish(self._open_answer(event.type))
            await self._write(SynthesizeStopped())
        else:
            _LOGGER.debug("Ignored event %.200r", event.type)

    async def _synthesize(self, data: dict[str, Any]) -> None:
        answer = self._answer = self._new_answer(data)
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
        voice = self._narrator.choose_voice(
            name=_optional_text(wanted, "name"),
            speaker=_optional_text(wanted, "speaker"),
            language=_optional_text(wanted, "language"),
        )
        is_ssml = text_format == SynthesizeTextFormat.SSML.value
        return self._narrator.answer(DOOR, voice, is_ssml=is_ssml)

    def _open_answer(self, event_type: str) -> Answer:
        if self._answer is None:
            raise RequestError(f"{event_type} came without synthesize-start")
        return self._answer

    async def _speak(self, answer: Answer, pcm_pieces: PCM) -> None:
        """Send PCM as it is made."""
        async with aclosing(answer.pieces(pcm_pieces)) as pieces:
            async for pcm in pieces:
                if pcm:
                    await self._send_pcm(answer.speech.voice.sample_rate, pcm)
                if self._has_hung_up():
                    await self._write(Error(text=_CLOSED))
                    raise HungUpError

    async def _send_pcm(self, sample_rate: int, pcm: bytes) -> None:
        data = b""
        if not self._has_started_audio:
            self._has_started_audio = True
            audio_format = AudioStart(rate=sample_rate, width=SAMPLE_WIDTH, channels=1)
            data = encode_event(audio_format.event())
        # The last sample is an event of its own, as it waits for what comes next: see `_send`.
        size, end = self._chunk_bytes, len(pcm) - SAMPLE_WIDTH
        batch = size * max(1, _BATCH_BYTES // size)
        # Not all at once: a slow reader would hold a copy of the whole of it.
        for first in range(0, max(1, end), batch):
            last = min(first + batch, end)
            data += encode_chunks(sample_rate, pcm[first:last], size)
            if last == end:
                data += encode_chunks(sample_rate, pcm[end:], size)
            await self._send(data, goes_on=True)
            data = b""

    async def _finish(self, answer: Answer) -> None:
        await self._speak(answer, answer.speech.finish())
        await self._write(AudioStop())
        self._has_started_audio = False
        answer.end(SPOKEN)
        self._answer = None

    async def _write(self, event: Eventable) -> None:
        """Send an event at once; see `_drain`."""
        await self._send(encode_event(event.event()))

    async def _send(self, data: bytes, goes_on: bool = False) -> None:
        """Send whole events at once; see `_drain`.

        Args:
            goes_on: more must follow, and the last byte waits for it. Clients take an answer for
                complete that ends between two events; one that is cut off ends within one, even
                where a proxy between turns the reset of a killed server into a normal end.
        """
        data = self._held_back + data
        end = len(data) - goes_on
        self._held_back = data[end:]
        self._writer.write(data[:end])
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
                    reset(self._writer.transport)
                    raise HungUpError from None

    async def _refuse(self, error: Exception) -> None:
        """Tell the client what was wrong; the connection closes afterwards.

        Some clients wait forever after an error unless the connection closes, and treat audio that
        ends without an error as complete.
        """
        refusal = self._narrator.refuse(DOOR, error, self._answer)
        try:
            await self._write(Error(text=refusal.message, code=refusal.code))
        except (HungUpError, ConnectionError):
            self._log_hang_up()

    def _log_hang_up(self) -> None:
        if self.is_busy:
            _LOGGER.info("A client hung up before its answer was complete")
        if self._answer is not None:
            self._answer.end(HUNG_UP)

    async def _close(self) -> None:
        """Close once everything is sent; else reset, as cut-off audio must not look complete."""
        try:
            self._writer.transport.set_write_buffer_limits(0)
            async with asyncio.timeout(self._flush_seconds):
                await self._drain()
            close_by_reset(self._writer.transport, False)
            await self._linger()
        except (TimeoutError, HungUpError, asyncio.CancelledError):
            reset(self._writer.transport)
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
