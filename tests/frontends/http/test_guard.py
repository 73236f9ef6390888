"""Who may ask for what; each rule is broken by one test at least."""

from ipaddress import ip_network
from typing import Any

import pytest
from aiohttp.test_utils import make_mocked_request

from tests.frontends.http.harness import Doors, routes_of, running_doors, serving
from tests.harness import StepEngine, run_command
from wyoming_vietts.frontends.http.guard import Access, Guard
from wyoming_vietts.frontends.http.requests import HttpError
from wyoming_vietts.settings.addresses import (
    LOOPBACK,
    parse_http_address,
    parse_names,
    parse_networks,
)

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
        (parse_networks("::ffff:127.0.0.1"), "127.0.0.1", True),
        (parse_networks("::ffff:127.0.0.1"), "::ffff:127.0.0.1", True),
        (parse_networks("::ffff:192.168.1.0/120"), "192.168.1.7", True),
        (parse_networks("::ffff:192.168.1.0/120"), "192.168.2.7", False),
        (parse_networks("::/0"), "192.168.1.7", False),
    ],
)
def test_only_allowed_peers_come_in(allowed: Any, peer: str, passes: bool) -> None:
    why = refusal(Guard("0.0.0.0", Access(allowed, None)), peer, {"Host": "localhost"})
    assert passes == (why == "")
    assert passes or "see --http-allow or WYOMING_VIETTS_HTTP_ALLOW" in why


async def test_peer_that_is_not_allowed_is_told_so() -> None:
    async with running_doors(StepEngine(), allowed=parse_networks("10.0.0.0/8")) as doors:
        for path in ("/health", "/", "/api/status", "/v1/models"):
            answer = await doors.get(path)
            assert (answer.status, answer.error["code"]) == (403, "forbidden")
        assert "127.0.0.1 is not allowed" in answer.error["message"]


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
    guard = Guard("tts.home.example", Access(LOOPBACK, None))
    assert passes == (refusal(guard, "127.0.0.1", {"Host": host}) == "")


async def test_foreign_name_is_refused_over_the_wire() -> None:
    async with running_doors(StepEngine()) as doors:
        answer = await doors.get("/api/status", headers={"Host": "evil.example"})
    assert answer.status == 403
    assert "not called 'evil.example'" in answer.error["message"]
    assert "--http-names or WYOMING_VIETTS_HTTP_NAMES" in answer.error["message"]
    assert "token" not in answer.body.decode()


async def test_health_is_answered_by_any_name_but_only_to_allowed_clients() -> None:
    async with running_doors(StepEngine(), token="secret") as doors:
        answer = await doors.get("/health", headers={"Host": "vietts.voices.svc.cluster.local"})
        assert (answer.status, answer.body) == (200, b"ok")


@pytest.mark.parametrize(
    ("host", "passes"),
    [
        ("nas.lan:10280", True),
        ("NAS.lan", True),
        ("pi.tail1234.ts.net", True),
        ("ts.net", False),
        ("evilts.net", False),
        ("nas.lan.evil.example", False),
        ("other.lan", False),
    ],
)
def test_names_of_the_user_are_answered(host: str, passes: bool) -> None:
    guard = Guard("0.0.0.0", Access(LOOPBACK, None, parse_names("nas.lan,*.ts.net")))
    assert passes == (refusal(guard, "127.0.0.1", {"Host": host}) == "")
    # A page of that name may use it, too, even where a proxy has replaced the Host.
    with_origin = {"Host": "127.0.0.1:10280", "Origin": f"https://{host.lower()}"}
    assert (passes and ":" not in host) == (refusal(guard, "127.0.0.1", with_origin) == "")


async def test_names_of_the_user_may_change_things(tmp_path: Any) -> None:
    async with running_doors(
        StepEngine(), voices_dir=tmp_path, names=("tts.home.example",)
    ) as doors:
        for origin, status in (
            ("https://tts.home.example", 204),
            ("https://tts.home.example:8443", 403),
            ("https://x.tts.home.example", 403),
        ):
            answer = await doors.change(
                "PUT", "/api/default", json={"voice": "binh"}, headers={"Origin": origin}
            )
            assert answer.status == status


# --- proxies -------------------------------------------------------------------------------------

PROXY = {"Host": "127.0.0.1:10280", "X-Forwarded-Host": "tts.example.org"}


@pytest.mark.parametrize(
    ("peer", "headers", "why"),
    [
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "8.8.8.8, 192.168.1.7"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7, 10.0.0.2"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "::ffff:192.168.1.7"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7, 8.8.8.8"}, "8.8.8.8 is not allowed"),
        ("10.0.0.1", {"X-Forwarded-For": "me"}, "has 'me', which is no address"),
        ("10.0.0.1", {}, "10.0.0.1 is not allowed"),
        ("10.0.0.9", {"X-Forwarded-For": "192.168.1.7"}, "10.0.0.9 is not allowed"),
        ("192.168.1.8", {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Host": "evil.example"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7", "X-Forwarded-Host": "evil.example"},
            "not called 'evil.example'"),
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7", "Origin": "https://tts.example.org",
            "X-Forwarded-Proto": "https"}, ""),
        ("10.0.0.1", {"X-Forwarded-For": "192.168.1.7", "Origin": "http://tts.example.org",
            "X-Forwarded-Proto": "https"}, "Pages of other sites"),
    ],
)  # fmt: skip
def test_trusted_proxies_name_their_clients(peer: str, headers: dict[str, str], why: str) -> None:
    home, proxies = map(parse_networks, ("192.168.1.0/24", "10.0.0.0/30"))
    guard = Guard("0.0.0.0", Access(home, None, ("tts.example.org",), proxies))
    refused = refusal(guard, peer, PROXY | headers)
    assert why in refused
    assert bool(why) == bool(refused)


async def test_proxy_makes_the_page_of_its_own_name_work(tmp_path: Any) -> None:
    proxied = {"X-Forwarded-For": "127.0.0.9", "X-Forwarded-Host": "tts.example.org:8443",
        "X-Forwarded-Proto": "https"}  # fmt: skip
    async with running_doors(
        StepEngine(), voices_dir=tmp_path, names=("tts.example.org",), proxies=LOOPBACK
    ) as doors:
        for origin, status in (
            ("https://tts.example.org:8443", 204),
            ("http://tts.example.org:8443", 403),
            ("https://tts.example.org:9000", 403),
        ):
            answer = await doors.change(
                "PUT", "/api/default", json={"voice": "binh"}, headers=proxied | {"Origin": origin}
            )
            assert answer.status == status


# --- other origins -------------------------------------------------------------------------------


@pytest.mark.parametrize("origins", [("https://app.example.org",), ("*",)])
async def test_named_origins_may_use_the_api_but_change_nothing(origins: Any) -> None:
    browser = {"Origin": "https://app.example.org", "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "cors"}  # fmt: skip
    ask = {"Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization, content-type"}  # fmt: skip
    async with running_doors(StepEngine(), token="secret", origins=origins) as doors:
        asked = await doors.ask("OPTIONS", "/v1/audio/speech", headers=browser | ask)
        assert asked.status == 204
        assert "POST" in asked.headers["Access-Control-Allow-Methods"]
        assert "Authorization" in asked.headers["Access-Control-Allow-Headers"]
        key = {"Authorization": "Bearer secret"}
        answer = await doors.get("/v1/models", headers=browser | key)
        assert answer.status == 200
        for each in (asked, answer):
            assert each.headers["Access-Control-Allow-Origin"] == "https://app.example.org"
            assert each.headers["Cross-Origin-Resource-Policy"] == "cross-origin"
            assert each.headers["Vary"] == "Origin"
        assert (await doors.get("/v1/models", headers=browser)).status == 401
        token = (await doors.get("/api/status", headers=key)).json["token"]
        answer = await doors.ask(
            "PUT", "/api/default", json={"voice": "binh"},
            headers=browser | key | {"X-Page-Token": token},
        )  # fmt: skip
        assert (answer.status, answer.error["message"]) == (
            403, "Changes must come from a page of this server")  # fmt: skip


async def test_other_origins_get_no_permission() -> None:
    headers = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}
    for origins in ((), ("https://app.example.org",)):
        async with running_doors(StepEngine(), origins=origins) as doors:
            answer = await doors.ask("OPTIONS", "/v1/audio/speech", headers=headers)
            assert answer.status == 403
            assert "Access-Control-Allow-Origin" not in answer.headers


@pytest.mark.parametrize(
    ("flag", "value", "message"),
    [
        ("--http-names", "nas.lan,-x", "'-x' must be a host name, such as nas.lan or *.ts.net"),
        ("--http-names", "http://nas", "'http://nas' must be a host name"),
        ("--http-origins", "app.example.org", "'app.example.org' must be an origin, such as"),
        ("--http-origins", "https://a.b/c", "'https://a.b/c' must be an origin, such as"),
        ("--http-proxies", "nginx", "'nginx' must be an address or a network"),
    ],
)
def test_wrong_names_origins_and_proxies_are_named(flag: str, value: str, message: str) -> None:
    result = run_command("--http", flag, value)
    assert result.returncode == 2
    assert message in result.stderr


# --- ingress -------------------------------------------------------------------------------------


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
    assert passes == (refusal(Guard("0.0.0.0", Access(allowed, "token")), peer, headers) == "")


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
    ("POST", "/api/piper"),
    ("PATCH", "/api/voices/an"),
    ("DELETE", "/api/voices/an"),
    ("POST", "/api/undo/0123456789abcdef"),
    ("POST", "/api/downloads/vietts"),
    ("DELETE", "/api/downloads/vietts"),
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


@pytest.mark.parametrize(
    ("headers", "message"),
    [
        ({}, ""),
        ({"Origin": "http://127.0.0.1:10280"}, ""),
        ({"Sec-Fetch-Site": "same-origin"}, ""),
        ({"Origin": "http://evil.example"}, "Changes must come from a page of this server"),
        ({"Origin": "null"}, "Changes must come from a page of this server"),
        ({"Origin": ""}, "Changes must come from a page of this server"),
        ({"Sec-Fetch-Site": "cross-site"}, "Changes must come from a page of this server"),
        ({"Sec-Fetch-Site": ""}, "Changes must come from a page of this server"),
        ({"X-Page-Token": "x"}, "X-Page-Token must be the token that api/status gives"),
    ],
)
async def test_change_is_checked_by_itself(headers: dict[str, str], message: str) -> None:
    """Whatever `check` has let pass."""
    guard = Guard("0.0.0.0", Access(LOOPBACK, None))

    async def handler(request: object) -> Any:
        return "changed"

    own = {"Host": "127.0.0.1:10280", "X-Page-Token": guard.page_token}
    request = request_from("127.0.0.1", own | headers)
    if message:
        with pytest.raises(HttpError, match=f"^{message}$"):
            await guard.changing(handler)(request)
    else:
        assert await guard.changing(handler)(request) == "changed"


@pytest.mark.parametrize(
    ("headers", "passes"),
    [
        ({"Sec-Fetch-Site": "cross-site"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "cors"}, False),
        ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ({"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, True),
        ({"Sec-Fetch-Mode": "cors"}, True),
        ({"Origin": "http://evil.example", "Sec-Fetch-Mode": "navigate"}, False),
    ],
)
def test_cross_site_requests_are_refused(headers: dict[str, str], passes: bool) -> None:
    guard = Guard("0.0.0.0", Access(LOOPBACK, None))
    why = refusal(guard, "127.0.0.1", {"Host": "localhost"} | headers)
    assert why == ("" if passes else "forbidden: Pages of other sites may not use this server")


async def test_only_ingress_changes_things_where_the_supervisor_is_allowed() -> None:
    guard = Guard("0.0.0.0", Access([ip_network(SUPERVISOR), *LOOPBACK], "secret", ("*",)))

    async def handler(request: object) -> Any:
        return "changed"

    headers = {"Host": "homeassistant.local:10280", "X-Page-Token": guard.page_token,
        "Authorization": "Bearer secret"}  # fmt: skip
    request = request_from("127.0.0.1", headers)
    guard.check(request)
    with pytest.raises(HttpError, match="on the app's page in Home Assistant"):
        await guard.changing(handler)(request)


async def test_page_behind_ingress_may_change_things() -> None:
    guard = Guard("0.0.0.0", Access([ip_network(SUPERVISOR)], None))

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
