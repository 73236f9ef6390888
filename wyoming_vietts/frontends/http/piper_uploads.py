"""Takes Piper voices that the page uploads: checked, and complete or not at all."""

import asyncio
import os
import re
import shutil
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO

from aiohttp import web

from ...engines.contract import slug
from ...engines.piper.config import COMPANIONS, MAX_CONFIG_BYTES, PiperConfig, voice_name
from ...engines.piper.engine import PiperEngine
from ...errors import RequestError, SetupError, SynthesisError
from ...files import recognize
from ...settings.table import PIPER_DIR
from ...settings.values import WholeNumber
from ...speech.synthesizer import Synthesizer
from ...steps import finish_in_turns
from .. import limits
from .guard import Guard
from .requests import HttpError, body_pieces
from .staging import remove_abandoned, staging

MAX_UPLOAD_BYTES = 256_000_000  # the largest voices of one speaker have 120 MB

_UPLOADS_AT_ONCE = 2
_HEAD_BYTES = 512
_BLOCK_BYTES = 1_000_000
_SIZES = {
    "config_bytes": WholeNumber(1, MAX_CONFIG_BYTES),
    "network_bytes": WholeNumber(0, 10**12),
}
_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{0,79}")
_MAX_NAME_CHARACTERS = 40


class PiperUploadRoutes:
    """The route for the files of a Piper voice."""

    def __init__(self, synthesizer: Synthesizer, count_new: Callable[[], None]) -> None:
        """Put voices into the folder of the engine.

        Args:
            count_new: raises HttpError if too many voices were made.
        """
        self._catalogue = synthesizer.catalogue
        self._count_new = count_new
        self._uploads = asyncio.Semaphore(_UPLOADS_AT_ONCE)
        if (engine := self._catalogue.piper) is not None:
            remove_abandoned(engine.voices_dir)

    def routes(self, guard: Guard) -> list[web.RouteDef]:
        return [web.post("/api/piper", guard.changing(self._add))]

    async def _add(self, request: web.Request) -> web.Response:
        engine = self._catalogue.piper
        if engine is None:
            raise HttpError("conflict", "This server runs without the engine piper (--engine)")
        config_bytes, network_bytes = (_size(request, name) for name in _SIZES)
        network = engine.voices_dir / f"{_name(request)}.onnx"
        config = network.with_name(f"{network.name}.json")
        self._refuse_taken(network, [network.stem])
        async with self._uploads:
            network.parent.mkdir(parents=True, exist_ok=True)
            _check_size(config_bytes + network_bytes, network.parent)
            with staging(network.parent) as folder:
                new_network, new_config = folder / network.name, folder / config.name
                size = config_bytes + network_bytes
                pieces = body_pieces(request, size, limits.UPLOAD_SECONDS)
                async with aclosing(pieces):
                    await _receive(pieces, config_bytes, new_config, new_network)
                if new_config.stat().st_size + new_network.stat().st_size < size:
                    raise RequestError(f"The body has fewer than the {size} bytes that it should")
                speakers = (await _check(engine, new_network, new_config)).speakers
                voices = [voice_name(network.stem, speaker) for speaker in speakers or [""]]
                self._count_new()
                self._refuse_taken(network, voices)
                os.replace(new_config, config)
                os.replace(new_network, network)  # completes the voice
        await finish_in_turns(engine.look_again())
        names = self._catalogue.made_of([network])
        try:
            for name in names[:1]:  # speakers share a network
                await finish_in_turns(engine.voices[name].load())
        except SynthesisError as error:
            for file in (network, config):
                file.unlink(missing_ok=True)
            await finish_in_turns(engine.look_again())
            raise HttpError("not-piper", str(error)) from error
        return web.json_response({"names": names}, status=201)

    def _refuse_taken(self, network: Path, voices: Sequence[str]) -> None:
        """Raise HttpError if files would be replaced, or a voice hidden behind one of these."""
        beside = [network.with_name(network.name + suffix) for suffix in COMPANIONS]
        files = (network, network.with_suffix(".toml"), *beside)
        taken = self._catalogue.first_taken(voices)
        if taken is not None or any(map(os.path.lexists, files)):
            raise HttpError(
                "name-taken",
                f"'{taken or network.stem}' is already a voice; delete it, or rename the files",
            )


def _size(request: web.Request, name: str) -> int:
    """Read the size of a file, which proxies such as Home Assistant's ingress leave out."""
    try:
        return _SIZES[name].parse(request.query.get(name, "")[:20])
    except ValueError as error:
        raise RequestError(f"{name}: {error}") from error


def _name(request: web.Request) -> str:
    """Make the name of a voice from that of its file, without anything that a path could mean."""
    given = request.query.get("name", "").removesuffix(".onnx")
    if _PLAIN_NAME.fullmatch(given):
        return given
    return slug(given)[:_MAX_NAME_CHARACTERS].strip("-") or "voice"


def _check_size(size: int, folder: Path) -> None:
    """Raise HttpError if a voice is too large, or does not fit onto the disk."""
    if size > MAX_UPLOAD_BYTES:
        raise HttpError(
            "too-large",
            f"The voice has {size / 1e6:.0f} MB; at most {MAX_UPLOAD_BYTES / 1e6:.0f} MB",
        )
    free = shutil.disk_usage(folder).free
    if free < size:
        raise HttpError(
            "no-room",
            f"The voice has {size / 1e6:.0f} MB, and the disk of {folder} has {free / 1e6:.0f} MB "
            f"left; free some space, or see {PIPER_DIR.flag}",
        )


async def _receive(
    pieces: AsyncIterator[bytes], config_bytes: int, config: Path, network: Path
) -> None:
    """Write a body: a configuration, and then a network, which is never in memory as a whole."""
    head = bytearray()
    with config.open("wb") as config_file, network.open("wb", _BLOCK_BYTES) as network_file:
        async for piece in pieces:
            missing = config_bytes - len(head)
            head += piece[:missing]
            if rest := piece[missing:]:
                # A slow disk stops a thread, and no one who listens.
                await asyncio.to_thread(network_file.write, rest)
        config_file.write(head)
        for file in (config_file, network_file):
            await asyncio.to_thread(_sync, file)


def _sync(file: BinaryIO) -> None:
    file.flush()
    os.fsync(file.fileno())


async def _check(engine: PiperEngine, network: Path, config: Path) -> PiperConfig:
    """Return the configuration of uploaded files; raise HttpError if they are no Piper voice."""
    for file in (network, config):
        with file.open("rb") as opened:
            disguise = recognize(opened.read(_HEAD_BYTES))
        if disguise is not None:
            raise HttpError(disguise.code, f"{file.name} is {disguise}")
    try:
        return await finish_in_turns(engine.check(network, config))
    except (SetupError, OSError) as error:
        message = str(error).replace(f"{network.parent}{os.sep}", "")
        raise HttpError("not-piper", message) from error
