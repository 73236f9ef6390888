"""Voice conversion: the words of a recording in another voice."""

import argparse
import logging
import wave

from ..engines.catalogue import make_vietts
from ..errors import UnknownVoiceError
from .engine_settings import engine_settings

_LOGGER = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> None:
    """Write a WAV file."""
    engine = make_vietts(engine_settings(options))
    voices = engine.voices
    if options.voice not in voices:
        raise UnknownVoiceError(f"Unknown voice '{options.voice}'; available: {', '.join(voices)}")
    pcm = b"".join(filter(None, voices[options.voice].convert(options.recording)))
    with wave.open(str(options.output), "wb") as wav:
        wav.setframerate(engine.sample_rate)
        wav.setsampwidth(2)
        wav.setnchannels(1)
        wav.writeframes(pcm)
    _LOGGER.info("Wrote %s", options.output)
