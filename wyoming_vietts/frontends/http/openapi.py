"""Describes the HTTP API in OpenAPI 3.1, at /api/openapi.json."""

from collections.abc import Iterator, Sequence
from typing import Any

from aiohttp import web

from ... import __version__
from ...settings.table import MAX_TEXT, REQUEST_SAMPLE_RATE, REQUEST_SPEED
from .formats import available_formats

_Json = dict[str, Any]


def openapi_routes(max_text_characters: int, has_token: bool) -> list[web.RouteDef]:
    description = describe_api(max_text_characters, has_token)

    async def answer(request: web.Request) -> web.Response:
        return web.json_response(description)

    return [web.get("/api/openapi.json", answer)]


def describe_api(max_text_characters: int = MAX_TEXT.default, has_token: bool = False) -> _Json:
    """Describe every path except the page's files."""
    text = _TEXT | {"maxLength": max_text_characters}
    paths: _Json = {}
    for method, path, operation in (*_speech_operations(text), *_page_operations(text)):
        paths.setdefault(path, {})[method] = operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Wyoming VietTTS",
            "version": __version__,
            "description": "Vietnamese text to speech. Texts that begin with <speak are SSML. "
            "Changes are for the server's own page, whose token is in api/status.",
        },
        "security": [{"bearer": []}, {"password": []}] if has_token else [],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "password": {"type": "http", "scheme": "basic"},
            },
            "schemas": {"Error": _ERROR, "Voice": _VOICE_OBJECT},
        },
    }


_Operation = tuple[str, str, _Json]
"""Method, path, description."""

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


def _json(schema: _Json) -> _Json:
    return _content("application/json", schema)


def _parameter(
    name: str, schema: _Json, place: str = "query", required: bool = False, example: Any = None
) -> _Json:
    parameter = {"name": name, "in": place, "required": required, "schema": schema}
    return parameter if example is None else parameter | {"example": example}


def _operation(
    method: str,
    path: str,
    summary: str,
    answer: _Json | None = None,
    *,
    parameters: Sequence[_Json] = (),
    body: _Json | None = None,
    status: int = 200,
) -> _Operation:
    """Describe an operation; all errors have the same form."""
    done: _Json = {"description": "Done"} | (answer or {})
    error = _json({"$ref": "#/components/schemas/Error"})
    operation: _Json = {
        "summary": summary,
        "responses": {str(status): done, "default": {"description": "An error"} | error},
    }
    if parameters:
        operation["parameters"] = [*parameters]
    if body is not None:
        operation["requestBody"] = {"required": True} | body
    return method, path, operation


def _change(*what: Any, parameters: Sequence[_Json] = (), **how: Any) -> _Operation:
    """Describe an operation for pages of this server only."""
    token = _parameter("X-Page-Token", _TEXT, "header", True)
    return _operation(*what, parameters=(*parameters, token), **how)


def _file(
    method: str, path: str, summary: str, parameters: Sequence[_Json], body: _Json | None = None
) -> _Operation:
    """Describe an operation that answers with a WAV file, or a range of it."""
    wav = _content("audio/wav")
    operation = _operation(method, path, summary, wav, parameters=parameters, body=body)
    operation[2]["responses"] |= {
        "206": {"description": "A range of it"} | wav,
        "416": {"description": "There is no such range"},
    }
    return operation


_ERROR = _object(error=_object(message=_TEXT, type=_TEXT, param={"type": "null"}, code=_TEXT))
# fmt: off
_VOICE_OBJECT = _object(
    name=_TEXT, description=_TEXT, label=_TEXT, language=_TEXT, region=_optional(_TEXT),
    engine=_TEXT, sample_rate=_WHOLE, is_cloned=_BOOLEAN, can_be_renamed=_BOOLEAN,
    can_be_deleted=_BOOLEAN, is_ready=_BOOLEAN)
# fmt: on


def _speech_operations(text: _Json) -> Iterator[_Operation]:
    model = _object(id=_TEXT, object=_TEXT, created=_WHOLE, owned_by=_TEXT)
    voice = _parameter("voice", _TEXT)
    speed = {"minimum": REQUEST_SPEED.least, "maximum": REQUEST_SPEED.most}
    rate = {"minimum": REQUEST_SAMPLE_RATE.least, "maximum": REQUEST_SAMPLE_RATE.most}
    speech: _Json = {
        "type": "object",
        "required": ["input"],
        "properties": {
            "input": text | _like("Xin chào!"),
            "voice": {"anyOf": [_TEXT, _object(id=_TEXT), {"type": "null"}]},
            "model": {"description": "ignored"},
            "response_format": _optional(_TEXT | {"enum": list(available_formats())}),
            "stream_format": _optional(_TEXT | {"enum": ["audio", "sse"]}),
            "speed": _optional(_NUMBER | speed),
            "sample_rate": _optional(_WHOLE | rate),
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
    form = {"type": "object", "properties": mary, "required": ["INPUT_TEXT"]}
    audio: _Json = {"audio/*": {"schema": {}}, "text/event-stream": {"schema": {}}}
    plain = _content("text/plain")
    # fmt: off
    yield _operation("get", "/health", "Tell that the server runs", plain)
    yield _operation("get", "/metrics", "Metrics for Prometheus", plain)
    yield _operation("post", "/v1/audio/speech", "Speak (OpenAI)", {"content": audio},
        body=_json(speech))
    yield _operation("get", "/v1/models", "List models",
        _json(_object(object=_TEXT, data=_list(model))))
    yield _operation("get", "/v1/models/{id}", "Describe a model", _json(model),
        parameters=[_parameter("id", _TEXT, "path", True, "vietts")])
    yield _operation("get", "/v1/audio/models", "List models",
        _json(_object(models=_list(_object(id=_TEXT, name=_TEXT)))))
    yield _operation("get", "/v1/audio/voices", "List voices",
        _json(_object(voices=_list(_object(id=_TEXT, name=_TEXT, language=_TEXT)))))
    yield _file("post", "/api/text-to-speech", "Speak (Rhasspy)", [voice],
        _content("text/plain", text))
    yield _file("get", "/api/tts", "Speak (Rhasspy)",
        [_parameter("text", text, "query", True, "Xin chào!"), voice])
    yield _file("get", "/process", "Speak (MaryTTS)", query)
    yield _file("post", "/process", "Speak (MaryTTS)", [],
        _content("application/x-www-form-urlencoded", form))
    yield _operation("get", "/voices", "List voices (MaryTTS)", plain)
    yield _operation("get", "/locales", "List languages (MaryTTS)", plain)
    # fmt: on


def _page_operations(text: _Json) -> Iterator[_Operation]:
    name = _parameter("name", _TEXT, "path", True, "co-an")
    download_name = _parameter("name", _TEXT, "path", True, "vietts")
    file_name = _parameter("name", _TEXT, "query", True, "vi_VN-an-medium")
    sizes = [
        _parameter(name, _WHOLE, "query", True, 5000) for name in ("config_bytes", "network_bytes")
    ]
    undo = _parameter("id", _TEXT, "path", True, "0123456789abcdef")
    offset = _parameter("offset", _WHOLE | {"minimum": 0, "maximum": 99_999_999})
    written, spoken = _like("Aqara"), _like("a ca ra")
    word = _object(written=written, spoken=spoken)
    words = _json(_object(entries=_list(word), total=_WHOLE))
    problem = _optional(_object(code=_TEXT, message=_TEXT))
    recording = {"type": "string", "format": "binary"}
    # fmt: off
    form = _content("multipart/form-data",
        _object(description=_TEXT, consent={"const": "yes"}, recording=recording))
    step = _object(kind=_TEXT, text=_TEXT)
    status = _object(
        version=_TEXT, engine=_optional(_TEXT), device=_TEXT, voices=_WHOLE, requests=_WHOLE,
        under_way=_WHOLE, real_time_factor=_optional(_NUMBER), memory_mb=_WHOLE,
        uptime_seconds=_WHOLE, can_clone=_BOOLEAN, clones_with=_list(_TEXT),
        how_to_clone=_list(step), max_piper_bytes=_optional(_WHOLE),
        has_embedded_only=_BOOLEAN, token=_TEXT)
    heard = _object(
        seconds=_optional(_NUMBER), start_seconds=_optional(_NUMBER),
        end_seconds=_optional(_NUMBER), problem=problem, warning=problem)
    download = _object(
        name=_TEXT, description=_TEXT, megabytes=_NUMBER, licence=_TEXT, is_there=_BOOLEAN,
        needs=_optional(_TEXT), install=_optional(step), progress=_optional(_NUMBER),
        error=_optional(_TEXT))
    yield _operation("get", "/api/openapi.json", "This description", _json({"type": "object"}))
    yield _operation("get", "/api/status", "Tell the state of the server", _json(status))
    yield _operation("get", "/api/voices", "List voices",
        _json(_object(default=_optional(_TEXT), voices=_list(_VOICE))))
    yield _change("post", "/api/voices", "Make a voice of a recording",
        _json(_object(name=_TEXT)), body=form, status=201)
    yield _change("post", "/api/piper", "Add a Piper voice: NAME.onnx.json, then NAME.onnx",
        _json(_object(names=_list(_TEXT))), body=_content("application/octet-stream"), status=201,
        parameters=[file_name, *sizes])
    yield _change("patch", "/api/voices/{name}", "Rename a voice made of a file", _json(_VOICE),
        parameters=[name], body=_json(_object(description=_TEXT)))
    yield _change("delete", "/api/voices/{name}", "Delete a voice and its files",
        _json(_object(undo=_TEXT, names=_list(_TEXT))), parameters=[name])
    yield _change("post", "/api/undo/{id}", "Restore a deleted voice",
        _json(_object(name=_TEXT)), parameters=[undo])
    yield _change("put", "/api/default", "Choose the default voice", status=204,
        body=_json(_object(voice=_like("espeak-north-male"))))
    yield _operation("post", "/api/recordings", "Check a recording", _json(heard),
        body=_content("application/octet-stream"))
    yield _operation("post", "/api/normalize", "Tell how a text is spoken",
        _json(_object(sentences=_list(word))), body=_json(_object(text=text)))
    yield _operation("get", "/api/lexicon", "List the user's words", words, parameters=[offset])
    yield _change("post", "/api/lexicon", "Set a word", words, body=_json(word))
    yield _change("delete", "/api/lexicon", "Remove a word", words,
        body=_json(_object(written=written)))
    yield _operation("get", "/api/downloads", "List downloads",
        _json(_object(downloads=_list(download))))
    yield _change("post", "/api/downloads/{name}", "Start a download", status=202,
        parameters=[download_name])
    yield _change("delete", "/api/downloads/{name}", "Cancel a download", status=204,
        parameters=[download_name])
    # fmt: on
