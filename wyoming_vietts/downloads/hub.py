"""Downloads files from the Hugging Face hub, with the standard library alone.

HF_ENDPOINT names another hub, and HF_TOKEN authorizes. HTTP_PROXY, HTTPS_PROXY, NO_PROXY,
SSL_CERT_FILE and SSL_CERT_DIR have their usual meaning.
"""

import os
import re
import socket
import ssl
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.client import HTTPConnection, HTTPException, HTTPMessage, HTTPResponse
from typing import IO, Any
from urllib.error import HTTPError, URLError
from urllib.parse import quote, urlsplit

from .. import __version__
from ..errors import SetupError, printable
from .table import HubFile

_CONTACT_SECONDS = 3.0  # for each of about four addresses of the hub
_HEADER_SECONDS = 15.0
_SILENCE_SECONDS = 10.0
_SLOWEST_BYTES = 5000  # in that time
_TRIES = 5  # in a row of less
_BLOCK_BYTES = 2**16
_SIZE = re.compile(r"[0-9]{1,15}")
_HASH = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_COMMIT = re.compile(r"[\w.-]{1,80}", re.ASCII)
_REDIRECTS = (301, 302, 303, 307, 308)


@dataclass(frozen=True)
class Remote:
    """A file at one commit of its repository."""

    file: HubFile
    repository: str
    commit: str
    size: int
    digest: str
    """SHA-256 [64] or Git's SHA-1 [40] in hexadecimal digits."""


def find(repository: str, revision: str, file: HubFile) -> Remote:
    """Ask for a file's commit, size and hash.

    Raises:
        SetupError: the hub cannot be reached, or has no such file or another one.
    """
    if file.url:
        assert file.size is not None
        assert file.sha256 is not None
        return Remote(file, repository, revision, file.size, file.sha256)
    try:
        said = _ask("HEAD", _url(repository, revision, file), _CONTACT_SECONDS).headers
    except (OSError, HTTPException, ValueError) as error:
        raise _explained(repository, file, error) from error
    # A large file lies elsewhere: the hub states its size and hash beside the address.
    size = said["X-Linked-Size"] or said["Content-Length"] or ""
    digest = (said["X-Linked-ETag"] or said["ETag"] or "").removeprefix("W/").strip('"')
    commit = said["X-Repo-Commit"] or revision
    is_right = _SIZE.fullmatch(size) and _HASH.fullmatch(digest) and _COMMIT.fullmatch(commit)
    if (
        not is_right
        or file.size not in (None, int(size))
        or (len(digest) == 64 and file.sha256 not in (None, digest))
    ):
        raise SetupError(
            f"Cannot download {file.name} of {repository}: {_host(file)} has another file, of "
            f"{printable(size)[:20] or 'unknown'} bytes, hash '{printable(digest)[:80]}' and "
            f"commit '{printable(commit)[:80]}'"
        )
    return Remote(file, repository, commit, int(size), file.sha256 or digest)


def read(remote: Remote, start: int) -> Iterator[bytes]:
    """Yield a file from byte `start` on; reconnect where a connection breaks off.

    Raises:
        SetupError: the hub cannot be reached, or does not send the file.
    """
    done, tries = start, 0
    while done < remote.size:
        before = done
        try:
            for block in _blocks(remote, done):
                yield block
                done += len(block)
            error: Exception = ConnectionError("the connection broke off")
        except (OSError, HTTPException, ValueError) as failure:
            error = failure
        tries = 1 if done - before >= _SLOWEST_BYTES else tries + 1
        is_refused = isinstance(error, HTTPError) and error.code in (401, 403, 404)
        if done < remote.size and (is_refused or tries == _TRIES):
            raise _explained(remote.repository, remote.file, error) from error
        time.sleep(tries - 1)


def _blocks(remote: Remote, start: int) -> Iterator[bytes]:
    """Yield a file from byte `start` on; raise TimeoutError below 500 bytes a second."""
    url = _url(remote.repository, remote.commit, remote.file)
    with _ask("GET", url, _SILENCE_SECONDS, Range=f"bytes={start}-") as answer:
        position = start if answer.status == 206 else 0
        expected, until = position, 0.0
        while position < remote.size:
            if time.monotonic() > until:
                if position < expected:
                    raise TimeoutError("it sends almost nothing")
                expected, until = position + _SLOWEST_BYTES, time.monotonic() + _SILENCE_SECONDS
            # Of a chunk of negative size, `read` would take any memory, and `read1` some kB.
            block = answer.read1(_BLOCK_BYTES)[: remote.size - position]
            if not block:
                return
            position += len(block)
            if position > start:  # without support of ranges, the whole file comes
                yield block[max(0, len(block) - (position - start)) :]


def _ask(method: str, url: str, seconds: float, **headers: str) -> HTTPResponse:
    request = urllib.request.Request(url, headers=headers, method=method)
    request.add_header("User-Agent", f"wyoming-vietts/{__version__}")
    token = "".join(os.environ.get("HF_TOKEN", "").split())
    if token and url.startswith(f"{_endpoint()}/"):
        request.add_unredirected_header("Authorization", f"Bearer {token}")
    opener = urllib.request.build_opener(_Redirects, _HTTPHandler, _HTTPSHandler)
    try:
        answer: HTTPResponse = opener.open(request, timeout=seconds)
    except HTTPError as error:
        if method != "HEAD" or error.code not in _REDIRECTS:
            raise
        return error  # type: ignore[return-value]
    return answer


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects: a HEAD only within the hub, and the token never leaves it."""

    def redirect_request(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        stays = urlsplit(newurl)[:2] == urlsplit(req.full_url)[:2]
        method = req.get_method()
        if method == "HEAD" and not stays:
            return None
        request = super().redirect_request(req, fp, code, msg, headers, newurl)
        if request is not None and stays:
            request.method = method
            request.unredirected_hdrs.update(req.unredirected_hdrs)
        return request


class _Answer(HTTPResponse):
    """An answer with headers, and sizes of chunks, that must come soon.

    By itself, each byte of them may take long.
    """

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        self._socket = sock

    def begin(self) -> None:
        with self._ending_in(_HEADER_SECONDS):
            super().begin()

    def read1(self, n: int = -1) -> bytes:
        if not self.chunked:
            return super().read1(n)
        with self._ending_in(_SILENCE_SECONDS):
            return super().read1(n)

    @contextmanager
    def _ending_in(self, seconds: float) -> Iterator[None]:
        timer = threading.Timer(seconds, self._hang_up)
        timer.daemon = True  # or an interrupted program waits for it
        try:
            timer.start()
            yield
        finally:
            timer.cancel()

    def _hang_up(self) -> None:
        with suppress(OSError):  # an interrupted program has closed it
            self._socket.shutdown(socket.SHUT_RDWR)


class _BoundedHandler(urllib.request.AbstractHTTPHandler):
    def do_open(
        self, http_class: Callable[..., HTTPConnection], req: urllib.request.Request, **args: Any
    ) -> HTTPResponse:
        def connect(*place: Any, **options: Any) -> HTTPConnection:
            connection = http_class(*place, **options)
            connection.response_class = _Answer
            return connection

        return super().do_open(connect, req, **args)


class _HTTPHandler(_BoundedHandler, urllib.request.HTTPHandler):
    pass


class _HTTPSHandler(_BoundedHandler, urllib.request.HTTPSHandler):
    pass


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "").strip().rstrip("/") or "https://huggingface.co"


def _host(file: HubFile) -> str:
    address = file.url or _endpoint()
    return urlsplit(address).netloc.rpartition("@")[2] or address


def _url(repository: str, revision: str, file: HubFile) -> str:
    return (
        file.url
        or f"{_endpoint()}/{repository}/resolve/{quote(revision, safe='')}/{quote(file.path)}"
    )


def _explained(repository: str, file: HubFile, error: Exception) -> SetupError:
    """Describe a failure in one sentence, for a reader who may have no shell."""
    cause = error.reason if isinstance(error, URLError) else error
    if isinstance(error, HTTPError):
        reason = f"{error.code} {printable(error.reason)[:100]}: {_host(file)} " + (
            "does not give this file away"
            if error.code in (401, 403, 404)
            else "cannot send it now; try again later"
        )
    elif isinstance(cause, ssl.SSLCertVerificationError):
        reason = f"the certificate of {_host(file)} is not valid here ({cause.verify_message}); "
        reason += "is the clock right, and is there a package such as ca-certificates?"
    else:
        detail = getattr(cause, "strerror", None) or str(cause) or type(cause).__name__
        detail = printable(detail)[:200]
        reason = f"cannot reach {_host(file)} ({detail}); what has come is kept, so try again later"
    return SetupError(f"Cannot download {file.name} of {repository}: {reason}")
