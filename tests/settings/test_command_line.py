"""Flags, variables and values that are not valid."""

import re
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

from wyoming_vietts.engines.vietts.quality import QUALITIES
from wyoming_vietts.settings.command_line import misspelt_variables, parse_options
from wyoming_vietts.settings.table import QUALITY, SERVE_SETTINGS, SPEED
from wyoming_vietts.settings.values import Number, OneOf


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--engine", "pipes"], "must be auto, or one or more of vietts, vieneu, piper, espeak"),
        (
            ["--engine", "auto,espeak"],
            "must be auto, or one or more of vietts, vieneu, piper, espeak",
        ),
        (["--uri", "http://a"], "must be tcp://HOST:PORT, unix://PATH or stdio://"),
        (["--uri", "tcp://0.0.0.0"], "must be tcp://HOST:PORT"),
        (["--uri", "tcp://0.0.0.0:99999"], "must be tcp://HOST:PORT"),
        (["--uri", "tcp://a..b:10200"], "must be tcp://HOST:PORT"),
        (
            ["--engine", "espeak,espeak"],
            "must be auto, or one or more of vietts, vieneu, piper, espeak",
        ),
        (["--speed", "3"], "must be a number from 0.5 to 2"),
        (["--speed", "nan"], "must be a number from 0.5 to 2"),
        (["--samples-per-chunk", "0"], "must be a whole number from 64"),
        (["--sentence-silence", "-1"], "must be a number from 0 to 10"),
        (["--device", "tpu"], "must be auto, cuda, cuda:N, mps or cpu"),
        (["--device", "cuda:x"], "must be auto, cuda, cuda:N, mps or cpu"),
        (["--log-format", "%(nonsense"], "is not a logging format"),
        (["--log-format", "%(nonsense)s"], "is not a logging format"),
        (["--unload-after", "0"], "must be a number from 0.001 to 100000"),
        (["--unload-after", "never"], "must be a number from 0.001 to 100000"),
        (["--max-text", "0"], "must be a whole number from 1"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
        (["--sped", "2"], "unrecognized arguments: --sped 2; did you mean --speed?"),
        (["download", "--piper_dir=x"], "did you mean --piper-dir?"),
        (["srve"], "unknown command 'srve'; did you mean serve?"),
        (["--stream"], "unrecognized arguments"),
    ],
)
def test_bad_flag_is_an_error_that_names_the_valid_values(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as exit_:
        parse_options(arguments, {})
    assert exit_.value.code == 2
    lines = capsys.readouterr().err.splitlines()
    assert message in lines[0]
    assert len(lines) == 2
    assert "--help" in lines[1]


@pytest.mark.parametrize(
    ("variable", "value", "option", "expected"),
    [
        ("URI", "tcp://127.0.0.1:1", "uri", "tcp://127.0.0.1:1"),
        ("ENGINE", "espeak", "engine", ("espeak",)),
        ("ENGINE", "vietts,espeak", "engine", ("vietts", "espeak")),
        ("MODEL_DIR", "/data/m", "model_dir", Path("/data/m")),
        ("VOICES_DIR", "/data/v", "voices_dir", Path("/data/v")),
        ("VOICE", "an", "voice", "an"),
        ("SPEED", "1.5", "speed", 1.5),
        ("SAMPLES_PER_CHUNK", "512", "samples_per_chunk", 512),
        ("SENTENCE_SILENCE", "0.5", "sentence_silence", 0.5),
        ("MAX_TEXT", "99", "max_text", 99),
        ("LEXICON", "/data/l", "lexicon", Path("/data/l")),
        ("UNLOAD_AFTER", "2.5", "unload_after", 2.5),
        ("UNLOAD_AFTER", "", "unload_after", None),
        ("NO_STREAMING", "true", "no_streaming", True),
        ("NO_STREAMING", "0", "no_streaming", False),
        ("DEBUG", "YES", "debug", True),
        ("DEBUG", "", "debug", False),
        ("DEVICE", "cuda:1", "device", "cuda:1"),
        ("LOG_FORMAT", "%(message)s", "log_format", "%(message)s"),
        ("ZEROCONF", "1", "zeroconf", ""),
        ("ZEROCONF", "bếp", "zeroconf", "bếp"),
        ("ZEROCONF", "false", "zeroconf", None),
    ],
)
def test_each_flag_has_a_variable(variable: str, value: str, option: str, expected: Any) -> None:
    options = parse_options([], {f"WYOMING_VIETTS_{variable}": value})
    assert getattr(options, option) == expected


def test_variable_never_swallows_an_argument() -> None:
    for variable in ("ZEROCONF", "DEBUG", "NO_STREAMING"):
        environment = {f"WYOMING_VIETTS_{variable}": "true"}
        options = parse_options(["convert", "rec.wav", "an", "-o", "out.wav"], environment)
        assert (options.recording, options.voice) == (Path("rec.wav"), "an")


def test_variable_of_another_command_need_not_be_valid() -> None:
    assert parse_options(["download"], {"WYOMING_VIETTS_SPEED": "fast"}).command == "download"


def test_options_of_every_command_have_every_setting() -> None:
    for command in (["say", "x"], ["convert", "a", "b", "-o", "c"], ["prepare"], ["healthcheck"]):
        options = vars(parse_options(command, {}))
        for setting in SERVE_SETTINGS:
            assert setting.name in options


def test_limits_on_the_page_and_in_the_engine_are_those_of_the_table() -> None:
    page = resources.files("wyoming_vietts.frontends.http").joinpath("page/index.html")
    slider = re.search(r'<input id="speed"[^>]*>', page.read_text("utf-8"))
    assert slider is not None
    assert isinstance(SPEED.kind, Number)
    assert f'min="{SPEED.kind.least:g}" max="{SPEED.kind.most:g}"' in slider[0]
    assert isinstance(QUALITY.kind, OneOf)
    assert QUALITY.kind.words == tuple(QUALITIES)


def test_flag_wins_over_variable() -> None:
    assert parse_options(["--speed", "2"], {"WYOMING_VIETTS_SPEED": "0.5"}).speed == 2.0


def test_bad_variable_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    for variable, value in (("DEBUG", "perhaps"), ("ENGINE", "pipes")):
        with pytest.raises(SystemExit):
            parse_options([], {f"WYOMING_VIETTS_{variable}": value})
        assert value in capsys.readouterr().err


def test_misspelt_variable_is_named_with_the_nearest() -> None:
    environment = {"WYOMING_VIETTS_SPED": "2", "WYOMING_VIETTS_VOICE": "an", "PATH": "/bin"}
    assert list(misspelt_variables(environment)) == [
        "WYOMING_VIETTS_SPED is not a variable of this program; did you mean WYOMING_VIETTS_SPEED?"
    ]
