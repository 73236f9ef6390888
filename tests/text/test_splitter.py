"""Growing text becomes the same sentences, however it was cut."""

import time
import unicodedata

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from wyoming_vietts.text import SentenceSplitter, cut_spoken, speakable, split_sentences
from wyoming_vietts.text.splitter import MAX_SENTENCE_CHARACTERS
from wyoming_vietts.text.tables import read_table


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("Xin chào. Tôi là Mai.", ["Xin chào.", "Tôi là Mai."]),
        ("Nhiệt độ 26,5°C. Độ ẩm 60%.", ["Nhiệt độ 26,5°C.", "Độ ẩm 60%."]),
        ("Hôm nay là 22. Mai là 23.", ["Hôm nay là 22.", "Mai là 23."]),
        ("TP. HCM có mưa. Nhớ mang ô.", ["TP. HCM có mưa.", "Nhớ mang ô."]),
        ("Tôi ở TP.HCM. Còn bạn?", ["Tôi ở TP.HCM.", "Còn bạn?"]),
        ("1. Bật đèn", ["1. Bật đèn"]),
        ("1. Bật đèn\n2. Tắt quạt", ["1. Bật đèn", "2. Tắt quạt"]),
        ("**1. Bật đèn.** Rồi thôi.", ["**1. Bật đèn.**", "Rồi thôi."]),
        ("a. Bật đèn", ["a. Bật đèn"]),
        ("Rau, thịt, v.v. Sau đó về.", ["Rau, thịt, v.v.", "Sau đó về."]),
        ("Rau, thịt, v.v. đều có.", ["Rau, thịt, v.v. đều có."]),
        ("Rau, v.v., và cá.", ["Rau, v.v., và cá."]),
        ("Lúc 10:30. Rồi 11:00.", ["Lúc 10:30.", "Rồi 11:00."]),
        ("Ờ... để tôi xem. Đây rồi.", ["Ờ... để tôi xem.", "Đây rồi."]),
        ("Đợi chút... Xong rồi.", ["Đợi chút...", "Xong rồi."]),
        ("Đợi chút… Xong rồi.", ["Đợi chút…", "Xong rồi."]),
        ("Th.S Lê Hoàng đến. ThS. Mai chưa.", ["Th.S Lê Hoàng đến.", "ThS. Mai chưa."]),
        ("GS.TS. Nguyễn Văn Nam nói. Ai nghe?", ["GS.TS. Nguyễn Văn Nam nói.", "Ai nghe?"]),
        ("Số 3, P. 5, Q. 1. Đến nhé.", ["Số 3, P. 5, Q. 1.", "Đến nhé."]),
        ("P. Bến Nghé ở Q. 1.", ["P. Bến Nghé ở Q. 1."]),
        ("J. K. Rowling viết. Hay lắm.", ["J. K. Rowling viết.", "Hay lắm."]),
        ("Uống vitamin C. Sau đó ngủ.", ["Uống vitamin C.", "Sau đó ngủ."]),
        ("Xem https://a.vn/b.c?d=1 nhé. Ok.", ["Xem https://a.vn/b.c?d=1 nhé.", "Ok."]),
        ("Gửi a.b@c.vn. Xong.", ["Gửi a.b@c.vn.", "Xong."]),
        ("IP là 192.168.1.10. Bản v1.2.3. Hết.", ["IP là 192.168.1.10.", "Bản v1.2.3.", "Hết."]),
        ('Anh nói: "Đi thôi." Rồi đi.', ['Anh nói: "Đi thôi."', "Rồi đi."]),
        ("Anh bảo “Xong.”, Nam đi.", ["Anh bảo “Xong.”, Nam đi."]),
        ("(Đã bật.) Xong.", ["(Đã bật.)", "Xong."]),
        ("“Đi!” “Ừ.”", ["“Đi!”", "“Ừ.”"]),
        ("Thật không?! Ừ!!! Thế à??", ["Thật không?!", "Ừ!!!", "Thế à??"]),
        ("Xong!Tiếp theo", ["Xong!", "Tiếp theo"]),
        ("Xong! 😀 Tiếp", ["Xong!", "😀 Tiếp"]),
        ("xong rồi. còn lại một", ["xong rồi.", "còn lại một"]),
        ("Dòng một\r\nDòng hai\n\n\nDòng ba", ["Dòng một", "Dòng hai", "Dòng ba"]),
        ("- sữa\n- gạo", ["- sữa", "- gạo"]),
        ("| a | b |\n|---|---|\n| c | d |", ["| a | b |", "|---|---|", "| c | d |"]),
        ("Còn 1.234,5 đồng", ["Còn 1.234,5 đồng"]),
        ("", []),
        (" \n \t ", []),
    ],
)
def test_text_is_cut_into_sentences(text: str, sentences: list[str]) -> None:
    assert split_sentences(text) == sentences


def test_long_first_clause_is_given_out_early() -> None:
    text = "Nhiệt độ trong phòng khách hiện nay là 25,5 độ, còn độ ẩm là 60 phần trăm, khá dễ chịu."
    first, second = split_sentences(text)
    assert first == "Nhiệt độ trong phòng khách hiện nay là 25,5 độ,"
    assert second == "còn độ ẩm là 60 phần trăm, khá dễ chịu."


def test_only_the_first_sentence_is_cut_at_a_clause() -> None:
    clause = "Nhiệt độ trong phòng khách hiện nay là 25,5 độ, và không khí rất trong lành."
    assert split_sentences("Chào bạn. " + clause) == ["Chào bạn.", clause]


def test_first_clause_is_not_cut_inside_quotes_or_brackets() -> None:
    quoted = 'Cô ấy nói rằng "hôm nay trời nắng và rất đẹp, nên đi chơi".'
    bracketed = "Các đèn đang bật trong nhà (phòng khách và phòng ngủ, tầng hai) đã tắt."
    assert split_sentences(quoted) == [quoted]
    assert split_sentences(bracketed) == [bracketed]


def test_sentence_is_given_out_at_the_space_that_ends_it() -> None:
    splitter = SentenceSplitter()
    assert splitter.add("Xin chào.") == []
    assert splitter.add(" ") == ["Xin chào."]


def test_doubtful_full_stop_waits_for_the_next_letter() -> None:
    splitter = SentenceSplitter()
    assert splitter.add("Có rau, v.v. ") == []
    assert splitter.add("S") == ["Có rau, v.v."]


def test_splitter_starts_over_after_finish() -> None:
    splitter = SentenceSplitter()
    text = "Câu thứ nhất của đoạn văn này khá là dài đấy, và câu này còn dài hơn nữa"
    once = splitter.add(text) + splitter.finish()
    assert len(once) == 2
    assert splitter.add(text) + splitter.finish() == once


def test_overlong_sentence_is_cut_at_its_last_clause() -> None:
    text = "Chào bạn. " + "một câu rất dài không có dấu chấm nào cả, " * 20
    sentences = split_sentences(text)
    assert all(len(sentence) <= MAX_SENTENCE_CHARACTERS for sentence in sentences)
    assert all(sentence.endswith(("cả,", ".")) for sentence in sentences)
    assert " ".join(sentences) == text.strip()


@pytest.mark.parametrize(
    "unit", ["từ ", "a", "a\u0323\u0302", ".", ". ", ", ", "1. ", "v.v. ", '"']
)
def test_any_sentence_is_bounded_and_no_text_is_lost(unit: str) -> None:
    text = unit * 3_000
    sentences = split_sentences(text)
    assert all(0 < len(sentence) <= MAX_SENTENCE_CHARACTERS for sentence in sentences)
    assert "".join("".join(sentences).split()) == "".join(text.split())
    assert not any(unicodedata.combining(sentence[0]) for sentence in sentences)


_BITS = """
    <think> </think> <b>
    Xin chào . , ; : ! ? … ... 25,5 °C 1. 10:30 v.v. TP. HCM GS.TS. P. 5 A. a@b.vn https://a.vn/?A
    " “ ” ( ) ** ``` - | # > _ 😀 độ ẩm a\u0323\u0302 đ
"""
_SPACES = [" ", "  ", "\t", "\n", "\r\n"]
_LONG_CLAUSE = "một câu khá dài để vượt qua giới hạn của mệnh đề đầu tiên"
_TEXT = st.lists(st.sampled_from([*_BITS.split(), *_SPACES, " ", _LONG_CLAUSE]), max_size=40).map(
    "".join
)


@settings(max_examples=500, deadline=None)
@given(st.one_of(_TEXT, st.text(max_size=80)), st.data())
def test_cutting_into_pieces_changes_nothing(text: str, data: st.DataObject) -> None:
    cuts = sorted(data.draw(st.lists(st.integers(0, len(text)), max_size=8)))
    splitter = SentenceSplitter()
    pieces = [text[start:end] for start, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]
    sentences = [sentence for piece in pieces for sentence in splitter.add(piece)]
    assert sentences + splitter.finish() == split_sentences(text)


@settings(max_examples=300, deadline=None)
@given(st.one_of(_TEXT, st.text(max_size=80)))
def test_sentences_hold_every_visible_character_in_order(text: str) -> None:
    assume("```" not in text and "~~~" not in text and "<think>" not in text)  # is left out
    assert "".join("".join(split_sentences(text)).split()) == "".join(text.split())


@pytest.mark.parametrize("fence", ["```", "~~~"])
def test_code_is_announced_and_left_out(fence: str) -> None:
    text = f"Chạy lệnh này:\n{fence}bash\nsudo reboot. Xong!\n\nls `a`\n{fence}\nRồi chờ."
    assert split_sentences(text) == ["Chạy lệnh này:", "Đoạn mã.", "Rồi chờ."]
    assert split_sentences("Gõ ```ls``` nhé.") == ["Gõ ```ls``` nhé."]
    assert split_sentences(f"Xem:\n{fence}\nls") == ["Xem:", "Đoạn mã."], "it was not closed"


@pytest.mark.parametrize("tag", ["think", "thinking", "Think"])
def test_reasoning_of_a_model_is_left_out(tag: str) -> None:
    text = f"Để xem. <{tag}>Họ hỏi giờ. Bây giờ là 7h.\n1 < 2 </b> à?</{tag}>Bây giờ là 7h. Hết."
    sentences = ["Để xem.", "Bây giờ là 7h.", "Hết."]
    splitter = SentenceSplitter()
    pieces = [sentence for character in text for sentence in splitter.add(character)]
    assert pieces + splitter.finish() == sentences
    assert split_sentences(f"Vâng. <{tag}>Dài dòng. Chưa xong") == ["Vâng."], "it was not closed"
    assert speakable(text) == "Để xem. Bây giờ là bảy giờ. Hết."


def test_markup_across_sentences_comes_out_clean() -> None:
    text = (
        "**Lưu ý. Đây là quan trọng.** Hết.\n```yaml\nlight: on\n```\n"
        "[Xem thêm. Ở đây](https://a.vn/b) nhé.\n| Đèn | Bật |\n|---|---|\n| Quạt | Tắt |"
    )
    spoken = [speakable(sentence) for sentence in split_sentences(text)]
    assert list(filter(None, spoken)) == [
        "Lưu ý.",
        "Đây là quan trọng.",
        "Hết.",
        "Đoạn mã.",
        "Xem thêm.",
        "Ở đây nhé.",
        "Đèn, Bật",
        "Quạt, Tắt",
    ]


def test_text_fed_letter_by_letter_takes_linear_time() -> None:
    def seconds(length: int) -> float:
        text = ("Nhiệt độ là 25,5°C, rất dễ chịu. " * (length // 30))[:length]
        best = float("inf")
        for _ in range(3):
            splitter = SentenceSplitter()
            start = time.process_time()
            for character in text:
                splitter.add(character)
            best = min(best, time.process_time() - start)
        return best

    assert seconds(20_000) < 24 * seconds(2_500) + 0.02


@pytest.mark.parametrize("title", read_table("titles.txt"))
def test_full_stop_after_a_title_ends_no_sentence(title: str) -> None:
    assert split_sentences(f"Gặp {title}. Trần Minh ngay. Xong.") == [
        f"Gặp {title}. Trần Minh ngay.",
        "Xong.",
    ]


def test_long_spoken_sentence_is_cut_at_its_joints() -> None:
    numbers = ", ".join(["0912 345 678"] * 17)
    assert len(numbers) < 250
    spoken = speakable(numbers)
    pieces = cut_spoken(spoken)
    assert len(spoken) > 600
    assert " ".join(pieces) == spoken
    assert all(60 <= len(piece) <= 200 for piece in pieces[:-1])
    assert all(piece.endswith(",") for piece in pieces[:-1])


@pytest.mark.parametrize(
    "spoken", ["", "xin chào.", "a" * 1000, "ba " * 500, "a, " * 300, "x" * 200 + " y", "," * 3]
)
def test_cutting_loses_nothing_and_bounds_everything(spoken: str) -> None:
    pieces = cut_spoken(spoken)
    assert "".join("".join(pieces).split()) == "".join(spoken.split())
    assert all(len(piece) <= 200 for piece in pieces)
