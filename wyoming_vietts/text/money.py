"""Amounts of money."""

import re

from .context import text_after, text_before
from .numbers import NUMBER, read_number, split_number
from .ranges import NUMBER_START
from .tables import any_of, with_tables
from .units import RATE, read_rate

_SCALES = {
    "k": "nghìn", "K": "nghìn", "tr": "triệu", "M": "triệu", "B": "tỷ", "ty": "tỷ",
    "nghìn": "nghìn", "ngàn": "ngàn", "triệu": "triệu", "tỷ": "tỷ", "tỉ": "tỉ",
}  # fmt: skip
_SIGNS = {
    "US$": "đô la Mỹ", "$": "đô la", "€": "ơ rô", "£": "bảng Anh", "¥": "yên", "₩": "uôn",
    "฿": "bạt", "₹": "ru pi", "đ": "đồng",
}  # fmt: skip
_CURRENCIES = _SIGNS | {
    "Đ": "đồng", "đồng": "đồng", "VNĐ": "đồng", "VND": "đồng", "vnđ": "đồng", "vnd": "đồng",
    "USD": "đô la Mỹ", "usd": "đô la Mỹ", "đô": "đô", "EUR": "ơ rô", "euro": "ơ rô",
    "Euro": "ơ rô", "GBP": "bảng Anh", "JPY": "yên Nhật", "KRW": "uôn", "CNY": "nhân dân tệ",
    "NDT": "nhân dân tệ", "THB": "bạt", "SGD": "đô la Xinh ga po", "AUD": "đô la Úc",
    "CAD": "đô la Ca na đa", "CHF": "phrăng Thụy Sĩ",
}  # fmt: skip
_CODE = "|".join(name for name in _CURRENCIES if re.fullmatch("[A-Z]{3}", name))
_SCALE, _SIGN, _CURRENCY = map(any_of, (_SCALES, _SIGNS, _CURRENCIES))

_SCALED = rf"{NUMBER_START}({NUMBER})(k|ty| ?tr)(?!\w){RATE}"
_SIGN_FIRST = rf"(?<![\w.,/])({_SIGN}|(?:{_CODE}) ?(?=\d)) ?({NUMBER})(?: ?({_SCALE})(?!\w))?{RATE}"
_CURRENCY_LAST = rf"{NUMBER_START}({NUMBER})(?: ?({_SCALE}))? ?({_CURRENCY})(?!\w){RATE}"
_RANGE_WITH_SIGN = (
    rf"(?<![\w.,/])({_SIGN}) ?({NUMBER}) ?[-–] ?({NUMBER})(?: ?({_SCALE})(?!\w))?"
    rf"(?![\w%]|[.,-]\d){RATE}"
)
AMOUNT_OF_MONEY = (
    rf"(?:{_SIGN} ?{NUMBER}(?: ?{_SCALE}(?!\w))?"
    rf"|(?:{NUMBER}(?: ?{_SCALE})? ?{_CURRENCY}|{NUMBER}(?:k|tr|ty))(?!\w){RATE})"
)
"""With its sign, currency or scale; for `with_tables`."""

_FOR_SO_MUCH = re.compile(
    r"(?<=\d)( ?(?:k|tr|đ|đồng|nghìn|triệu|VND|VNĐ))/"
    r"(?=\d{1,3} ?(?:ngày|tháng|năm|giờ|tuần|phút|người|lần|đêm|suất|buổi|GB)(?!\w))"
)
# 4K is a picture, 2700K a light.
_CAPITAL_K = re.compile(r"(?<![\w.,])(?![248]K)(\d{1,3}(?:[.,]\d)?)K(?!\w)")
_PRICE_BEFORE = re.compile(
    r"(?<!\w)(?:giá|ship|freeship|phí|đơn|tiền|chỉ|mua|bán|voucher|giảm|trả|hết|áo|quần|vé|combo"
    r"|tặng"
    r"|hoàn|thưởng|nạp|cước|suất|ly|tô|phần)(?!\w)[^.!?]{0,30}$"
)
# As banks write without marks: `12.345.678d`.
_SUM_IN_D = re.compile(r"(?<![\w.,])(\d{1,3}(?:[.,]\d{3}){1,4}|\d{4,9}) ?d(?!\w)")
_FOUR_NINES = re.compile(r"((?:[Vv]àng|nhẫn)(?: nhẫn| SJC| miếng)? )9999(?!\w|[.,]\d)")
_MONEY_BEFORE = re.compile(
    r"(?<!\w)(?:giá|phí|cước|tiền|usd|đô|xăng|dầu|vàng|cổ phiếu|trả|mua|bán|lãi|tỷ giá|tỉ giá|phạt"
    r"|thu|nạp|rút|đồng|vnd|tệ|euro|tiêu|lẻ|ví|số dư)(?!\w)[^.!?]{0,30}$"
)
_EXAM_NEAR = re.compile(
    r"(?<!\w)(?:toeic|ielts|sat|toefl|thi|điểm|năng lực|đợt|đgnl|tư duy|xét tuyển|điểm chuẩn|hsk"
    r"|jlpt|topik|đạt|elo)(?!\w)"
)
_THOUSANDS_AND_REST = re.compile(r"(?<![\w.,])(\d{1,3})k(\d)(?![\w.,])(?: ?/ ?(?=[^\W\d]))?")
_MAY_BE_SCALED = re.compile(r"\d ?(?:k|t[ry])")
_MILLIONS_AND_REST = re.compile(r"(?<![\w.,])(\d{1,3})tr(\d{1,3})(?!\w)")


def read_ranges_of_money(text: str) -> str:
    """Read `$5-7k/tháng`: one sign and one scale for both amounts; write `1.000d` with its `đ`."""
    text = _SUM_IN_D.sub(r"\1đ", text)
    return with_tables(_RANGE_WITH_SIGN).sub(_read_range_with_sign, text)


def _read_range_with_sign(match: re.Match[str]) -> str:
    sign, first, second, scale, rate = match.groups()
    words = f"{read_number(first, not scale)} đến {read_number(second, not scale)}"
    words += f" {_SCALES[scale]}" if scale else ""
    return f"{words} {_CURRENCIES[sign]}{read_rate(rate)}"


def read_money(text: str) -> str:
    """Read `15.000đ/kg`, `$1.5M`, `100k` and `1tr5`."""
    if "9999" in text:
        text = _FOUR_NINES.sub(r"\1bốn số chín", text)
    if "K" in text:
        text = _CAPITAL_K.sub(_read_capital_k, text)
    if "/" in text:
        text = _FOR_SO_MUCH.sub(r"\1 cho ", text)
    if "k" in text:
        text = _THOUSANDS_AND_REST.sub(_read_thousands_and_rest, text)
    if "tr" in text:
        text = _MILLIONS_AND_REST.sub(_read_millions_and_rest, text)
    text = with_tables(_SIGN_FIRST).sub(_read_sign_first, text)
    text = with_tables(_CURRENCY_LAST).sub(_read_currency_last, text)
    return with_tables(_SCALED).sub(_read_scaled, text) if _MAY_BE_SCALED.search(text) else text


def _read_capital_k(match: re.Match[str]) -> str:
    return f"{match[1]}k" if _PRICE_BEFORE.search(text_before(match)) else match[0]


def _read_thousands_and_rest(match: re.Match[str]) -> str:
    """`3k8` is 3,800."""
    return f"{match[1]} nghìn {match[2]}{' trên ' if '/' in match[0] else ''}"


def _read_millions_and_rest(match: re.Match[str]) -> str:
    thousands = int(match[2].ljust(3, "0"))
    return f"{match[1]} triệu {'không trăm ' if thousands < 100 else ''}{thousands} nghìn"


def _read_sign_first(match: re.Match[str]) -> str:
    sign, number, scale, rate = match.groups()
    return _amount(number, scale, _CURRENCIES[sign.rstrip()]) + read_rate(rate)


def _read_currency_last(match: re.Match[str]) -> str:
    number, scale, currency, rate = match.groups()
    if currency in ("đ", "Đ") and not (scale or rate) and _are_points(match):
        return f"{read_number(number)} điểm"
    return _amount(number, scale, _CURRENCIES[currency]) + read_rate(rate)


def _amount(number: str, scale: str | None, currency: str) -> str:
    words = read_number(number, thousands_comma=not scale)
    return f"{words} {_SCALES[scale]} {currency}" if scale else f"{words} {currency}"


def _are_points(match: re.Match[str]) -> bool:
    """`9đ` are points: nothing costs so little, unless the words before speak of money."""
    whole, decimals = split_number(match[1])
    if not int(whole):
        return False
    before = text_before(match)
    if len(whole) > 2 and int(whole) > 100:
        is_near_exam = _EXAM_NEAR.search(before + text_after(match)) is not None
        return len(whole) < 5 and "." not in match[1] and is_near_exam
    return bool(decimals) or not _MONEY_BEFORE.search(before)


def _read_scaled(match: re.Match[str]) -> str:
    number, scale, rate = match.groups()
    return f"{read_number(number)} {_SCALES[scale.lstrip()]}" + read_rate(rate)
