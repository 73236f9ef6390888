"""What the page asks about texts: how they are spoken, and the user's own words."""

import asyncio
from collections.abc import Iterable, Iterator

from aiohttp import web

from ...errors import LexiconError, TextTooLongError
from ...speech.narrator import Narrator
from ...text import (
    LexiconFile,
    SentenceSplitter,
    lexicon_entries,
    remove_entry,
    set_entry,
    speakable,
)
from .bodies import read_json, required_text
from .errors import HttpError
from .guard import Guard

_CHARACTERS_A_STEP = 500


def text_routes(narrator: Narrator, guard: Guard) -> list[web.RouteDef]:
    """The routes for texts and words."""

    async def normalize(request: web.Request) -> web.Response:
        text = required_text(await read_json(request), "text")
        limit = narrator.settings.max_text_characters
        if len(text) > limit:
            raise TextTooLongError(f"Text is longer than {limit} characters; send less at a time")
        file = narrator.settings.lexicon
        if file is not None:
            await _in_steps(file.refresh())
        lexicon = None if file is None else file.lexicon
        sentences = []
        for written in _sentences(text, SentenceSplitter(lexicon)):
            if written and (spoken := speakable(written, lexicon)):
                sentences.append({"written": written.strip(), "spoken": spoken})
            await asyncio.sleep(0)
        return web.json_response({"sentences": sentences})

    async def entries(request: web.Request) -> web.Response:
        return _listed(_lexicon(narrator))

    async def set_word(request: web.Request) -> web.Response:
        lexicon = _lexicon(narrator)
        values = await read_json(request)
        written, spoken = (required_text(values, key).strip() for key in ("written", "spoken"))
        await _in_steps(set_entry(lexicon, written, spoken))
        return _listed(lexicon)

    async def remove_word(request: web.Request) -> web.Response:
        lexicon = _lexicon(narrator)
        written = required_text(await read_json(request), "written").strip()
        await _in_steps(remove_entry(lexicon, written))
        return _listed(lexicon)

    return [
        web.post("/api/normalize", normalize),
        web.get("/api/lexicon", entries),
        web.post("/api/lexicon", guard.changing(set_word)),
        web.delete("/api/lexicon", guard.changing(remove_word)),
    ]


def _sentences(text: str, splitter: SentenceSplitter) -> Iterator[str]:
    """The sentences of a text, and "" between steps."""
    for start in range(0, len(text), _CHARACTERS_A_STEP):
        yield from splitter.add(text[start : start + _CHARACTERS_A_STEP])
        yield ""
    yield from splitter.finish()


def _lexicon(narrator: Narrator) -> LexiconFile:
    if narrator.settings.lexicon is None:
        raise HttpError("conflict", "There is no lexicon; start the server with --lexicon FILE")
    return narrator.settings.lexicon


def _listed(lexicon: LexiconFile) -> web.Response:
    try:
        entries = lexicon_entries(lexicon)
    except LexiconError as error:
        raise HttpError("bad-lexicon", str(error)) from error
    return web.json_response(
        {"entries": [{"written": entry.written, "spoken": entry.spoken} for entry in entries]}
    )


async def _in_steps(steps: Iterable[None]) -> None:
    """Work on a lexicon, with turns for others."""
    try:
        for _ in steps:
            await asyncio.sleep(0)
    except LexiconError as error:
        raise HttpError("bad-lexicon", str(error)) from error
