"""A recording of somebody speaking: read, checked, and cut to the seconds that make a voice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """The speech in a recording that can be a voice."""

    seconds: float
    """How much of the recording was heard: all, or the first minute."""

    start_seconds: float
    end_seconds: float
    """The seconds that make the voice."""

    has_two_voices: bool
    """A man and a woman, say: only one can be cloned."""
