"""The API of MaryTTS, which Home Assistant's integration of that name and many others speak."""

from collections.abc import Mapping
from urllib.parse import parse_qsl

from aiohttp import web

from ...errors import RequestError
from ...speech.narrator import Narrator
from .bodies import carried, read_body
from .speaking import Speaker, Wanted

_MAX_PARAMETERS = 100
_INPUT_TYPES = ("TEXT", "SSML")


def mary_routes(narrator: Narrator, speaker: Speaker) -> list[web.RouteDef]:
    """Its three routes."""

    async def voices(request: web.Request) -> web.Response:
        lines = [
            f"{voice.name} {_locale(voice.languages[0])} unknown general\n"
            for voice in narrator.catalogue.voices.values()
        ]
        return web.Response(text="".join(lines))

    async def locales(request: web.Request) -> web.Response:
        found = {
            _locale(language)
            for voice in narrator.catalogue.voices.values()
            for language in voice.languages
        }
        return web.Response(text="".join(f"{locale}\n" for locale in sorted(found)))

    return [
        web.get("/process", speaker.handler(_read_query), allow_head=False),
        web.post("/process", speaker.handler(_read_form)),
        web.get("/voices", voices),
        web.get("/locales", locales),
    ]


async def _read_query(request: web.Request) -> Wanted:
    return _wanted(request.query)


async def _read_form(request: web.Request) -> Wanted:
    """Read a form, whose Content-Type some clients leave out."""
    try:
        form = (await read_body(request)).decode()
        fields = parse_qsl(form, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise RequestError(f"The form cannot be read: {error}") from error
    return _wanted(dict(fields))


def _wanted(parameters: Mapping[str, str]) -> Wanted:
    """Read the parameters; LOCALE may be anything, as all voices speak Vietnamese.

    Raises:
        RequestError: text is missing, or something other than a WAV file is asked for.
    """
    text = parameters.get("INPUT_TEXT")
    if text is None:
        raise RequestError("The parameter 'INPUT_TEXT' is missing")
    input_type = parameters.get("INPUT_TYPE", "TEXT")
    if input_type not in _INPUT_TYPES:
        raise RequestError(
            f"Unknown INPUT_TYPE '{input_type:.80}'; available: {', '.join(_INPUT_TYPES)}"
        )
    output_type = parameters.get("OUTPUT_TYPE", "AUDIO")
    if output_type != "AUDIO":
        raise RequestError(f"Unknown OUTPUT_TYPE '{output_type:.80}'; available: AUDIO")
    audio = parameters.get("AUDIO", "WAVE")
    if not audio.startswith("WAV"):
        raise RequestError(f"Unknown AUDIO '{audio:.80}'; available: WAVE")
    return Wanted(carried(text), voice=parameters.get("VOICE") or None)


def _locale(language: str) -> str:
    """`vi_VN` of `vi-VN`."""
    return language.replace("-", "_")
