"""A real server, and its page in a real browser."""

import json
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.client import HTTPConnection
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from threading import Event
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Locator, Page, expect, sync_playwright

from tests.harness import free_port, server_process
from tests.http_server import serving as serving_http

CHROMIUM = "/usr/bin/chromium"  # Debian's
REMEMBER_STARTS = """
    window.starts = [];
    const start = AudioBufferSourceNode.prototype.start;
    AudioBufferSourceNode.prototype.start = function (...when) {
        const ends = when[0] + this.buffer.duration;
        window.starts.push({ at: when[0], ends, ahead: when[0] - this.context.currentTime });
        return start.apply(this, when);
    };
"""


@dataclass
class Site:
    """A running server."""

    url: str
    port: int
    """Of the Wyoming door."""
    folder: Path
    process: Any


@contextmanager
def serving(
    folder: Path, *arguments: str, address: str | None = None, **environment: str
) -> Iterator[Site]:
    """Serve the models and voices of a folder."""
    address, port = address or f"127.0.0.1:{free_port()}", free_port()
    lexicon = folder / "lexicon.txt"
    lexicon.write_text("# Của tôi\n")
    folders = (f"--model-dir={folder / 'model'}", f"--voices-dir={folder / 'voices'}",
               f"--piper-dir={folder / 'piper'}", f"--vieneu-dir={folder / 'vieneu'}",
               f"--lexicon={lexicon}")  # fmt: skip
    how = ("--uri", f"tcp://127.0.0.1:{port}", "--http", address, *folders, *arguments)
    with server_process(*how, environment=environment) as process:
        for _ in range(600):
            try:
                socket.create_connection(("127.0.0.1", int(address.rpartition(":")[2]))).close()
                break
            except OSError:
                time.sleep(0.1)
        yield Site(f"http://{address}/", port, folder, process)


@dataclass
class Ingress:
    """A proxy like Home Assistant's, which can hold or break what is sent through it."""

    url: str = ""
    is_open: Event = field(default_factory=Event)
    """While clear, only the first half of a block of a body passes."""
    breaks: bool = False
    """Whether the connection breaks off there."""


@contextmanager
def behind_ingress(url: str) -> Iterator[Ingress]:
    """Pass on what is asked for below a path, bodies in chunks of unknown length; refuse all else.

    As in `homeassistant/components/hassio/ingress.py`, and in the Supervisor with `ingress_stream`.
    """
    server = urlsplit(url)
    path = "/api/hassio_ingress/x"
    ingress = Ingress()
    ingress.is_open.set()
    dropped = {"content-length", "content-encoding", "transfer-encoding", "connection"}

    class PassOn(BaseHTTPRequestHandler):
        def pass_on(self) -> None:
            if not self.path.startswith(f"{path}/"):
                return self.send_error(404)
            headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
            headers |= {
                "X-Ingress-Path": path,
                "X-Forwarded-For": self.client_address[0],
                "X-Forwarded-Host": self.headers["Host"],
                "X-Forwarded-Proto": "http",
                "Transfer-Encoding": "chunked",
            }
            connection = HTTPConnection(str(server.hostname), server.port)
            try:
                with suppress(BrokenPipeError, ConnectionResetError):  # refused early
                    connection.request(
                        self.command,
                        self.path.removeprefix(path),
                        self.body(),
                        headers,
                        encode_chunked=True,
                    )
                answer = connection.getresponse()
            except ConnectionAbortedError:
                connection.close()
                self.close_connection = True
                return self.connection.shutdown(socket.SHUT_RDWR)
            self.send_response_only(answer.status)
            for name, value in answer.getheaders():
                if name != "Transfer-Encoding":
                    self.send_header(name, value)
            self.end_headers()
            while piece := answer.read1():
                self.wfile.write(piece)

        def body(self) -> Iterator[bytes]:
            missing = int(self.headers.get("Content-Length", 0))
            while missing:
                piece = self.rfile.read1(min(missing, 65_536))
                missing -= len(piece)
                yield piece[: len(piece) // 2]
                ingress.is_open.wait()
                if ingress.breaks or not piece:
                    raise ConnectionAbortedError
                yield piece[len(piece) // 2 :]

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for the tests."""

    with serving_http(("127.0.0.1", 0), PassOn) as (host, port):
        ingress.url = f"http://{host}:{port}{path}/"
        yield ingress


@contextmanager
def running_browser(heard: Path) -> Iterator[Browser]:
    """Debian's Chromium, whose microphone hears a recording."""
    flags = ["--no-sandbox", "--use-fake-ui-for-media-stream", "--use-fake-device-for-media-stream",
             f"--use-file-for-fake-audio-capture={heard}"]  # fmt: skip
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser
        browser.close()


@contextmanager
def opened(browser: Browser, url: str, **context: Any) -> Iterator[Page]:
    """The page, which must not complain."""
    complaints: list[str] = []
    settings: dict[str, Any] = {"locale": "vi-VN"} | context
    with browser.new_context(**settings) as made:
        page = made.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.add_init_script(REMEMBER_STARTS)
        page.goto(url)
        expect(page.locator("#voices li").first).to_be_visible()
        yield page
    # The browser itself notes requests that fail; what the page says about them is tested.
    assert [text for text in complaints if "Failed to load resource" not in text] == []


def speak(page: Page, text: str) -> None:
    page.fill("#text", text)
    page.click("#speak button[type=submit]")


def seconds_of_audio(page: Page) -> float:
    """Wait until the player has all of it."""
    expect(page.locator("#seek")).to_be_enabled(timeout=60_000)
    return float(str(page.get_attribute("#seek", "max")))


def wait_until(page: Page, condition: str) -> None:
    """Wait for a condition in JavaScript; the page's policy forbids Playwright's own way."""
    for _ in range(1200):
        if page.evaluate(condition):
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"it was never true that {condition}")


def row(page: Page, list_id: str, name: str) -> Locator:
    """A row of a list of voices, words or downloads."""
    return page.locator(f'#{list_id} li[data-name="{name}"]')


def drop(page: Page, selector: str, files: dict[str, list[int] | int]) -> None:
    """Drop files together, given by name and bytes, or a number of zeros."""
    dropped = page.evaluate_handle(
        """(files) => {
            const transfer = new DataTransfer();
            for (const [name, bytes] of Object.entries(files)) {
                transfer.items.add(new File([new Uint8Array(bytes)], name));
            }
            return transfer;
        }""",
        files,
    )
    page.dispatch_event(selector, "drop", {"dataTransfer": dropped})


def choose(row: Locator, item: str) -> None:
    """Choose from the menu of a row."""
    row.locator("summary").click()
    row.get_by_text(item).click()


def under_way(page: Page) -> Any:
    """How many answers the server is making."""
    return json.loads(page.request.get(f"{page.url}api/status").text())["under_way"]


def wait_for_answers_under_way(page: Page, number: int) -> None:
    for _ in range(200):
        if under_way(page) == number:
            return
        page.wait_for_timeout(50)
    raise AssertionError(f"there are {under_way(page)} answers under way, not {number}")


def check_accessibility(page: Page) -> None:
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()
