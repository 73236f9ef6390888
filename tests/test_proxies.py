"""The proxies of docs/containers-and-proxies.md, in front of a real server."""

import asyncio
import re
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest
import yaml

from tests.frontends.http.harness import Doors, serving
from tests.harness import free_port, run_command
from wyoming_vietts.frontends import limits
from wyoming_vietts.frontends.http.piper_uploads import MAX_UPLOAD_BYTES
from wyoming_vietts.settings.table import DEFAULT_HTTP_ADDRESS

DOCUMENT = Path(__file__).parents[1] / "docs" / "containers-and-proxies.md"
HAPROXY = Path("/usr/sbin/haproxy")


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", DOCUMENT.read_text(), re.S)


@asynccontextmanager
async def behind_haproxy(folder: Path, *arguments: str) -> AsyncIterator[tuple[Doors, str]]:
    """A server and, by its URL, the proxy in front of it."""
    async with serving("--engine", "espeak", *arguments) as (doors, _):
        port = free_port()
        (configuration,) = blocks("haproxy")
        configuration = configuration.replace(
            "bind :443 ssl crt /etc/haproxy/tts.pem", f"bind 127.0.0.1:{port}"
        ).replace("127.0.0.1:10280", doors.url.removeprefix("http://"))
        file = folder / "haproxy.cfg"
        file.write_text(configuration)
        process = subprocess.Popen([HAPROXY, "-db", "-f", file], stderr=subprocess.DEVNULL)
        try:
            url = f"http://127.0.0.1:{port}"
            for _ in range(200):
                try:
                    await doors.session.get(f"{url}/health")
                    break
                except aiohttp.ClientConnectionError:
                    await asyncio.sleep(0.05)
            yield doors, url
        finally:
            process.kill()
            process.wait()


async def test_haproxy_of_the_documentation_is_trusted_with_clients_and_names(
    tmp_path: Path,
) -> None:
    trusted = ("--http-proxies", "127.0.0.1", "--http-names", "tts.example.org")
    own = {"Host": "tts.example.org", "Origin": "http://tts.example.org"}

    async def status(url: str, path: str, **headers: str) -> int:
        async with session.get(url + path, headers=headers) as answer:
            return answer.status

    elsewhere = aiohttp.TCPConnector(local_addr=("127.0.0.2", 0))  # than the proxy
    async with aiohttp.ClientSession(connector=elsewhere) as session:
        async with behind_haproxy(tmp_path, *trusted) as (_, url):
            assert await status(url, "/api/status", **own) == 200
            assert await status(url, "/api/status", Host="evil.example") == 403
            # A client cannot say for itself who it is: the proxy adds the truth.
            forged = {"X-Forwarded-For": "8.8.8.8", "X-Forwarded-Host": "evil.example"}
            assert await status(url, "/api/status", **own, **forged) == 200
            body: dict[str, Any] = {"input": "Xin chào.", "response_format": "wav"}
            async with session.post(f"{url}/v1/audio/speech", json=body, headers=own) as answer:
                assert (await answer.read())[:4] == b"RIFF"
        async with behind_haproxy(tmp_path, *trusted, "--http-allow", "192.168.1.0/24") as (_, url):
            assert await status(url, "/api/status", **own) == 403
            forged = {"X-Forwarded-For": "192.168.1.7"}
            assert await status(url, "/api/status", **own, **forged) == 403


def test_variables_of_the_documentation_are_valid() -> None:
    found = 0
    for block in blocks("yaml"):
        for service in yaml.safe_load(block)["services"].values():
            found += len(service["environment"])
            result = run_command("healthcheck", "--uri", "tcp://127.0.0.1:1")
            assert "not a variable" not in result.stderr
            result = run_command("--uri", "stdio://x", **service["environment"])
            assert "--uri" in result.stderr, result.stderr  # which is wrong; all else is right
    assert found >= 8


def test_every_proxy_leads_to_the_port_of_the_page() -> None:
    configurations = [*blocks("nginx"), *blocks("haproxy"), *blocks("caddy"), *blocks("yaml")]
    ports = re.findall(r"(?:127\.0\.0\.1:|server\.port=)(\d+)", "".join(configurations))
    assert [*ports] == [DEFAULT_HTTP_ADDRESS.rpartition(":")[2]] * 4


def test_nginx_lets_the_largest_upload_and_the_slowest_reader_through() -> None:
    (nginx,) = blocks("nginx")
    (megabytes,) = re.findall(r"client_max_body_size (\d+)m;", nginx)
    assert int(megabytes) * 2**20 > MAX_UPLOAD_BYTES
    (seconds,) = re.findall(r"proxy_read_timeout (\d+)s;", nginx)
    assert int(seconds) >= limits.PLAYING_PAUSE_SECONDS
    sent = re.findall(r"proxy_set_header X-Forwarded-(\w+)", nginx)
    assert sorted(sent) == ["For", "Host", "Proto"]


@pytest.mark.parametrize("flag", ["--http-names", "--http-proxies", "--http-origins"])
def test_flags_of_the_documentation_are_there(flag: str) -> None:
    assert flag in DOCUMENT.read_text()
    assert flag in run_command("serve", "--help").stdout
