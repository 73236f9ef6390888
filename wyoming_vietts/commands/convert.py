"""Converts a recording: the same words in another voice."""

import argparse
import logging

from ..engines.catalogue import make_vietts
from ..engines.contract import EngineSettings
from ..errors import UnknownVoiceError
from .wav import Speech, check_output

_LOGGER = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> None:
    """Write a WAV file.

    Raises:
        SetupError: the file cannot be written, or there is no model.
        UnknownVoiceError: the message lists the voices.
    """
    check_output(options.output)
    engine = make_vietts(EngineSettings.of(options))
    voices = engine.voices
    if options.voice not in voices:
        raise UnknownVoiceError(f"Unknown voice '{options.voice}'; available: {', '.join(voices)}")
    pcm = b"".join(filter(None, voices[options.voice].convert(options.recording)))
    Speech(pcm, voices[options.voice].sample_rate).write(options.output)
    _LOGGER.info("Wrote %s", options.output)
