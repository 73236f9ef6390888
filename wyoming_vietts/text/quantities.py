"""Numbers with money, units and percent signs, and ranges of them."""

import re
from functools import cache

from .characters import LETTERS, LOWER, UPPER
from .context import text_before, word_before
from .numbers import NUMBER, read_number
from .tables import any_of, read_table

_START = r"(?<![\w.,/])(?<!\d[-–])"
_TO = r"( ?[-–→] ?(?=[-\d$€£]))?"
_SCALES = {
    "k": "nghìn", "K": "nghìn", "tr": "triệu", "M": "triệu", "B": "tỷ", "ty": "tỷ",
    "nghìn": "nghìn", "ngàn": "ngàn", "triệu": "triệu", "tỷ": "tỷ", "tỉ": "tỉ",
}  # fmt: skip
_CURRENCIES_BEFORE = {
    "US$": "đô la Mỹ", "$": "đô la", "€": "ơ rô", "£": "bảng Anh", "¥": "yên", "₩": "uôn",
    "฿": "bạt", "₹": "ru pi", "đ": "đồng",
}  # fmt: skip
_CURRENCIES_AFTER = {
    "đ": "đồng", "Đ": "đồng", "đồng": "đồng", "VNĐ": "đồng", "VND": "đồng", "vnđ": "đồng",
    "vnd": "đồng", "$": "đô la", "USD": "đô la Mỹ", "usd": "đô la Mỹ", "đô": "đô", "€": "ơ rô",
    "EUR": "ơ rô", "euro": "ơ rô", "Euro": "ơ rô", "£": "bảng Anh", "GBP": "bảng Anh", "¥": "yên",
    "JPY": "yên Nhật", "₩": "uôn", "KRW": "uôn", "CNY": "nhân dân tệ", "NDT": "nhân dân tệ",
    "THB": "bạt", "฿": "bạt", "SGD": "đô la Sing ga po", "AUD": "đô la Úc", "CAD": "đô la Ca na đa",
    "CHF": "phrăng Thụy Sĩ", "₹": "ru pi",
}  # fmt: skip
_PER = r"(?:/ ?({unit}|[{LOWER}]{{2,7}}))?(?![\w])"


@cache
def _money_before() -> re.Pattern[str]:
    sign = any_of(_CURRENCIES_BEFORE)
    return re.compile(
        rf"(?<![\w.,/]){sign} ?({NUMBER})(?: ?(k|K|tr|M|B|nghìn|ngàn|triệu|tỷ|tỉ)(?!\w))?"
        rf"(?:/({_unit()}|[{LOWER}]{{2,7}})(?!\w))?{_TO}".replace(sign, f"({sign})", 1)
    )


@cache
def _money_after() -> re.Pattern[str]:
    return re.compile(
        rf"{_START}({NUMBER})(?: ?({any_of(_SCALES)}))? ?({any_of(_CURRENCIES_AFTER)})(?![\w])"
        rf"(?: ?/ ?({_unit()}|[{LOWER}]{{2,7}})(?!\w))?{_TO}"
    )


_SCALED = re.compile(rf"{_START}({NUMBER})(k|tr|ty)(?:(\d{{1,3}}))?(?!\w){_TO}")
_MILLION_AND_REST = re.compile(r"(?<![\w.,])(\d{1,3})tr(\d{1,3})(?!\w)")


@cache
def _unit() -> str:
    return any_of(read_table("units.txt"))


@cache
def _quantity() -> re.Pattern[str]:
    return re.compile(rf"{_START}({NUMBER})( ?)({_unit()})(?: ?/ ?({_unit()})(?!\w))?(?!\w){_TO}")


@cache
def _quantity_per_word() -> re.Pattern[str]:
    return re.compile(rf"{_START}({NUMBER}) ?({_unit()})/(?=[{LOWER}]{{2,7}}(?!\w))")


@cache
def _unit_pair() -> re.Pattern[str]:
    return re.compile(rf"(?<![\w/])({_unit()})/({_unit()})(?![\w/])")


@cache
def _per_unit() -> re.Pattern[str]:
    return re.compile(rf"(?<=[{LOWER}]) ?/ ?({_unit()})(?!\w)")


@cache
def _lone_unit() -> re.Pattern[str]:
    telling = [unit for unit in read_table("units.txt") if _tells_itself(unit)]
    return re.compile(rf"(?<![{LETTERS}]){any_of(telling)}(?!\w)")


def _tells_itself(unit: str) -> bool:
    """Tell whether a unit is known as one even without a number before it."""
    return unit in ("km", "cm", "mm", "kg", "ml", "mg") or (
        len(unit) > 1
        and unit
        not in ("KG", "HP", "UI", "MP", "PB", "VA", "VAR", "Lux", "MV", "Mb", "Gb", "IU", "Pa")
        and any(character.isupper() or character in "²³Ω°" for character in unit)
    )


_CLASS_CUES = frozenset({
    "lớp", "phòng", "nhà", "số", "tòa", "căn", "khu", "lô", "block", "tuyến", "cổng", "ghế",
    "hẻm", "ngõ", "tầng", "bàn", "bìa", "điều", "khoản", "đường", "xe", "toa", "dãy", "bến",
})  # fmt: skip
_LETTER_UNITS = frozenset("ABCKLNJVWFmglhspw")
_RANGE = re.compile(rf"{_START}({NUMBER}) ?[-–~→] ?({NUMBER})(?![\d/=]| ?=|[-–]\d)")
_SCORE_BEFORE = re.compile(
    r"(?:tỷ số|tỉ số|thắng|thua|hòa|dẫn|kết quả|chung cuộc|gỡ|hạ|vượt qua|set|ván|hiệp|loạt luân lưu)"
    r"[^.!?]{0,30}$"
)
_SCORE_BETWEEN_NAMES = re.compile(rf"(?<=[{LOWER}] )(\d{{1,2}}) ?[-–:] ?(\d{{1,2}})(?= [{UPPER}])")
_NEGATIVE = re.compile(r"(?<![\w)%°])-(?=\d)")
_PLUS = re.compile(r"(?<![\w)])\+(?=\d)")
_ANY_NUMBER = re.compile(NUMBER)
_SPACED_THOUSANDS = re.compile(
    r"(?<![\d.,] )(?<![\w.,])([1-9]\d{0,2})((?: \d{3}){1,3})(?= ?(?:đ|đồng|VND|VNĐ)(?!\w))|(?<![\d.,] )(?<![\w.,])([1-9]\d{0,2})((?: 000){1,3})(?![\w])"
)


def join_spaced_thousands(text: str) -> str:
    """Join `1 000 000` and `15 000 đ`."""
    return _SPACED_THOUSANDS.sub(lambda match: match[0].replace(" ", ""), text)


def read_scores(text: str) -> str:
    """Read `2-1` as two numbers side by side where it is a score."""
    text = _SCORE_BETWEEN_NAMES.sub(r"\1 \2", text)
    return _RANGE.sub(_read_score, text)


def _read_score(match: re.Match[str]) -> str:
    first, second = match[1], match[2]
    if not (first.isdecimal() and second.isdecimal() and len(first) < 4 and len(second) < 4):
        return match[0]
    if _SCORE_BEFORE.search(text_before(match)) and not _follows_with_unit(match):
        return f"{first} {second}"
    return match[0]


def _follows_with_unit(match: re.Match[str]) -> bool:
    return _MEASURE_AFTER.match(match.string, match.end()) is not None


_MEASURE_AFTER = re.compile(
    r" ?(?:°|%|độ|phút|giờ|giây|ngày|tuần|tháng|năm|lần|người|đ|đồng|nghìn|triệu|tỷ|kg|km|m|cm|k|tr|W|V|A)(?!\w)|[%°]"
)


def read_quantities(text: str) -> str:
    """Read money, units and percentages; plain ranges get their `đến`."""
    text = _RANGE.sub(_read_range, text)
    text = _NEGATIVE.sub(" âm ", text)
    text = _PLUS.sub(" cộng ", text)
    text = _MILLION_AND_REST.sub(_read_million_and_rest, text)
    text = _money_before().sub(_read_money_before, text)
    text = _money_after().sub(_read_money_after, text)
    text = _SCALED.sub(_read_scaled, text)
    text = _quantity_per_word().sub(_read_quantity_per_word, text)
    text = _quantity().sub(_read_quantity, text)
    text = _per_unit().sub(lambda match: _per(match[1]), text)
    units = read_table("units.txt")
    return _unit_pair().sub(lambda match: f"{units[match[1]]} trên {units[match[2]]}", text)


def read_lone_units(text: str) -> str:
    """Read units that are known as such without a number before them."""
    units = read_table("units.txt")
    return _lone_unit().sub(lambda match: f" {units[match[0]]} ", text)


def _read_range(match: re.Match[str]) -> str:
    first, second = match[1], match[2]
    if first.isdecimal() and second.isdecimal() and int(first) >= int(second):
        is_small = len(first) < 4 and not _follows_with_unit(match)
        return f"{first} {second}" if is_small else f"{first} đến {second}"
    return f"{first} đến {second}"


def _to(mark: str | None) -> str:
    return " đến " if mark else ""


def _per(word: str | None) -> str:
    return f" trên {read_table('units.txt').get(word, word)}" if word else ""


def _read_million_and_rest(match: re.Match[str]) -> str:
    rest = match[2].ljust(3, "0")
    return f"{match[1]} triệu {rest} nghìn"


def _read_money_before(match: re.Match[str]) -> str:
    sign, number, scale, per, to = match.groups()
    words = read_number(number, thousands_comma=True)
    if scale:
        words += f" {_SCALES[scale]}"
    return f"{words} {_CURRENCIES_BEFORE[sign]}{_per(per)}{_to(to)}"


def _read_money_after(match: re.Match[str]) -> str:
    number, scale, currency, per, to = match.groups()
    words = read_number(number, thousands_comma=not scale)
    if scale:
        words += f" {_SCALES[scale]}"
    return f"{words} {_CURRENCIES_AFTER[currency]}{_per(per)}{_to(to)}"


def _read_scaled(match: re.Match[str]) -> str:
    number, scale, _, to = match.groups()
    return f"{read_number(number)} {_SCALES[scale]}{_to(to)}"


def _read_quantity_per_word(match: re.Match[str]) -> str:
    if match[2] in _LETTER_UNITS and word_before(match) in _CLASS_CUES:
        return match[0]
    return f"{read_number(match[1])} {read_table('units.txt')[match[2]]} trên "


def _read_quantity(match: re.Match[str]) -> str:
    number, _, unit, per, to = match.groups()
    if unit in _LETTER_UNITS and word_before(match) in _CLASS_CUES:
        return match[0]
    units = read_table("units.txt")
    return f"{read_number(number)} {units[unit]}{_per(per)}{_to(to)}"


def read_numbers(text: str) -> str:
    """Read every number that is left."""
    return _ANY_NUMBER.sub(lambda match: f" {read_number(match[0])} ", text)
