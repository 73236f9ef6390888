"""The speech APIs of OpenAI, Rhasspy 2.5 and MaryTTS.

The last two answer with WAV files of known length, as their clients play files.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from aiohttp import web

from ...errors import RequestError
from ...settings.table import REQUEST_SAMPLE_RATE, REQUEST_SPEED, VOICE_VOLUME
from ...settings.values import Kind, Number, check_value
from ...speech.synthesizer import Synthesizer
from ..fields import check_choice, encodable, required_text, text_of
from .requests import HttpError, read_body, read_json
from .speech import SpeechEndpoint, SpeechRequest

MODEL = "vietts"


# --- OpenAI ---------------------------------------------------------------------------------------


def openai_routes(synthesizer: Synthesizer, endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": "wyoming-vietts"}

    async def models(request: web.Request) -> web.Response:
        return web.json_response({"object": "list", "data": [model]})

    async def one_model(request: web.Request) -> web.Response:
        if (name := request.match_info["id"]) != MODEL:
            raise HttpError("not-found", f"Unknown model '{name:.80}'; available: {MODEL}")
        return web.json_response(model)

    async def audio_models(request: web.Request) -> web.Response:
        return web.json_response({"models": [{"id": MODEL, "name": "Wyoming VietTTS"}]})

    async def voices(request: web.Request) -> web.Response:
        listed = [
            {"id": voice.name, "name": voice.description, "language": voice.languages[0]}
            for voice in synthesizer.catalogue.voices.values()
        ]
        return web.json_response({"voices": listed})

    return [
        web.post("/v1/audio/speech", endpoint.handler(_read_openai)),
        web.get("/v1/models", models),
        web.get("/v1/models/{id}", one_model),
        web.get("/v1/audio/models", audio_models),
        web.get("/v1/audio/voices", voices),
    ]


async def _read_openai(request: web.Request) -> SpeechRequest:
    values = await read_json(request)
    voice = values.get("voice")
    if isinstance(voice, dict):
        voice = voice.get("id")
    stream_format = text_of(values, "stream_format") or "audio"
    check_choice("stream_format", stream_format, ("audio", "sse"))
    return SpeechRequest(
        text=required_text(values, "input"),
        voice=text_of({"voice": voice}, "voice"),
        speed=_number(values, "speed", REQUEST_SPEED) or 1.0,
        audio_format=text_of(values, "response_format") or "mp3",
        sample_rate=_number(values, "sample_rate", REQUEST_SAMPLE_RATE),
        as_events=stream_format == "sse",
    )


def _number(values: dict[str, Any], key: str, kind: Kind) -> Any:
    value = values.get(key)
    try:
        return value if value is None else check_value(value, kind, f"'{key}'")
    except ValueError as error:
        raise RequestError(f"{error}") from error


# --- Rhasspy --------------------------------------------------------------------------------------


def rhasspy_routes(endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    return [
        web.post("/api/text-to-speech", endpoint.handler(_read_rhasspy_body)),
        web.get("/api/tts", endpoint.handler(_read_rhasspy_query)),
    ]


async def _read_rhasspy_body(request: web.Request) -> SpeechRequest:
    try:
        text = (await read_body(request)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"The text is not UTF-8 (byte {error.start})") from error
    return SpeechRequest(text, voice=request.query.get("voice") or None, as_file=True)


async def _read_rhasspy_query(request: web.Request) -> SpeechRequest:
    text = request.query.get("text")
    if text is None:
        raise RequestError("The parameter 'text' is missing")
    return SpeechRequest(encodable(text), voice=request.query.get("voice") or None, as_file=True)


# --- MaryTTS --------------------------------------------------------------------------------------

_MAX_PARAMETERS = 100
_EFFECTS = {
    "Rate": ("durScale", Number(1 / REQUEST_SPEED.most, 1 / REQUEST_SPEED.least)),
    "Volume": ("amount", VOICE_VOLUME),
}
"""Parameter and range of each effect."""


def mary_routes(synthesizer: Synthesizer, endpoint: SpeechEndpoint) -> list[web.RouteDef]:
    async def voices(request: web.Request) -> web.Response:
        lines = [
            f"{voice.name} {_mary_locale(voice.languages[0])} unknown general\n"
            for voice in synthesizer.catalogue.voices.values()
        ]
        return web.Response(text="".join(lines))

    async def locales(request: web.Request) -> web.Response:
        found = {
            _mary_locale(language)
            for voice in synthesizer.catalogue.voices.values()
            for language in voice.languages
        }
        return web.Response(text="".join(f"{locale}\n" for locale in sorted(found)))

    return [
        web.get("/process", endpoint.handler(_read_mary_query)),
        web.post("/process", endpoint.handler(_read_mary_form)),
        web.get("/voices", voices),
        web.get("/locales", locales),
    ]


async def _read_mary_query(request: web.Request) -> SpeechRequest:
    return _mary_request(request.query)


async def _read_mary_form(request: web.Request) -> SpeechRequest:
    """Read a form; some clients send it without a Content-Type."""
    try:
        form = (await read_body(request)).decode()
        fields = parse_qsl(form, keep_blank_values=True, max_num_fields=_MAX_PARAMETERS)
    except ValueError as error:
        raise RequestError(f"The form cannot be read: {error}") from error
    return _mary_request(dict(fields))


def _mary_request(parameters: Mapping[str, str]) -> SpeechRequest:
    """Read the parameters; LOCALE is ignored, as all voices speak Vietnamese.

    Raises:
        RequestError: the text is missing, or the answer would not be a WAV file.
    """
    text = parameters.get("INPUT_TEXT")
    if text is None:
        raise RequestError("The parameter 'INPUT_TEXT' is missing")
    check_choice("INPUT_TYPE", parameters.get("INPUT_TYPE", "TEXT"), ("TEXT", "SSML"))
    check_choice("OUTPUT_TYPE", parameters.get("OUTPUT_TYPE", "AUDIO"), ("AUDIO",))
    audio = parameters.get("AUDIO", "WAVE")
    if not audio.startswith("WAV"):
        raise RequestError(f"Unknown AUDIO '{audio:.80}'; available: WAVE")
    speed, volume = _mary_effects(parameters)
    return SpeechRequest(
        encodable(text),
        voice=parameters.get("VOICE") or None,
        speed=speed,
        volume=volume,
        as_file=True,
    )


def _mary_effects(parameters: Mapping[str, str]) -> tuple[float, float]:
    """Read speed and volume, which are parameters such as `effect_Rate_parameters=durScale:1.5;`.

    Raises:
        RequestError: an effect is unknown, or a number is missing or out of range.
    """
    values = dict.fromkeys(_EFFECTS, 1.0)
    for key, switch in parameters.items():
        effect = re.fullmatch(r"effect_(.{1,40})_selected", key)
        if effect is None or switch.lower() != "on":
            continue
        name = effect[1]
        check_choice("effect", name, _EFFECTS)
        word, kind = _EFFECTS[name]
        given = parameters.get(f"effect_{name}_parameters", "")
        match = re.fullmatch(rf"\s*{word}\s*[:=]\s*([0-9.]{{1,20}})\s*;?\s*", given, re.ASCII)
        try:
            values[name] = kind.parse(match[1] if match else "")
        except ValueError as error:
            raise RequestError(
                f"The effect {name} is '{given:.80}'; it must be '{word}:NUMBER;', {kind.right}"
            ) from error
    return 1.0 / values["Rate"], values["Volume"]


def _mary_locale(language: str) -> str:
    """Turn `vi-VN` into `vi_VN`."""
    return language.replace("-", "_")
