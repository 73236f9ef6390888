"""An utterance: the speech for one client, computed in turns with others."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from ..engines.contract import Voice
from ..engines.pauses import pause_after, silence, trimmed
from ..engines.pcm import PCM, SAMPLE_WIDTH
from ..errors import HungUpError, SynthesisError, WyomingViettsError
from ..settings.table import SPOKEN_SPEED
from ..text import cut_spoken
from .prosody import PitchShifter, scale
from .script import Parts, Script, Sentence, SpeechSettings
from .ssml import Break
from .turns import Turns

_LOGGER = logging.getLogger(__name__)

SPOKEN = "spoken"
"""The ending of an utterance without an error."""

_SILENCE_PIECE_SECONDS = 1.0
_NOTHING_TO_SAY_SECONDS = 0.2
_PLACE_SECONDS = 0.1  # between two pauses while waiting for a place
_MAX_MESSAGE_CHARACTERS = 1000

T = TypeVar("T")


class _End(Enum):
    END = auto()


@dataclass(frozen=True)
class Outcome:
    """How a request ended."""

    door: str
    """Its frontend, such as `wyoming`."""

    voice: str
    """Empty if no voice was found for it."""

    ending: str
    """`SPOKEN`, or the code of an error."""

    audio_seconds: float = 0.0
    computing_seconds: float = 0.0
    first_audio_seconds: float | None = None
    """From its first text to its first audio; None without audio."""


@dataclass(frozen=True)
class Failure:
    """The description of an error for a client."""

    code: str
    message: str


class Utterance:
    """Text in, PCM out, for one client.

    Text comes in pieces, and the audio does not depend on where they are cut. All state is here and
    in the generators of `add` and `finish`, which yield PCM, or None as a pause: closing those
    stops the computation.
    """

    def __init__(
        self,
        door: str,
        voice: Voice,
        speed: float,
        is_ssml: bool | None,
        settings: SpeechSettings,
        turns: Turns,
        places: asyncio.Semaphore,
        on_end: Callable[["Utterance", Outcome], None],
    ) -> None:
        """Begin an utterance.

        Args:
            door: the frontend of the request, such as `wyoming`.
            speed: factor on that of the settings.
            is_ssml: None to decide by how the text begins and ends.
            places: limits the sentences that the voice's engine speaks at a time.
            on_end: called once.
        """
        self.voice = voice
        self.has_nothing_to_say = False
        """Whether its whole text turned out to have nothing to say; known at its first audio."""
        self._door = door
        self._speed = settings.speed * speed
        self._settings = settings
        self._script = Script(settings, is_ssml)
        self._turns = turns
        self._places = places
        self._on_end = on_end
        self._has_ended = False
        self._started = 0.0  # when its first text came, by the event loop's clock
        self._deadline = 0.0  # of playback: when the listener runs out, or ran out, of audio
        self._first_audio_seconds: float | None = None
        self._computing_seconds = 0.0
        self._samples = 0
        self._has_spoken = False

    def add(self, text: str) -> AsyncGenerator[bytes | None, None]:
        """Take a piece of text; yield the PCM of the sentences that it completes.

        Raises:
            TextTooLongError: the pieces together are over the limit.
            SynthesisError: the voice cannot speak.
        """
        return self._speak(self._script.add(text))

    def finish(self) -> AsyncGenerator[bytes | None, None]:
        """Yield the PCM of the rest; a short silence if the whole text has nothing to say.

        The utterance has ended once all of it has been taken.

        Raises:
            SSMLError: the pieces together are not valid SSML.
            SynthesisError: the voice cannot speak.
        """
        return self._speak(self._script.finish(), is_last=True)

    def fail(self, error: Exception) -> Failure:
        """End with an error, and return its description for the client."""
        failure = explain_failure(error)
        self._end(failure.code)
        return failure

    async def _speak(
        self, parts: Parts, is_last: bool = False
    ) -> AsyncGenerator[bytes | None, None]:
        """Compute step by step, with a turn for others after each."""
        now = time.monotonic()
        self._started = self._started or now
        self._deadline = max(self._deadline, now)
        with closing(parts):
            while (part := await self._step(parts)) is not _End.END:
                if part is None:
                    yield None
                elif isinstance(part, Break):
                    for pcm in self._silence(part.seconds):
                        yield pcm
                else:
                    place = asyncio.ensure_future(self._places.acquire())
                    try:
                        while not place.done():
                            await asyncio.wait((place,), timeout=_PLACE_SECONDS)
                            yield None
                        with closing(self._sentence(part)) as pieces:
                            while (piece := await self._step(pieces)) is not _End.END:
                                if piece and not self._has_spoken:
                                    self._has_spoken = True
                                    for pcm in self._silence(self._settings.lead_silence_seconds):
                                        yield pcm
                                yield self._played(piece) if piece else None
                    finally:
                        if not place.cancel():
                            self._places.release()
        if is_last:
            self.has_nothing_to_say = not self._samples
            tail = self._settings.tail_silence_seconds if self._has_spoken else 0.0
            for pcm in self._silence(_NOTHING_TO_SAY_SECONDS if self.has_nothing_to_say else tail):
                yield pcm
            self._end(SPOKEN)

    async def _step(self, computation: Iterator[T]) -> T | _End:
        """Run one step of a computation in a turn of its own."""
        await self._turns.wait(self._deadline)
        started = time.perf_counter()
        try:
            return next(computation, _End.END)
        finally:
            self._computing_seconds += time.perf_counter() - started
            self._deadline = max(self._deadline, time.monotonic())  # late utterances take turns

    def _sentence(self, sentence: Sentence) -> PCM:
        prosody, rate = sentence.prosody, self.voice.sample_rate
        shifter = PitchShifter(prosody.pitch)
        # Raising the pitch shortens the audio, so the voice speaks more slowly.
        speed = self._speed * prosody.rate / prosody.pitch
        pause_seconds = sentence.pause_seconds
        for text in cut_spoken(sentence.text):
            if pause_seconds:
                yield shifter.shift(silence(pause_seconds / SPOKEN_SPEED.clamp(speed), rate))
            with closing(trimmed(self.voice.speak(text, speed), rate)) as pieces:
                for pcm in pieces:
                    yield shifter.shift(scale(pcm, prosody.volume)) if pcm else None
            pause_seconds = pause_after(text)
        yield shifter.finish()

    def _silence(self, seconds: float) -> Iterator[bytes]:
        rate = self.voice.sample_rate
        remaining, piece = round(seconds * rate), round(_SILENCE_PIECE_SECONDS * rate)
        while remaining > 0:
            samples = min(remaining, piece)
            remaining -= samples
            yield self._played(bytes(SAMPLE_WIDTH * samples))

    def _played(self, pcm: bytes) -> bytes:
        """Extend the playback deadline by this PCM."""
        now = time.monotonic()
        if self._first_audio_seconds is None:
            self._first_audio_seconds = now - self._started
        samples = len(pcm) // SAMPLE_WIDTH
        self._samples += samples
        self._deadline = max(self._deadline, now) + samples / self.voice.sample_rate
        return pcm

    def _end(self, ending: str) -> None:
        """Report how it ended; only the first call counts."""
        if self._has_ended:
            return
        self._has_ended = True
        outcome = Outcome(
            self._door,
            self.voice.name,
            ending,
            self._samples / self.voice.sample_rate,
            self._computing_seconds,
            self._first_audio_seconds,
        )
        if ending == SPOKEN and self.has_nothing_to_say:
            _LOGGER.info("Nothing to say: answered with a short silence")
        elif ending == SPOKEN:
            _LOGGER.info(
                "Spoke %.2f s with voice %s: first audio after %.0f ms, real-time factor %.3f",
                outcome.audio_seconds,
                outcome.voice,
                1000 * (outcome.first_audio_seconds or 0.0),
                outcome.computing_seconds / outcome.audio_seconds,
            )
        self._on_end(self, outcome)


def explain_failure(error: Exception) -> Failure:
    """Log an error that ends a request, and describe it for its client."""
    if isinstance(error, ConnectionError):
        error = HungUpError()
    if isinstance(error, HungUpError):
        _LOGGER.info("A client hung up before its answer was complete")
        return Failure(error.code, "")
    if isinstance(error, MemoryError):
        error = SynthesisError("The server is out of memory; send shorter texts or fewer at a time")
    if isinstance(error, SynthesisError):
        _LOGGER.error("%s", error)
    elif not isinstance(error, WyomingViettsError):
        _LOGGER.error("Cannot answer a request", exc_info=error)
        error = SynthesisError("The speech engine failed; see the server's log")
    # It may quote the client.
    failure = Failure(error.code, str(error)[:_MAX_MESSAGE_CHARACTERS])
    _LOGGER.info("Refused a request (%s): %.300r", failure.code, failure.message)
    return failure
