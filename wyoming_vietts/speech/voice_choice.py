"""Which voice answers a request."""

from ..engines.catalogue import Catalogue
from ..engines.contract import Voice
from ..errors import UnknownVoiceError


def choose_voice(
    catalogue: Catalogue,
    default: str | None,
    name: str | None = None,
    speaker: str | None = None,
    language: str | None = None,
) -> Voice:
    """Pick a voice by name, else by speaker, else by language, else the default.

    Every voice has exactly one speaker, itself, so a speaker's name is the name of its voice.

    Args:
        default: name of the voice for requests that ask for nothing in particular; None for the
            first on offer.

    Raises:
        UnknownVoiceError: nothing matches, or name and speaker contradict each other.
    """
    wanted = name if name is not None else speaker
    if wanted is None and language is not None:
        return _choose_by_language(catalogue, default, language)
    if wanted is None:
        wanted = default
    if wanted is None:
        first = next(iter(catalogue.voices.values()), None)
        if first is None:
            raise UnknownVoiceError("No voice is available")
        return first
    voice = catalogue.find(wanted)
    if voice is None:
        available = ", ".join(catalogue.voices)
        raise UnknownVoiceError(f"Unknown voice '{wanted:.80}'; available: {available}")
    if speaker is not None and speaker != voice.name:
        raise UnknownVoiceError(
            f"Voice '{voice.name}' has no speaker '{speaker:.80}'; available: {voice.name}"
        )
    return voice


def _choose_by_language(catalogue: Catalogue, default: str | None, language: str) -> Voice:
    """The default voice if it speaks `language`, else the first on offer that does."""
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
    """`vi` of `vi-VN`, `vi_VN` and `VI`."""
    return language.replace("_", "-").split("-")[0].lower()
