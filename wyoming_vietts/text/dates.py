"""Dates, weekdays, months and quarters."""

import re

from .characters import LETTERS, like
from .context import text_after, text_before, word_before
from .numbers import read_integer, read_whole
from .ordinals import PORTION_AFTER, SHARED_AFTER
from .ranges import is_measured, is_score

DAY = r"(?:0?[1-9]|[12]\d|3[01])"
MONTH = r"(?:0?[1-9]|1[0-2])"
YEAR = r"[12]\d{3}"
_END = r"(?![\w/]|[.,-]\d)"
_START = r"(?<![\w/.,:-])"

_NUMBERS_JOINED = re.compile(r"\d ?[-–/.] ?\d")
_ISO = re.compile(
    rf"{_START}({YEAR})([-/])({MONTH})\2({DAY})"
    r"(?:(?:T| )(\d\d:\d\d)(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?(?![\w/]|[.,-]\d)"
)
_FULL = re.compile(rf"{_START}({DAY}) ?([-/.]) ?({MONTH}) ?\2 ?({YEAR}|\d\d){_END}")

_COUNTED = (
    r"(?! (?:lần|viên|bữa|cốc|giờ|tiếng|gói|hiệp|buổi|ly|giọt|ống|muỗng|thìa|liều|nhát|lít|quả|tô"
    r"|hũ|chén|bát|lượt|phút|điếu|lon)(?!\w))"
)
"""Not before what is taken so often a day, a week or a month."""
_MONTH_YEAR = re.compile(rf"{_START}({MONTH})([-/])({YEAR}){_END}")
_DAY_MONTH = re.compile(rf"{_START}({DAY})(?:(/)|-)({MONTH}){_END}(?(2)|{_COUNTED})")
_SHORT_MONTH = re.compile(rf"(?<!\w)[Tt]\.? ?({MONTH})[/-]({YEAR}){_END}")
_MONTH_RANGE = re.compile(rf"(?<!\w)[Tt]háng ({MONTH}) ?[-–] ?({MONTH})(?![\w/]|[.,]\d){_COUNTED}")
_MONTH_ALONE = re.compile(r"(?<!\w)[Tt]háng 0?([1-9]|1[0-2])(?![\w/]|[.,–-]\d)")
_DAY_ALONE = re.compile(r"(?<!\w)((?:[Nn]gày|[Mm]ùng|[Mm]ồng) )0([1-9])(?![\w/]|[.,]\d)")
_YEAR_PAIR = re.compile(
    rf"((?:năm học|niên khóa|mùa giải|mùa|vụ|năm(?= \d{{4}}/)) )({YEAR}) ?[-–/] ?({YEAR}|\d\d)"
    rf"(?!\d)",
    re.IGNORECASE,
)

WEEKDAYS = {"2": "hai", "3": "ba", "4": "tư", "5": "năm", "6": "sáu", "7": "bảy"}
WEEKDAY = r"(?:(?:T|[Tt]hứ )[2-7]|CN|[Cc]hủ nhật)(?!\w)"
_SHORT_WEEKDAY = re.compile(r"(?<![\w.])(?:T([2-7])|(CN))(?![\w]|[./-]\d{2})")
_WEEKDAY_LIST = re.compile(
    r"(?<!\w)([Tt]hứ )([2-7])((?:(?:, ?| và | hoặc | ?[-–] ?| đến | & )[2-7]"
    r"(?![\w/]|[.,:]\d| (?:giờ|phút|lần|người|độ|cái)))*)(?![\w/]|[.,]\d)"
)

DATE_CUES = frozenset({
    "ngày", "hôm", "sáng", "trưa", "chiều", "tối", "đêm", "từ", "đến", "tới", "trước", "sau",
    "vào", "qua", "mùng", "mồng", "rằm", "hết", "nay", "mai", "kia", "lịch", "nhật", "lễ", "dịp",
    "nghỉ", "đường", "phố", "tết", "khánh", "trận", "khai", "mạc", "hạn",
})  # fmt: skip
BARE_CUES = frozenset({
    "ngày", "mùng", "mồng", "rằm", "lễ", "dịp", "đường", "phố", "trận", "khánh",
})  # fmt: skip
_ADDRESS_CUES = frozenset({
    "số", "nhà", "ngõ", "hẻm", "kiệt", "ngách", "thửa", "lô", "phòng", "căn", "xuyệt", "đc",
})  # fmt: skip
_WEEKDAY_BEFORE = re.compile(r"(?:thứ (?:hai|ba|tư|năm|sáu|bảy|[2-7])|chủ nhật),? \(?$")


def _read_month(month: str) -> str:
    return "tháng " + ("tư" if int(month) == 4 else read_integer(int(month)))


_CALENDARS = {"a": "âm lịch", "â": "âm lịch", "d": "dương lịch"}
_MAY_BE_CALENDAR = re.compile(r"[ÂâAaDd][Ll]\b")
_CALENDAR = re.compile(
    r"(?<!\w)(?:ÂL|âl|Âl)(?!\w)"
    r"|(?:(?<=\d/\d)|(?<=\d/\d\d)|(?<=/\d{4})|(?<=háng \d)|(?<=háng \d\d)|(?<=[Rr]ằm)"
    r"|(?<=[Mm][ùồ]ng \d)|(?<=[Mm][ùồ]ng \d\d)) ?(\()?(?:AL|al|DL|dl|Al|Dl)(?!\w)"
)


def read_calendars(text: str) -> str:
    """Write out `ÂL`, and `AL` and `DL` after a date: the lunar and the solar calendar."""
    return _CALENDAR.sub(_read_calendar, text) if _MAY_BE_CALENDAR.search(text) else text


def _read_calendar(match: re.Match[str]) -> str:
    letters = match[0].strip(" (")
    return f"{' (' if match[1] else ' '}{_CALENDARS[letters[0].lower()]}"


def read_dates(text: str) -> str:
    """Read dates, weekdays, months with years."""
    is_dated = _NUMBERS_JOINED.search(text) is not None
    if is_dated:
        text = _YEAR_PAIR.sub(
            lambda match: f"{match[1]}{read_whole(match[2])}, {read_whole(match[3])}", text
        )
        text = _ISO.sub(_read_iso, text)
    if "hứ " in text:
        text = _WEEKDAY_LIST.sub(_read_weekday_list, text)
    if "T" in text or "CN" in text:
        text = _SHORT_WEEKDAY.sub(_read_short_weekday, text)
    if is_dated:
        text = _FULL.sub(_read_full, text)
        text = _SHORT_MONTH.sub(lambda match: _month_and_year(match[1], match[2]), text)
        text = _MONTH_YEAR.sub(_read_month_year, text)
        text = _DAY_MONTH.sub(_read_day_month, text)
    if "háng " in text:
        text = _MONTH_RANGE.sub(_read_month_range, text)
        text = _MONTH_ALONE.sub(lambda match: like(match[0], _read_month(match[1])), text)
    return _DAY_ALONE.sub(r"\1\2", text) if " 0" in text else text


def _read_month_range(match: re.Match[str]) -> str:
    return like(match[0], f"{_read_month(match[1])} đến {_read_month(match[2])}")


def _day_and_month(day: str, month: str) -> str:
    return f"{read_integer(int(day))} {_read_month(month)}"


def _month_and_year(month: str, year: str) -> str:
    return f"{_read_month(month)} năm {read_whole(year)}"


def with_day_word(match: re.Match[str], words: str) -> str:
    """Put `ngày` before a date, unless the word before it does as well."""
    return words if word_before(match) in BARE_CUES else f"ngày {words}"


def _read_iso(match: re.Match[str]) -> str:
    year, _, month, day, clock = match.groups()
    words = with_day_word(match, f"{_day_and_month(day, month)} năm {read_whole(year)}")
    return f"{words} {clock}" if clock else words


def _read_full(match: re.Match[str]) -> str:
    day, _, month, year = match.groups()
    return with_day_word(match, f"{_day_and_month(day, month)} năm {read_whole(year)}")


def _read_month_year(match: re.Match[str]) -> str:
    word = word_before(match)
    if word in ("tháng", "quý", "kỳ", "tuần", "đợt"):
        number = "tư" if word == "tháng" and int(match[1]) == 4 else read_integer(int(match[1]))
        return f"{number} năm {read_whole(match[3])}"
    if match[2] == "-" or word in ("định", "tư", "luật", "số", "văn", "quyết", "thị"):
        return match[0]
    return _month_and_year(match[1], match[3])


def _read_day_month(match: re.Match[str]) -> str:
    day, mark, month = match.groups()
    words = _day_and_month(day, month)
    word, before = word_before(match), text_before(match)
    is_after_weekday = _WEEKDAY_BEFORE.search(before) is not None
    if not mark:
        is_date = (
            word in BARE_CUES
            or is_after_weekday
            or (_BIRTHDAY_BEFORE.search(before) is not None and not is_measured(match))
            or (int(day) > 12 and not is_measured(match) and not is_score(match))
        )
        return with_day_word(match, words) if is_date else match[0]
    is_label = word in _ADDRESS_CUES and not before.endswith("xổ số ")
    if is_label or (day, month) == ("24", "7"):
        return match[0]
    if _DAYS_BEFORE.search(before) or _DATE_LISTED_BEFORE.search(before):
        return words
    is_part = word != "ngày" or _EVERY_DAY_BEFORE.search(before) is not None
    if int(day) < int(month) and is_part and PORTION_AFTER.match(text_after(match)):
        return match[0]
    if word not in _SCORED and _announces_date(match):
        return with_day_word(match, words)
    if word == "đến" and not _DATE_BEFORE_UNTIL.search(before):
        is_date = int(day) >= int(month)
    elif word in DATE_CUES or is_after_weekday:
        is_date = True
    else:
        is_date = (
            int(day) > int(month) or (day, month) == ("2", "9") or (day == month and int(day) > 1)
        )
    return with_day_word(match, words) if is_date else match[0]


def _announces_date(match: re.Match[str]) -> bool:
    """`3/11 nộp học`: a date at the start of a clause, or of an event, that shares nothing out."""
    before, after = text_before(match), text_after(match)
    if SHARED_AFTER.match(after):
        return False
    return bool(
        _LUNAR_AFTER.match(after)
        or _LUNAR_BEFORE.search(before)
        or _CLOCK_BEFORE.search(before)
        or (after[:1] == ")" and _DAY_IN_WORDS_BEFORE.search(before))
        or (_CLAUSE_START.search(before) and _WORD_AFTER.match(after))
        or _EVENT_BEFORE.search(before)
    )


_BIRTHDAY_BEFORE = re.compile(r"(?:sinh nhật|giỗ|kỷ niệm|kỉ niệm|cưới|khai giảng)[^.!?\d]{0,24}$")
# `tuần sau (6/11)`
_DAY_IN_WORDS_BEFORE = re.compile(
    r"(?:hôm nay|hôm qua|hôm kia|mai|kia|nay|này|sau|tới|trước|qua|thứ [^\W\d]{2,4}|chủ nhật|tuần)"
    r",? \($"
)
_LUNAR_AFTER = re.compile(r" ?\(?(?:âm|dương) lịch| âm(?![^\W\d])")
_CLOCK_BEFORE = re.compile(r"(?:\dh(?:\d\d)?|:\d\d|\d giờ|sáng|chiều|tối),? \(?$")
_LUNAR_BEFORE = re.compile(r"(?:âm|dương)(?: lịch)?(?: hôm nay| ngày)?: ?$")
_WORD_AFTER = re.compile(rf":? [{LETTERS}]")
_CLAUSE_START = re.compile(r"(?:^|[\n:;,(] ?|[-–•] )$")
_EVENT_BEFORE = re.compile(
    r"(?:sinh nhật|hẹn|giỗ|cưới|khai giảng|deadline|hạn|họp|kỷ niệm|kỉ niệm|lịch|khám|thi|khởi hành"
    r"|bay|đi|về|nghỉ|đám|tiệc|lễ|xổ số|bóng đá|thực đơn|bản tin|thời tiết|giá vàng|giá xăng"
    r"|tỷ giá) [^.!?\n\d]{0,24}$"
)
_SCORED = frozenset({
    "được", "đạt", "đúng", "xong", "điểm", "hết", "còn", "khoảng", "hơn", "gần", "chiếm", "trên",
    "dưới", "làm", "thêm", "bằng", "với", "tầng", "đã", "mỗi", "chỉ", "một", "cả", "bước",
})  # fmt: skip
_DATE_BEFORE_UNTIL = re.compile(r"(?:ngày|tháng|nay|mai|từ|kéo dài|lùi|dời|hoãn)[^.!?]{0,30} đến $")
_EVERY_DAY_BEFORE = re.compile(r"(?:mỗi|một|hằng|hàng|\d) ngày:? $")
_DAYS_BEFORE = re.compile(r"(?<!\d )(?<![\d/.,])\d{1,2} ?(?:&|và) ?(?:ngày )?$")
_DATE_LISTED_BEFORE = re.compile(r"\d/\d{1,2}(?:,| và| hoặc|, và| &) $")


def _read_short_weekday(match: re.Match[str]) -> str:
    if match[2]:
        return "chủ nhật"
    if word_before(match) in ("ga", "cảng", "terminal", "nhà", "tòa", "block"):
        return match[0]
    return f"thứ {WEEKDAYS[match[1]]}"


def _read_weekday_list(match: re.Match[str]) -> str:
    rest = re.sub(r" ?[-–] ?", " đến ", match[3])
    rest = re.sub(r"[2-7]", lambda digit: WEEKDAYS[digit[0]], rest)
    return f"{match[1]}{WEEKDAYS[match[2]]}{rest}"
