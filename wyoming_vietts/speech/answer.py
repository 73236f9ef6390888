"""An answer under way: what its listener has heard, whose turn it is, and how it ended."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import closing
from dataclasses import dataclass

from ..engines.contract import PCM
from ..steps import WAITING
from .speech import SAMPLE_WIDTH, Speech
from .turns import Turns

SPOKEN, HUNG_UP = "spoken", "hung-up"
"""How an answer ends, if not with the code of an error."""


_WAITING_SECONDS = 0.1  # between two looks, where there is nothing to compute yet


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    door: str
    """What it came through, such as `wyoming`."""

    voice: str
    """Empty if no voice was found for it."""

    ending: str
    """`SPOKEN`, `HUNG_UP`, or the code of an error."""

    audio_seconds: float = 0.0
    computing_seconds: float = 0.0
    first_audio_seconds: float | None = None
    """From its first text to its first audio; None if there was none."""


class Answer:
    """Speech that is being made for one listener."""

    def __init__(
        self, door: str, speech: Speech, turns: Turns, on_end: Callable[["Answer", Outcome], None]
    ) -> None:
        self.speech = speech
        self._door = door
        self._turns = turns
        self._on_end = on_end
        self._has_ended = False
        self._started = 0.0  # when its first text came, by the event loop's clock
        self._deadline = 0.0  # when the listener runs out of audio, or has waited for some since
        self._first_audio_seconds: float | None = None
        self._computing_seconds = 0.0

    async def pieces(self, pcm_pieces: PCM) -> AsyncGenerator[bytes | None, None]:
        """Compute PCM step by step, with a turn for others after each; None is a pause."""
        self._resume()
        with closing(pcm_pieces):
            pcm: bytes | None = None
            while True:
                if pcm is WAITING:
                    await asyncio.sleep(_WAITING_SECONDS)
                else:
                    await self._turns.wait(self._deadline)
                try:
                    pcm = self._step(pcm_pieces)
                except StopIteration:
                    return
                if pcm:
                    self._plays(len(pcm) / SAMPLE_WIDTH / self.speech.voice.sample_rate)
                yield pcm

    def end(self, ending: str) -> None:
        """Say how it ended; only the first time counts."""
        if self._has_ended:
            return
        self._has_ended = True
        outcome = Outcome(
            self._door,
            self.speech.voice.name,
            ending,
            self.speech.seconds,
            self._computing_seconds,
            self._first_audio_seconds,
        )
        self._on_end(self, outcome)

    def _resume(self) -> None:
        """Text has come, so there is something to compute from now on."""
        now = time.monotonic()
        self._started = self._started or now
        self._deadline = max(self._deadline, now)

    def _plays(self, seconds: float) -> None:
        """The listener has so much more audio, and hears it at once if there was none left."""
        now = time.monotonic()
        if self._first_audio_seconds is None:
            self._first_audio_seconds = now - self._started
        self._deadline = max(self._deadline, now) + seconds

    def _step(self, pcm_pieces: PCM) -> bytes | None:
        """Run one step of the computation.

        Raises:
            StopIteration: it has ended.
        """
        started = time.perf_counter()
        try:
            return next(pcm_pieces)
        finally:
            self._computing_seconds += time.perf_counter() - started
            self._deadline = max(self._deadline, time.monotonic())  # those who are late take turns
