"""A recording of somebody speaking: read, checked, and cut to the seconds that make a voice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """What is heard in a recording that can be a voice."""

    seconds: float
    """How much of it was listened to: all, or the first 30 s."""

    start_seconds: float
    end_seconds: float
    """The stretch that makes the voice."""

    has_two_voices: bool
    """A man and a woman, say: only one can be cloned."""
