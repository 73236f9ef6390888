"""Serves Wyoming clients until told to stop."""

import argparse
import asyncio
import gc
import logging
import os
import signal
from collections.abc import Callable, Coroutine
from functools import partial
from typing import TYPE_CHECKING, Any

from ..downloads.background import Downloads
from ..downloads.table import DOWNLOADS, NATURAL_VOICE, ModelFolders
from ..engines.catalogue import make_catalogue
from ..engines.contract import EngineSettings
from ..engines.piper.engine import PiperEngine
from ..errors import SetupError, SynthesisError
from ..files import explain
from ..frontends.listener import limit_clients
from ..frontends.wyoming.handler import Handler, HandlerSettings
from ..frontends.wyoming.server import Server
from ..program import command, how_to_install
from ..settings.addresses import parse_http_address, parse_uri
from ..settings.command_line import parse_options
from ..settings.table import HTTP, LEXICON, SERVE_SETTINGS, VOICES_DIR
from ..speech.idle import work_while_idle
from ..speech.script import SpeechSettings
from ..speech.synthesizer import Synthesizer
from ..steps import finish
from ..text import LexiconFile
from .download import download
from .first_voice import fetch_first_voice

if TYPE_CHECKING:
    from ..frontends.http.app import HttpServer
    from ..frontends.wyoming.discovery import ZeroconfAnnouncement
    from ..frontends.wyoming.supervisor import SupervisorAnnouncement

_LOGGER = logging.getLogger(__name__)


def run(
    options: argparse.Namespace,
    announcement: "SupervisorAnnouncement | None" = None,
    way_to_natural_voice: str | None = None,
    until: Callable[[Downloads], Coroutine[None, None, None]] | None = None,
) -> bool:
    """Serve until SIGTERM or SIGINT.

    Args:
        announcement: replaces that of --zeroconf.
        way_to_natural_voice: how this user gets one; None for a command or the page.
        until: runs meanwhile, and stops the server at its end, too.

    Returns:
        Whether there was a signal.
    """
    _warn_of_ineffective(options)
    if options.download is not None:
        download_if_missing(options.download, options)
    way = way_to_natural_voice or _way_to_natural_voice(options)
    return asyncio.run(_serve(options, announcement, way, until))


def _warn_of_ineffective(options: argparse.Namespace) -> None:
    for setting in SERVE_SETTINGS:
        value = getattr(options, setting.name)
        if setting.name.startswith("http_") and value != setting.default and options.http is None:
            _LOGGER.warning("%s has no effect without %s", setting.flag, HTTP.flag)
    if options.voices_dir is not None and not os.path.isdir(options.voices_dir):
        _LOGGER.warning("%s: there is no folder %s yet", VOICES_DIR.flag, options.voices_dir)


def download_if_missing(name: str, options: argparse.Namespace) -> bool:
    """Fetch a download unless it is there; a failure is only logged.

    Returns:
        Whether it is there now.
    """
    if DOWNLOADS[name].is_in(ModelFolders.of(options).folder_of(name)):
        return True
    try:
        download(name, options)
    except (OSError, SetupError) as error:
        _LOGGER.warning("Going on without '%s' until the next start: %s", name, explain(error))
        return False
    return True


async def _serve(
    options: argparse.Namespace,
    announcement: "SupervisorAnnouncement | ZeroconfAnnouncement | None",
    way_to_natural_voice: str,
    until: Callable[[Downloads], Coroutine[None, None, None]] | None,
) -> bool:
    stop = asyncio.Event()
    for stop_signal in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(stop_signal, stop.set)

    announcement = announcement or _announcement(options)
    settings = SpeechSettings(
        voice=options.voice,
        speed=options.speed,
        lead_silence_seconds=options.lead_silence,
        tail_silence_seconds=options.tail_silence,
        sentence_silence_seconds=options.sentence_silence,
        max_text_characters=options.max_text,
        lexicon=LexiconFile(options.lexicon, may_be_missing=options.lexicon == LEXICON.default),
    )
    gc.disable()  # loading makes no garbage, and the search for it takes 5 % of a start
    catalogue = make_catalogue(options.engine, EngineSettings.of(options))
    synthesizer = Synthesizer(catalogue, settings)
    _load_default_voice(synthesizer)
    gc.freeze()
    gc.enable()
    if catalogue.has_embedded_only:
        _LOGGER.info(
            "Speaking with eSpeak NG. For a natural voice (%d MB): %s",
            *(DOWNLOADS[NATURAL_VOICE].megabytes, way_to_natural_voice),
        )
    max_clients = limit_clients(options.max_clients, frontends=1 if options.http is None else 2)
    downloads = Downloads(ModelFolders.of(options))
    http = _http_server(options, synthesizer, downloads, max_clients)
    handler_settings = HandlerSettings(
        samples_per_chunk=options.samples_per_chunk,
        supports_streaming=not options.no_streaming,
        # The only client of stdio keeps no other client out.
        idle_timeout_seconds=None if options.uri.startswith("stdio") else options.idle_timeout,
    )
    server = Server(options.uri, max_clients, partial(Handler, synthesizer, handler_settings))
    if http is not None:
        try:
            await http.start()
        except OSError as error:
            raise OSError(f"Cannot listen on {options.http}: {error}") from error
        _LOGGER.info("Ready on http://%s", options.http)
    try:
        await server.start()
    except OSError as error:
        raise OSError(f"Cannot listen on {options.uri}: {error}") from error
    _LOGGER.info("Ready on %s; voices: %d", options.uri, len(catalogue.voices))
    if announcement is not None:
        await announcement.publish()
    background = [
        asyncio.create_task(
            work_while_idle(catalogue, lambda: server.is_busy or synthesizer.under_way > 0)
        )
    ]
    if not options.no_download:
        background.append(asyncio.create_task(fetch_first_voice(synthesizer, downloads)))
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(stop.wait())]
    if until is not None:
        ends.append(asyncio.create_task(until(downloads)))
    await server.wait(asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED))
    for task in (*background, *ends):
        task.cancel()
    doors = [door for door in (server, http) if door is not None]
    for door in doors:
        door.stop_accepting()
    if announcement is not None:
        await announcement.withdraw()
    await asyncio.gather(downloads.finish(), *(door.finish() for door in doors))
    _LOGGER.info("Stopped")
    return stop.is_set()


def _load_default_voice(synthesizer: Synthesizer) -> None:
    """Load the default voice, so that a mistake is an error at start.

    A voice that turns out to be unusable is skipped, unless it was asked for.

    Raises:
        UnknownVoiceError, SynthesisError: there is no such voice, or it cannot be loaded.
    """
    asked_for = synthesizer.settings.voice is not None
    while asked_for or synthesizer.catalogue.voices:
        voice = synthesizer.choose_voice()
        try:
            return finish(voice.load())
        except SynthesisError:
            if asked_for or voice.name in synthesizer.catalogue.voices:
                raise


def _http_server(
    options: argparse.Namespace, synthesizer: Synthesizer, downloads: Downloads, max_clients: int
) -> "HttpServer | None":
    """Make the HTTP server, if it is enabled.

    Raises:
        SetupError: a package for it is missing.
    """
    if options.http is None:
        return None
    try:
        from ..frontends.http.app import HttpServer
        from ..frontends.http.guard import Access
    except ModuleNotFoundError as error:
        raise SetupError(
            f"--http needs the package {error.name}: {how_to_install('http')}"
        ) from error
    access = Access(
        allowed=options.http_allow,
        token=options.http_token,
        names=options.http_names,
        proxies=options.http_proxies,
        origins=options.http_origins,
    )
    return HttpServer(
        parse_http_address(options.http),
        access,
        max_clients,
        EngineSettings.of(options).recordings_dir,
        synthesizer,
        downloads,
    )


def _way_to_natural_voice(options: argparse.Namespace) -> str:
    """Say how to get one here: the exact command, or the page."""
    what = f"download {NATURAL_VOICE}"
    if parse_options(["download"]).piper_dir != options.piper_dir:
        what += f" --piper-dir {options.piper_dir}"
    way = command(what)
    if not PiperEngine.is_installed():
        way = f"{how_to_install('piper')}, then {way}"
    elif options.http is not None:
        way = f"download it on the page, or {way}"
    return way


def _announcement(options: argparse.Namespace) -> "ZeroconfAnnouncement | None":
    if options.zeroconf is None:
        return None
    from ..frontends.wyoming.discovery import ZeroconfAnnouncement  # which would take 25 ms

    scheme, host, port = parse_uri(options.uri)
    if scheme != "tcp":
        raise SetupError(f"--zeroconf needs a tcp:// address, not {options.uri}")
    return ZeroconfAnnouncement(host, port, options.zeroconf or None)
