"""Ordinals, fractions and Roman numerals."""

import re

from .context import text_before, word_after, word_before
from .numbers import read_integer

_ORDINAL = re.compile(r"(?<!\w)(thứ|hạng|top|giải) ([14])(?![\w/]|[.,:-]\d)", re.IGNORECASE)

_FRACTION = re.compile(r"(?<![\w/.,-])(?:(\d{1,3}) )?(\d{1,3})/(\d{1,3})(?![\w/]|[.,-]\d)")
_COUNTED = frozenset(
    "điểm thiết đèn người phòng câu bài cửa công cảm trận sao máy quạt học hộ tỉnh đại phiếu bước "
    "việc trang mục ngày thành viên mã em bạn camera ổ bóng".split()
)
_PLACE_CUES = frozenset("số nhà ngõ hẻm kiệt ngách thửa lô phòng căn".split())

_ROMAN = r"(?=[IVXL])(?:X{1,3}|XL|L)?(?:IX|IV|V?I{0,3})"
_ROMAN_CUE = re.compile(
    r"(?<!\w)((?:thế kỷ|thế kỉ|tk|chương|phần|quý|khóa|lần thứ|lần|kỳ|hồi|tập|quyển|mục|điều|loại|cấp|bậc"
    r"|giai đoạn|đời|vòng|bảng|nhóm|quân khu|quân đoàn|đại hội|học kỳ|thứ|hạng|thế chiến|chiến tranh thế giới"
    r"|khu vực|vùng|type|số|đệ|trung ương|hội nghị|phụ lục|tiết|hệ|độ|năm|đợt|tổ|ban)(?: thứ)? )"
    rf"({_ROMAN})(?:( ?[-–] ?|, ?| và | đến )({_ROMAN}))?(?![\w])",
    re.IGNORECASE,
)
_ROMAN_ALONE = re.compile(
    r"(?<![\w.-])(II|III|VII|VIII|IX|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXI|XXII|XXIII|XXIV|XXV)(?![\w-])"
)
_ROMAN_AFTER_NAME = re.compile(r"(?<=[a-zà-ỹ] )(IV|VI|XI)(?![\w-])")
_ROMAN_LIST_MARKER = re.compile(r"^(I|V|X|IV|VI|XI)(?=[.)] )", re.MULTILINE)


def read_ordinals(text: str) -> str:
    """Read `thứ 4`, `hạng 1`, and Roman numerals after a word that announces them."""
    text = _ORDINAL.sub(_read_ordinal, text)
    text = _ROMAN_CUE.sub(_read_cued_roman, text)
    text = _ROMAN_LIST_MARKER.sub(_read_roman, text)
    return _ROMAN_AFTER_NAME.sub(_read_roman, _ROMAN_ALONE.sub(_read_roman, text))


def _read_ordinal(match: re.Match[str]) -> str:
    if match[2] == "1":
        return match[0] if match[1].lower() == "top" else f"{match[1]} nhất"
    return f"{match[1]} {'bốn' if match[1].lower() == 'top' else 'tư'}"


def roman_value(roman: str) -> int:
    """Return the value of a Roman numeral below 90."""
    values = [{"I": 1, "V": 5, "X": 10, "L": 50}[letter] for letter in roman]
    return sum(
        -value if any(later > value for later in values[i + 1 : i + 2]) else value
        for i, value in enumerate(values)
    )


def _read_roman(match: re.Match[str]) -> str:
    return read_integer(roman_value(match[1]))


def _read_cued_roman(match: re.Match[str]) -> str:
    cue, first, joint, second = match.groups()
    if not (first.isupper() and (second is None or second.isupper())):
        return match[0]
    words = read_integer(roman_value(first))
    if cue.rstrip().lower().endswith("thứ"):
        words = {"một": "nhất", "bốn": "tư"}.get(words, words)
    if not second:
        return cue + words
    between = " đến " if joint.strip() in ("-", "–") else joint
    return f"{cue}{words}{between}{read_integer(roman_value(second))}"


def read_fractions(text: str) -> str:
    """Read `3/4` as `ba phần tư`, and with `trên` where it is a count or too large to be a part."""
    return _FRACTION.sub(_read_fraction, text)


def _read_fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    prefix = f"{whole} " if whole else ""
    word = word_before(match)
    if (above, below) == ("50", "50"):
        return prefix + "năm mươi năm mươi"
    is_part = 0 < int(above) < int(below) <= 10 or (
        above == "1" and int(below) in (12, 16, 20, 100)
    )
    if word in _PLACE_CUES or word_after(match) in _COUNTED:
        is_part = False
    if not is_part:
        return f"{prefix}{above} trên {below}"
    below_words = "tư" if below == "4" else read_integer(int(below))
    return f"{prefix}{read_integer(int(above))} phần {below_words}"
