"""Serves as a Home Assistant app (add-on), with the options of its user.

The app's own folder has the options, written by the Supervisor, and the models. The shared folder,
which users see, has recordings and Piper voices.
"""

import argparse
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from ..downloads.table import DOWNLOADS, NATURAL_VOICE, PIPER_VOICES, VIENEU, VIETTS
from ..engines.catalogue import has_model
from ..errors import LexiconError, SetupError, UnknownVoiceError
from ..files import read_bytes, replace_file
from ..frontends.wyoming.supervisor import SupervisorAnnouncement
from ..settings.addresses import HOME_NETWORKS, parse_uri
from ..settings.table import APP_OPTIONS
from ..settings.values import check
from ..steps import finish
from ..text import LexiconFile, parse_lexicon
from . import serve
from .packages import Packages, prepare_vietts

_MAX_OPTIONS_BYTES = 1_000_000
_OWN_WORDS = (
    "# The lines above are the app's options ({}), as of their last change. Your own words:"
)

_LOGGER = logging.getLogger(__name__)


def run(options: argparse.Namespace) -> None:
    """Serve until told to stop; the app's options take precedence over variables.

    Raises:
        SetupError: an option is wrong; the message names it.
        OSError: a folder cannot be written, or the address not be used.
    """
    chosen = load_options(options.data / "options.json")
    if chosen["debug"]:
        logging.getLogger().setLevel(logging.DEBUG)
    lexicon = options.data / "lexicon.txt"
    try:
        _write_lexicon(LexiconFile(lexicon, may_be_missing=True), chosen["lexicon"])
    except LexiconError as error:
        raise SetupError(f"Option 'lexicon': {error}") from error
    vars(options).update(
        chosen,
        no_download=chosen["no_download"] or options.no_download,
        # `auto` prefers the model once it is there, and uses another voice until then.
        engine=("auto" if chosen["engine"] == VIETTS else chosen["engine"],),
        voice=_voice(chosen),
        lexicon=lexicon,
        model_dir=options.data / "models" / "viet-tts",
        vieneu_dir=options.data / "models" / "vieneu",
        piper_dir=options.share / "piper",
        voices_dir=options.share / "voices",
        http_token=chosen["http_token"] or None,
    )
    if options.http_token is not None:  # which keeps out pages of other names, too
        options.http_allow = (*options.http_allow, *HOME_NETWORKS)
        options.http_names = ("*",)
    for folder in (options.piper_dir, options.voices_dir):
        folder.mkdir(parents=True, exist_ok=True)
    packages = Packages(options.data / "packages", options.pins)
    packages.use()
    until = None
    if _wants_vietts(chosen, options.model_dir) and (
        packages.are_missing or not DOWNLOADS[VIETTS].is_in(options.model_dir)
    ):
        until = partial(prepare_vietts, packages)
        if options.voice not in PIPER_VOICES:
            options.voice = None
    try:
        are_there = [serve.download_if_missing(name, options) for name in downloads_for(chosen)]
        if not all(are_there):
            options.engine, options.voice = ("auto",), None  # whatever can speak now
        announcement = SupervisorAnnouncement(
            os.environ.get("SUPERVISOR_API", "http://supervisor"),
            os.environ.get("SUPERVISOR_TOKEN", ""),
            parse_uri(options.uri)[2],
        )
        was_told_to_stop = serve.run(
            options,
            announcement,
            f"set the option 'voice' to {NATURAL_VOICE}, and restart the app",
            until,
        )
    except UnknownVoiceError as error:
        raise SetupError(f"Option 'voice': {error}") from error
    except KeyboardInterrupt:  # while it was downloading
        _LOGGER.info("Stopped")  # the Supervisor takes any exit status but 0 for a failure
    else:
        if not was_told_to_stop:
            _LOGGER.info("VietTTS is ready: starting again with it")
            os.execv(sys.executable, sys.orig_argv)


def load_options(path: Path) -> dict[str, Any]:
    """Read the file that the Supervisor writes, and add the defaults.

    Raises:
        SetupError: it cannot be read, or an option is unknown or wrong.
    """
    try:
        values = json.loads(read_bytes(path, _MAX_OPTIONS_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        raise SetupError(f"Cannot read the options of the app: {path}: {error}") from error
    try:
        chosen = check(values, {option.name: option.kind for option in APP_OPTIONS}, "option")
    except ValueError as error:
        raise SetupError(f"{error}") from error
    return {option.name: option.default for option in APP_OPTIONS} | chosen


def _wants_vietts(chosen: Mapping[str, Any], model_dir: Path) -> bool:
    """Tell whether VietTTS shall speak, which is prepared while the app serves."""
    return chosen["engine"] == VIETTS or (chosen["engine"] == "auto" and has_model(model_dir))


def downloads_for(chosen: Mapping[str, Any]) -> Sequence[str]:
    """Return the downloads without which the app should not start."""
    engine, voice = chosen["engine"], _voice(chosen)
    names = [engine] if engine == VIENEU else []
    if engine != "espeak" and voice in PIPER_VOICES:
        names.append(voice)
    return names


def _voice(chosen: Mapping[str, Any]) -> str | None:
    """Return the voice to speak with, None for the first.

    The option's default is a Piper voice, which no user of VieNeu has chosen.
    """
    if chosen["engine"] == VIENEU and chosen["voice"] == NATURAL_VOICE:
        return None
    return chosen["voice"] or None


def _write_lexicon(file: LexiconFile, lines: Sequence[str]) -> None:
    """Put the lines of the options before the words that the user has added on the page.

    Unchanged options do not overwrite changes that the page has made to them.

    Raises:
        LexiconError: a line of the options is wrong, or the file cannot be read.
    """
    if problems := finish(parse_lexicon("\n".join(lines)))[1]:
        raise LexiconError(problems[0])
    start, end = _OWN_WORDS.split("{}")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    content = file.content()
    marker = re.search(rf"^{re.escape(start)}(.*){re.escape(end)}\n", content, re.MULTILINE)
    if marker is None or marker[1] != digest:
        own = content[marker.end() :] if marker else ""
        replace_file(
            file.path.resolve(), "\n".join((*lines, f"{start}{digest}{end}", own)).encode()
        )
