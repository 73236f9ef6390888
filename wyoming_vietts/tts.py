"""The contract that every engine keeps."""

from collections.abc import Generator, Mapping
from typing import Protocol

from .voices import Voice


class SynthesisError(RuntimeError):
    """A sentence cannot be spoken now; the message is for the client."""


class TTS(Protocol):
    """Turns one speakable sentence into PCM; PCM is mono int16 little-endian."""

    @property
    def sample_rate(self) -> int:
        """Samples a second of all PCM, in Hz."""

    @property
    def voices(self) -> Mapping[str, Voice]:
        """Voices by name; the first is the default."""

    def synthesize(self, text: str, voice: str, speed: float = 1.0) -> Generator[bytes, None, None]:
        """Speak a sentence of letters and `.,;:!?`.

        The generator computes for at most about 50 ms (or one model step) before it yields, and
        yields `b""` when it has no audio yet. Closing it stops the computation.

        Args:
            text: a speakable sentence, as `wyoming_vietts.text.speakable` makes it.
            voice: a key of `voices`.
            speed: 1.0 is the voice's own, 2.0 is twice as fast; pitch stays.

        Yields:
            PCM, possibly empty.

        Raises:
            SynthesisError: this sentence cannot be spoken; others may.
        """
