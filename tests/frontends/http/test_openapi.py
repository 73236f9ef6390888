"""The description of the API is what the running server does.

Its requests are made from the examples and schemas of the description, right and wrong; whatever
comes back must be described.
"""

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import pytest
import pytest_asyncio
from jsonschema import Draft202012Validator

from tests.frontends.http.harness import Answer, Doors, routes_of, running_doors, serving
from tests.harness import StepEngine
from wyoming_vietts.frontends.http.openapi import describe_api

API = describe_api()
OPERATIONS = [
    (method.upper(), path) for path, methods in API["paths"].items() for method in methods
]
WRONG: tuple[Any, ...] = (None, 5, -1.5, "", "x", "\ud83d", [], {}, True, 10**30, ["a"], {"id": 5})

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def doors(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Doors]:
    lexicon: Path = tmp_path_factory.mktemp("api") / "lexicon.txt"
    lexicon.write_text("Bo = Bô\n")
    async with serving("--engine", "espeak", "--lexicon", str(lexicon)) as (doors, _):
        yield doors


def operation(method: str, path: str) -> Any:
    return API["paths"][path][method.lower()]


def resolved(schema: Any) -> Any:
    """A schema without references."""
    if isinstance(schema, list):
        return [resolved(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    if (reference := schema.get("$ref")) is not None:
        return resolved(API["components"]["schemas"][reference.rpartition("/")[2]])
    return {key: resolved(value) for key, value in schema.items()}


def example_of(schema: Any) -> Any:
    """A value that a schema allows."""
    if "examples" in schema:
        return schema["examples"][0]
    if "enum" in schema:
        return schema["enum"][0]
    if "const" in schema:
        return schema["const"]
    if "anyOf" in schema:
        return None
    if schema.get("type") == "object":
        return {key: example_of(schema["properties"][key]) for key in schema["required"]}
    return {"string": "", "integer": 0, "number": 1.0, "boolean": True}[schema["type"]]


def check(method: str, path: str, answer: Answer) -> None:
    """An answer must be one of those that are described."""
    described = operation(method, path)["responses"]
    response = described.get(str(answer.status)) or described["default"]
    kind = (answer.headers.get("Content-Type") or "").partition(";")[0]
    content = response.get("content", {})
    if not content:
        assert answer.body == b""
        return
    assert kind in content or kind.partition("/")[0] + "/*" in content, (answer.status, kind)
    if kind == "application/json":
        schema = resolved(content[kind]["schema"])
        Draft202012Validator(schema).validate(answer.json)
    if response is described["default"]:
        assert answer.status >= 400
        assert answer.status != 500, answer.body


async def ask(doors: Doors, method: str, path: str, body: Any = None) -> Answer:
    """A request with the examples of all parameters that it must have."""
    query = {}
    for parameter in operation(method, path).get("parameters", ()):
        value = parameter.get("example", "")
        if parameter["in"] == "path":
            path = path.replace(f"{{{parameter['name']}}}", quote(value))
        elif parameter["in"] == "query" and parameter["required"]:
            query[parameter["name"]] = value
    url = f"{path}?{urlencode(query)}" if query else path
    send = doors.change if method != "GET" else doors.ask
    return await send(method, url, data=body)


def bodies(method: str, path: str) -> Iterator[bytes | None]:
    """A right body first, then wrong ones."""
    request = operation(method, path).get("requestBody")
    if request is None:
        yield None
        return
    ((kind, content),) = request["content"].items()
    schema = resolved(content["schema"])
    if kind == "application/json":
        right = example_of(schema)
        yield json.dumps(right).encode()
        for key in (*schema["properties"], "unknown"):
            yield from (json.dumps(right | {key: value}).encode() for value in WRONG)
            yield json.dumps({k: v for k, v in right.items() if k != key}).encode()
        yield from (b"", b"[]", b"{", b"null", b"\xff", b"[" * 10_000)
    elif kind == "application/x-www-form-urlencoded":
        right = example_of(schema)
        yield urlencode(right).encode()
        for key in schema["properties"]:
            yield from (urlencode(right | {key: value}).encode() for value in ("", "x", "\0"))
    else:
        yield from ("Xin chào!".encode(), b"", b"\xff\xfe", b"x" * 50_000)


async def test_description_is_well_formed() -> None:
    assert API["openapi"] == "3.1.0"
    for method, path in OPERATIONS:
        described = operation(method, path)
        contents = [r.get("content", {}) for r in described["responses"].values()]
        contents.append(described.get("requestBody", {}).get("content", {}))
        for content in contents:
            for media in content.values():
                Draft202012Validator.check_schema(resolved(media["schema"]))
        names = {p["name"] for p in described.get("parameters", ()) if p["in"] == "path"}
        assert names == {part[1:-1] for part in path.split("/") if part.startswith("{")}


async def test_every_route_is_described_and_no_other() -> None:
    found = {
        (route.method, route.resource.canonical)
        for route in await routes_of(StepEngine())
        if route.method != "HEAD"
    }
    assert found - {("GET", "/"), ("GET", "/page/{name}")} == set(OPERATIONS)


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_server_answers_as_is_described(doors: Doors, method: str, path: str) -> None:
    statuses = []
    for body in bodies(method, path):
        answer = await ask(doors, method, path, body)
        check(method, path, answer)
        statuses.append(answer.status)
    impossible = {"/api/voices", "/api/voices/{name}", "/api/undo/{id}", "/api/recordings",
        "/api/piper", "/api/downloads/{name}"}  # fmt: skip
    if method == "GET" or path not in impossible:  # needs a voice to change, or an engine
        assert 200 <= statuses[0] < 300


@pytest.mark.parametrize(("method", "path"), OPERATIONS)
async def test_other_methods_are_refused_with_those_that_there_are(
    doors: Doors, method: str, path: str
) -> None:
    answer = await doors.ask("TRACE", path.replace("{", "").replace("}", ""))
    assert (answer.status, answer.error["code"]) == (405, "wrong-method")
    assert method in answer.headers["Allow"]


async def test_description_is_served_and_says_whether_a_token_is_asked_for() -> None:
    async with running_doors(StepEngine()) as doors:
        assert (await doors.get("/api/openapi.json")).json == API
    async with running_doors(StepEngine(), token="secret") as doors:
        assert (await doors.get("/api/openapi.json")).status == 401
        headers = {"Authorization": "Bearer secret"}
        described = (await doors.get("/api/openapi.json", headers=headers)).json
        assert described["security"] == [{"bearer": []}, {"password": []}]
