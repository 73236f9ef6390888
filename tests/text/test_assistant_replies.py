"""What assistants really write, and what a listener accepts, from the table beside this file."""

import re
from pathlib import Path

import pytest

from wyoming_vietts.text import speakable, split_sentences

_TABLE = Path(__file__).with_name("assistant_replies.tsv")


def _read_table() -> list[tuple[str, str]]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [(written.replace(r"\n", "\n"), readings) for written, readings in pairs]


def _accepted(readings: str) -> re.Pattern[str]:
    """`{a/b}` are alternatives; a space may be missing beside an empty one."""
    signs = {"{": "(?:", "/": "|", "}": ")", "|": "|", " ": " ?"}
    return re.compile("".join(signs.get(sign, re.escape(sign)) for sign in _folded(readings)))


def _folded(spoken: str) -> str:
    return " ".join(spoken.lower().translate(str.maketrans(".,;:!?", "      ")).split())


def test_table_is_long_enough_to_mean_something() -> None:
    assert len(_read_table()) >= 600


@pytest.mark.parametrize(("written", "readings"), _read_table())
def test_reply_is_read_as_a_listener_accepts(written: str, readings: str) -> None:
    spoken = " ".join(filter(None, map(speakable, split_sentences(written))))
    assert _accepted(readings).fullmatch(_folded(spoken)), spoken
