"""Chooses the voice that answers a request."""

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..errors import UnknownVoiceError

STOCK_NAMES = (
    *("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx"),
    *("sage", "shimmer", "verse"),
)
"""Voices of OpenAI, the defaults of its clients."""


def choose_voice(
    catalogue: Catalogue,
    default: str | None,
    name: str | None = None,
    speaker: str | None = None,
    language: str | None = None,
) -> Voice:
    """Pick a voice by name and speaker, else by language, else the default.

    A voice has one speaker, itself. Voices of one file are called NAME-SPEAKER, and are also found
    by name and speaker. An empty string asks for nothing, and one of `STOCK_NAMES` for the default,
    unless a voice has this name.

    Args:
        default: name of the voice for requests that ask for nothing in particular; None for the
            first on offer that speaks Vietnamese, or else the first.

    Raises:
        UnknownVoiceError: nothing matches, or name and speaker contradict each other.
    """
    if name in STOCK_NAMES and catalogue.find(name) is None:
        name = None
    if name and speaker and (voice := catalogue.find(f"{name}-{speaker}")):
        return voice
    wanted = name or speaker
    if not wanted and language:
        return _choose_by_language(catalogue, default, language)
    wanted = wanted or default
    if not wanted:
        offered = [*catalogue.voices.values()]
        if not offered:
            raise UnknownVoiceError("No voice is available")
        return next((voice for voice in offered if _speaks(voice, "vi")), offered[0])
    voice = catalogue.find(wanted)
    if voice is None:
        available = ", ".join(catalogue.voices)
        raise UnknownVoiceError(f"Unknown voice '{wanted:.80}'; available: {available}")
    if speaker and speaker != voice.name:
        raise UnknownVoiceError(
            f"Voice '{voice.name}' has no speaker '{speaker:.80}'; available: {voice.name}"
        )
    return voice


def _choose_by_language(catalogue: Catalogue, default: str | None, language: str) -> Voice:
    """Return the default voice if it speaks a language, else the first on offer that does."""
    wanted = _primary_subtag(language)
    offered = catalogue.voices.values()
    preferred = None if default is None else catalogue.find(default)
    for voice in offered if preferred is None else (preferred, *offered):
        if _speaks(voice, wanted):
            return voice
    known = ", ".join(sorted({tag for voice in offered for tag in voice.languages}))
    raise UnknownVoiceError(f"No voice speaks language '{language:.80}'; available: {known}")


def _speaks(voice: Voice, language: str) -> bool:
    return language in map(_primary_subtag, voice.languages)


def _primary_subtag(language: str) -> str:
    """Return `vi` for `vi-VN`, `vi_VN` and `VI`."""
    return language.replace("_", "-").split("-")[0].lower()
