"""Answers requests, whichever door they come through."""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..errors import RequestError, SynthesisError, WyomingViettsError
from ..settings.table import REQUEST_SPEED
from .answer import SPOKEN, Answer, Outcome
from .speech import Speech, SpeechSettings
from .turns import Turns
from .voice_choice import choose_voice

_LOGGER = logging.getLogger(__name__)

_MAX_MESSAGE_CHARACTERS = 1000


@dataclass(frozen=True)
class Refusal:
    """What a client is told about an error."""

    code: str
    message: str


class Narrator:
    """The voices, the settings and the turns that all doors share."""

    def __init__(self, catalogue: Catalogue, settings: SpeechSettings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.on_outcome: list[Callable[[Outcome], None]] = []
        """Called when a request has ended, however it did."""
        self._turns = Turns()
        self._under_way: set[Answer] = set()

    @property
    def under_way(self) -> int:
        """How many answers are being made."""
        return len(self._under_way)

    def choose_voice(
        self, name: str | None = None, speaker: str | None = None, language: str | None = None
    ) -> Voice:
        """Pick the voice that a request asks for; see `voice_choice`.

        Raises:
            UnknownVoiceError: there is none.
        """
        return choose_voice(self.catalogue, self.settings.voice, name, speaker, language)

    def answer(
        self, door: str, voice: Voice, *, is_ssml: bool = False, speed: float = 1.0
    ) -> Answer:
        """Begin an answer, whose `end` must be called.

        Args:
            door: what the request came through, such as `wyoming`.
            speed: times that of the settings; see `REQUEST_SPEED`.

        Raises:
            RequestError: the speed is out of range.
        """
        if not REQUEST_SPEED.holds(speed):
            raise RequestError(f"'speed' is {speed:g}; it must be {REQUEST_SPEED.right}")
        settings = replace(self.settings, speed=self.settings.speed * speed)
        answer = Answer(door, Speech(voice, settings, is_ssml), self._turns, self._ended)
        self._under_way.add(answer)
        return answer

    def refuse(self, door: str, error: Exception, answer: Answer | None) -> Refusal:
        """Note that a request ends with an error, and return what its client is to be told."""
        if isinstance(error, SynthesisError):
            _LOGGER.error("%s", error)
        elif not isinstance(error, WyomingViettsError):
            _LOGGER.error("Cannot answer a request", exc_info=error)
            error = SynthesisError("The speech engine failed; see the server's log")
        # Short and on one line, whatever the client put into it.
        refusal = Refusal(error.code, str(error)[:_MAX_MESSAGE_CHARACTERS])
        _LOGGER.info("Refused a request (%s): %.300r", refusal.code, refusal.message)
        if answer is None:
            self._tell(Outcome(door, "", refusal.code))
        else:
            answer.end(refusal.code)
        return refusal

    def _ended(self, answer: Answer, outcome: Outcome) -> None:
        self._under_way.discard(answer)
        if outcome.ending == SPOKEN:
            _LOGGER.info(
                "Spoke %.2f s with voice %s: first audio after %.0f ms, real-time factor %.3f",
                outcome.audio_seconds,
                outcome.voice,
                1000 * (outcome.first_audio_seconds or 0.0),
                outcome.computing_seconds / outcome.audio_seconds,
            )
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        for listener in self.on_outcome:
            listener(outcome)
