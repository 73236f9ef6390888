"""Describes the server: builds the Info event from the voices."""

from collections.abc import Mapping

from wyoming.info import Attribution, Info, TtsProgram, TtsVoice

from ... import __version__
from ...engines.contract import Voice

PRODUCT = "Wyoming VietTTS"
PROGRAM_NAME = "vietts"
"""Home Assistant identifies a server by this name and its address."""


def make_info(voices: Mapping[str, Voice], supports_streaming: bool) -> Info:
    """Answer `describe`: one program, with every voice marked as installed."""
    return Info(
        tts=[
            TtsProgram(
                name=PROGRAM_NAME,
                description="Vietnamese text to speech",
                attribution=Attribution(
                    name="wyoming_vietts", url="https://github.com/wyoming-vietts/wyoming-vietts"
                ),
                installed=True,
                version=__version__,
                voices=[_tts_voice(voice) for voice in voices.values()],
                supports_synthesize_streaming=supports_streaming,
            )
        ]
    )


def _tts_voice(voice: Voice) -> TtsVoice:
    return TtsVoice(
        name=voice.name,
        description=voice.description,
        languages=list(voice.languages),
        attribution=Attribution(name=voice.author, url=voice.author_url),
        installed=True,
        version=__version__,
        speakers=None,
    )
