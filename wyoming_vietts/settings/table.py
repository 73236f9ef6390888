"""Defines every setting and limit once: for flags, variables, the app's options and requests."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from ..downloads.table import DOWNLOADS, NATURAL_VOICE
from .addresses import (
    DEFAULT_HTTP_ADDRESS,
    DEFAULT_URI,
    LOOPBACK,
    parse_http_address,
    parse_names,
    parse_networks,
    parse_origins,
    parse_uri,
)
from .values import (
    FALSE,
    TRUE,
    Kind,
    Lines,
    Matching,
    Name,
    Number,
    OneOf,
    Parsed,
    Switch,
    Token,
    WholeNumber,
)

ENGINES = ("vietts", "vieneu", "piper", "espeak")
"""Best first."""


@dataclass(frozen=True)
class Setting:
    """A choice of the user; range and default are added to `help`."""

    name: str
    """As in the options of the app; the flag is --like-this, the variable PREFIX_LIKE_THIS."""
    kind: Kind
    default: Any
    help: str
    unit: str = ""
    """Placeholder of the value in the help."""
    default_help: str = ""
    """Describes the default where its value does not."""
    alone: Any = None
    """The value of a flag that is given without one; None where it needs one."""

    @property
    def flag(self) -> str:
        return f"--{self.name.replace('_', '-')}"

    @property
    def variable(self) -> str:
        return f"WYOMING_VIETTS_{self.name.upper()}"

    def parse_variable(self, text: str) -> Any:
        """Read the value of the variable.

        Raises:
            ValueError: it is not valid.
        """
        if self.alone is not None and text.lower() in TRUE + FALSE:
            return self.alone if text.lower() in TRUE else self.default
        return self.kind.parse(text)


# --- formats -------------------------------------------------------------------------------------


def _uri(text: str) -> str:
    parse_uri(text)
    return text


def _http_address(text: str) -> str:
    parse_http_address(text)
    return text


def _engine_names(text: str) -> tuple[str, ...]:
    names = tuple(text.split(","))
    if names != ("auto",) and (not set(names) <= set(ENGINES) or len(set(names)) < len(names)):
        raise ValueError(
            f"'{text}' must be auto, or one or more of {', '.join(ENGINES)}, separated by commas"
        )
    return names


def _log_format(text: str) -> str:
    try:
        logging.Formatter(text).format(logging.makeLogRecord({}))
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"'{text}' is not a logging format: {error}") from error
    return text


# --- settings ------------------------------------------------------------------------------------

# fmt: off
URI = Setting("uri", Parsed(_uri), DEFAULT_URI,
    "address of the server: tcp://HOST:PORT, unix://PATH or stdio://", "URI")
ZEROCONF = Setting("zeroconf", Name("a name"), None,
    "announce the server, so that Home Assistant finds it", "NAME", default_help="off", alone="")
HTTP = Setting("http", Parsed(_http_address), None, "also serve a page and an API over HTTP "
    f"(without an address: on {DEFAULT_HTTP_ADDRESS})", "HOST:PORT", default_help="off",
    alone=DEFAULT_HTTP_ADDRESS)
HTTP_TOKEN = Setting("http_token", Token(), None,
    "require this of HTTP requests, as a bearer token or as a password", "TOKEN",
    default_help="none")
HTTP_ALLOW = Setting("http_allow", Parsed(parse_networks), LOOPBACK, "clients that may use HTTP",
    "NETWORK[,NETWORK]", default_help="this machine, 127.0.0.0/8,::1")
HTTP_NAMES = Setting("http_names", Parsed(parse_names), (), "further names by which HTTP clients "
    "reach the server; *.DOMAIN is any name below it", "NAME[,NAME]", default_help="none")
HTTP_PROXIES = Setting("http_proxies", Parsed(parse_networks), (), "reverse proxies: their "
    "X-Forwarded-For, -Host and -Proto count", "NETWORK[,NETWORK]", default_help="none")
HTTP_ORIGINS = Setting("http_origins", Parsed(parse_origins), (), "other sites, such as "
    "https://app.example.org, whose pages may use the API (CORS)", "ORIGIN[,ORIGIN]",
    default_help="none")
PIPER_DIR = Setting("piper_dir", Parsed(Path), Path("models/piper"),
    "Piper voices: NAME.onnx and NAME.onnx.json", "DIR")
VIENEU_DIR = Setting("vieneu_dir", Parsed(Path), Path("models/vieneu"), "the VieNeu model", "DIR")
ENGINE = Setting("engine", Parsed(_engine_names), ("auto",),
    f"auto, or some of {', '.join(ENGINES)}, best first; auto: vietts where a model and a "
    "recording are, vieneu where its model is, piper where its voices are, else espeak",
    "NAME[,NAME]",
    default_help="auto")
MODEL_DIR = Setting("model_dir", Parsed(Path), Path("models/viet-tts"), "the VietTTS model",
    "DIR")
VOICES_DIR = Setting("voices_dir", Parsed(Path), None,
    "recordings to clone, one for each voice", "DIR",
    default_help="voices/ of the model")
THREADS = Setting("threads", WholeNumber(1, 1024), None, "for all but espeak: number of threads",
    "N", default_help="the cores that others leave")
QUALITY = Setting("quality", OneOf("exact", "balanced", "fast"), None,
    "for vietts: see BENCHMARKS.md; for vieneu: exact takes 16 steps, fast 8, and balanced as many "
    "of these as the machine keeps up with", "QUALITY", default_help="balanced; exact on a GPU")
SEED = Setting("seed", WholeNumber(0, 2**63 - 1), None,
    "make the same audio of the same text every time", "N", default_help="random")
DEVICE = Setting("device",
    Matching("auto|cuda(:[0-9]+)?|mps|cpu", "auto, cuda, cuda:N, mps or cpu"), "auto",
    "for vietts: auto, cuda, cuda:N, mps or cpu; for piper and vieneu: cuda, cuda:N, else the CPU",
    "DEVICE")
DOWNLOAD = Setting("download", OneOf(*DOWNLOADS), None, "download this first where it is missing",
    "NAME", default_help="nothing")
NO_DOWNLOAD = Setting("no_download", Switch(), False,
    "do not download a small natural voice while there are only embedded ones")
VOICE = Setting("voice", Name("a name"), None, "voice for requests that name none", "NAME",
    default_help="the first")
SPEED = Setting("speed", Number(0.5, 2.0), 1.0, "times the voice's own speed", "FACTOR")
OWN_LOUDNESS = Setting("own_loudness", Switch(), False,
    "let voices be as loud as they were made, not all alike")
SAMPLES_PER_CHUNK = Setting("samples_per_chunk", WholeNumber(64, 1_000_000), 4096,
    "samples in an audio chunk, at most", "N")
LEAD_SILENCE = Setting("lead_silence", Number(0.0, 2.0), 0.2,
    "silence before speech, in which a speaker wakes", "SECONDS")
TAIL_SILENCE = Setting("tail_silence", Number(0.0, 2.0), 0.3,
    "silence after speech, which some players cut off", "SECONDS")
SENTENCE_SILENCE = Setting("sentence_silence", Number(0.0, 10.0), 0.0,
    "silence between sentences, in addition to a natural pause", "SECONDS")
MAX_TEXT = Setting("max_text", WholeNumber(1, 10_000_000), 20_000, "longest text of one request",
    "CHARACTERS")
LEXICON = Setting("lexicon", Parsed(Path), Path("models/lexicon.txt"),
    "pronunciation of words: lines of 'written = spoken'", "FILE",
    default_help="models/lexicon.txt, which the page creates")
MAX_CLIENTS = Setting("max_clients", WholeNumber(1, 10_000), 200,
    "clients at once; more are refused", "N")
IDLE_TIMEOUT = Setting("idle_timeout", Number(1.0, 86_400.0), 600.0,
    "close connections, except stdio, after SECONDS without a byte", "SECONDS")
UNLOAD_AFTER = Setting("unload_after", Number(0.001, 100_000.0), None, "for vietts and vieneu: "
    "unload the model after MINUTES without speech; the next request loads it again", "MINUTES",
    default_help="never")
NO_STREAMING = Setting("no_streaming", Switch(), False, "disable streaming")
DEBUG = Setting("debug", Switch(), False, "also log what is spoken")
LOG_FORMAT = Setting("log_format", Parsed(_log_format),
    "%(asctime)s %(levelname)s %(name)s: %(message)s", "format of Python's logging", "FORMAT",
    default_help="time, level, module and message")
# fmt: on

VIETTS_SETTINGS = (MODEL_DIR, VOICES_DIR, THREADS, QUALITY, SEED, DEVICE)
ENGINE_SETTINGS = (PIPER_DIR, VIENEU_DIR, ENGINE, *VIETTS_SETTINGS)
LOG_SETTINGS = (DEBUG, LOG_FORMAT)
SERVE_SETTINGS = tuple(value for value in vars().values() if isinstance(value, Setting))
"""All settings, in the order above."""

APP_OPTIONS: Sequence[Setting] = (
    replace(ENGINE, kind=OneOf("auto", *ENGINES), default="auto"),
    replace(VOICE, default=NATURAL_VOICE),  # empty for the first
    SPEED,
    replace(QUALITY, default="balanced"),
    replace(LEXICON, kind=Lines("a list of lines 'written = spoken'"), default=()),
    LEAD_SILENCE,
    TAIL_SILENCE,
    SENTENCE_SILENCE,
    NO_DOWNLOAD,
    replace(HTTP_TOKEN, default=""),  # empty for no HTTP but the app's page
    DEBUG,
)
"""Options of the Home Assistant app, with its own kinds and defaults."""

# --- other limits --------------------------------------------------------------------------------

REQUEST_SPEED = Number(0.25, 4.0)
"""Factor that a request may apply to `SPEED`; OpenAI's range."""
REQUEST_SAMPLE_RATE = WholeNumber(8_000, 48_000)
"""Hz that a request may ask for."""
SSML_RATE = Number(0.5, 2.0)
"""Factor of <prosody rate>; others are clamped to it."""
SSML_PITCH = Number(0.67, 1.5)
"""Factor of <prosody pitch>; others are clamped to it."""
SPOKEN_SPEED = Number(0.4, 2.5)
"""Outside this range speech is unintelligible; products of factors are clamped to it."""
VOICE_VOLUME = Number(0.0, 4.0)
"""Factor on the amplitude, of a voice's .toml or of a request."""
PIPER_SCALES = {
    "noise_scale": Number(0.0, 2.0),
    "length_scale": Number(0.2, 5.0),
    "noise_w": Number(0.0, 2.0),
}
"""Inputs of a Piper voice's network: variation of sound, length, and variation of rhythm."""
