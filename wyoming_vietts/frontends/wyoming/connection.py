"""Reads and sends the events of one Wyoming client, with backpressure."""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from wyoming.audio import AudioStart
from wyoming.event import Event, Eventable

from ...engines.pcm import SAMPLE_WIDTH
from ...errors import HungUpError
from .. import limits
from ..sockets import close_by_reset, reset
from .wire import encode_chunks, encode_event, read_event

_LOGGER = logging.getLogger(__name__)

_BATCH_BYTES = 64 * 1024


class Connection:
    """Reads and writes events; a connection that ends before `close` is done is reset."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        has_hung_up: Callable[[], bool],
    ) -> None:
        self._reader = reader
        self._writer = writer
        self.has_hung_up = has_hung_up
        """Returns whether the client has closed its side."""
        self._held_back = b""
        close_by_reset(writer.transport, True)

    async def read(self, idle_timeout_seconds: float | None) -> Event | None:
        return await read_event(self._reader, idle_timeout_seconds)

    async def write(self, event: Eventable) -> None:
        """Send an event at once; see `_drain`."""
        await self._send(encode_event(event.event()))

    async def write_pcm(
        self, sample_rate: int, pcm: bytes, chunk_bytes: int, *, is_first: bool
    ) -> None:
        """Send PCM in chunks; see `_drain`.

        Args:
            is_first: `audio-start` goes before it.
        """
        data = b""
        if is_first:
            audio_format = AudioStart(rate=sample_rate, width=SAMPLE_WIDTH, channels=1)
            data = encode_event(audio_format.event())
        # The last sample is an event of its own; `_send` holds back its last byte.
        end = len(pcm) - SAMPLE_WIDTH
        batch = chunk_bytes * max(1, _BATCH_BYTES // chunk_bytes)
        # In batches, or a slow reader would hold a copy of all of it.
        for first in range(0, max(1, end), batch):
            last = min(first + batch, end)
            data += encode_chunks(sample_rate, pcm[first:last], chunk_bytes)
            if last == end:
                data += encode_chunks(sample_rate, pcm[end:], chunk_bytes)
            await self._send(data, goes_on=True)
            data = b""

    async def _send(self, data: bytes, goes_on: bool = False) -> None:
        """Send whole events at once; see `_drain`.

        Args:
            goes_on: hold back the last byte until more is sent. Clients take an answer that ends
                between two events for complete. If it is cut off, it ends within an event, even
                where a proxy turns the reset of a killed server into a normal close.
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
                async with asyncio.timeout(limits.READING_PAUSE_SECONDS):
                    await self._writer.drain()
                return
            except TimeoutError:
                if self._writer.transport.get_write_buffer_size() == unsent:
                    _LOGGER.info("A client read nothing for %g s", limits.READING_PAUSE_SECONDS)
                    reset(self._writer.transport)
                    raise HungUpError from None

    async def close(self, *, is_stopping: bool) -> None:
        """Close once everything is sent; else reset, as cut-off audio must not look complete.

        Args:
            is_stopping: wait for `LAST_WORDS_SECONDS` at most.
        """
        try:
            self._writer.transport.set_write_buffer_limits(0)
            async with asyncio.timeout(limits.LAST_WORDS_SECONDS if is_stopping else None):
                await self._drain()
            close_by_reset(self._writer.transport, False)
            if not is_stopping:
                await self._linger()
        except (TimeoutError, HungUpError, asyncio.CancelledError):
            reset(self._writer.transport)
        except OSError:
            pass  # the client has closed it
        finally:
            self._writer.close()

    async def _linger(self) -> None:
        """Send FIN, then read until the client closes: closing with unread input sends RST."""
        if not self._writer.can_write_eof():
            return
        self._writer.write_eof()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(limits.LAST_WORDS_SECONDS):
                while await self._reader.read(_BATCH_BYTES):
                    pass
