"""Announces the server to Home Assistant's Supervisor, from inside an app (add-on).

The Supervisor keeps the announcement, shows it to Home Assistant while the app runs, and drops it
when the app is removed: https://developers.home-assistant.io/docs/api/supervisor/endpoints#discovery
"""

import asyncio
import json
import logging
import socket
from urllib.parse import urlsplit

from ...errors import SetupError, printable

_LOGGER = logging.getLogger(__name__)

ANSWER_SECONDS = 10.0
PAUSES_SECONDS = (5.0, 30.0)  # between tries; an update of the Supervisor takes as long
_MAX_ANSWER_BYTES = 16_384


class SupervisorAnnouncement:
    """The announcement of this server to the Supervisor."""

    def __init__(self, url: str, token: str, port: int) -> None:
        """Prepare to announce a server that listens on `port` of this container.

        Args:
            url: of the Supervisor.
            token: identifies this app to it.

        Raises:
            SetupError: the URL cannot be one of a Supervisor.
        """
        try:
            self._url = urlsplit(url)
            is_right = self._url.scheme == "http" and self._url.hostname and self._url.port != 0
            (self._url.hostname or "").encode("idna")
        except ValueError:  # half a pair of brackets, a port out of range, or no name
            is_right = False
        if not is_right:
            raise SetupError(f"SUPERVISOR_API is '{url:.200}'; it must be like http://supervisor")
        self._token = token
        self._host = socket.gethostname()
        self._port = port
        self._task: asyncio.Task[None] | None = None

    async def publish(self) -> None:
        """Begin to announce the server, without waiting for the Supervisor."""
        self._task = asyncio.create_task(self._try_to_announce())

    async def withdraw(self) -> None:
        """Stop trying; the Supervisor hides the announcement while the app is stopped."""
        if self._task is not None:
            self._task.cancel()

    async def _try_to_announce(self) -> None:
        for pause_seconds in (*PAUSES_SECONDS, None):
            try:
                async with asyncio.timeout(ANSWER_SECONDS):
                    await self._announce()
            except (OSError, SetupError) as error:
                reason = str(error) or f"no answer within {ANSWER_SECONDS:g} s"
            else:
                _LOGGER.info("Announced to Home Assistant as %s:%d", self._host, self._port)
                return
            if pause_seconds is not None:
                _LOGGER.debug("Cannot tell the Supervisor of this server yet: %s", reason)
                await asyncio.sleep(pause_seconds)
        _LOGGER.warning(
            "Home Assistant will not find this server by itself, as the Supervisor cannot be told "
            "of it: %s. Add the integration 'Wyoming Protocol' by hand: host %s, port %d",
            *(reason, self._host, self._port),
        )

    async def _announce(self) -> None:
        """Send the message over HTTP 1.0: the answer ends with the connection.

        Raises:
            OSError: the Supervisor cannot be reached.
            SetupError: it refuses.
        """
        config = {"uri": f"tcp://{self._host}:{self._port}"}
        message = json.dumps({"service": "wyoming", "config": config}).encode()
        head = (
            "POST /discovery HTTP/1.0\r\n"
            f"Host: {self._url.netloc}\r\n"
            f"Authorization: Bearer {self._token}\r\n"
            "Content-Type: application/json\r\n"
            f"Content-Length: {len(message)}\r\n\r\n"
        )
        reader, writer = await asyncio.open_connection(self._url.hostname, self._url.port or 80)
        try:
            writer.write(head.encode() + message)
            answer = b""
            while len(answer) < _MAX_ANSWER_BYTES and (piece := await reader.read(4096)):
                answer += piece
        finally:
            writer.transport.abort()
        head, _, said = answer.decode(errors="replace").partition("\r\n\r\n")
        status = head.partition("\r\n")[0].partition(" ")[2]
        if not status.startswith("200"):
            raise SetupError(
                f"it answered '{self._loggable(status):.80}' {self._loggable(said):.200}".rstrip()
            )

    def _loggable(self, text: str) -> str:
        """Return a text on one line, without the token, which an answer may repeat."""
        if self._token:
            text = text.replace(self._token, "TOKEN")
        return printable(text)
