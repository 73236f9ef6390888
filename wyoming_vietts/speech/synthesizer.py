"""Begins utterances, for all frontends, and chooses their voices."""

import asyncio
import sys
from collections.abc import Callable

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..errors import UnknownVoiceError
from .script import SpeechSettings
from .turns import Turns
from .utterance import Failure, Outcome, Utterance, explain_failure

STOCK_NAMES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx"),
    *("sage", "shimmer", "verse"),
)
"""Voices of OpenAI, the defaults of its clients."""


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
        """Pick a voice by name and speaker, else by language, else the default.

        The default is that of the settings, or else the first on offer that speaks Vietnamese, or
        else the first. A voice has one speaker, itself. Voices of one file are called NAME-SPEAKER,
        and are also found by name and speaker. An empty string asks for nothing, and one of
        `STOCK_NAMES` for the default, unless a voice has this name.

        Raises:
            UnknownVoiceError: nothing matches, or name and speaker contradict each other.
        """
        find = self.catalogue.find
        if name in STOCK_NAMES and find(name) is None:
            name = None
        if name and speaker and (voice := find(f"{name}-{speaker}")):
            return voice
        wanted = name or speaker
        if not wanted and language:
            return self._choose_by_language(language)
        wanted = wanted or self.settings.voice
        if not wanted:
            offered = [*self.catalogue.voices.values()]
            if not offered:
                raise UnknownVoiceError("No voice is available")
            return next((voice for voice in offered if _speaks(voice, "vi")), offered[0])
        voice = find(wanted)
        if voice is None:
            available = ", ".join(self.catalogue.voices)
            raise UnknownVoiceError(f"Unknown voice '{wanted:.80}'; available: {available}")
        if speaker and speaker != voice.name:
            raise UnknownVoiceError(
                f"Voice '{voice.name}' has no speaker '{speaker:.80}'; available: {voice.name}"
            )
        return voice

    def _choose_by_language(self, language: str) -> Voice:
        """Return the default voice if it speaks a language, else the first on offer that does."""
        wanted, default = _primary_subtag(language), self.settings.voice
        offered = self.catalogue.voices.values()
        preferred = None if default is None else self.catalogue.find(default)
        for voice in offered if preferred is None else (preferred, *offered):
            if _speaks(voice, wanted):
                return voice
        known = ", ".join(sorted({tag for voice in offered for tag in voice.languages}))
        raise UnknownVoiceError(f"No voice speaks language '{language:.80}'; available: {known}")

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
            voice, speaker, language: see `choose_voice`.
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


def _speaks(voice: Voice, language: str) -> bool:
    return language in map(_primary_subtag, voice.languages)


def _primary_subtag(language: str) -> str:
    """Return `vi` for `vi-VN`, `vi_VN` and `VI`."""
    return language.replace("_", "-").split("-")[0].lower()
