"""Describes the HTTP API in OpenAPI 3.1, at /api/openapi.json."""

from typing import Any

from aiohttp import web

from ... import __version__
from ...settings.table import MAX_TEXT, REQUEST_SAMPLE_RATE, REQUEST_SPEED
from .formats import available_formats

_Json = dict[str, Any]


def openapi_routes(max_text_characters: int, has_token: bool) -> list[web.RouteDef]:
    """Return the route of the description."""
    description = describe_api(max_text_characters, has_token)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(description)

    return [web.get("/api/openapi.json", answer)]


def describe_api(
    max_text_characters: int = MAX_TEXT.default, has_token: bool = False
) -> dict[str, Any]:
    """Describe every path except the page's files."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wyoming VietTTS",
            "version": __version__,
            "description": "Vietnamese text to speech. Texts that begin with <speak are SSML. "
            "Changes are for the server's own page, whose token is in api/status.",
        },
        "security": [{"bearer": []}, {"password": []}] if has_token else [],
        "paths": _speech_paths(max_text_characters) | _page_paths(max_text_characters),
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
            "schemas": {"Error": _ERROR, "Voice": _VOICE_OBJECT},
        },
    }


_TEXT: _Json = {"type": "string"}
_WHOLE: _Json = {"type": "integer"}
_NUMBER: _Json = {"type": "number"}
_BOOLEAN: _Json = {"type": "boolean"}
_VOICE: _Json = {"$ref": "#/components/schemas/Voice"}


def _object(**properties: _Json) -> _Json:
    """Describe an object with these required properties."""
    return {"type": "object", "properties": properties, "required": list(properties)}


def _optional(schema: _Json) -> _Json:
    return {"anyOf": [schema, {"type": "null"}]}


def _like(example: str) -> _Json:
    return _TEXT | {"examples": [example]}


def _list(items: _Json) -> _Json:
    return {"type": "array", "items": items}


def _content(kind: str, schema: _Json | None = None) -> _Json:
    return {"content": {kind: {"schema": schema or {}}}}


def _operation(
    summary: str,
    answer: _Json | None = None,
    *,
    parameters: list[_Json] | None = None,
    body: _Json | None = None,
    status: int = 200,
    changes: bool = False,
) -> _Json:
    """Describe an operation; all errors have the same form."""
    parameters = list(parameters or [])
    if changes:
        parameters.append(_parameter("X-Page-Token", _TEXT, place="header", required=True))
    done: _Json = {"description": "Done"} | (answer or {})
    operation: _Json = {
        "summary": summary,
        "responses": {
            str(status): done,
            "default": {"description": "An error"}
            | _content("application/json", {"$ref": "#/components/schemas/Error"}),
        },
    }
    if parameters:
        operation["parameters"] = parameters
    if body is not None:
        operation["requestBody"] = {"required": True} | body
    return operation


def _parameter(
    name: str, schema: _Json, place: str = "query", required: bool = False, example: Any = None
) -> _Json:
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    return parameter if example is None else parameter | {"example": example}


def _json(schema: _Json) -> _Json:
    return _content("application/json", schema)


_ERROR = _object(error=_object(message=_TEXT, type=_TEXT, param={"type": "null"}, code=_TEXT))
# fmt: off
_VOICE_OBJECT = _object(
    name=_TEXT, description=_TEXT, language=_TEXT, engine=_TEXT, sample_rate=_WHOLE,
    is_cloned=_BOOLEAN, is_ready=_BOOLEAN)
# fmt: on


# --- speech ---------------------------------------------------------------------------------------

_WAV = _content("audio/wav")


def _file(summary: str, parameters: list[_Json], body: _Json | None = None) -> _Json:
    """Describe an operation that answers with a WAV file, or a range of it."""
    operation = _operation(summary, _WAV, parameters=parameters, body=body)
    operation["responses"]["206"] = {"description": "A range of it"} | _WAV
    operation["responses"]["416"] = {"description": "There is no such range"}
    return operation


def _speech_paths(max_text: int) -> _Json:
    text = _TEXT | {"maxLength": max_text}
    model = _object(id=_TEXT, object=_TEXT, created=_WHOLE, owned_by=_TEXT)
    voice = _parameter("voice", _TEXT)
    speech: _Json = {
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": text | _like("Xin chào!"),
            "voice": {"anyOf": [_TEXT, _object(id=_TEXT), {"type": "null"}]},
            "model": {"description": "ignored"},
            "response_format": _optional(_TEXT | {"enum": list(available_formats())}),
            "stream_format": _optional(_TEXT | {"enum": ["audio", "sse"]}),
            "speed": _optional(
                _NUMBER | {"minimum": REQUEST_SPEED.least, "maximum": REQUEST_SPEED.most}
            ),
            "sample_rate": _optional(
                _WHOLE | {"minimum": REQUEST_SAMPLE_RATE.least, "maximum": REQUEST_SAMPLE_RATE.most}
            ),
        },
    }
    mary: _Json = {
        "INPUT_TEXT": text | _like("Xin chào!"),
        "INPUT_TYPE": _TEXT | {"enum": ["TEXT", "SSML"]},
        "OUTPUT_TYPE": _TEXT | {"enum": ["AUDIO"]},
        "AUDIO": _TEXT | {"enum": ["WAVE", "WAVE_FILE"]},
        "VOICE": _TEXT,
        "LOCALE": _TEXT,
        "effect_Rate_selected": _like("on"),
        "effect_Rate_parameters": _like("durScale:1.5;"),
        "effect_Volume_selected": _like("on"),
        "effect_Volume_parameters": _like("amount:2.0;"),
    }
    examples = {"INPUT_TEXT": "Xin chào!"}
    query = [
        _parameter(name, schema, required=name == "INPUT_TEXT", example=examples.get(name))
        for name, schema in mary.items()
    ]
    form = _content(
        "application/x-www-form-urlencoded",
        {"type": "object", "properties": mary, "required": ["INPUT_TEXT"]},
    )
    audio: _Json = {"audio/*": {"schema": {}}, "text/event-stream": {"schema": {}}}
    plain = _content("text/plain")
    return {
        "/health": {"get": _operation("Tell that the server runs", plain)},
        "/metrics": {"get": _operation("Metrics for Prometheus", plain)},
        "/v1/audio/speech": {
            "post": _operation("Speak (OpenAI)", {"content": audio}, body=_json(speech))
        },
        "/v1/models": {
            "get": _operation("List models", _json(_object(object=_TEXT, data=_list(model))))
        },
        "/v1/models/{id}": {
            "get": _operation(
                "Describe a model",
                _json(model),
                parameters=[_parameter("id", _TEXT, "path", True, "vietts")],
            )
        },
        "/v1/audio/models": {
            "get": _operation(
                "List models", _json(_object(models=_list(_object(id=_TEXT, name=_TEXT))))
            )
        },
        "/v1/audio/voices": {
            "get": _operation(
                "List voices",
                _json(_object(voices=_list(_object(id=_TEXT, name=_TEXT, language=_TEXT)))),
            )
        },
        "/api/text-to-speech": {
            "post": _file("Speak (Rhasspy)", [voice], _content("text/plain", text))
        },
        "/api/tts": {
            "get": _file(
                "Speak (Rhasspy)", [_parameter("text", text, "query", True, "Xin chào!"), voice]
            )
        },
        "/process": {
            "get": _file("Speak (MaryTTS)", query),
            "post": _file("Speak (MaryTTS)", [], form),
        },
        "/voices": {"get": _operation("List voices (MaryTTS)", plain)},
        "/locales": {"get": _operation("List languages (MaryTTS)", plain)},
    }


# --- the page -------------------------------------------------------------------------------------


def _page_paths(max_text: int) -> _Json:
    name = _parameter("name", _TEXT, "path", True, "co-an")
    undo = _parameter("id", _TEXT, "path", True, "0123456789abcdef")
    written, spoken = _like("Aqara"), _like("a ca ra")
    word = _object(written=written, spoken=spoken)
    words = _json(_object(entries=_list(word), total=_WHOLE))
    problem = _optional(_object(code=_TEXT, message=_TEXT))
    recording = {"type": "string", "format": "binary"}
    # fmt: off
    form = _content("multipart/form-data",
        _object(description=_TEXT, consent={"const": "yes"}, recording=recording))
    status = _object(
        version=_TEXT, engine=_optional(_TEXT), device=_TEXT, voices=_WHOLE, requests=_WHOLE,
        under_way=_WHOLE, real_time_factor=_optional(_NUMBER), memory_mb=_WHOLE,
        uptime_seconds=_WHOLE, can_clone=_BOOLEAN, how_to_clone=_optional(_TEXT),
        token=_TEXT)
    heard = _object(
        seconds=_optional(_NUMBER), start_seconds=_optional(_NUMBER),
        end_seconds=_optional(_NUMBER), problem=problem, warning=problem)
    download = _object(
        name=_TEXT, description=_TEXT, megabytes=_NUMBER, licence=_TEXT, is_there=_BOOLEAN,
        needs=_optional(_TEXT), progress=_optional(_NUMBER), error=_optional(_TEXT))
    return {
        "/api/openapi.json": {"get": _operation("This description", _json({"type": "object"}))},
        "/api/status": {"get": _operation("Tell the state of the server", _json(status))},
        "/api/voices": {
            "get": _operation("List voices",
                _json(_object(default=_optional(_TEXT), voices=_list(_VOICE)))),
            "post": _operation("Make a voice of a recording", _json(_object(name=_TEXT)),
                body=form, status=201, changes=True),
        },
        "/api/voices/{name}": {
            "patch": _operation("Rename a cloned voice", _json(_VOICE), parameters=[name],
                body=_json(_object(description=_TEXT)), changes=True),
            "delete": _operation("Delete a cloned voice", _json(_object(undo=_TEXT)),
                parameters=[name], changes=True),
        },
        "/api/undo/{id}": {
            "post": _operation("Restore a deleted voice", _json(_object(name=_TEXT)),
                parameters=[undo], changes=True),
        },
        "/api/default": {
            "put": _operation("Choose the default voice", status=204, changes=True,
                body=_json(_object(voice=_like("espeak-north-male")))),
        },
        "/api/recordings": {
            "post": _operation("Check a recording", _json(heard),
                body=_content("application/octet-stream")),
        },
        "/api/normalize": {
            "post": _operation("Tell how a text is spoken",
                _json(_object(sentences=_list(word))),
                body=_json(_object(text=_TEXT | {"maxLength": max_text}))),
        },
        "/api/lexicon": {
            "get": _operation("List the user's words", words,
                parameters=[_parameter("offset", _WHOLE | {"minimum": 0, "maximum": 99_999_999})]),
            "post": _operation("Set a word", words, body=_json(word), changes=True),
            "delete": _operation("Remove a word", words, body=_json(_object(written=written)),
                changes=True),
        },
        "/api/downloads": {
            "get": _operation("List downloads", _json(_object(downloads=_list(download)))),
        },
        "/api/downloads/{name}": {
            "post": _operation("Start a download", status=202, changes=True,
                parameters=[_parameter("name", _TEXT, "path", True, "vietts")]),
        },
    }
    # fmt: on
