"""Commands and their flags; each setting is a flag, and an environment variable for containers."""

import argparse
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from .. import __version__
from ..downloads.table import DOWNLOADS
from ..program import command
from .table import (
    ENGINE_SETTINGS,
    HTTP,
    LEXICON,
    LOG_SETTINGS,
    MODEL_DIR,
    PIPER_DIR,
    SERVE_SETTINGS,
    SPEED,
    SSML_RATE,
    URI,
    VIENEU_DIR,
    VIETTS_SETTINGS,
    Setting,
)
from .values import Kind, Number, OneOf, Switch, WholeNumber, did_you_mean

_PROGRAM = "wyoming-vietts"


def parse_options(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> argparse.Namespace:
    """Read a command and its flags; the default command is `serve`.

    A flag that is not given takes the value of its variable, if that is set and not empty.

    Returns:
        The arguments of the command, and every setting: its default where the command has no such
        flag.

    Exits with status 2 and a message if anything is invalid.
    """
    arguments = list(arguments)
    if not arguments or (
        arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")
    ):
        arguments.insert(0, "serve")
    parser = _Parser(
        prog=_PROGRAM,
        description="A Vietnamese voice for Home Assistant: text to speech over Wyoming.",
        epilog=f"The default command is serve. '{_PROGRAM} COMMAND --help' shows the flags of a "
        "command; a setting can also be given by an environment variable: "
        f"{MODEL_DIR.variable} for {MODEL_DIR.flag}.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    parsers = {}
    for name, entry in _COMMANDS.items():
        parsers[name] = subparsers.add_parser(
            name, help=entry.purpose, description=f"{entry.purpose}.", allow_abbrev=False
        )
        entry.add_arguments(parsers[name])
        for setting in entry.settings:  # variables of other commands are not checked
            parsers[name].add_setting(setting, environment if name == arguments[0] else {})
    if not arguments[0].startswith("-") and arguments[0] not in parsers:
        parser.error(f"unknown command '{arguments[0]}'{did_you_mean(arguments[0], parsers)}")
    if arguments[0] == "say":
        arguments = _with_text_last(arguments)
    defaults = {setting.name: setting.default for setting in SERVE_SETTINGS}
    options, unknown = parser.parse_known_args(arguments, argparse.Namespace(**defaults))
    if unknown:
        parsers[options.command].refuse(unknown)
    if options.command == "say" and options.lexicon is not None and not options.normalize:
        parsers["say"].error(
            "--lexicon goes with --normalize; a running server has a lexicon of its own"
        )
    return options


def _with_text_last(arguments: list[str]) -> list[str]:
    """Move a text such as `-5°C` to the end, after `--`."""
    texts = [argument for argument in arguments if re.match(r"-[^a-zA-Z-]", argument)]
    if not texts or "--" in arguments:
        return arguments
    return [argument for argument in arguments if argument not in texts] + ["--", *texts]


def misspelt_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a line for each variable that has this program's prefix, but is unknown."""
    known = [setting.variable for setting in SERVE_SETTINGS]
    for name in sorted(environment):
        if name.startswith("WYOMING_VIETTS_") and name not in known:
            yield f"{name} is not a variable of this program{did_you_mean(name, known)}"


class _Parser(argparse.ArgumentParser):
    """Prints the error alone, without the usage."""

    def error(self, message: str) -> NoReturn:
        way = command(f"{self.prog.removeprefix(_PROGRAM)} --help".strip())
        self.exit(2, f"{self.prog}: error: {message}\n'{way}' shows all flags\n")

    def refuse(self, unknown: Sequence[str]) -> NoReturn:
        """Exit with a message about unknown arguments."""
        flags = [flag for flag in self._option_string_actions if flag.startswith("--")]
        misspelt = next((word.partition("=")[0] for word in unknown if word.startswith("--")), None)
        hint = did_you_mean(misspelt, flags) if misspelt else ""
        self.error(f"unrecognized arguments: {' '.join(unknown)}{hint}")

    def add_setting(self, setting: Setting, environment: Mapping[str, str]) -> None:
        """Add a flag, with the value of its variable as the default.

        Exits if that is not valid.
        """
        default = setting.default
        if text := environment.get(setting.variable, "").strip():
            try:
                default = setting.parse_variable(text)
            except ValueError as error:
                self.error(f"{setting.variable}: {error}")
        how: dict[str, Any] = {"action": "store_true"}
        if not isinstance(setting.kind, Switch):
            how = {"type": _type(setting.kind), "metavar": setting.unit}
        if setting.alone is not None:
            how |= {"nargs": "?", "const": setting.alone}
        self.add_argument(setting.flag, default=default, help=_help(setting), **how)


def _type(kind: Kind) -> Callable[[str], Any]:
    """Adapt a kind for argparse, which shows the messages of one error class only."""

    def parse(text: str) -> Any:
        try:
            return kind.parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from error

    return parse


def _help(setting: Setting) -> str:
    if isinstance(setting.kind, Switch):
        return setting.help
    default = f"default: {setting.default_help or setting.default}"
    if isinstance(setting.kind, Number | WholeNumber | OneOf):
        return f"{setting.help}: {setting.kind.right} ({default})"
    return f"{setting.help} ({default})"


# --- the commands --------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Command:
    purpose: str
    settings: Sequence[Setting]
    add_arguments: Callable[[argparse.ArgumentParser], None] = lambda parser: None
    """Adds the arguments of this command alone."""


def _say(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("text", help="what to say; - reads standard input")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write a WAV file")
    parser.add_argument("--voice", metavar="NAME", help="a voice of the server")
    speed_or_ssml = parser.add_mutually_exclusive_group()
    speed_or_ssml.add_argument("--speed", type=_type(SSML_RATE), metavar=SPEED.unit,
        help=f"times the speed of the server: {SSML_RATE.right}")  # fmt: skip
    speed_or_ssml.add_argument("--ssml", action="store_true", help="the text is SSML")
    parser.add_argument("--normalize", action="store_true",
        help="print what would be spoken; needs no server")  # fmt: skip
    parser.add_argument("--lexicon", type=Path, metavar="FILE",
        help=f"for --normalize (default: {LEXICON.default}, if it is there)")  # fmt: skip
    _plain_messages(parser)


def _doctor(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--json", action="store_true", help="for issue reports")
    _plain_messages(parser)


def _download(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name", nargs="?", choices=tuple(DOWNLOADS), metavar="NAME",
        help=f"{', '.join(DOWNLOADS)} (default: list them)")  # fmt: skip


def _prepare(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--delete-published", action="store_true",
        help="then delete the published files that are no longer needed: 1.8 GB")  # fmt: skip


def _convert(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("recording", type=Path, help="speech of at most 30 s")
    parser.add_argument("voice", help="the voice to say it in")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE",
        help="WAV file to write")  # fmt: skip


def _homeassistant(parser: argparse.ArgumentParser) -> None:
    for name, default, purpose in (
        ("data", "/data", "the app's folder: options.json of the Supervisor, lexicon and models"),
        ("share", "/share/vietts", "the user's folder: recordings and Piper voices"),
        ("pins", "/venv/pins", "what to install for VietTTS: requirement files"),
    ):
        parser.add_argument(name, nargs="?", type=Path, default=Path(default),
            metavar=name.upper(), help=f"{purpose} (default: {default})")  # fmt: skip


def _plain_messages(parser: argparse.ArgumentParser) -> None:
    """Log messages alone, for commands that a person runs on a terminal."""
    parser.set_defaults(log_format=f"{parser.prog}: %(message)s")


_COMMANDS: Mapping[str, _Command] = {
    "serve": _Command("Serve Wyoming clients", SERVE_SETTINGS),
    "say": _Command(
        "Speak a text through a running server: play it, or write a WAV file", (URI,), _say
    ),
    "voices": _Command("List the voices", (*ENGINE_SETTINGS, *LOG_SETTINGS)),
    "download": _Command(
        "Download a voice or the neural model, or list them",
        (PIPER_DIR, VIENEU_DIR, MODEL_DIR, *LOG_SETTINGS),
        _download,
    ),
    "prepare": _Command(
        "Convert the neural model now, for all qualities, instead of at the first start",
        (MODEL_DIR, *LOG_SETTINGS),
        _prepare,
    ),
    "convert": _Command(
        "Say the words of a recording in one of the neural voices",
        (*VIETTS_SETTINGS, *LOG_SETTINGS),
        _convert,
    ),
    "doctor": _Command(
        "Examine this machine, and suggest next steps", (URI, HTTP, *ENGINE_SETTINGS), _doctor
    ),
    "healthcheck": _Command("Ask a running server to describe itself", (URI,), _plain_messages),
    "homeassistant": _Command(
        "Serve as a Home Assistant app: with the options that its user chose",
        SERVE_SETTINGS,
        _homeassistant,
    ),
}
