"""A Supervisor of Home Assistant that accepts, or refuses, what the app tells it."""

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler

from tests.http_server import serving

SUPERVISOR = "127.0.0.80"  # an address of this machine on which port 80 is free
TOKEN = {"SUPERVISOR_TOKEN": "secret"}


@contextmanager
def running_supervisor(status: int) -> Iterator[list[tuple[str, ...]]]:
    """Answers every request with a status; yields path, token, service and port of each."""
    asked: list[tuple[str, ...]] = []

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            port = re.sub(r"tcp://[^:]+", "", message["config"]["uri"])
            asked.append((self.path, self.headers["Authorization"], message["service"], port))
            self.send_response(status)
            self.end_headers()

        def log_message(self, format: str, *args: object) -> None:
            pass

    with serving((SUPERVISOR, 80), Answer):
        yield asked
