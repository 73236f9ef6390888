"""Who may ask for what: networks, host names, the token, and where a page comes from."""

import base64
import hmac
import secrets
import socket
from collections.abc import Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ...settings.addresses import Network
from .requests import HttpError

_SUPERVISOR = ip_network("172.30.32.2")
"""Home Assistant's, which passes on what its users ask for. It knows who they are, and they reach
it by any name: where --http-allow names it, neither its token nor its host name is asked for."""

HEADERS = {
    "Server": "wyoming-vietts",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; media-src 'self' blob:; worker-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'self'",
    "Permissions-Policy": "microphone=(self)",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
"""Of every answer."""


class Guard:
    """The rules of one server."""

    def __init__(self, host: str, allowed: Sequence[Network], token: str | None) -> None:
        """Let in peers of some networks.

        Args:
            host: name or address where the server listens.
            token: what every request must carry; None for nothing.
        """
        name = socket.gethostname().lower()
        self._names = {"localhost", host.lower(), name, f"{name}.local"}
        self._allowed = allowed
        self._token = token
        self.page_token = secrets.token_urlsafe()
        """What a change must carry; only pages of this server can read it."""

    def check(self, request: web.Request) -> None:
        """Let a request pass.

        Raises:
            HttpError: it may not; the message says why.
        """
        peer = _peer(request)
        if not any(peer in network for network in self._allowed):
            raise HttpError("forbidden", f"{peer} may not come in; --http-allow says who may")
        self._check_site(request)
        if self._is_from_ingress(request):
            return
        self._check_host(request)
        if self._token is None or request.path == "/health":
            return
        if not _is_same(_given_token(request), self._token):
            raise HttpError("unauthorized", "The token of --http-token is missing or wrong")

    def changing(self, handler: Handler) -> Handler:
        """A handler of requests that change something, for pages of this server alone."""

        async def checked(request: web.Request) -> web.StreamResponse:
            self._check_change(request)
            return await handler(request)

        return checked

    def _check_change(self, request: web.Request) -> None:
        origin = request.headers.get("Origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or (
            origin is not None and not self._is_own(origin, request)
        ):
            raise HttpError("forbidden", "Changes must come from a page of this server")
        if not _is_same(request.headers.get("X-Page-Token", ""), self.page_token):
            raise HttpError("forbidden", "X-Page-Token must be the token that api/status gives")

    def _check_host(self, request: web.Request) -> None:
        """Refuse names that anybody can own, as pages of theirs would be pages of this server."""
        host = request.headers.get("Host", "localhost")  # which every browser says
        name = _name_in(host)
        if not name or ("." in name and name not in self._names and not _is_address(name)):
            raise HttpError(
                "forbidden",
                f"This server is not called '{host:.80}'; use its address, or its name in --http",
            )

    def _check_site(self, request: web.Request) -> None:
        """Refuse what pages of other sites ask for; a link to this one is fine."""
        headers = request.headers
        origin = headers.get("Origin", "")
        is_foreign = origin.startswith(("http:", "https:", "null")) and not self._is_own(
            origin, request
        )
        if is_foreign or (
            headers.get("Sec-Fetch-Site") == "cross-site"
            and headers.get("Sec-Fetch-Mode") != "navigate"
        ):
            raise HttpError("forbidden", "Pages of other sites may not ask this server")

    def _is_own(self, origin: str, request: web.Request) -> bool:
        """A page of this origin comes from this server."""
        hosts = {request.headers.get("Host")}
        if self._is_from_ingress(request):
            hosts.add(request.headers.get("X-Forwarded-Host"))
        return origin.partition("://")[2] in hosts

    def _is_from_ingress(self, request: web.Request) -> bool:
        return (
            _SUPERVISOR in self._allowed
            and _peer(request) in _SUPERVISOR
            and "X-Ingress-Path" in request.headers
        )


def _peer(request: web.Request) -> IPv4Address | IPv6Address:
    """Who is at the other end of the connection, if anybody still is."""
    if request.remote is None:
        raise ConnectionResetError("The client is gone")
    address = ip_address(request.remote)
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address


def _name_in(host: str) -> str | None:
    """The name or address in a Host header; None if there is none."""
    try:
        return urlsplit(f"//{host}").hostname
    except ValueError:
        return None


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True


def _given_token(request: web.Request) -> str:
    """The token of a request: as a bearer has it, or as the password of any user."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:  # neither base64 nor UTF-8, whatever else it is
            return ""
    return ""


def _is_same(given: str, right: str) -> bool:
    """Compare in a time that does not tell how much is right."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())
