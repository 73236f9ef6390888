"""The files of the page: those of the package, and no others."""

from importlib import resources

from aiohttp import web

_CONTENT_TYPES = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}


def page_routes() -> list[web.RouteDef]:
    """The page at /, and its other files under /page."""
    files = {
        file.name: file
        for file in (resources.files(__package__) / "page").iterdir()
        if _suffix(file.name) in _CONTENT_TYPES
    }

    async def index(request: web.Request) -> web.Response:
        return answer("index.html")

    async def other(request: web.Request) -> web.Response:
        return answer(request.match_info["name"])

    def answer(name: str) -> web.Response:
        if name not in files:
            raise web.HTTPNotFound
        return web.Response(
            body=files[name].read_bytes(),
            content_type=_CONTENT_TYPES[_suffix(name)],
            charset="utf-8",
        )

    return [web.get("/", index), web.get("/page/{name}", other)]


def _suffix(name: str) -> str:
    return name[name.rfind(".") :]
