"""The user's own words win over every rule."""

import logging
import os
from pathlib import Path

import pytest

from wyoming_vietts.errors import LexiconError
from wyoming_vietts.text import Lexicon, speakable


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def _lexicon(tmp_path: Path, content: str) -> Lexicon:
    return Lexicon.load(_write(tmp_path / "lexicon.txt", content))


@pytest.mark.parametrize(
    ("entry", "written", "spoken"),
    [
        ("TV = truyền hình", "Bật TV", "Bật truyền hình"),
        ("wifi = mạng nhà", "Bật WiFi", "Bật mạng nhà"),
        ("25,5°C = mát", "Trời 25,5°C", "Trời mát"),
        ("P.5 = phòng năm", "Đèn P.5 bật", "Đèn phòng năm bật"),
        ("Ecovacs T20 = e cô vác", "Ecovacs T20 đang sạc", "e cô vác đang sạc"),
        ("bé Na = Bé Na Na", "Bé Na ngủ", "Bé Na Na ngủ"),
        ("hoà = hòa thuận", "hòa", "hòa thuận"),
    ],
)
def test_entry_wins_over_the_rules(tmp_path: Path, entry: str, written: str, spoken: str) -> None:
    assert speakable(written, _lexicon(tmp_path, entry)) == spoken


def test_spoken_form_is_not_read_again(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "đèn bàn = TV\nTV = wifi")
    assert speakable("đèn bàn và TV", lexicon) == "TV và wifi"


def test_longest_written_form_wins(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "đèn = bóng\nđèn bàn = bóng trên bàn")
    assert speakable("đèn bàn, đèn", lexicon) == "bóng trên bàn, bóng"


def test_only_whole_words_match(tmp_path: Path) -> None:
    assert speakable("Nam, Namibia, nam", _lexicon(tmp_path, "nam = Năm")) == "Năm, Namibia, Năm"


def test_inner_capital_makes_an_entry_match_its_case_alone(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "NAM = Việt Nam")
    assert speakable("NAM và Nam", lexicon) == "Việt Nam và Nam"


def test_comments_blank_lines_and_byte_order_mark_are_skipped(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "\ufeff# nhà\n\nBo = Bô  # tên chó\n")
    assert speakable("Bo", lexicon) == "Bô"


@pytest.mark.parametrize("line", ["không có dấu bằng", "= nói", "viết =", "viết = 😀"])
def test_bad_line_is_named_with_its_file(tmp_path: Path, line: str) -> None:
    with pytest.raises(LexiconError, match=r"lexicon\.txt, line 2: .*written = spoken"):
        _lexicon(tmp_path, f"a = b\n{line}\n")


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"nowhere\.txt"):
        Lexicon.load(tmp_path / "nowhere.txt")


def test_file_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_bytes("đèn = bóng".encode("utf-16"))
    with pytest.raises(LexiconError, match="UTF-8"):
        Lexicon.load(path)


def _rewrite(path: Path, content: str) -> None:
    modified = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(content, encoding="utf-8")
    os.utime(path, ns=(modified + 10**9, modified + 10**9))


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "Bo = Bô")
    _rewrite(tmp_path / "lexicon.txt", "Bo = Bơ")
    lexicon.refresh()
    assert speakable("Bo", lexicon) == "Bơ"


def test_bad_new_file_keeps_the_old_words_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lexicon = _lexicon(tmp_path, "Bo = Bô")
    _rewrite(tmp_path / "lexicon.txt", "hỏng")
    with caplog.at_level(logging.WARNING):
        lexicon.refresh()
        lexicon.refresh()
    assert speakable("Bo", lexicon) == "Bô"
    assert len(caplog.records) == 1
    assert "line 1" in caplog.text


def test_removed_file_keeps_the_old_words_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lexicon = _lexicon(tmp_path, "Bo = Bô")
    (tmp_path / "lexicon.txt").unlink()
    with caplog.at_level(logging.WARNING):
        lexicon.refresh()
        lexicon.refresh()
    assert speakable("Bo", lexicon) == "Bô"
    assert len(caplog.records) == 1


def test_written_private_characters_are_never_taken_for_entries(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "Bo = Bô")
    assert speakable("\U000f0000 Bo &#xF0000; &#xF0001;", lexicon) == "Bô"
