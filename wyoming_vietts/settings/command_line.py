"""Commands and their flags; each flag has an environment variable, for containers."""

import argparse
import difflib
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from .. import __version__
from ..downloads.table import DOWNLOADS
from ..engines.names import ENGINES
from .addresses import DEFAULT_HTTP_ADDRESS, DEFAULT_URI, LOOPBACK
from .values import (
    device,
    engine_names,
    http_address,
    log_format,
    networks,
    number,
    token,
    uri,
    whole_number,
)

DEFAULT_PIPER_DIR = Path("models/piper")
ENVIRONMENT_PREFIX = "WYOMING_VIETTS_"

_TRUE = ("1", "true", "yes", "on")
_FALSE = ("0", "false", "no", "off")


def parse_options(
    arguments: Sequence[str], environment: Mapping[str, str] = os.environ
) -> argparse.Namespace:
    """Read a command and its flags; the default command is `serve`.

    A flag that is not given takes the value of its variable, if that is set and not empty.

    Exits with status 2 and a message for anything that is not valid.
    """
    arguments = list(arguments)
    if not arguments or (
        arguments[0].startswith("-") and arguments[0] not in ("-h", "--help", "--version")
    ):
        arguments.insert(0, "serve")
    parser = argparse.ArgumentParser(
        prog="wyoming-vietts",
        description="A Vietnamese voice for Home Assistant: text to speech over Wyoming.",
        epilog="The default command is serve. 'wyoming-vietts COMMAND --help' shows the flags of a "
        f"command; most can be set by an environment variable, too: --model-dir is "
        f"{ENVIRONMENT_PREFIX}MODEL_DIR.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=__version__)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (purpose, add_arguments) in _COMMANDS.items():
        command = commands.add_parser(
            name, help=purpose, description=f"{purpose}.", allow_abbrev=False
        )
        # The variables of other commands need not be valid.
        add_arguments(_Flags(command, environment if name == arguments[0] else {}))
    options = parser.parse_args(_with_text_last(arguments) if arguments[0] == "say" else arguments)
    if options.command == "say" and options.lexicon is not None and not options.normalize:
        parser.error("--lexicon goes with --normalize; a running server has a lexicon of its own")
    return options


def _with_text_last(arguments: list[str]) -> list[str]:
    """Put a text such as `-5°C` where no flag is expected any more."""
    texts = [argument for argument in arguments if re.match(r"-[^a-zA-Z-]", argument)]
    if not texts or "--" in arguments:
        return arguments
    return [argument for argument in arguments if argument not in texts] + ["--", *texts]


def misspelt_variables(environment: Mapping[str, str] = os.environ) -> Iterator[str]:
    """Yield a line for each variable that looks like one of this program but is none."""
    known = {
        _variable(option)
        for _, add_arguments in _COMMANDS.values()
        for option in _options_of(add_arguments)
    }
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            yield f"{name} is not a variable of this program" + (
                f"; did you mean {near[0]}?" if near else ""
            )


def _options_of(add_arguments: "Callable[[_Flags], None]") -> Iterable[str]:
    flags = _Flags(argparse.ArgumentParser(), {})
    add_arguments(flags)
    return flags.with_variables


def _variable(flag: str) -> str:
    return ENVIRONMENT_PREFIX + flag[2:].replace("-", "_").upper()


class _Flags:
    """Adds flags to a parser, each with its variable as the default."""

    def __init__(self, parser: argparse.ArgumentParser, environment: Mapping[str, str]) -> None:
        self.parser = parser
        self._environment = environment
        self.with_variables: list[str] = []

    def add(self, flag: str, **options: Any) -> None:
        action = self.parser.add_argument(flag, **options)
        self.with_variables.append(flag)
        variable = _variable(flag)
        value = self._environment.get(variable, "").strip()
        if not value:
            return
        try:
            action.default = _value(action, value)
        except argparse.ArgumentTypeError as error:
            self.parser.error(f"{variable}: {error}")


def _value(action: argparse.Action, value: str) -> Any:
    """The value that a variable gives to a flag.

    Raises:
        argparse.ArgumentTypeError: the value is not valid.
    """
    is_switch = action.nargs == 0
    if is_switch or action.nargs == "?":
        if value.lower() in _TRUE:
            return action.const
        if value.lower() in _FALSE:
            return action.default
        if is_switch:
            raise argparse.ArgumentTypeError(
                f"'{value}' must be one of: {', '.join(_TRUE + _FALSE)}"
            )
    if action.choices is not None and value not in action.choices:
        raise argparse.ArgumentTypeError(f"'{value}' must be one of: {', '.join(action.choices)}")
    return action.type(value) if callable(action.type) else value


# --- the flags of each command -------------------------------------------------------------------


def _serve(flags: _Flags) -> None:
    flags.add("--uri", type=uri, default=DEFAULT_URI, help="where to listen: tcp://HOST:PORT, "
        "unix://PATH or stdio:// (default: %(default)s)")  # fmt: skip
    flags.add("--zeroconf", nargs="?", const="", metavar="NAME",
        help="announce the server, so that Home Assistant finds it")  # fmt: skip
    flags.add("--http", nargs="?", const=DEFAULT_HTTP_ADDRESS, type=http_address,
        metavar="HOST:PORT", help="also serve a page and an API over HTTP (without an address: on "
        f"{DEFAULT_HTTP_ADDRESS})")  # fmt: skip
    flags.add("--http-token", type=token, metavar="TOKEN",
        help="what HTTP requests must carry, as a bearer token or as a password")  # fmt: skip
    flags.add("--http-allow", type=networks, default=LOOPBACK, metavar="NETWORK[,NETWORK]",
        help="who may use HTTP (default: this machine, 127.0.0.0/8,::1)")  # fmt: skip
    _engines(flags)
    flags.add("--download", choices=tuple(DOWNLOADS), metavar="NAME",
        help="download this first where it is missing: " + ", ".join(DOWNLOADS))  # fmt: skip
    flags.add("--voice", metavar="NAME", help="voice for requests that name none "
        "(default: the first)")  # fmt: skip
    flags.add("--speed", type=number(0.5, 2.0), default=1.0, metavar="FACTOR",
        help="1.0 is the voice's own speed; 0.5 to 2 (default: 1.0)")  # fmt: skip
    flags.add("--samples-per-chunk", type=whole_number(64, 1_000_000), default=4096, metavar="N",
        help="samples in an audio chunk, at most (default: %(default)s)")  # fmt: skip
    flags.add("--sentence-silence", type=number(0.0, 10.0), default=0.0, metavar="SECONDS",
        help="silence between sentences (default: 0)")  # fmt: skip
    flags.add("--max-text", type=whole_number(1, 10_000_000), metavar="CHARACTERS",
        default=20_000, help="longest text of one request (default: %(default)s)")  # fmt: skip
    flags.add("--lexicon", type=Path, metavar="FILE",
        help="how to pronounce words: lines of 'written = spoken'")  # fmt: skip
    flags.add("--max-clients", type=whole_number(1, 10_000), metavar="N", default=200,
        help="clients at once; more are refused (default: %(default)s)")  # fmt: skip
    flags.add("--idle-timeout", type=number(1.0, 86_400.0), metavar="SECONDS", default=600.0,
        help="end connections, but not stdio, that say nothing for so long "
        "(default: 600)")  # fmt: skip
    flags.add("--unload-after", type=number(0.001, 100_000.0), metavar="MINUTES",
        help="for vietts: give its memory back when nobody has spoken for so long; the next "
        "request loads it again (default: never)")  # fmt: skip
    flags.add("--no-streaming", action="store_true",
        help="accept texts, and send sentences, only as a whole; clients are told so")  # fmt: skip
    _logging(flags)


def _say(flags: _Flags) -> None:
    flags.parser.add_argument("text", help="what to say; - reads standard input")
    flags.parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="write a WAV file")
    flags.add("--uri", type=uri, default=DEFAULT_URI, help="the server (default: %(default)s)")
    flags.parser.add_argument("--voice", metavar="NAME", help="a voice of the server")
    flags.parser.add_argument("--ssml", action="store_true", help="the text is SSML")
    flags.parser.add_argument("--normalize", action="store_true",
        help="print what would be spoken; needs no server")  # fmt: skip
    flags.parser.add_argument("--lexicon", type=Path, metavar="FILE", help="for --normalize")
    _plain_messages(flags)


def _healthcheck(flags: _Flags) -> None:
    flags.add("--uri", type=uri, default=DEFAULT_URI, help="the server (default: %(default)s)")
    _plain_messages(flags)


def _doctor(flags: _Flags) -> None:
    flags.add("--uri", type=uri, default=DEFAULT_URI,
        help="where the server would listen (default: %(default)s)")  # fmt: skip
    flags.parser.add_argument("--json", action="store_true", help="for issue reports")
    _engines(flags)
    _plain_messages(flags)


def _voices(flags: _Flags) -> None:
    _engines(flags)
    _logging(flags)


def _download(flags: _Flags) -> None:
    flags.parser.add_argument("name", nargs="?", choices=tuple(DOWNLOADS), metavar="NAME",
        help=f"{', '.join(DOWNLOADS)} (default: list what there is)")  # fmt: skip
    _piper_dir(flags)
    _model_dir(flags)
    _logging(flags)


def _prepare(flags: _Flags) -> None:
    _model_dir(flags)
    _logging(flags)


def _convert(flags: _Flags) -> None:
    add = flags.parser.add_argument
    add("recording", type=Path, help="speech of at most 30 s")
    add("voice", help="the voice to say it in")
    add("-o", "--output", type=Path, required=True, metavar="FILE", help="WAV file to write")
    _vietts(flags)
    _logging(flags)


def _engines(flags: _Flags) -> None:
    _piper_dir(flags)
    flags.add("--engine", type=engine_names, default=("auto",), metavar="NAME[,NAME]",
        help=f"auto, or some of {', '.join(ENGINES)}, best first; auto: "
        "vietts where a model and a recording are, piper where its voices are, else espeak "
        "(default: auto)")  # fmt: skip
    _vietts(flags)


def _vietts(flags: _Flags) -> None:
    _model_dir(flags)
    flags.add("--voices-dir", type=Path, metavar="DIR",
        help="recordings to clone, one for each voice (default: voices/ of the model)")  # fmt: skip
    flags.add("--threads", type=whole_number(1, 1024), metavar="N",
        help="for vietts: number of threads (default: the cores that others leave)")  # fmt: skip
    flags.add("--quality", choices=("exact", "balanced", "fast"),
        help="for vietts: see BENCHMARKS.md (default: balanced; exact on a GPU)")  # fmt: skip
    flags.add("--seed", type=whole_number(0, 2**63 - 1), metavar="N",
        help="the same audio for the same text every time")  # fmt: skip
    flags.add("--device", type=device, default="auto",
        help="for vietts: auto, cuda, cuda:N, mps or cpu (default: auto)")  # fmt: skip


def _piper_dir(flags: _Flags) -> None:
    flags.add("--piper-dir", type=Path, default=DEFAULT_PIPER_DIR, metavar="DIR",
        help="Piper voices: NAME.onnx and NAME.onnx.json (default: %(default)s)")  # fmt: skip


def _model_dir(flags: _Flags) -> None:
    flags.add("--model-dir", type=Path, default=Path("models/viet-tts"), metavar="DIR",
        help="the VietTTS model (default: %(default)s)")  # fmt: skip


def _logging(flags: _Flags) -> None:
    flags.add("--debug", action="store_true", help="also log what is spoken")
    flags.add("--log-format", default="%(asctime)s %(levelname)s %(name)s: %(message)s",
        type=log_format, metavar="FORMAT", help="as for Python's logging")  # fmt: skip


def _plain_messages(flags: _Flags) -> None:
    """For commands whose messages a person reads on a terminal."""
    flags.parser.set_defaults(debug=False, log_format=f"{flags.parser.prog}: %(message)s")


_COMMANDS: dict[str, tuple[str, Callable[[_Flags], None]]] = {
    "serve": ("Serve Wyoming clients", _serve),
    "say": ("Speak a text through a running server: play it, or write a WAV file", _say),
    "voices": ("List the voices", _voices),
    "download": ("Download a voice or the neural model, or list what there is", _download),
    "prepare": ("Compute now what the first start with a model would compute", _prepare),
    "convert": ("Say the words of a recording in one of the neural voices", _convert),
    "doctor": ("Look at this machine, and say what to do next", _doctor),
    "healthcheck": ("Ask a running server to describe itself", _healthcheck),
}
