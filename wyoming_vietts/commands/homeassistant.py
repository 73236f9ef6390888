"""Runs the server as a Home Assistant app (add-on); the image of `addon/` starts it.

    python -m wyoming_vietts.commands.homeassistant [DATA [SHARE]]

DATA (/data) belongs to the app: the Supervisor writes the user's options there, and models are
there. SHARE (/share/vietts) is what the user sees: recordings and Piper voices.
"""

import difflib
import hashlib
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from ..__main__ import exit_status
from ..downloads.table import DOWNLOADS, NATURAL_VOICE, VIETTS
from ..engines.names import ENGINES
from ..errors import LexiconError, SetupError, UnknownVoiceError
from ..files import replace_file
from ..frontends.wyoming.supervisor import SupervisorAnnouncement
from ..settings.addresses import parse_uri
from ..settings.command_line import parse_options
from ..text import LexiconFile
from . import serve

_OWN_WORDS = (
    "# The lines above are the app's options ({}), as of their last change. Your own words:"
)

_LOGGER = logging.getLogger(__name__)


def main(data: Path = Path("/data"), share: Path = Path("/share/vietts")) -> int:
    """Serve until told to stop, and return the exit status."""
    return exit_status(parse_options(["serve"]), lambda: _run(data, share))


def _run(data: Path, share: Path) -> None:
    """Serve as the app's options say.

    Raises:
        SetupError: an option is wrong; the message names it.
        OSError: a folder cannot be written, or the address not be used.
    """
    chosen = AppOptions.load(data / "options.json")
    if chosen.debug:
        logging.getLogger().setLevel(logging.DEBUG)
    piper_dir, voices_dir, lexicon = share / "piper", share / "voices", data / "lexicon.txt"
    for folder in (piper_dir, voices_dir):
        folder.mkdir(parents=True, exist_ok=True)
    _write_lexicon(lexicon, chosen.lexicon)
    options = parse_options(
        [
            "serve",
            *chosen.flags(),
            f"--model-dir={data / 'models' / 'viet-tts'}",
            f"--piper-dir={piper_dir}",
            f"--voices-dir={voices_dir}",
            f"--lexicon={lexicon}",
        ]
    )
    try:
        LexiconFile(lexicon)  # before anything is downloaded
        are_there = [serve.download_if_missing(name, options) for name in chosen.downloads]
        if not all(are_there):
            options.engine, options.voice = ("auto",), None  # whatever can speak now
        serve.run(
            options,
            _announcement(parse_uri(options.uri)[2]),
            f"set the option 'voice' to {NATURAL_VOICE}, and restart the app",
        )
    except LexiconError as error:
        raise SetupError(f"Option 'lexicon': {error}") from error
    except UnknownVoiceError as error:
        raise SetupError(f"Option 'voice': {error}") from error
    except KeyboardInterrupt:  # while it was downloading
        _LOGGER.info("Stopped")  # the Supervisor takes any exit status but 0 for a failure


def _write_lexicon(path: Path, lines: Sequence[str]) -> None:
    """Put the lines of the options before the words that the user has added on the page.

    Options that have not changed leave alone what the page has made of them.
    """
    start, end = _OWN_WORDS.split("{}")
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:16]
    content = path.read_text("utf-8") if path.exists() else ""
    marker = re.search(rf"^{re.escape(start)}(.*){re.escape(end)}\n", content, re.MULTILINE)
    if marker is None or marker[1] != digest:
        own = content[marker.end() :] if marker else ""
        replace_file(path, "\n".join((*lines, f"{start}{digest}{end}", own)).encode())


def _announcement(port: int) -> SupervisorAnnouncement:
    url = os.environ.get("SUPERVISOR_API", "http://supervisor")
    return SupervisorAnnouncement(url, os.environ.get("SUPERVISOR_TOKEN", ""), port)


# --- options -------------------------------------------------------------------------------------


def _option(default: Any, right: str, holds: Callable[[Any], bool]) -> Any:
    """A field of `AppOptions`; a value for which `holds` is false is refused."""
    return field(default=default, metadata={"right": right, "holds": holds})


def _one_of(*names: str, default: str) -> Any:
    return _option(default, f"one of {', '.join(names)}", lambda value: value in names)


def _number(least: float, most: float, default: float) -> Any:
    return _option(
        default,
        f"a number from {least:g} to {most:g}",
        lambda value: type(value) in (int, float) and least <= value <= most,
    )


def _are_lines(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(line, str) for line in value)


@dataclass(frozen=True)
class AppOptions:
    """What the user has chosen, with the names and defaults of `addon/config.yaml`."""

    engine: str = _one_of("auto", *ENGINES, default="auto")
    voice: str = _option(NATURAL_VOICE, "a name", lambda value: isinstance(value, str))
    """For requests that name none; empty for the first one."""
    speed: float = _number(0.5, 2.0, default=1.0)
    quality: str = _one_of("exact", "balanced", "fast", default="balanced")
    lexicon: Sequence[str] = _option((), "a list of lines 'written = spoken'", _are_lines)
    sentence_silence: float = _number(0.0, 10.0, default=0.0)
    """Seconds."""
    debug: bool = _option(False, "true or false", lambda value: isinstance(value, bool))

    @classmethod
    def load(cls, path: Path) -> "AppOptions":
        """Read the file that the Supervisor writes.

        Raises:
            SetupError: it cannot be read, or an option is unknown or wrong.
        """
        try:
            values: dict[str, Any] = json.loads(path.read_bytes())
        except (OSError, ValueError) as error:
            raise SetupError(f"Cannot read the options of the app: {path}: {error}") from error
        known = {option.name: option.metadata for option in fields(cls)}
        for name, value in values.items():
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1) or known
                raise SetupError(f"Unknown option '{name}'; did you mean {' or '.join(near)}?")
            if not known[name]["holds"](value):
                right = known[name]["right"]
                raise SetupError(f"Option '{name}' is {value!r:.80}; it must be {right}")
        return cls(**values)

    @property
    def downloads(self) -> Sequence[str]:
        """Names of what these options need and can be downloaded."""
        names = [VIETTS] if self.engine == VIETTS else []
        if self.engine != "espeak" and self.voice in DOWNLOADS.keys() - {VIETTS}:
            names.append(self.voice)
        return names

    def flags(self) -> Sequence[str]:
        """The flags of `serve` that say the same."""
        return [
            # Once the model is there, `auto` prefers it, and speaks until there is a recording.
            f"--engine={'auto' if self.engine == VIETTS else self.engine}",
            *([f"--voice={self.voice}"] if self.voice else ()),
            f"--speed={self.speed}",
            f"--quality={self.quality}",
            f"--sentence-silence={self.sentence_silence}",
            *(["--debug"] if self.debug else ()),
        ]


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:])))
