"""Begins utterances, for all frontends."""

import asyncio
import sys
from collections.abc import Callable

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from .script import SpeechSettings
from .turns import Turns
from .utterance import Failure, Outcome, Utterance, explain_failure
from .voice_choice import choose_voice


class Synthesizer:
    """The voices, settings and turns shared by all utterances."""

    def __init__(self, catalogue: Catalogue, settings: SpeechSettings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.on_outcome: list[Callable[[Outcome], None]] = []
        """Called when a request has ended, in whatever way."""
        self._turns = Turns()
        self._places: dict[str, asyncio.Semaphore] = {}  # by engine
        self._under_way: set[Utterance] = set()

    @property
    def under_way(self) -> int:
        """Number of utterances under way."""
        return len(self._under_way)

    def choose_voice(
        self, name: str | None = None, speaker: str | None = None, language: str | None = None
    ) -> Voice:
        """Pick the voice that a request asks for; see `voice_choice`.

        Raises:
            UnknownVoiceError: there is none.
        """
        return choose_voice(self.catalogue, self.settings.voice, name, speaker, language)

    def begin(
        self,
        door: str,
        *,
        voice: str | None = None,
        speaker: str | None = None,
        language: str | None = None,
        speed: float = 1.0,
        is_ssml: bool | None = None,
    ) -> Utterance:
        """Begin an utterance, which must be finished or fail.

        Args:
            door: where the request came in, such as `wyoming`.
            voice, speaker, language: see `voice_choice`.
            speed: a factor on the speed of the settings, in `REQUEST_SPEED`.
            is_ssml: None to decide by how the text begins and ends.

        Raises:
            UnknownVoiceError: there is no such voice.
        """
        chosen = self.choose_voice(voice, speaker, language)
        utterance = Utterance(
            door,
            chosen,
            speed,
            is_ssml,
            self.settings,
            self._turns,
            self._places_of(chosen),
            self._ended,
        )
        self._under_way.add(utterance)
        return utterance

    def refuse(self, door: str, error: Exception) -> Failure:
        """End a request for which no utterance began, and return the message for its client."""
        failure = explain_failure(error)
        self._tell(Outcome(door, "", failure.code))
        return failure

    def _places_of(self, voice: Voice) -> asyncio.Semaphore:
        """Return the semaphore that limits the sentences of an engine, first come first served."""
        places = voice.max_sentences_at_once or sys.maxsize
        return self._places.setdefault(voice.engine_name, asyncio.Semaphore(places))

    def _ended(self, utterance: Utterance, outcome: Outcome) -> None:
        self._under_way.discard(utterance)
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        for listener in self.on_outcome:
            listener(outcome)
