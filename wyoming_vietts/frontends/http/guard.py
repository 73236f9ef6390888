"""Access control: networks, proxies, host names, the token, and the origin of a request."""

import base64
import hmac
import secrets
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

from ...settings.addresses import Address, Network, is_name_in, unmapped
from ...settings.table import HTTP_ALLOW, HTTP_NAMES, HTTP_TOKEN
from .requests import HttpError

_SUPERVISOR = ip_network("172.30.32.2")
"""Home Assistant's Supervisor, which forwards requests of users whom it has authenticated. Where
--http-allow names it, its requests need neither token nor host name, and only they may change
anything."""

_HEADERS = {
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

_CORS_HEADERS = {
    "Cross-Origin-Resource-Policy": "cross-origin",
    "Access-Control-Expose-Headers": "X-Sample-Rate, X-Nothing-To-Say",
    "Access-Control-Allow-Methods": "GET, POST",
    "Access-Control-Allow-Headers": "Authorization, Content-Type",
    "Access-Control-Max-Age": "3600",
    "Vary": "Origin",
}
"""Of answers to pages of an origin that --http-origins names."""


@dataclass(frozen=True)
class _Client:
    """The sender of a request: the peer, or the client named by a trusted proxy."""

    address: Address
    hosts: Sequence[str]
    """Names or addresses of this server, with ports, as the client uses them."""
    scheme: str | None
    """None if unknown."""
    is_from_ingress: bool


@dataclass(frozen=True)
class Access:
    """The access rules that the user sets; see the flags of these names."""

    allowed: Sequence[Network]
    """Networks of clients."""
    token: str | None
    """Required of every request; None for none."""
    names: Sequence[str] = ()
    """Further names of this server, such as `nas.lan` or `*.ts.net`."""
    proxies: Sequence[Network] = ()
    """Trusted peers; their X-Forwarded headers count."""
    origins: Sequence[str] = ()
    """Sites whose pages may use the API; `*` for all."""


class Guard:
    """Checks requests by the access rules of one server."""

    def __init__(self, host: str, access: Access) -> None:
        """Set the rules of a server that listens on `host`, a name or an address."""
        name = socket.gethostname().lower()
        self._names = ("localhost", host.lower(), name, f"{name}.local", *access.names)
        self._access = access
        self.page_token = secrets.token_urlsafe()
        """CSRF token, required of changes; only pages of this server can read it."""

    def check(self, request: web.Request) -> None:
        """Raise HttpError unless a request is allowed; the message says why."""
        client = self._client(request)
        if not _is_in(client.address, self._access.allowed):
            raise HttpError(
                "forbidden",
                f"{client.address} is not allowed; see {HTTP_ALLOW.flag} or {HTTP_ALLOW.variable}",
            )
        self._check_site(request, client)
        if client.is_from_ingress or request.path == "/health":
            return
        self._check_host(client)
        token = self._access.token
        if token is None or self.is_preflight(request):
            return
        if not _is_same(_given_token(request), token):
            raise HttpError("unauthorized", f"The token of {HTTP_TOKEN.flag} is missing or wrong")

    def changing(self, handler: Handler) -> Handler:
        """Restrict a handler to pages of this server."""

        async def checked(request: web.Request) -> web.StreamResponse:
            self._check_change(request)
            return await handler(request)

        return checked

    def is_preflight(self, request: web.Request) -> bool:
        """Return whether a request is a CORS preflight of an allowed origin."""
        return (
            request.method == "OPTIONS"
            and "Access-Control-Request-Method" in request.headers
            and self._may_cross(request.headers.get("Origin", ""))
        )

    def headers(self, request: web.Request) -> Mapping[str, str]:
        origin = request.headers.get("Origin", "")
        if not self._may_cross(origin):
            return _HEADERS
        return _HEADERS | _CORS_HEADERS | {"Access-Control-Allow-Origin": origin}

    def _check_change(self, request: web.Request) -> None:
        """Refuse cross-site request forgery (CSRF)."""
        client = self._client(request)
        if _SUPERVISOR in self._access.allowed and not client.is_from_ingress:
            raise HttpError("forbidden", "Change this on the app's page in Home Assistant")
        origin = request.headers.get("Origin")
        if request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin" or (
            origin is not None and not self._is_own(origin, client)
        ):
            raise HttpError("forbidden", "Changes must come from a page of this server")
        if not _is_same(request.headers.get("X-Page-Token", ""), self.page_token):
            raise HttpError("forbidden", "X-Page-Token must be the token that api/status gives")

    def _check_host(self, client: _Client) -> None:
        """Refuse unknown host names, against DNS rebinding."""
        for host in client.hosts:
            name = _name_in(host)
            is_foreign = name and "." in name and not is_name_in(name, self._names)
            if not name or (is_foreign and not _is_address(name)):
                raise HttpError(
                    "forbidden",
                    f"This server is not called '{host:.80}'; add the name to {HTTP_NAMES.flag} "
                    f"or {HTTP_NAMES.variable}, or use the server's address",
                )

    def _check_site(self, request: web.Request, client: _Client) -> None:
        """Refuse requests of other sites' pages, but not links from there."""
        headers = request.headers
        origin = headers.get("Origin", "")
        if self._may_cross(origin):
            return
        is_foreign = origin.startswith(("http:", "https:", "null")) and not self._is_own(
            origin, client
        )
        if is_foreign or (
            headers.get("Sec-Fetch-Site") == "cross-site"
            and headers.get("Sec-Fetch-Mode") != "navigate"
        ):
            raise HttpError("forbidden", "Pages of other sites may not use this server")

    def _may_cross(self, origin: str) -> bool:
        return bool(origin) and any(each in ("*", origin) for each in self._access.origins)

    def _is_own(self, origin: str, client: _Client) -> bool:
        """Return whether an origin is this server."""
        scheme, _, host = origin.partition("://")
        if client.scheme is not None and scheme != client.scheme:
            return False
        return host in client.hosts or is_name_in(host, self._access.names)

    def _client(self, request: web.Request) -> _Client:
        """Find the client of a request, behind trusted proxies.

        Raises:
            ConnectionResetError: the client has closed the connection.
            HttpError: a proxy names a client by something other than its address.
        """
        if request.remote is None:
            raise ConnectionResetError("The client is gone")
        peer = unmapped(ip_address(request.remote))
        hosts = [request.headers.get("Host", "localhost")]  # browsers always send it
        forwarded_hosts = _listed(request, "X-Forwarded-Host")[-1:]
        if (
            _SUPERVISOR in self._access.allowed
            and peer in _SUPERVISOR
            and "X-Ingress-Path" in request.headers
        ):
            return _Client(peer, hosts + forwarded_hosts, None, True)
        if not _is_in(peer, self._access.proxies):
            return _Client(peer, hosts, None, False)
        address = peer
        for named in reversed(_listed(request, "X-Forwarded-For")):
            try:
                address = unmapped(ip_address(named))
            except ValueError as error:
                raise HttpError(
                    "bad-request", f"X-Forwarded-For has '{named:.80}', which is no address"
                ) from error
            if not _is_in(address, self._access.proxies):
                break  # anything before it may be forged
        schemes = _listed(request, "X-Forwarded-Proto")
        return _Client(address, forwarded_hosts or hosts, schemes[-1] if schemes else None, False)


def _listed(request: web.Request, name: str) -> list[str]:
    """Return the comma-separated values of a header that proxies extend."""
    return [
        value.strip()
        for line in request.headers.getall(name, ())
        for value in line.split(",")
        if value.strip()
    ]


def _is_in(address: Address, networks: Sequence[Network]) -> bool:
    return any(address in network for network in networks)


def _name_in(host: str) -> str | None:
    """Return the name or address in a Host header; None without one."""
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
    """Return the token of a request: a bearer token, or the password of any user."""
    kind, _, value = request.headers.get("Authorization", "").partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().partition(":")[2]
        except ValueError:  # not base64, or not UTF-8
            return ""
    return ""


def _is_same(given: str, right: str) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode("utf-8", "surrogateescape"), right.encode())
