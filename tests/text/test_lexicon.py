"""The user's own words win over every rule."""

import logging
import os
import re
import time
import tracemalloc
from pathlib import Path

import pytest

from wyoming_vietts.errors import LexiconError
from wyoming_vietts.text import Lexicon, LexiconFile, speakable, split_sentences


def _write(path: Path, content: str) -> Path:
    path.write_text(content, encoding="utf-8")
    return path


def _lexicon(tmp_path: Path, content: str) -> Lexicon:
    return LexiconFile(_write(tmp_path / "lexicon.txt", content)).lexicon


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
    assert speakable("Nam, Namibia, nam", _lexicon(tmp_path, "nam = Năm")) == "Năm, Na mi bia, Năm"


def test_inner_capital_makes_an_entry_match_its_case_alone(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "NAM = Việt Nam")
    assert speakable("NAM và Nam", lexicon) == "Việt Nam và Nam"


def test_comments_blank_lines_and_byte_order_mark_are_skipped(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "\ufeff# nhà\n\nBo = Bô  # tên chó\n")
    assert speakable("Bo", lexicon) == "Bô"


@pytest.mark.parametrize(
    "line", ["không có dấu bằng", "= nói", "viết =", "viết = 😀", "a = b" * 201, "\x1b[31mđỏ"]
)
def test_bad_line_is_skipped_and_named_with_its_file(
    tmp_path: Path, line: str, caplog: pytest.LogCaptureFixture
) -> None:
    lexicon = _lexicon(tmp_path, f"Bo = Bô\n{line}\nNa = Nà\n{line}\n")
    assert speakable("Bo, Na", lexicon) == "Bô, Nà"
    (warning,) = [record.getMessage() for record in caplog.records]
    assert re.search(r"lexicon\.txt: line 2: .*written = spoken.* \(and 1 more lines\)", warning)
    assert warning.isprintable()


def test_endless_written_form_is_skipped_and_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    content = f"{'!' * 51} = a\n{'!' * 50} = b\nBo = Bô"
    lexicon = _lexicon(tmp_path, content)
    assert speakable("Bo", lexicon) == "Bô"
    assert len(lexicon) == 2
    assert "line 1: expected at most 50 words, spaces and signs" in caplog.text


def test_lexicon_of_long_written_forms_takes_little_memory(tmp_path: Path) -> None:
    content = "\n".join(f"{number:05d}{'!' * 49} = a" for number in range(20_000))
    tracemalloc.start()
    lexicon = _lexicon(tmp_path, content)
    used, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(lexicon) == 20_000
    assert used < 20e6


def test_missing_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"nowhere\.txt"):
        LexiconFile(tmp_path / "nowhere.txt")


def test_file_in_another_encoding_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "lexicon.txt"
    path.write_bytes("đèn = bóng".encode("utf-16"))
    with pytest.raises(LexiconError, match="UTF-8"):
        LexiconFile(path)


def _rewrite(path: Path, content: str) -> None:
    modified = path.stat().st_mtime_ns if path.exists() else 0
    path.write_text(content, encoding="utf-8")
    os.utime(path, ns=(modified + 10**9, modified + 10**9))


def test_changed_file_is_read_again(tmp_path: Path) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    _rewrite(tmp_path / "lexicon.txt", "Bo = Bơ")
    list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bơ"


def test_a_lexicon_never_changes(tmp_path: Path) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    lexicon = file.lexicon
    _rewrite(tmp_path / "lexicon.txt", "Bo = Bơ")
    list(file.refresh())
    assert (speakable("Bo", lexicon), speakable("Bo", file.lexicon)) == ("Bô", "Bơ")


def test_reading_that_was_broken_off_is_begun_again(tmp_path: Path) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    _rewrite(tmp_path / "lexicon.txt", "Bo = Bơ bơ")
    broken_off = file.refresh()
    next(broken_off)
    list(file.refresh())  # another one, who does not wait for it
    broken_off.close()
    list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bơ bơ"


def test_sixty_thousand_words_are_read_again_in_steps_and_found_quickly(tmp_path: Path) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    lines = (f"máy số {number} = cái {spoken_letters(number)}" for number in range(60_000))
    _rewrite(tmp_path / "lexicon.txt", "\n".join(lines))
    steps = []
    refreshing = file.refresh()
    started = time.process_time()
    for _ in refreshing:
        steps.append(time.process_time() - started)
        started = time.process_time()
    assert len(steps) > 100
    assert sorted(steps)[-5] < sum(steps) / 50, "but for collections of garbage"
    sentence = "Bật máy số 123 và " * 12
    seconds = [process_seconds(sentence, lexicon) for lexicon in (None, file.lexicon)]
    assert "cái bê xê đê" in speakable(sentence, file.lexicon)
    assert seconds[1] < 3 * seconds[0]


def spoken_letters(number: int) -> str:
    return " ".join(
        ["a", "bê", "xê", "đê", "e", "ép", "gờ", "hát", "i", "ca"][int(digit)]
        for digit in str(number)
    )


def process_seconds(sentence: str, lexicon: Lexicon | None) -> float:
    started = time.process_time()
    for _ in range(20):
        speakable(sentence, lexicon)
    return time.process_time() - started


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Gọi Bql. Tòa nhà ngay. Xong.", ["Gọi Bql. Tòa nhà ngay.", "Xong."]),
        ("Đèn ở T. Trệt sáng. Tắt đi.", ["Đèn ở T. Trệt sáng.", "Tắt đi."]),
    ],
)
def test_full_stop_inside_an_entry_ends_no_sentence(
    text: str, sentences: list[str], tmp_path: Path
) -> None:
    lexicon = _lexicon(tmp_path, "Bql. Tòa = ban quản lý tòa\nT. Trệt = tầng trệt")
    assert split_sentences(text, lexicon) == sentences
    assert len(split_sentences(text)) > len(sentences)


def test_bad_new_file_keeps_the_old_words_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    (tmp_path / "lexicon.txt").write_bytes("Bo = Bơ".encode("utf-16"))
    with caplog.at_level(logging.WARNING):
        list(file.refresh())
        list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bô"
    assert len(caplog.records) == 1
    assert "not UTF-8" in caplog.text


def test_bad_line_of_a_new_file_is_named_once_and_the_others_count(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    _rewrite(tmp_path / "lexicon.txt", "hỏng\nBo = Bơ")
    with caplog.at_level(logging.WARNING):
        list(file.refresh())
        list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bơ"
    assert len(caplog.records) == 1
    assert "line 1" in caplog.text


def test_pipe_in_place_of_the_file_hangs_nobody(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "lexicon.txt")
    with pytest.raises(LexiconError, match="not a regular file"):
        LexiconFile(tmp_path / "lexicon.txt")


def test_file_that_is_too_large_is_an_error_that_says_so(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"lexicon\.txt has 16\.0 MB; at most 4 MB"):
        _lexicon(tmp_path, "#" * 16_000_000)


@pytest.mark.parametrize("line", ["\n", "#\n", "\x0b", "a = b\n"])
def test_too_many_lines_are_an_error_that_is_soon_found(tmp_path: Path, line: str) -> None:
    with pytest.raises(LexiconError, match="200000 lines"):
        _lexicon(tmp_path, line * 600_000)


def test_missing_file_can_be_an_empty_lexicon_until_it_is_there(tmp_path: Path) -> None:
    file = LexiconFile(tmp_path / "lexicon.txt", may_be_missing=True)
    assert speakable("Bo", file.lexicon) == "Bo"
    _write(file.path, "Bo = Bô")
    list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bô"


def test_removed_file_keeps_the_old_words_and_warns_once(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = LexiconFile(_write(tmp_path / "lexicon.txt", "Bo = Bô"))
    (tmp_path / "lexicon.txt").unlink()
    with caplog.at_level(logging.WARNING):
        list(file.refresh())
        list(file.refresh())
    assert speakable("Bo", file.lexicon) == "Bô"
    assert len(caplog.records) == 1


def test_written_private_characters_are_never_taken_for_entries(tmp_path: Path) -> None:
    lexicon = _lexicon(tmp_path, "Bo = Bô")
    assert speakable("\U000f0000 Bo &#xF0000; &#xF0001;", lexicon) == "Bô"
