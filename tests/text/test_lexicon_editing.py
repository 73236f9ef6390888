"""A program changes one line of a lexicon, and no other."""

import os
import stat
import time
from pathlib import Path

import pytest

from wyoming_vietts.errors import LexiconError
from wyoming_vietts.steps import finish
from wyoming_vietts.text import LexiconFile, lexicon_entries, remove_entry, set_entry, speakable

CONTENT = "# đầu\nTV = ti vi\n\n  Bo = Bô # chó\nđèn bàn = bóng\n# cuối"


def lexicon(tmp_path: Path, content: str = CONTENT) -> LexiconFile:
    (tmp_path / "lexicon.txt").write_bytes(content.encode())
    return LexiconFile(tmp_path / "lexicon.txt")


def after(file: LexiconFile, written: str, spoken: str | None) -> str:
    steps = remove_entry(file, written) if spoken is None else set_entry(file, written, spoken)
    for _ in steps:
        pass
    return file.path.read_bytes().decode()


@pytest.mark.parametrize(
    ("written", "spoken", "old", "new"),
    [
        ("TV", "truyền hình", "TV = ti vi", "TV = truyền hình"),
        ("bo", "Bơ", "  Bo = Bô # chó", "bo = Bơ # chó"),
        ("đèn", "bóng", "# cuối", "# cuối\nđèn = bóng\n"),
        ("đèn  bàn", "đèn", "đèn bàn = bóng", "đèn  bàn = đèn"),
        ("tv", "ti vi", "# cuối", "# cuối\ntv = ti vi\n"),  # TV matches only as written
        ("Đèn Bàn", "a = b", "đèn bàn = bóng", "Đèn Bàn = a = b"),
        ("TV", None, "TV = ti vi\n", ""),
        ("BO", None, "", ""),  # matches only as written, and so is another
        ("x", None, "", ""),
    ],
)
def test_one_line_changes(
    tmp_path: Path, written: str, spoken: str | None, old: str, new: str
) -> None:
    assert after(lexicon(tmp_path), written, spoken) == CONTENT.replace(old, new, 1)


def test_line_ends_stay(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "a = b\r\nc = d\r\n")
    assert after(file, "a", "e") == "a = e\r\nc = d\r\n"


def test_entries_of_the_same_form_become_one(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "a = b\nA = c\nd = e\n")
    assert after(file, "a", "f") == "a = f\nd = e\n"
    assert [entry.written for entry in finish(lexicon_entries(file))] == ["a", "d"]
    assert after(lexicon(tmp_path, "a = b\nA = c\nd = e\n"), "A", None) == "d = e\n"


def test_file_keeps_its_permissions_and_stays_a_link(tmp_path: Path) -> None:
    file = lexicon(tmp_path)
    file.path.chmod(0o640)
    link = tmp_path / "link.txt"
    link.symlink_to(file.path)
    after(LexiconFile(link), "x", "ích")
    assert link.is_symlink()
    assert "x = ích" in file.path.read_text()
    assert stat.S_IMODE(file.path.stat().st_mode) == 0o640
    assert sorted(os.listdir(tmp_path)) == ["lexicon.txt", "link.txt"]


def test_line_that_is_wrong_is_left_alone(tmp_path: Path) -> None:
    file = lexicon(tmp_path, "không có dấu bằng\n")
    assert after(file, "a", "b") == "không có dấu bằng\na = b\n"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("đèn = bóng".encode("utf-16"), "UTF-8"),
        (b"#" * 4_000_001, "4.0 MB; at most 4 MB"),
        (b"#" * 3_999_999, "would be larger than 4 MB"),
        (b"a = b\n" * 60_000, "60000 entries; at most 60000"),
    ],
)
def test_file_that_cannot_be_changed_is_left_alone(
    tmp_path: Path, content: bytes, message: str
) -> None:
    file = lexicon(tmp_path)
    file.path.write_bytes(content)
    with pytest.raises(LexiconError, match=message):
        after(file, "x", "ích")
    assert file.path.read_bytes() == content


def test_endless_written_form_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match="expected at most 50 words, spaces and signs"):
        after(lexicon(tmp_path), "!" * 51, "a")


def test_first_entry_creates_the_file_and_its_folder(tmp_path: Path) -> None:
    file = LexiconFile(tmp_path / "models" / "lexicon.txt", may_be_missing=True)
    assert finish(lexicon_entries(file)) == []
    assert after(file, "Bo", "Bô") == "Bo = Bô\n"
    finish(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bô"


@pytest.mark.parametrize(
    "content",
    ["# x\n" * 199_000, "\x0b" * 199_000, "a" * 4_000_000, "a = b\n" * 60_000, " " * 4_000_000],
    ids=["comments", "separators", "one line", "entries", "spaces"],
)
def test_largest_file_is_read_listed_and_changed_in_short_steps(
    tmp_path: Path, content: str
) -> None:
    file = lexicon(tmp_path)
    file.path.write_text(content)
    longest = 0.0
    for steps in (file.refresh(), lexicon_entries(file), remove_entry(file, "a")):
        while True:
            started = time.process_time()
            if next(steps, steps) is steps:
                break
            longest = max(longest, time.process_time() - started)
    assert longest < 0.25


def test_somebody_elses_change_is_not_lost(tmp_path: Path) -> None:
    file = lexicon(tmp_path)
    steps = set_entry(file, "x", "ích")
    next(steps)
    file.path.write_text("y = y dài\n")
    with pytest.raises(LexiconError, match="try again"):
        list(steps)
    assert file.path.read_text() == "y = y dài\n"
