"""Command line and environment: every flag has a variable, for containers."""

import argparse
import logging
import math
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from . import __version__
from .server import parse_uri

ENVIRONMENT_PREFIX = "WYOMING_VIETTS_"
DEFAULT_URI = "tcp://0.0.0.0:10200"

_COMMANDS = {
    "serve": "A Vietnamese voice for Home Assistant: text to speech over Wyoming.",
    "download": "Download the neural model into --model-dir.",
    "voices": "List the voices.",
    "convert": "Say the words of a recording in one of the neural voices.",
}

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def parse_options(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> argparse.Namespace:
    """Read flags; a flag that is not given comes from its variable, if that is set and not empty.

    The first argument may be a command: `serve` (the default) or another key of _COMMANDS.

    Exits with status 2 and a message for anything that is not valid.
    """
    command, rest = "serve", list(arguments)
    if rest and rest[0] in _COMMANDS:
        command = rest.pop(0)
    parser = _parser(command)
    options = parser.parse_args([*_environment_arguments(parser, environment), *rest])
    options.command = command
    return options


def _parser(command: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="wyoming-vietts" if command == "serve" else f"wyoming-vietts {command}",
        description=_COMMANDS[command],
        epilog=f"Each flag can be set by a variable as well: --model-dir is "
        f"{ENVIRONMENT_PREFIX}MODEL_DIR. Commands: {', '.join(_COMMANDS)}.",
        allow_abbrev=False,
    )
    add = parser.add_argument
    if command == "convert":
        add("recording", type=Path, help="speech of at most 30 s")
        add("target", metavar="voice", help="whose voice shall say it")
        add("-o", "--output", type=Path, required=True, metavar="FILE", help="WAV file to write")
    add("--uri", type=_uri, default=DEFAULT_URI, help="where to listen: tcp://HOST:PORT, "
        "unix://PATH or stdio:// (default: %(default)s)")  # fmt: skip
    add("--zeroconf", nargs="?", const="", metavar="NAME",
        help="announce the server, so that Home Assistant finds it")  # fmt: skip
    add("--engine", choices=("auto", "vietts", "espeak"), default="auto",
        help="auto: vietts if there is a model, else espeak (default: auto)")  # fmt: skip
    add("--model-dir", type=Path, default=Path("models/viet-tts"), metavar="DIR",
        help="the VietTTS model (default: %(default)s)")  # fmt: skip
    add("--voices-dir", type=Path, metavar="DIR",
        help="recordings to clone, one a voice (default: voices/ of the model)")  # fmt: skip
    add("--voice", metavar="NAME", help="voice of requests that name none (default: the first)")
    add("--speed", type=_number(0.5, 2.0), default=1.0, metavar="FACTOR",
        help="1.0 is the voice's own speed; 0.5 to 2 (default: 1.0)")  # fmt: skip
    add("--samples-per-chunk", type=_whole_number(64, 1_000_000), default=4096, metavar="N",
        help="samples in an audio chunk, at most (default: %(default)s)")  # fmt: skip
    add("--sentence-silence", type=_number(0.0, 10.0), default=0.0, metavar="SECONDS",
        help="silence between sentences (default: 0)")  # fmt: skip
    add("--max-text", type=_whole_number(1, 10_000_000), default=20_000, metavar="CHARACTERS",
        help="longest text of one request (default: %(default)s)")  # fmt: skip
    add("--lexicon", type=Path, metavar="FILE",
        help="how to say what: lines of 'written = spoken'")  # fmt: skip
    add("--no-streaming", action="store_true",
        help="take a text only as a whole, and say so to clients")  # fmt: skip
    add("--threads", type=_whole_number(1, 1024), metavar="N",
        help="for vietts: threads (default: the cores that the machine grants)")  # fmt: skip
    add("--quality", choices=("exact", "balanced", "fast"),
        help="for vietts: see BENCHMARKS.md (default: balanced; exact on a GPU)")  # fmt: skip
    add("--seed", type=_whole_number(0, 2**63 - 1), metavar="N",
        help="for vietts: the same audio for the same text every time")  # fmt: skip
    add("--device", type=_device, default="auto",
        help="for vietts: auto, cuda, cuda:N, mps or cpu (default: auto)")  # fmt: skip
    add("--debug", action="store_true", help="log what is spoken, too")
    add("--log-format", default="%(asctime)s %(levelname)s %(name)s: %(message)s",
        type=_log_format, metavar="FORMAT",
        help="as Python's logging module has it")  # fmt: skip
    add("--version", action="version", version=__version__)
    return parser


def _environment_arguments(
    parser: argparse.ArgumentParser, environment: Mapping[str, str]
) -> list[str]:
    """The flags that the environment sets, to be read before the command line's."""
    arguments = []
    for action in parser._actions:
        flag = action.option_strings[-1] if action.option_strings else ""
        if not flag.startswith("--") or flag in ("--help", "--version", "--output"):
            continue
        variable = ENVIRONMENT_PREFIX + flag[2:].replace("-", "_").upper()
        value = environment.get(variable, "").strip()
        is_switch = action.nargs == 0
        if not value or (value.lower() in _FALSE and (is_switch or action.nargs == "?")):
            continue
        if is_switch and value.lower() not in _TRUE:
            parser.error(f"{variable} is '{value}'; it must be one of: {', '.join(_TRUE + _FALSE)}")
        has_no_value = is_switch or (action.nargs == "?" and value.lower() in _TRUE)
        arguments.append(flag if has_no_value else f"{flag}={value}")
    return arguments


def _uri(value: str) -> str:
    try:
        parse_uri(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error
    return value


def _device(value: str) -> str:
    kind, _, index = value.partition(":")
    if value in ("auto", "cuda", "mps", "cpu") or (kind == "cuda" and index.isdecimal()):
        return value
    raise argparse.ArgumentTypeError(f"'{value}' must be auto, cuda, cuda:N, mps or cpu")


def _log_format(value: str) -> str:
    try:
        logging.Formatter(value).format(logging.makeLogRecord({}))
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"'{value}' is no logging format: {error}") from error
    return value


def _number(least: float, most: float) -> Callable[[str], float]:
    """An argparse type: a number from `least` to `most`."""

    def parse(value: str) -> float:
        try:
            number = float(value)
        except ValueError:
            number = math.nan
        if not least <= number <= most:
            raise argparse.ArgumentTypeError(
                f"'{value}' must be a number from {least:g} to {most:g}"
            )
        return number

    return parse


def _whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` to `most`."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise argparse.ArgumentTypeError(
                f"'{value}' must be a whole number from {least} to {most}"
            )
        return int(value)

    return parse
