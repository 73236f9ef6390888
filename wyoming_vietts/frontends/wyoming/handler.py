"""The dialogue with one Wyoming client: its events, and the answers to them."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from wyoming.audio import AudioStop
from wyoming.error import Error
from wyoming.event import Event
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

from ...engines.pcm import SAMPLE_WIDTH
from ...errors import HungUpError, RequestError, ServerStoppingError
from ...speech.synthesizer import Synthesizer
from ...speech.utterance import Utterance
from ..fields import check_choice, required_text, text_of
from .connection import Connection
from .info import make_info

_LOGGER = logging.getLogger(__name__)

DOOR = "wyoming"

_CLOSED = "The client closed its side of the connection"


@dataclass(frozen=True)
class HandlerSettings:
    """Configures handlers; the flags of these names say more."""

    samples_per_chunk: int
    supports_streaming: bool
    idle_timeout_seconds: float | None
    """None for no limit."""


class Handler:
    """Answers one client until it hangs up, sends a bad request, or the server stops."""

    def __init__(
        self,
        synthesizer: Synthesizer,
        settings: HandlerSettings,
        connection: Connection,
    ) -> None:
        self._synthesizer = synthesizer
        self._chunk_bytes = settings.samples_per_chunk * SAMPLE_WIDTH
        self._supports_streaming = settings.supports_streaming
        self._idle_timeout_seconds = settings.idle_timeout_seconds
        self._connection = connection
        self._utterance: Utterance | None = None  # the one under way
        self._has_started_audio = False
        self._is_answering = False
        self._is_stopping = False

    @property
    def is_busy(self) -> bool:
        return self._is_answering or self._utterance is not None

    def stop_after_answer(self) -> None:
        """Take no further request once the utterance under way is finished."""
        self._is_stopping = True

    async def run(self) -> None:
        """Answer events until the end; never raises because of a client."""
        try:
            while not (self._is_stopping and not self.is_busy):
                if not await self._handle_next():
                    break
            if self._utterance is not None:
                await self._connection.write(Error(text=_CLOSED))
                raise HungUpError
        except (HungUpError, ConnectionError):
            if self._utterance is not None:
                self._utterance.fail(HungUpError())
        except asyncio.CancelledError:  # the server stops
            self._is_stopping = True
            if self.is_busy:
                await self._refuse(ServerStoppingError("The server is shutting down"))
        except Exception as error:
            await self._refuse(error)
        finally:
            self._is_answering = False
            self._utterance = None
            await self._connection.close(is_stopping=self._is_stopping)

    async def _handle_next(self) -> bool:
        """Answer the next event; return False at the end of input, or if none comes in time."""
        try:
            event = await self._connection.read(self._idle_timeout_seconds)
        except TimeoutError:
            if self._utterance is None:
                return False
            seconds = self._idle_timeout_seconds
            raise RequestError(f"No text came for {seconds:g} seconds") from None
        if event is None:
            return False
        self._is_answering = True
        await self._handle(event)
        self._is_answering = False
        await asyncio.sleep(0)  # events that arrive together must not keep others waiting
        return True

    async def _handle(self, event: Event) -> None:
        if Describe.is_type(event.type):
            voices = self._synthesizer.catalogue.voices
            await self._connection.write(make_info(voices, self._supports_streaming))
        elif Ping.is_type(event.type):
            await self._connection.write(Pong(text=text_of(event.data, "text") or ""))
        elif Synthesize.is_type(event.type):
            if self._utterance is None:  # within a stream it repeats the text for old servers
                await self._synthesize(event.data)
        elif not self._supports_streaming:
            _LOGGER.debug("Ignored event %.200r", event.type)
        elif SynthesizeStart.is_type(event.type):
            if self._utterance is not None:
                raise RequestError("synthesize-start came while the last stream was open")
            self._utterance = self._begin(event.data)
        elif SynthesizeChunk.is_type(event.type):
            utterance = self._open_utterance(event.type)
            await self._send_all(utterance, utterance.add(required_text(event.data, "text")))
        elif SynthesizeStop.is_type(event.type):
            await self._finish(self._open_utterance(event.type))
            await self._connection.write(SynthesizeStopped())
        else:
            _LOGGER.debug("Ignored event %.200r", event.type)

    async def _synthesize(self, data: dict[str, Any]) -> None:
        utterance = self._utterance = self._begin(data)
        await self._send_all(utterance, utterance.add(required_text(data, "text")))
        await self._finish(utterance)

    def _begin(self, data: dict[str, Any]) -> Utterance:
        text_format = text_of(data, "text_format")
        if text_format is not None:
            check_choice("text_format", text_format, [each.value for each in SynthesizeTextFormat])
        wanted = data.get("voice")
        if wanted is None:
            wanted = {}
        if not isinstance(wanted, dict):
            raise RequestError("'voice' must be an object with 'name', 'speaker' or 'language'")
        return self._synthesizer.begin(
            DOOR,
            voice=text_of(wanted, "name"),
            speaker=text_of(wanted, "speaker"),
            language=text_of(wanted, "language"),
            is_ssml=None if text_format is None else text_format == SynthesizeTextFormat.SSML.value,
        )

    def _open_utterance(self, event_type: str) -> Utterance:
        if self._utterance is None:
            raise RequestError(f"{event_type} came without synthesize-start")
        return self._utterance

    async def _send_all(
        self, utterance: Utterance, pcm_pieces: AsyncGenerator[bytes | None, None]
    ) -> None:
        """Send PCM as it is computed."""
        async with aclosing(pcm_pieces):
            async for pcm in pcm_pieces:
                if pcm:
                    await self._connection.write_pcm(
                        utterance.voice.sample_rate,
                        pcm,
                        self._chunk_bytes,
                        is_first=not self._has_started_audio,
                    )
                    self._has_started_audio = True
                if self._connection.has_hung_up():
                    await self._connection.write(Error(text=_CLOSED))
                    raise HungUpError

    async def _finish(self, utterance: Utterance) -> None:
        await self._send_all(utterance, utterance.finish())
        await self._connection.write(AudioStop())
        self._has_started_audio = False
        self._utterance = None

    async def _refuse(self, error: Exception) -> None:
        """Send the client the error; the connection closes afterwards.

        Some clients wait forever after an error unless the connection closes, and treat audio that
        ends without an error as complete.
        """
        if self._utterance is not None:
            failure = self._utterance.fail(error)
        else:
            failure = self._synthesizer.refuse(DOOR, error)
        with contextlib.suppress(HungUpError, ConnectionError):
            await self._connection.write(Error(text=failure.message, code=failure.code))
