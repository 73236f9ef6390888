"""Numbers side by side: scores, plain ranges, signs, and thousands that are separated by spaces."""

import re

from .characters import LOWER, UPPER
from .context import text_before
from .numbers import NUMBER

# A number that is not the tail of a longer expression.
NUMBER_START = r"(?<![\w.,/])(?<!\d[-–])"

_THOUSANDS = r"(?<![\d.,] )(?<![\w.,])[1-9]\d{0,2}"
_SPACED_THOUSANDS = re.compile(
    rf"{_THOUSANDS}(?: \d{{3}}){{1,3}}(?= ?(?:đ|đồng|VND|VNĐ)(?!\w))"
    rf"|{_THOUSANDS}(?: 000){{1,3}}(?!\w)"
)

_RANGE = re.compile(rf"{NUMBER_START}({NUMBER}) ?[-–~→] ?({NUMBER})(?![\d/=]| ?=|[-–]\d)")
_SCORE_CUE_BEFORE = re.compile(
    r"(?:tỷ số|tỉ số|thắng|thua|hòa|dẫn|kết quả|chung cuộc|gỡ|hạ|vượt qua|set|ván|hiệp|luân lưu)"
    r"[^.!?]{0,30}$"
)
_SCORE_BETWEEN_NAMES = re.compile(rf"(?<=[{LOWER}] )(\d{{1,2}}) ?[-–:] ?(\d{{1,2}})(?= [{UPPER}])")
_MEASURE_AFTER = re.compile(
    r" ?(?:°|%|độ|phút|giờ|giây|ngày|tuần|tháng|năm|lần|người|đ|đồng|nghìn|triệu|tỷ|kg|km|m|cm|k|tr"
    r"|W|V|A)(?!\w)|[%°]"
)
_NEGATIVE = re.compile(r"(?<![\w)%°])-(?=\d)")
_PLUS = re.compile(r"(?<![\w)])\+(?=\d)")


def join_spaced_thousands(text: str) -> str:
    """Join `1 000 000` and `15 000 đ`."""
    return _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)


def read_scores(text: str) -> str:
    """Read `2-1` as two numbers side by side where it is a score."""
    text = _SCORE_BETWEEN_NAMES.sub(r"\1 \2", text)
    return _RANGE.sub(_read_score, text)


def read_ranges_and_signs(text: str) -> str:
    """Read the hyphen of `25-27`, and the signs of `-5` and `+5`."""
    text = _RANGE.sub(_read_range, text)
    return _PLUS.sub(" cộng ", _NEGATIVE.sub(" âm ", text))


def is_score(match: re.Match[str]) -> bool:
    """Tell whether the words before a match announce a score, and no unit comes after it."""
    return _SCORE_CUE_BEFORE.search(text_before(match)) is not None and not is_measured(match)


def is_measured(match: re.Match[str]) -> bool:
    """Tell whether a unit or a counted word comes right after a match."""
    return _MEASURE_AFTER.match(match.string, match.end()) is not None


def _are_points(first: str, second: str) -> bool:
    return first.isdecimal() and second.isdecimal() and len(first) < 4 and len(second) < 4


def _read_score(match: re.Match[str]) -> str:
    if _are_points(match[1], match[2]) and is_score(match):
        return f"{match[1]} {match[2]}"
    return match[0]


def _read_range(match: re.Match[str]) -> str:
    first, second = match[1], match[2]
    if _are_points(first, second) and int(first) >= int(second) and not is_measured(match):
        return f"{first} {second}"  # not a range: it does not go up
    return f"{first} đến {second}"
