"""Turns the written text of an utterance into speakable sentences and silences."""

import logging
import re
from collections.abc import Generator
from dataclasses import dataclass

from ..engines.pauses import PARAGRAPH_SECONDS, SENTENCE_SECONDS, pause_after
from ..errors import TextTooLongError
from ..steps import Steps
from ..text import LexiconFile, SentenceSplitter, speakable
from .ssml import Break, Prosody, Run, begins_ssml, ends_ssml, parse_ssml

_LOGGER = logging.getLogger(__name__)

_CHARACTERS_A_STEP = 500  # split into sentences between two turns
_LINE_END = re.compile(r"(\n)")
_END = re.compile(r"(?:[.!?…][\"'”’)]*\s*|\n)\Z")


@dataclass(frozen=True)
class SpeechSettings:
    """Defaults of requests."""

    voice: str | None
    """Name of the default voice; None for the first on offer."""

    speed: float
    """1.0 is the voice's own speed."""

    lead_silence_seconds: float
    """Before speech, while a speaker wakes, which would swallow the first syllable."""

    tail_silence_seconds: float
    """After speech, for players that stop before the last sample."""

    sentence_silence_seconds: float
    """Between two sentences, in addition to the natural pause."""

    max_text_characters: int
    """Longest text of one utterance."""

    lexicon: LexiconFile
    """The user's pronunciation of words."""


@dataclass(frozen=True)
class Sentence:
    """A speakable sentence."""

    text: str
    prosody: Prosody
    written: str
    pause_seconds: float
    """Natural pause before it, at speed 1."""


Parts = Generator[Sentence | Break | None, None, None]
"""Yields sentences and silences, or None as a pause."""


class Script:
    """The text of one utterance, in pieces."""

    def __init__(self, settings: SpeechSettings, is_ssml: bool | None) -> None:
        """Begin a text; with `is_ssml` None, it is SSML if it begins and ends as SSML does."""
        self._lexicon_file = settings.lexicon
        self._max_characters = settings.max_text_characters
        self._silence = Break(settings.sentence_silence_seconds)
        self._is_ssml = is_ssml
        self._begins_ssml = is_ssml  # None while undecided
        self._held = ""  # while undecided, and SSML, which is parsed as a whole
        self._lexicon = settings.lexicon.lexicon
        self._splitter: SentenceSplitter | None = None  # once the lexicon has been read
        self._characters = 0
        self._has_begun = False
        self._has_ended_sentence = False
        self._pause_seconds = 0.0  # after what has been said
        self._line_is_blank = False

    def add(self, text: str) -> Parts:
        """Take a piece of text; yield the sentences and silences that it completes.

        Raises:
            TextTooLongError: the pieces together are over the limit.
        """
        self._characters += len(text)
        if self._characters > self._max_characters:
            raise TextTooLongError(
                f"Text is longer than {self._max_characters} characters; send less at a time"
            )
        if self._begins_ssml is not False:
            self._held += text
            if self._begins_ssml is None:
                self._begins_ssml = begins_ssml(self._held)
            if self._begins_ssml is not False:
                return
            text, self._held = self._held, ""
        splitter = yield from self._begin()
        yield from self._split_lines(splitter, text)

    def finish(self) -> Parts:
        """Yield the rest.

        Raises:
            SSMLError: the pieces together are not valid SSML.
        """
        splitter = yield from self._begin()
        if self._is_ssml or (self._begins_ssml and ends_ssml(self._held)):
            for part in parse_ssml(self._held):
                yield from self._part(part)
        else:
            yield from self._split_lines(splitter, self._held)
        for sentence in splitter.finish():
            yield from self._sentence(sentence, Prosody())

    def _begin(self) -> Steps[SentenceSplitter]:
        """Take the lexicon as of the first text."""
        if self._splitter is None:
            yield from self._lexicon_file.refresh()
            self._lexicon = self._lexicon_file.lexicon
            self._splitter = SentenceSplitter(self._lexicon)
        return self._splitter

    def _part(self, part: Run | Break) -> Parts:
        if isinstance(part, Break):
            self._has_begun = True
            yield part
            return
        if part.text.startswith("\n") and self._has_begun:
            self._has_ended_sentence, self._pause_seconds = True, SENTENCE_SECONDS
        splitter = SentenceSplitter(self._lexicon)
        yield from self._split(splitter, part.text, part.prosody)
        for sentence in splitter.finish():
            # A sentence continues in the next run, unless it ends here.
            yield from self._sentence(sentence, part.prosody, ends=bool(_END.search(part.text)))

    def _split_lines(self, splitter: SentenceSplitter, text: str) -> Parts:
        """Split plain text; a blank line ends a paragraph."""
        for line in _LINE_END.split(text):
            yield from self._split(splitter, line, Prosody())
            if line == "\n":
                if self._line_is_blank and self._has_begun:
                    self._pause_seconds = PARAGRAPH_SECONDS
                self._line_is_blank = True
            elif line.strip():
                self._line_is_blank = False

    def _split(self, splitter: SentenceSplitter, text: str, prosody: Prosody) -> Parts:
        for start in range(0, len(text), _CHARACTERS_A_STEP):
            for sentence in splitter.add(text[start : start + _CHARACTERS_A_STEP]):
                yield from self._sentence(sentence, prosody)
            yield None

    def _sentence(self, written: str, prosody: Prosody, ends: bool = True) -> Parts:
        text = speakable(written, self._lexicon)
        if not text:
            yield None
            return
        if self._has_ended_sentence:
            yield self._silence
        _LOGGER.debug("Speaking %r for %r", text, written)
        yield Sentence(text, prosody, written, self._pause_seconds)
        is_clause = written.endswith((",", ";"))  # of a long sentence
        self._has_begun, self._has_ended_sentence = True, ends and not is_clause
        self._pause_seconds = pause_after(text) if ends or is_clause else 0.0
