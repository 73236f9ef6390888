"""Recordings of speech: decoded, checked, and cut to the seconds that make a voice."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Heard:
    """The part of a recording that makes a voice."""

    seconds: float
    """Length of the recording, or one minute of a longer one."""

    start_seconds: float
    end_seconds: float
    """End of the seconds that make the voice."""

    has_two_voices: bool
    """Whether two people seem to speak; only one can be cloned."""
