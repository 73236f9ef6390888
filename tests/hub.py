"""A model hub on this machine, which can be told to misbehave."""

import hashlib
import re
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path

from tests.http_server import serving

REPOSITORIES = {
    "dangvansam/viet-tts": "main",
    "rhasspy/piper-voices": "v1.0.0",
    "ampixa/sanoTTS": "main",
}


@dataclass
class Hub:
    """Serves the files of a folder, by their names, from every folder of all repositories."""

    folder: Path
    url: str = ""
    cuts: dict[str, list[int]] = field(default_factory=dict)
    """After how many bytes of a file a connection breaks off, for one connection after another."""
    lies: dict[str, bytes] = field(default_factory=dict)
    """What is sent instead of a file's content."""
    statuses: dict[str, int] = field(default_factory=dict)
    """HTTP statuses that are answered instead of a file."""
    pause_seconds: float = 0.0
    """Before the content of each file."""
    cdn: str = ""
    """URL of another hub, to which requests for large files are redirected."""
    knows_ranges: bool = True
    sent: list[tuple[str, int]] = field(default_factory=list)
    """Names of the files that were sent, and from which byte on."""
    revisions: list[str] = field(default_factory=list)
    """Of which files were asked for."""
    authorizations: set[str | None] = field(default_factory=set)
    """How all requests were authorized."""

    @property
    def environment(self) -> dict[str, str]:
        """What makes a client use this hub."""
        return {"HF_ENDPOINT": self.url, "HF_HOME": str(self.folder.parent / "hf-home")}


@contextmanager
def running_hub(folder: Path, certificate: Path | None = None) -> Iterator[Hub]:
    """Run a hub; over HTTPS with a certificate, in a file that has its key, too."""
    hub = Hub(folder)

    class Request(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            answer(self, hub, with_body=False)

        def do_GET(self) -> None:
            answer(self, hub, with_body=True)

        def log_message(self, *_: object) -> None:
            """Nothing: the tests' output is for the tests."""

    scheme = "https" if certificate else "http"
    with serving(("127.0.0.1", 0), Request, certificate) as (host, port):
        hub.url = f"{scheme}://{host}:{port}"
        yield hub


def answer(request: BaseHTTPRequestHandler, hub: Hub, with_body: bool) -> None:
    request.close_connection = True
    hub.authorizations.add(request.headers["Authorization"])
    match = re.fullmatch(
        r"(?:http://hub\.invalid)?/([^/]+/[^/]+)/resolve/([^/]+)/(?:.*/)?([^/]+)", request.path
    )
    repository, revision, name = match.groups() if match else ("", "", "")
    path = hub.folder / name
    hub.revisions.append(revision)
    is_known = revision in (REPOSITORIES.get(repository), "0" * 40) and path.is_file()
    status = hub.statuses.get(name, 200 if is_known else 404)
    if status != 200:
        request.send_response(status)
        if status == 404:
            request.send_header("X-Error-Code", "EntryNotFound")
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    truth = path.read_bytes()
    if hub.cdn and not is_small(name):
        request.send_response(302)
        request.send_header("Location", f"{hub.cdn}{request.path}")
        request.send_header("ETag", '"of the redirect"')
        request.send_header("X-Linked-ETag", f'"{etag(name, truth)}"')
        request.send_header("X-Linked-Size", str(len(truth)))
        request.send_header("X-Repo-Commit", "0" * 40)
        request.send_header("Content-Length", "0")
        request.end_headers()
        return
    content = hub.lies.get(name, truth) if with_body else truth
    asked = request.headers.get("Range", "bytes=0-") if hub.knows_ranges else "bytes=0-"
    start = int(asked.removeprefix("bytes=").rstrip("-"))
    request.send_response(206 if start else 200)
    request.send_header("ETag", f'"{etag(name, truth)}"')
    request.send_header("X-Repo-Commit", "0" * 40)
    request.send_header("Content-Length", str(len(content) - start))
    if start:
        request.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
    request.end_headers()
    if with_body:
        hub.sent.append((name, start))
        time.sleep(hub.pause_seconds)
        cuts = hub.cuts.get(name)
        request.wfile.write(content[start : cuts.pop(0) if cuts else None])


def etag(name: str, content: bytes) -> str:
    """SHA-256 of large files; of small ones what Git says."""
    if is_small(name):
        return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    return hashlib.sha256(content).hexdigest()


def is_small(name: str) -> bool:
    return name.endswith((".yaml", ".json"))


def visible(folder: Path) -> list[str]:
    """The names of the files that are not hidden."""
    return sorted(path.name for path in folder.glob("*") if not path.name.startswith("."))


# --- the command, with a tiny voice in the place of the one that it offers -----------------------


def expect_voice_of(folder: Path) -> None:
    """Let the offered Piper voice be that of a folder, in this process."""
    from dataclasses import replace

    from wyoming_vietts.downloads import table as downloads

    entry = downloads.DOWNLOADS[downloads.NATURAL_VOICE]
    files = []
    for file in entry.files:
        content = (folder / file.name).read_bytes()
        digest = hashlib.sha256(content).hexdigest()
        files.append(replace(file, size=len(content), sha256=digest))
    assert isinstance(downloads.DOWNLOADS, Mapping)
    downloads.DOWNLOADS[downloads.NATURAL_VOICE] = replace(entry, files=tuple(files))  # type: ignore


if __name__ == "__main__":
    from wyoming_vietts.__main__ import main

    expect_voice_of(Path(sys.argv[1]))
    sys.exit(main(sys.argv[2:]))
