"""One answer: written text in, PCM out, whatever the engine."""

import logging
from collections.abc import Generator
from contextlib import closing
from dataclasses import dataclass

from ..engines.contract import Voice
from ..errors import TextTooLongError
from ..text import Lexicon, SentenceSplitter, speakable, split_sentences
from .prosody import PitchShifter, scale
from .ssml import Break, Prosody, Run, parse_ssml

_LOGGER = logging.getLogger(__name__)

PCM = Generator[bytes, None, None]

SAMPLE_WIDTH = 2  # bytes of an int16

_SILENCE_PIECE_SECONDS = 1.0
_NOTHING_TO_SAY_SECONDS = 0.2


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
    """Longest text of one answer."""

    lexicon: Lexicon | None
    """How the user wants certain words to be spoken."""


class Speech:
    """An answer under way.

    Text comes in pieces, and each piece yields the PCM of the sentences that it completes; the
    audio does not depend on where the text was cut.
    """

    def __init__(self, voice: Voice, settings: SpeechSettings, is_ssml: bool) -> None:
        self.voice = voice
        self._settings = settings
        self._ssml: list[str] | None = [] if is_ssml else None
        self._splitter = SentenceSplitter()
        if settings.lexicon is not None:
            settings.lexicon.refresh()
        self._characters = 0
        self._sentences = 0
        self._samples = 0

    @property
    def seconds(self) -> float:
        """Audio made so far."""
        return self._samples / self.voice.sample_rate

    def add(self, text: str) -> PCM:
        """Take a piece of text; yield the PCM of what it completes, and b"" between steps.

        Raises:
            TextTooLongError: the pieces together are over the limit.
        """
        self._characters += len(text)
        limit = self._settings.max_text_characters
        if self._characters > limit:
            raise TextTooLongError(f"Text is longer than {limit} characters; send less at a time")
        if self._ssml is not None:
            self._ssml.append(text)  # markup can be read only as a whole
            return
        for sentence in self._splitter.add(text):
            yield from self._sentence(sentence, Prosody())

    def finish(self) -> PCM:
        """Yield the PCM of what is left; a short silence if there was nothing to say at all.

        Raises:
            SSMLError: the pieces together are not valid SSML.
        """
        if self._ssml is not None:
            for part in parse_ssml("".join(self._ssml)):
                yield from self._part(part)
        for sentence in self._splitter.finish():
            yield from self._sentence(sentence, Prosody())
        if self._samples == 0:
            yield from self._silence(_NOTHING_TO_SAY_SECONDS)

    def _part(self, part: Run | Break) -> PCM:
        if isinstance(part, Break):
            yield from self._silence(part.seconds)
            return
        for sentence in split_sentences(part.text):
            yield from self._sentence(sentence, part.prosody)

    def _sentence(self, sentence: str, prosody: Prosody) -> PCM:
        spoken = speakable(sentence, self._settings.lexicon)
        if not spoken:
            yield b""
            return
        if self._sentences:
            yield from self._silence(self._settings.sentence_silence_seconds)
        self._sentences += 1
        _LOGGER.debug("Speaking %r for %r", spoken, sentence)
        shifter = PitchShifter(prosody.pitch)
        # Raising the pitch shortens the audio, so it is spoken that much slower.
        speed = self._settings.speed * prosody.rate / prosody.pitch
        with closing(self.voice.speak(spoken, speed)) as pcm_pieces:
            for pcm in pcm_pieces:
                yield self._counted(shifter.shift(scale(pcm, prosody.volume)))
        yield self._counted(shifter.finish())

    def _silence(self, seconds: float) -> PCM:
        rate = self.voice.sample_rate
        remaining, piece = round(seconds * rate), round(_SILENCE_PIECE_SECONDS * rate)
        while remaining > 0:
            samples = min(remaining, piece)
            remaining -= samples
            yield self._counted(bytes(SAMPLE_WIDTH * samples))

    def _counted(self, pcm: bytes) -> bytes:
        self._samples += len(pcm) // SAMPLE_WIDTH
        return pcm
