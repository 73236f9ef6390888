"""Turns written numbers into northern Vietnamese words."""

import re

DIGITS = ("không", "một", "hai", "ba", "bốn", "năm", "sáu", "bảy", "tám", "chín")
MAX_NUMBER_DIGITS = 18
ANY_DIGIT = re.compile("[0-9]")

# One written number: 1.234.567,89 or 1,234,567.89 or 12 or 25,5 or 25.5
NUMBER = (
    r"(?:\d{1,3}(?:\.\d{3}){1,5}(?!\d|\.\d)(?:,\d{1,9})?"
    r"|\d{1,3}(?:,\d{3}){2,5}(?!\d|,\d)(?:\.\d{1,9})?"
    r"|\d{1,3},\d{3}\.\d{1,9}"
    r"|\d{1,12}(?:[.,]\d{1,9})?)(?!\d)"
)
_ANY_NUMBER = re.compile(NUMBER)
THOUSANDS_POINTS = re.compile(r"(?!0)\d{1,3}(?:\.\d{3})+")
_THOUSANDS_COMMAS = re.compile(r"(?!0)\d{1,3}(?:,\d{3})+")


def read_integer(value: int) -> str:
    """Return the words of a whole number of at most 18 digits, as said in the north."""
    if value >= 10**9:
        billions, rest = divmod(value, 10**9)
        words = f"{read_integer(billions)} tỷ"
        return f"{words} {_read_groups(rest, is_leading=False)}" if rest else words
    return _read_groups(value, is_leading=True)


def _read_groups(value: int, is_leading: bool) -> str:
    words: list[str] = []
    for scale, name in ((10**6, "triệu"), (10**3, "nghìn"), (1, "")):
        group, value = divmod(value, scale)
        if group:
            words.append(_read_three_digits(group, is_leading and not words))
            words.append(name)
    return " ".join(filter(None, words)) or DIGITS[0]


def _read_three_digits(value: int, is_leading: bool) -> str:
    hundreds, rest = divmod(value, 100)
    if is_leading and not hundreds:
        return _read_two_digits(rest)
    words = f"{DIGITS[hundreds]} trăm"
    if rest == 0:
        return words
    return f"{words} {'linh ' if rest < 10 else ''}{_read_two_digits(rest)}"


def _read_two_digits(value: int) -> str:
    tens, ones = divmod(value, 10)
    if tens == 0:
        return DIGITS[ones]
    words = "mười" if tens == 1 else f"{DIGITS[tens]} mươi"
    if ones == 0:
        return words
    if ones == 5:
        return f"{words} lăm"
    if tens > 1 and ones in (1, 4):
        return f"{words} {'mốt' if ones == 1 else 'tư'}"
    return f"{words} {DIGITS[ones]}"


def read_digits(written: str) -> str:
    """Return every digit of the string as a word, other characters skipped."""
    return " ".join(DIGITS[int(digit)] for digit in written if digit in "0123456789")


def read_whole(digits: str) -> str:
    """Return a string of digits as a number, or digit by digit after a leading zero."""
    if len(digits) > MAX_NUMBER_DIGITS or (len(digits) > 1 and digits[0] == "0"):
        return read_digits(digits)
    return read_integer(int(digits))


def split_number(written: str, thousands_comma: bool = False) -> tuple[str, str]:
    """Return the whole digits and the decimals of a written number.

    A point before three digits separates thousands (`1.234`). So does a comma if it occurs twice,
    if the three digits end in two zeros (`2,500`), or if `thousands_comma` says so (money).
    """
    if "." in written and "," in written:
        decimal_mark = max(".,", key=written.rindex)
        whole, decimals = written.rsplit(decimal_mark, 1)
        return re.sub(r"\D", "", whole), decimals
    if THOUSANDS_POINTS.fullmatch(written):
        return written.replace(".", ""), ""
    if _THOUSANDS_COMMAS.fullmatch(written) and (
        thousands_comma or written.count(",") > 1 or written.endswith("00")
    ):
        return written.replace(",", ""), ""
    whole, _, decimals = written.replace(",", ".").partition(".")
    return whole, decimals


def read_number(written: str, thousands_comma: bool = False) -> str:
    """Return the words of a number that matches `NUMBER`."""
    whole, decimals = split_number(written, thousands_comma)
    if not decimals:
        return read_whole(whole)
    # Up to three decimals are a number: `14`, `125`.
    read_decimals = read_whole if len(decimals) <= 3 else read_digits
    return f"{read_whole(whole)} phẩy {read_decimals(decimals)}"


# What comes in thousands, and never in thousandths.
_COUNTED = (
    "bước|lượt|người|khách|từ|chữ|ký tự|cái|chiếc|con|cây|căn|nhà|hộ|xe|ca|vé|chỗ|ghế|câu|trang|bài"
    "|bản|đơn|sản phẩm|học sinh|sinh viên|em|bạn|nhân viên|thành viên|tài khoản|lần|view|like|tin"
    "|ảnh|tệp|file|điểm ảnh|đồng|năm|ngày|giờ|phiếu|cổ phiếu|token|thiết bị"
)
_THOUSANDS_OF_THINGS = re.compile(
    rf"(?<![\w.,])([1-9]\d{{0,2}}(?:,\d{{3}})+)(?= (?:{_COUNTED})(?!\w))"
)


def read_numbers(text: str) -> str:
    """Read every number that is left."""
    text = _THOUSANDS_OF_THINGS.sub(lambda match: f" {read_number(match[1], True)} ", text)
    return _ANY_NUMBER.sub(lambda match: f" {read_number(match[0])} ", text)
