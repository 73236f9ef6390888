"""Who may ask for what; each rule is broken by one test at least."""

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.frontends.http.harness import Doors, routes_of, running_doors, serving
from tests.harness import StepEngine, run_command
from wyoming_vietts.frontends.http.guard import Guard
from wyoming_vietts.frontends.http.requests import HttpError
from wyoming_vietts.settings.addresses import LOOPBACK, parse_http_address, parse_networks

SUPERVISOR = "172.30.32.2"
THROUGH_INGRESS = {
    "Host": "my-home.example:8123",
    "X-Ingress-Path": "/api/hassio_ingress/x",
    "X-Forwarded-Host": "my-home.example:8123",
}


def request_from(peer: str, headers: dict[str, str], path: str = "/api/status") -> Any:
    return make_mocked_request("GET", path, headers).clone(remote=peer)


def refusal(guard: Guard, peer: str, headers: dict[str, str]) -> str:
    """Why a request may not pass; "" if it may."""
    try:
        guard.check(request_from(peer, headers))
    except HttpError as error:
        return f"{error.code}: {error}"
    return ""


# --- networks ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("allowed", "peer", "passes"),
    [
        (LOOPBACK, "127.0.0.1", True),
        (LOOPBACK, "127.9.9.9", True),
        (LOOPBACK, "::1", True),
        (LOOPBACK, "::ffff:127.0.0.1", True),
        (LOOPBACK, "192.168.1.7", False),
        (LOOPBACK, "::ffff:192.168.1.7", False),
        (LOOPBACK, "fe80::1%eth0", False),
        (parse_networks("192.168.1.0/24"), "192.168.1.7", True),
        (parse_networks("192.168.1.0/24"), "192.168.2.7", False),
        (parse_networks("192.168.1.7, fd00::/8"), "fd12::1", True),
    ],
)
def test_only_allowed_peers_come_in(allowed: Any, peer: str, passes: bool) -> None:
    why = refusal(Guard("0.0.0.0", allowed, None), peer, {"Host": "localhost"})
    assert passes == (why == "")
    assert passes or "--http-allow says who may" in why


async def test_peer_that_is_not_allowed_is_told_so() -> None:
    async with running_doors(StepEngine(), allowed=parse_networks("10.0.0.0/8")) as doors:
        for path in ("/health", "/", "/api/status", "/v1/models"):
            answer = await doors.get(path)
            assert (answer.status, answer.error["code"]) == (403, "forbidden")
        assert "127.0.0.1 may not come in" in answer.error["message"]


# --- names ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("localhost:10280", True),
        ("127.0.0.1", True),
        ("192.168.1.7:10280", True),
        ("[::1]:10280", True),
        ("wyoming-vietts:10280", True),  # the name of a container
        ("this-machine", True),
        ("this-machine.local:10280", True),
        ("tts.home.example", True),
        ("TTS.home.example:80", True),
        ("other.local", False),
        ("evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("localhost.evil.example:10280", False),
        ("[::1", False),
        ("", False),
    ],
)
def test_only_own_names_are_answered(
    host: str, passes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("socket.gethostname", lambda: "This-Machine")
    guard = Guard("tts.home.example", LOOPBACK, None)
    assert passes == (refusal(guard, "127.0.0.1", {"Host": host}) == "")


async def test_foreign_name_is_refused_over_the_wire() -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.get("/api/status", headers={"Host": "evil.example"})
    assert answer.status == 403
    assert "not called 'evil.example'" in answer.error["message"]
    assert "token" not in answer.body.decode()


@pytest.mark.parametrize(
    ("allowed", "peer", "headers", "passes"),
    [
        ([ip_network(SUPERVISOR)], SUPERVISOR, THROUGH_INGRESS, True),
        # The same, but from elsewhere, without being named, or without ingress.
        ([ip_network(SUPERVISOR), *LOOPBACK], "127.0.0.1", THROUGH_INGRESS, False),
        ([ip_network("172.30.32.0/23")], SUPERVISOR, THROUGH_INGRESS, False),
        ([ip_network(SUPERVISOR)], SUPERVISOR, {"Host": "my-home.example:8123"}, False),
    ],
)
def test_ingress_has_any_name(
    allowed: Any, peer: str, headers: dict[str, str], passes: bool
) -> None:
    assert passes == (refusal(Guard("0.0.0.0", allowed, "token"), peer, headers) == "")


# --- the token -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("authorization", "status"),
    [
        (None, 401),
        ("Bearer secret", 200),
        ("bearer secret", 200),
        ("Bearer secre", 401),
        ("Bearer secrets", 401),
        ("Bearer \xff", 401),
        ("Basic YW55Ym9keTpzZWNyZXQ=", 200),
        ("Basic YW55Ym9keTp3cm9uZw==", 401),
        ("Basic ***", 401),
        ("Basic mật:khẩu", 401),
        ("Digest secret", 401),
    ],
)
async def test_token_is_asked_for(authorization: str | None, status: int) -> None:
    headers = {} if authorization is None else {"Authorization": authorization}
    async with running_doors(StepEngine(), token="secret") as doors:
        for path in ("/api/status", "/metrics", "/v1/models", "/voices", "/page/x.js"):
            answer = await doors.get(path, headers=headers)
            assert answer.status == (404 if status == 200 and path == "/page/x.js" else status)
            assert ("WWW-Authenticate" in answer.headers) == (answer.status == 401)
        assert (await doors.get("/health")).body == b"ok"


def test_empty_token_is_no_token() -> None:
    assert run_command("--http", "--http-token", "").returncode == 2
    assert run_command("--http", "--http-token", "mật khẩu").returncode == 2


# --- pages ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Sec-Fetch-Site": "same-origin"}, 204),
        ({}, 204),
        ({"X-Page-Token": ""}, 403),
        ({"X-Page-Token": "wrong"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "null"}, 403),
        ({"Origin": "http://127.0.0.1:1"}, 403),
        ({"Origin": "app://obsidian.md"}, 403),
        ({"Sec-Fetch-Site": "cross-site"}, 403),
        ({"Sec-Fetch-Site": "same-site"}, 403),
        ({"Sec-Fetch-Site": "none"}, 403),
        # What only ingress may say.
        ({"Origin": "http://evil.example", "X-Forwarded-Host": "evil.example",
            "X-Ingress-Path": "/x"}, 403),
    ],
)  # fmt: skip
async def test_changes_come_from_a_page_of_this_server(
    headers: dict[str, str], status: int, tmp_path: Any
) -> None:
    async with running_doors(StepEngine(), voices_dir=tmp_path) as doors:
        answer = await doors.change("PUT", "/api/default", json={"voice": "binh"}, headers=headers)
        default = (await doors.get("/api/voices")).json["default"]
    assert answer.status == status, answer.body
    assert default == ("binh" if status == 204 else "an")


CHANGES = [
    ("PUT", "/api/default"),
    ("POST", "/api/lexicon"),
    ("DELETE", "/api/lexicon"),
    ("POST", "/api/voices"),
    ("PATCH", "/api/voices/an"),
    ("DELETE", "/api/voices/an"),
    ("POST", "/api/undo/0123456789abcdef"),
    ("POST", "/api/downloads/vietts"),
]


@pytest.mark.parametrize(("method", "path"), CHANGES)
async def test_no_change_is_made_without_the_token_of_the_page(method: str, path: str) -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.ask(method, path, json={})
        assert (answer.status, answer.error["message"]) == (
            403, "X-Page-Token must be the token that api/status gives")  # fmt: skip
        assert "X-Page-Token" not in (await doors.change(method, path, json={})).body.decode()


async def test_every_change_is_in_the_list_above() -> None:
    safe = {"/v1/audio/speech", "/api/text-to-speech", "/process", "/api/normalize",
        "/api/recordings"}  # fmt: skip
    found = {
        (route.method, route.resource.canonical)
        for route in await routes_of(StepEngine())
        if route.method not in ("GET", "HEAD") and route.resource.canonical not in safe
    }
    assert len(found) == len(CHANGES)


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, 200),
        ({"Sec-Fetch-Site": "none"}, 200),
        ({"Origin": "chrome-extension://reader"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, 200),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403),
        ({"Origin": "http://evil.example"}, 403),
        ({"Origin": "https://evil.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
async def test_pages_of_other_sites_cannot_make_it_work(
    headers: dict[str, str], status: int
) -> None:
    async with running_doors(StepEngine()) as doors:
        assert (await doors.get("/api/tts?text=a", headers=headers)).status == status


async def test_page_behind_ingress_may_change_things() -> None:
    guard = Guard("0.0.0.0", [ip_network(SUPERVISOR)], None)

    async def handler(request: object) -> Any:
        return "changed"

    headers = {**THROUGH_INGRESS, "Host": "172.30.33.5:10280", "X-Page-Token": guard.page_token}
    own = headers | {"Origin": "https://my-home.example:8123"}
    request = request_from(SUPERVISOR, own)
    guard.check(request)
    assert await guard.changing(handler)(request) == "changed"
    with pytest.raises(HttpError):
        await guard.changing(handler)(
            request_from(SUPERVISOR, headers | {"Origin": "https://evil.example"})
        )


# --- headers, limits -----------------------------------------------------------------------------


async def test_every_answer_carries_the_rules_for_browsers() -> None:
    async with running_doors(StepEngine()) as doors:
        answers = [
            await doors.get("/api/status"),
            await doors.get("/nothing"),
            await doors.get("/api/status", headers={"Host": "evil.example"}),
            await doors.speech("Xin chào."),
        ]
    for answer in answers:
        policy = answer.headers["Content-Security-Policy"]
        assert policy.startswith("default-src 'none'; script-src 'self'; ")
        assert "frame-ancestors 'self'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Permissions-Policy"] == "microphone=(self)"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Access-Control-Allow-Origin" not in answer.headers


async def test_page_files_are_those_of_the_package_alone(doors_of_page: Doors) -> None:
    for path in (
        "/page/server.py", "/page/../server.py", "/page/%2e%2e%2fserver.py",
        "/page/..%2f..%2f..%2f..%2fetc%2fpasswd", "/page//etc/passwd", "/page/", "/page/.gitkeep",
    ):  # fmt: skip
        assert (await doors_of_page.get(path)).status == 404


@pytest.fixture
async def doors_of_page() -> Any:
    async with running_doors(StepEngine()) as doors:
        yield doors


# --- addresses -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "address"),
    [
        ("127.0.0.1:10280", ("127.0.0.1", 10280)),
        ("[::]:80", ("::", 80)),
        ("tts.home.example:8080", ("tts.home.example", 8080)),
    ],
)
def test_address_is_host_and_port(value: str, address: tuple[str, int]) -> None:
    assert parse_http_address(value) == address


@pytest.mark.parametrize(
    "value", ["10280", ":10280", "localhost", "localhost:", "a:99999", "a:b", "::1:80", "u@a:1",
        "a:1/x", "[::1:80", ""]
)  # fmt: skip
def test_anything_else_is_no_address(value: str) -> None:
    with pytest.raises(ValueError, match=r"must be HOST:PORT, such as 127\.0\.0\.1:10280"):
        parse_http_address(value)


def test_wrong_networks_are_named() -> None:
    result = run_command("--http", "--http-allow", "192.168.1.0/24,home")
    assert result.returncode == 2
    assert "'home' must be an address or a network, such as 192.168.1.0/24" in result.stderr


async def test_process_listens_on_loopback_unless_told() -> None:
    async with serving("--engine", "espeak") as (doors, _):
        assert (await doors.get("/health")).body == b"ok"
