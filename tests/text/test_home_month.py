"""What a home hears in a month, with the pauses, from the table beside this file."""

from pathlib import Path

import pytest

from tests.text.scoring import accepted, spoken_line

_TABLE = Path(__file__).with_name("home_month.tsv")


def _read_table() -> list[tuple[str, str]]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and "\t" in line and line[:2] != "# ")
    return [(written.replace(r"\n", "\n"), readings) for written, readings in pairs]


def test_table_is_long_enough_to_mean_something() -> None:
    assert len(_read_table()) >= 1_000


@pytest.mark.parametrize(("written", "readings"), _read_table())
def test_line_is_read_as_a_listener_accepts(written: str, readings: str) -> None:
    spoken = spoken_line(written)
    assert accepted(readings).fullmatch(spoken), spoken


@pytest.mark.parametrize(
    ("spoken", "readings", "is_accepted"),
    [
        ("gọi một, hai", "gọi một, hai", True),
        ("gọi một hai", "gọi một, hai", False),  # a lost pause between two telephone numbers
        ("gọi một. hai", "gọi một hai", False),
        ("gọi một, hai", "gọi một hai", True),
        ("bảy giờ sáng", "bảy giờ {ba mươi/} sáng", True),
        ("bảy giờsáng", "bảy giờ {ba mươi/} sáng", False),
    ],
)
def test_pauses_count(spoken: str, readings: str, is_accepted: bool) -> None:
    assert bool(accepted(readings).fullmatch(spoken)) is is_accepted
