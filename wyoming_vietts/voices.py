"""A voice that a client can pick, and how a request picks one."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar


@dataclass(frozen=True)
class Voice:
    """What every engine tells of a voice; an engine adds what it needs to speak with it."""

    name: str
    """Stable key, unique within the server; what clients store and send back."""

    description: str
    """Label that a user sees; Home Assistant sorts by it."""

    languages: tuple[str, ...]
    """BCP 47 tags, such as `vi` or `vi-VN`."""

    author: str
    """Who made the voice."""

    author_url: str
    """Where the voice comes from."""

    version: str
    """Version of what speaks."""


class UnknownVoiceError(ValueError):
    """No voice answers to what a request asked for; the message lists what is there."""


AnyVoice = TypeVar("AnyVoice", bound=Voice)


def choose_voice(
    voices: Mapping[str, AnyVoice],
    default: str | None,
    name: str | None = None,
    speaker: str | None = None,
    language: str | None = None,
) -> AnyVoice:
    """Pick a voice by name, else by speaker, else by language, else the default.

    Every voice is its own only speaker, so a speaker is a voice's name once more.

    Args:
        voices: all voices by name; the first is the default where `default` is None.
        default: name of the voice for requests that ask for nothing in particular.

    Raises:
        UnknownVoiceError: nothing matches, or name and speaker contradict each other.
    """
    available = ", ".join(voices)
    if name is not None and speaker is not None and name in voices and speaker != name:
        raise UnknownVoiceError(f"Voice '{name}' has no speaker '{speaker}'; available: {name}")
    wanted = name if name is not None else speaker
    if wanted is None and language is not None:
        return _choose_by_language(voices, default, language)
    if wanted is None:
        wanted = default
    if wanted is None:
        if not voices:
            raise UnknownVoiceError("No voice is available")
        return next(iter(voices.values()))
    if wanted not in voices:
        raise UnknownVoiceError(f"Unknown voice '{wanted}'; available: {available}")
    return voices[wanted]


def _choose_by_language(
    voices: Mapping[str, AnyVoice], default: str | None, language: str
) -> AnyVoice:
    """The default voice if it speaks `language`, else the first that does."""
    wanted = _primary_subtag(language)
    speaking = [
        voice for voice in voices.values() if wanted in map(_primary_subtag, voice.languages)
    ]
    if not speaking:
        known = ", ".join(sorted({tag for voice in voices.values() for tag in voice.languages}))
        raise UnknownVoiceError(f"No voice speaks language '{language}'; available: {known}")
    return next((voice for voice in speaking if voice.name == default), speaking[0])


def _primary_subtag(language: str) -> str:
    """`vi` of `vi-VN`, `vi_VN` and `VI`."""
    return language.replace("_", "-").split("-")[0].lower()
