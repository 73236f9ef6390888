"""One answer: written text in, PCM out, whatever the engine."""

import logging
import re
from contextlib import closing
from dataclasses import dataclass

from ..engines.contract import PCM, Voice
from ..errors import TextTooLongError
from ..steps import Steps
from ..text import Lexicon, LexiconFile, SentenceSplitter, cut_spoken, speakable
from .prosody import PitchShifter, scale
from .ssml import Break, Prosody, Run, parse_ssml

_LOGGER = logging.getLogger(__name__)

SAMPLE_WIDTH = 2  # bytes of an int16

_SILENCE_PIECE_SECONDS = 1.0
_NOTHING_TO_SAY_SECONDS = 0.2
_CHARACTERS_A_STEP = 500  # that are split into sentences between two turns
_END = re.compile(r"(?:[.!?…][\"'”’)]*\s*|\n)\Z")


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

    lexicon: LexiconFile | None
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
        self._lexicon: Lexicon | None = None
        self._splitter: SentenceSplitter | None = None  # once the lexicon is there
        self._characters = 0
        self._samples = 0
        self._has_ended_sentence = False

    @property
    def seconds(self) -> float:
        """Audio made so far."""
        return self._samples / self.voice.sample_rate

    def add(self, text: str) -> PCM:
        """Take a piece of text; yield the PCM of what it completes.

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
        splitter = yield from self._begun()
        yield from self._sentences(splitter, text, Prosody())

    def finish(self) -> PCM:
        """Yield the PCM of what is left; a short silence if there was nothing to say at all.

        Raises:
            SSMLError: the pieces together are not valid SSML.
        """
        splitter = yield from self._begun()
        if self._ssml is not None:
            for part in parse_ssml("".join(self._ssml)):
                yield from self._part(part)
        for sentence in splitter.finish():
            yield from self._sentence(sentence, Prosody())
        if self._samples == 0:
            yield from self._silence(_NOTHING_TO_SAY_SECONDS)

    def _begun(self) -> Steps[SentenceSplitter]:
        """The splitter, with the lexicon as it was when this answer began."""
        if self._splitter is None:
            file = self._settings.lexicon
            if file is not None:
                yield from file.refresh()
                self._lexicon = file.lexicon
            self._splitter = SentenceSplitter(self._lexicon)
        return self._splitter

    def _part(self, part: Run | Break) -> PCM:
        if isinstance(part, Break):
            yield from self._silence(part.seconds)
            return
        if part.text.startswith("\n"):
            self._has_ended_sentence = self._samples > 0
        splitter = SentenceSplitter(self._lexicon)
        yield from self._sentences(splitter, part.text, part.prosody)
        for sentence in splitter.finish():
            # It may go on in the next run, unless it ends as sentences do.
            yield from self._sentence(sentence, part.prosody, ends=bool(_END.search(part.text)))

    def _sentences(self, splitter: SentenceSplitter, text: str, prosody: Prosody) -> PCM:
        """Speak the sentences that a text completes."""
        for start in range(0, len(text), _CHARACTERS_A_STEP):
            for sentence in splitter.add(text[start : start + _CHARACTERS_A_STEP]):
                yield from self._sentence(sentence, prosody)
            yield None

    def _sentence(self, sentence: str, prosody: Prosody, ends: bool = True) -> PCM:
        spoken = speakable(sentence, self._lexicon)
        yield None
        if not spoken:
            return
        if self._has_ended_sentence:
            yield from self._silence(self._settings.sentence_silence_seconds)
        self._has_ended_sentence = ends
        _LOGGER.debug("Speaking %r for %r", spoken, sentence)
        shifter = PitchShifter(prosody.pitch)
        # Raising the pitch shortens the audio, so it is spoken that much slower.
        speed = self._settings.speed * prosody.rate / prosody.pitch
        for piece in cut_spoken(spoken):
            with closing(self.voice.speak(piece, speed)) as pcm_pieces:
                for pcm in pcm_pieces:
                    if pcm:
                        pcm = self._counted(shifter.shift(scale(pcm, prosody.volume)))
                    # No audio goes on as it is, as it may be `WAITING`.
                    yield pcm
        if rest := shifter.finish():
            yield self._counted(rest)

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
