"""Dates, weekdays, months and quarters."""

import re

from .context import text_before, word_before
from .numbers import read_integer, read_whole
from .ranges import is_measured, is_score

_DAY = r"(?:0?[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0?[1-9]|1[0-2])"
_YEAR = r"[12]\d{3}"
_END = r"(?![\w/]|[.,-]\d)"
_START = r"(?<![\w/.,-])"

_ISO = re.compile(
    rf"{_START}({_YEAR})([-/])({_MONTH})\2({_DAY})"
    r"(?:(?:T| )(\d\d:\d\d)(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w/]|[.,-]\d)"
)
_FULL = re.compile(rf"{_START}({_DAY}) ?([-/.]) ?({_MONTH}) ?\2 ?({_YEAR}|\d\d){_END}")
_RANGE_OF_DATES = re.compile(
    rf"{_START}({_DAY}/{_MONTH}(?:/{_YEAR})?) ?[-–→] ?({_DAY}/{_MONTH}(?:/{_YEAR})?){_END}"
)
_DAYS_OF_MONTH = re.compile(rf"{_START}({_DAY}) ?[-–] ?({_DAY})/({_MONTH})(?:/({_YEAR}))?{_END}")
_MONTH_YEAR = re.compile(rf"{_START}({_MONTH})([-/])({_YEAR}){_END}")
_MONTHS_YEAR = re.compile(rf"{_START}({_MONTH}) ?[-–] ?({_MONTH})/({_YEAR}){_END}")
_DAY_MONTH = re.compile(rf"{_START}({_DAY})([/-])({_MONTH}){_END}")
_SHORT_MONTH = re.compile(rf"(?<!\w)[Tt]\.? ?({_MONTH})[/-]({_YEAR}){_END}")
_MONTH_RANGE = re.compile(rf"(?<!\w)([Tt])háng ({_MONTH}) ?[-–] ?({_MONTH})(?![\w/]|[.,]\d)")
_MONTH_ALONE = re.compile(r"(?<!\w)([Tt])háng 0?([1-9]|1[0-2])(?![\w/]|[.,]\d)")
_DAY_ALONE = re.compile(r"(?<!\w)((?:[Nn]gày|[Mm]ùng|[Mm]ồng) )0([1-9])(?![\w/]|[.,]\d)")
_YEAR_PAIR = re.compile(
    rf"((?:năm học|niên khóa|mùa giải|mùa|vụ) )({_YEAR}) ?[-–/] ?({_YEAR}|\d\d)(?!\d)",
    re.IGNORECASE,
)

_WEEKDAYS = {"2": "hai", "3": "ba", "4": "tư", "5": "năm", "6": "sáu", "7": "bảy"}
_SHORT_WEEKDAY = re.compile(r"(?<![\w.])(?:T([2-7])|(CN))(?![\w]|[./-]\d{2})")
_WEEKDAY_RANGE = re.compile(
    r"(?<!\w)((?:T|[Tt]hứ )[2-7]|CN) ?[-–→] ?(?=(?:T|[Tt]hứ )[2-7](?!\w)|CN(?!\w)|[Cc]hủ nhật)"
)
_WEEKDAY_LIST = re.compile(
    r"(?<!\w)([Tt]hứ )([2-7])((?:(?:, ?| và | hoặc | ?[-–] ?| đến | & )[2-7]"
    r"(?![\w/]|[.,:]\d| (?:giờ|phút|lần|người|độ|cái)))*)(?![\w/]|[.,]\d)"
)

_DATE_CUES = frozenset({
    "ngày", "hôm", "sáng", "trưa", "chiều", "tối", "đêm", "từ", "đến", "tới", "trước", "sau",
    "vào", "qua", "mùng", "mồng", "rằm", "hết", "nay", "mai", "kia", "lịch", "nhật", "lễ", "dịp",
    "nghỉ", "đường", "phố", "tết", "khánh", "trận", "khai", "mạc", "hạn",
})  # fmt: skip
_BARE_CUES = frozenset({
    "ngày", "mùng", "mồng", "rằm", "lễ", "dịp", "đường", "phố", "trận", "khánh",
})  # fmt: skip
_ADDRESS_CUES = frozenset({
    "số", "nhà", "ngõ", "hẻm", "kiệt", "ngách", "thửa", "lô", "phòng", "căn", "xuyệt", "đc",
})  # fmt: skip
_WEEKDAY_BEFORE = re.compile(r"(?:thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật),? \(?$")


def read_month(month: int) -> str:
    """Return the words of a month; the fourth is `tư`."""
    return "tư" if month == 4 else read_integer(month)


def read_dates(text: str) -> str:
    """Read dates, ranges of dates, weekdays, months with years."""
    text = _YEAR_PAIR.sub(_read_year_pair, text)
    text = _ISO.sub(_read_iso, text)
    text = _RANGE_OF_DATES.sub(_read_range_of_dates, text)
    text = _WEEKDAY_RANGE.sub(r"\1 đến ", text)
    text = _WEEKDAY_LIST.sub(_read_weekday_list, text)
    text = _SHORT_WEEKDAY.sub(_read_short_weekday, text)
    text = _FULL.sub(_read_full, text)
    text = _DAYS_OF_MONTH.sub(_read_days_of_month, text)
    text = _MONTHS_YEAR.sub(_read_months_year, text)
    text = _SHORT_MONTH.sub(lambda match: _month_and_year(match[1], match[2]), text)
    text = _MONTH_YEAR.sub(_read_month_year, text)
    text = _DAY_MONTH.sub(_read_day_month, text)
    text = _MONTH_RANGE.sub(
        lambda match: (
            f"{match[1]}háng {read_month(int(match[2]))} đến tháng {read_month(int(match[3]))}"
        ),
        text,
    )
    text = _MONTH_ALONE.sub(lambda match: f"{match[1]}háng {read_month(int(match[2]))}", text)
    return _DAY_ALONE.sub(r"\1\2", text)


def _day_and_month(day: str, month: str) -> str:
    return f"{read_integer(int(day))} tháng {read_month(int(month))}"


def _month_and_year(month: str, year: str) -> str:
    return f"tháng {read_month(int(month))} năm {read_whole(year)}"


def _with_day_word(match: re.Match[str], words: str) -> str:
    return words if word_before(match) in _BARE_CUES else f"ngày {words}"


def _read_range_of_dates(match: re.Match[str]) -> str:
    """Mark both sides as dates, where one of them is clearly one."""
    sides = [[int(number) for number in side.split("/")] for side in match.groups()]
    is_clear = any(len(side) == 3 or side[0] > side[1] for side in sides)
    if not is_clear and word_before(match) not in _DATE_CUES:
        return match[0]
    return f"{_with_day_word(match, match[1])} đến ngày {match[2]}"


def _read_iso(match: re.Match[str]) -> str:
    year, _, month, day, clock = match.groups()
    words = _with_day_word(match, f"{_day_and_month(day, month)} năm {read_whole(year)}")
    return f"{words} {clock}" if clock else words


def _read_full(match: re.Match[str]) -> str:
    day, _, month, year = match.groups()
    return _with_day_word(match, f"{_day_and_month(day, month)} năm {read_whole(year)}")


def _read_days_of_month(match: re.Match[str]) -> str:
    first, last, month, year = match.groups()
    if int(first) >= int(last):
        return match[0]
    words = f"{read_integer(int(first))} đến ngày {_day_and_month(last, month)}"
    return _with_day_word(match, f"{words} năm {read_whole(year)}" if year else words)


def _read_months_year(match: re.Match[str]) -> str:
    word = word_before(match)
    name = word if word in ("quý", "kỳ") else "tháng"
    first, last = (
        (read_month if name == "tháng" else read_integer)(int(part)) for part in match.groups()[:2]
    )
    words = f"{first} đến {name} {last} năm {read_whole(match[3])}"
    return words if word == name else f"{name} {words}"


def _read_month_year(match: re.Match[str]) -> str:
    word = word_before(match)
    if word in ("tháng", "quý", "kỳ", "tuần", "đợt"):
        number = read_month(int(match[1])) if word == "tháng" else read_integer(int(match[1]))
        return f"{number} năm {read_whole(match[3])}"
    if match[2] == "-" or word in ("định", "tư", "luật", "số", "văn", "quyết", "thị"):
        return match[0]
    return _month_and_year(match[1], match[3])


def _read_day_month(match: re.Match[str]) -> str:
    day, mark, month = match.groups()
    words = _day_and_month(day, month)
    word = word_before(match)
    has_cue = word in _DATE_CUES or _WEEKDAY_BEFORE.search(text_before(match)) is not None
    if mark == "-":
        is_date = word == "ngày" or (_WEEKDAY_BEFORE.search(text_before(match)) is not None)
        is_date = is_date or (int(day) > 12 and not is_measured(match) and not is_score(match))
        return _with_day_word(match, words) if is_date else match[0]
    if word in _ADDRESS_CUES or (day, month) == ("24", "7"):
        return match[0]
    if _DATE_LISTED_BEFORE.search(text_before(match)):
        return words
    if has_cue:
        if word == "đến" and not _DATE_BEFORE_UNTIL.search(text_before(match)):
            return match[0] if int(day) < int(month) else _with_day_word(match, words)
        return _with_day_word(match, words)
    is_date = int(day) > int(month) or (day, month) == ("2", "9")
    return _with_day_word(match, words) if is_date else match[0]


_DATE_BEFORE_UNTIL = re.compile(r"(?:ngày|tháng|nay|mai|từ|kéo dài|lùi|dời|hoãn)[^.!?]{0,30} đến $")
_DATE_LISTED_BEFORE = re.compile(r"\d/\d{1,2}(?:,| và| hoặc|, và) $")


def _read_year_pair(match: re.Match[str]) -> str:
    return f"{match[1]}{read_whole(match[2])}, {read_whole(match[3])}"


def _read_short_weekday(match: re.Match[str]) -> str:
    if match[2]:
        return "chủ nhật"
    if word_before(match) in ("ga", "cảng", "terminal", "nhà", "tòa", "block"):
        return match[0]
    return f"thứ {_WEEKDAYS[match[1]]}"


def _read_weekday_list(match: re.Match[str]) -> str:
    rest = re.sub(r" ?[-–] ?", " đến ", match[3])
    rest = re.sub(r"[2-7]", lambda digit: _WEEKDAYS[digit[0]], rest)
    return f"{match[1]}{_WEEKDAYS[match[2]]}{rest}"
