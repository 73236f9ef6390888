"""Begins utterances, for all frontends."""

import asyncio
import sys
from collections.abc import Callable
from dataclasses import dataclass

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..text import LexiconFile
from .script import Script
from .turns import Turns
from .utterance import Failure, Outcome, Utterance, explain_failure
from .voice_choice import choose_voice


@dataclass(frozen=True)
class SpeechSettings:
    """How the server speaks unless a request says otherwise."""

    voice: str | None
    """Name of the default voice; None for the first on offer."""

    speed: float
    """1.0 is the voice's own speed."""

    sentence_silence_seconds: float
    """Silence between two sentences."""

    max_text_characters: int
    """Longest text of one utterance."""

    lexicon: LexiconFile
    """How the user wants certain words to be spoken."""


class Synthesizer:
    """The voices, the settings and the turns that all utterances share."""

    def __init__(self, catalogue: Catalogue, settings: SpeechSettings) -> None:
        self.catalogue = catalogue
        self.settings = settings
        self.on_outcome: list[Callable[[Outcome], None]] = []
        """Called when a request has ended, however it did."""
        self._turns = Turns()
        self._places: dict[str, asyncio.Semaphore] = {}  # by engine
        self._under_way: set[Utterance] = set()

    @property
    def under_way(self) -> int:
        """How many utterances are being spoken."""
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
        """Begin an utterance, which must be finished, or fail.

        Args:
            door: where the request came in, such as `wyoming`.
            voice, speaker, language: what it asks for; see `voice_choice`.
            speed: times that of the settings, of `REQUEST_SPEED`.
            is_ssml: None for a text that is SSML if it begins and ends as SSML does.

        Raises:
            UnknownVoiceError: there is no such voice.
        """
        chosen = self.choose_voice(voice, speaker, language)
        settings = self.settings
        script = Script(
            settings.lexicon,
            settings.max_text_characters,
            settings.sentence_silence_seconds,
            is_ssml,
        )
        utterance = Utterance(
            door,
            chosen,
            settings.speed * speed,
            script,
            self._turns,
            self._places_of(chosen),
            self._ended,
        )
        self._under_way.add(utterance)
        return utterance

    def refuse(self, door: str, error: Exception) -> Failure:
        """End a request for which no utterance began, and return what its client is to be told."""
        failure = explain_failure(error)
        self._tell(Outcome(door, "", failure.code))
        return failure

    def _places_of(self, voice: Voice) -> asyncio.Semaphore:
        """The places of an engine, which are taken in the order of arrival."""
        places = voice.max_sentences_at_once or sys.maxsize
        return self._places.setdefault(voice.engine_name, asyncio.Semaphore(places))

    def _ended(self, utterance: Utterance, outcome: Outcome) -> None:
        self._under_way.discard(utterance)
        self._tell(outcome)

    def _tell(self, outcome: Outcome) -> None:
        for listener in self.on_outcome:
            listener(outcome)
