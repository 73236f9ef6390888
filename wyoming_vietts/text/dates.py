"""Dates and times."""

import re

from .numbers import read_integer

_DATE = re.compile(r"(?:ngày )?(?<!\d)(\d{1,2})[/.-](\d{1,2})[/.-](\d{4})(?!\d)")
_TIME = re.compile(r"(?<![\d:])(\d{1,2})[:hg](\d{2})(?:p|ph)?(?![\d:\w])")


def read_month(month: int) -> str:
    return "tư" if month == 4 else read_integer(month)


def _date(match: re.Match[str]) -> str:
    day, month, year = (int(part) for part in match.groups())
    if not (1 <= day <= 31 and 1 <= month <= 12):
        return match[0]
    return f"ngày {read_integer(day)} tháng {read_month(month)} năm {read_integer(year)}"


def _time(match: re.Match[str]) -> str:
    hour, minute = int(match[1]), int(match[2])
    if hour > 24 or minute > 59:
        return match[0]
    words = f"{read_integer(hour)} giờ"
    return f"{words} {read_integer(minute)} phút" if minute else words


def read_dates_and_times(text: str) -> str:
    return _TIME.sub(_time, _DATE.sub(_date, text))
