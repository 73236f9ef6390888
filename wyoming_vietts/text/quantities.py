"""Two quantities with a dash between them: one rule that asks what both sides are.

The dash becomes words; the sides stay as they are, for the rules of their kinds.
"""

import re
from collections.abc import Callable

from .characters import LOWER
from .context import word_before
from .dates import BARE_CUES, DATE_CUES, DAY, MONTH, WEEKDAY, YEAR, with_day_word
from .money import AMOUNT_OF_MONEY
from .numbers import NUMBER
from .ranges import NUMBER_START
from .tables import read_table, with_tables
from .times import CLOCK, HALF_OF_DAY

_DASH = r" ?[-–~→] ?"
_HAS_DASH = re.compile("[-–~→]")


_KINDS = {
    "date": rf"{DAY}/{MONTH}(?:/{YEAR})?|{DAY}\.{MONTH}\.{YEAR}",
    "month": rf"{MONTH}/{YEAR}",
    "clock": rf"{CLOCK}{HALF_OF_DAY}?|(?:1[0-2]|0?[1-9]){HALF_OF_DAY}",
    "weekday": WEEKDAY,
    "money": AMOUNT_OF_MONEY,
    "amount": rf"-?{NUMBER} ?<units>(?: ?/ ?(?:<units>|[{LOWER}]{{2,7}}))?",
    "number": NUMBER,
}
"""Patterns of the kinds of a side; the first that matches is the one; for `with_tables`."""


def _any_kind(number: int) -> str:
    kinds = _KINDS.items()
    return "|".join(f"(?P<{kind}{number}>{pattern})(?![^\\W_])" for kind, pattern in kinds)


_PAIR = (
    rf"{NUMBER_START}(?<![:])(?:{_any_kind(1)}){_DASH}"
    rf"(?=(?:{_any_kind(2)})(?![/\d]|[.,:]\d|-\d))"
)
_DOTTED_DATES = re.compile(
    rf"(?<![\w.,/])[0-3]\d\.[01]\d{_DASH}[0-3]\d\.[01]\d(?:\.{YEAR})?(?!\w|[.,/]\d)"
)
_WEEKDAYS = re.compile(rf"(?<!\w){WEEKDAY}(?:{_DASH}(?:{WEEKDAY}|[2-7])){{2,5}}(?![\w/])")


def read_ranges_of_quantities(text: str) -> str:
    """Read the dash of `8:15-10:00`, `27/12-2/1`, `3-5.6.2026`, `T2-T6`, `25°C-27°C`."""
    if not _HAS_DASH.search(text):
        return text
    text = _DOTTED_DATES.sub(lambda match: match[0].replace(".", "/"), text)
    text = _WEEKDAYS.sub(lambda match: re.sub(_DASH, ", ", match[0]), text)
    return with_tables(_PAIR).sub(_read_pair, text)


def _read_pair(match: re.Match[str]) -> str:
    (first_kind, first), (second_kind, second) = (_side(match, number) for number in (1, 2))
    rule = _RULES.get((first_kind, second_kind))
    return (rule and rule(match, first, second)) or match[0]


def _side(match: re.Match[str], number: int) -> tuple[str, str]:
    """Kind and text of a side."""
    kind = next(kind for kind in _KINDS if match[f"{kind}{number}"])
    return kind, match[f"{kind}{number}"]


def _to(_match: re.Match[str], first: str, _second: str) -> str:
    return f"{first} đến "


def _dates(match: re.Match[str], first: str, second: str) -> str | None:
    """Both sides are dates where one of them is clearly one."""
    sides = [[int(number) for number in re.findall(r"\d+", side)] for side in (first, second)]
    is_clear = any(len(side) == 3 or side[0] > side[1] for side in sides)
    if not is_clear and word_before(match) not in DATE_CUES:
        return None
    return f"{with_day_word(match, first)} đến ngày "


def _days(match: re.Match[str], first: str, second: str) -> str | None:
    """`3-5/6`: days of one month."""
    day = int(re.split("[/.]", second)[0])
    if not (re.fullmatch(DAY, first) and int(first) < day):
        return None
    return f"{with_day_word(match, str(int(first)))} đến ngày "


def _months(match: re.Match[str], first: str, _second: str) -> str | None:
    """`3-5/2026`: months, or quarters, of one year."""
    if not re.fullmatch(MONTH, first):
        return None
    word = word_before(match)
    name = word if word in ("quý", "kỳ", "tháng") else ""
    return f"{first} đến {name} " if name else f"tháng {first} đến tháng "


def _hours(match: re.Match[str], first: str, _second: str) -> str | None:
    """`8-10h`."""
    hour = first.replace(",", ".")
    return f"{first} đến " if re.fullmatch(r"\d{1,2}(?:\.5)?", hour) and float(hour) <= 24 else None


def _to_amount(match: re.Match[str], first: str, _second: str) -> str | None:
    """`2-3 km`; but `ngày 20-11 năm nay` is a date."""
    return None if word_before(match) in BARE_CUES else f"{first} đến "


def _amounts(match: re.Match[str], first: str, second: str) -> str:
    """From one to the other, unless they are of two kinds (`24V-5Ah`) or shares (`55%-45%`)."""
    is_range = _measured(first) == _measured(second) and not _are_shares(first, second)
    return f"{first} đến " if is_range else f"{first}, "


def _are_shares(first: str, second: str) -> bool:
    """Two percentages that make up a hundred."""
    percentages = [re.fullmatch(r"(\d{1,3}(?:[.,]\d)?) ?%", side) for side in (first, second)]
    return sum(float(p[1].replace(",", ".")) for p in percentages if p) == 100 and all(percentages)


def _measured(amount: str) -> str:
    """What a unit measures, by the last word of its name: `ki lô mét` and `mét` are one."""
    unit = re.sub(r"^[-\d.,]+ ?", "", amount).split("/")[0].strip()
    words = read_table("units.txt").get(unit, unit).split()
    if len(words) == 1 and words[0] in ("giờ", "phút", "giây", "ngày", "tuần", "tháng", "năm"):
        return "thời gian"
    return " ".join(words[-2:] if words[-1] == "giờ" else words[-1:])


_RULES: dict[tuple[str, str], Callable[[re.Match[str], str, str], str | None]] = {
    ("date", "date"): _dates,
    ("number", "date"): _days,
    ("month", "month"): _to,
    ("number", "month"): _months,
    ("clock", "clock"): _to,
    ("number", "clock"): _hours,
    ("amount", "clock"): _to,
    ("clock", "amount"): _to,
    ("weekday", "weekday"): _to,
    ("money", "money"): _to,
    ("number", "money"): _to,
    ("amount", "amount"): _amounts,
    ("number", "amount"): _to_amount,
}
