"""Written lines and what a person would say, from the table beside this file."""

from pathlib import Path

import pytest

from wyoming_vietts.text import speakable

_TABLE = Path(__file__).with_name("spoken_forms.tsv")


def _read_table() -> list[tuple[str, str]]:
    lines = _TABLE.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("\t") for line in lines if line and not line.startswith("#"))
    return [(written, spoken) for written, spoken in pairs]


def _folded(spoken: str) -> str:
    """Return the words in lower case: where a pause lies is a matter of taste."""
    return " ".join(spoken.lower().translate(str.maketrans(".,;:!?", "      ")).split())


def test_table_is_long_enough_to_mean_something() -> None:
    assert len(_read_table()) >= 400


@pytest.mark.parametrize(("written", "spoken"), _read_table())
def test_line_is_read_as_a_person_would(written: str, spoken: str) -> None:
    assert _folded(speakable(written)) == _folded(spoken)


@pytest.mark.parametrize(
    ("written", "spoken"),
    [
        ("Đèn bật.", "Đèn bật."),
        ("Sẵn sàng chưa?!", "Sẵn sàng chưa?"),
        ("Ừ... để tôi xem", "Ừ. để tôi xem"),
        ("Danh sách:\n- sữa\n- gạo", "Danh sách: sữa. gạo"),
        ("... , Xin chào", "Xin chào"),
        ("Đèn (phòng khách) bật", "Đèn, phòng khách, bật"),
        ("Hà Nội - Hải Phòng", "Hà Nội, Hải Phòng"),
        ("một ,hai", "một, hai"),
    ],
)
def test_pauses_stand_where_a_reader_would_breathe(written: str, spoken: str) -> None:
    assert speakable(written) == spoken


@pytest.mark.parametrize("written", ["", "   ", "😀", "...", "---", "```", "**", "\n\n", "| --- |"])
def test_text_without_words_is_empty(written: str) -> None:
    assert speakable(written) == ""
