"""The requests of Rhasspy 2.5's remote text to speech: plain text in, a WAV file out."""

from aiohttp import web

from ...errors import RequestError
from .bodies import carried, read_body
from .speaking import Speaker, Wanted


def rhasspy_routes(speaker: Speaker) -> list[web.RouteDef]:
    """Its two routes."""
    return [
        web.post("/api/text-to-speech", speaker.handler(_read_body)),
        web.get("/api/tts", speaker.handler(_read_query), allow_head=False),
    ]


async def _read_body(request: web.Request) -> Wanted:
    try:
        text = (await read_body(request)).decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise RequestError(f"The text is not UTF-8 (byte {error.start})") from error
    return Wanted(text, voice=request.query.get("voice") or None)


async def _read_query(request: web.Request) -> Wanted:
    text = request.query.get("text")
    if text is None:
        raise RequestError("The parameter 'text' is missing")
    return Wanted(carried(text), voice=request.query.get("voice") or None)
