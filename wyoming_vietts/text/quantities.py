"""Numbers with their units, money and signs."""

import re
from functools import cache

from .data import read_table
from .numbers import NUMBER, read_number


@cache
def _unit_pattern() -> str:
    longest_first = sorted(read_table("units.txt"), key=len, reverse=True)
    return "(?:" + "|".join(map(re.escape, longest_first)) + ")"


@cache
def _quantity_pattern() -> re.Pattern[str]:
    unit = _unit_pattern()
    return re.compile(rf"(?<![\d.,])({NUMBER}) ?({unit})(?:/({unit}))?(?!\w)")


_RANGE = re.compile(rf"(?<![\w.,-])({NUMBER}) ?[-–] ?({NUMBER})(?![\d-])")
_NEGATIVE = re.compile(r"(?<![\w)])-(?=\d)")
_NUMBER = re.compile(NUMBER)
_MONEY = re.compile(rf"({NUMBER}) ?(?:đ|VNĐ|VND)(?!\w)")


def read_quantities(text: str) -> str:
    units = read_table("units.txt")

    def quantity(match: re.Match[str]) -> str:
        words = f"{read_number(match[1])} {units[match[2]]}"
        return f"{words} trên {units[match[3]]}" if match[3] else words

    text = _RANGE.sub(r"\1 đến \2", text)
    text = _NEGATIVE.sub("âm ", text)
    text = _MONEY.sub(lambda match: f"{read_number(match[1], True)} đồng", text)
    return _quantity_pattern().sub(quantity, text)


def read_numbers(text: str) -> str:
    return _NUMBER.sub(lambda match: f" {read_number(match[0])} ", text)
