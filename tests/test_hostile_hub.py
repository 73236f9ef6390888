"""Hubs that stall, lie or send without end: an error soon, in little memory."""

import resource
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from wyoming_vietts.downloads import hub
from wyoming_vietts.downloads.hub import Remote, find, read
from wyoming_vietts.downloads.table import HubFile
from wyoming_vietts.errors import SetupError

CONTENT = b"x" * 100_000
FILE = HubFile("a.onnx", len(CONTENT), "0" * 64)

Answer = Callable[[socket.socket], None]


@contextmanager
def answering(answer: Answer) -> Iterator[None]:
    """Answer every request so, in an environment that names this hub."""
    with socket.create_server(("127.0.0.1", 0)) as server, pytest.MonkeyPatch.context() as patch:

        def serve() -> None:
            with suppress(OSError):
                while True:
                    connection, _ = server.accept()
                    threading.Thread(target=serve_one, args=[connection], daemon=True).start()

        def serve_one(connection: socket.socket) -> None:
            with connection, suppress(OSError):
                connection.recv(9999)
                answer(connection)

        threading.Thread(target=serve, daemon=True).start()
        patch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{server.getsockname()[1]}")
        patch.setattr(hub, "_HEADER_SECONDS", 0.3)
        patch.setattr(hub, "_SILENCE_SECONDS", 0.3)
        patch.setattr(hub, "_TRIES", 2)
        yield
        server.shutdown(socket.SHUT_RDWR)


def drip(start: bytes, drop: bytes) -> Answer:
    def answer(connection: socket.socket) -> None:
        connection.sendall(start)
        for _ in range(200):
            connection.sendall(drop)
            time.sleep(0.05)

    return answer


CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize(
    ("start", "drop"),
    [(b"HTTP/1.1 200 OK\r\n", b"x"), (b"", CONTINUE)],
    ids=["header", "continue"],
)
def test_headers_that_never_end_are_an_error_soon(start: bytes, drop: bytes) -> None:
    with answering(drip(start, drop)):
        started = time.monotonic()
        with pytest.raises(SetupError, match=r"^Cannot download a\.onnx of a/b: "):
            find("a/b", "main", FILE)
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("status", [401, 403, 404])
def test_refusal_is_told_from_a_failure(status: int) -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 %d No\r\nContent-Length: 0\r\n\r\n" % status)

    with answering(answer), pytest.raises(SetupError, match="does not give this file away"):
        find("a/b", "main", FILE)


def test_redirect_within_the_hub_is_followed() -> None:
    """As after a repository was renamed."""
    header = b'Content-Length: %d\r\nETag: "%s"\r\n\r\n' % (len(CONTENT), b"a" * 40)
    answers = [b"200 OK\r\n" + header, b"307 Moved\r\nLocation: /c/d\r\nContent-Length: 0\r\n\r\n"]

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 " + answers.pop())

    with answering(answer):
        assert find("a/b", "main", FILE).size == len(CONTENT)
    assert not answers


def test_file_that_comes_by_drops_is_an_error_soon() -> None:
    head = b"HTTP/1.1 206 Partial Content\r\nContent-Length: %d\r\n\r\n" % len(CONTENT)
    with answering(drip(head, b"x")):
        started = time.monotonic()
        with pytest.raises(SetupError, match=r"\(it sends almost nothing\)"):
            list(read(Remote(FILE, "a/b", "main", len(CONTENT), "0" * 64), 0))
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("start", [b"", b"5\r\nxxxxx\r\n0\r\n"], ids=["size", "trailer"])
def test_chunk_that_never_begins_is_an_error_soon(start: bytes) -> None:
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with answering(drip(head + start, b"0" if not start else b"x: y\r\n")):
        started = time.monotonic()
        with pytest.raises(SetupError, match=r"^Cannot download a\.onnx of a/b: "):
            list(read(Remote(FILE, "a/b", "main", len(CONTENT), "0" * 64), 0))
        assert time.monotonic() - started < 5


def test_connection_that_brings_enough_before_it_breaks_off_does_not_count() -> None:
    """However often it does."""

    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 206 Partial Content\r\n\r\n" + CONTENT[:20_000])

    with answering(answer):
        got = b"".join(read(Remote(FILE, "a/b", "main", len(CONTENT), "0" * 64), 0))
    assert got == CONTENT


def test_chunk_of_negative_size_takes_no_memory() -> None:
    def answer(connection: socket.socket) -> None:
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n-1\r\n")
        for _ in range(300):
            connection.sendall(b"x" * 1_000_000)

    with answering(answer):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        got = b"".join(read(Remote(FILE, "a/b", "main", len(CONTENT), "0" * 64), 0))
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000, "kB"
    assert got == CONTENT
