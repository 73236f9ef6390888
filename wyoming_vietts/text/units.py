"""Quantities: numbers with a unit, and units alone."""

import re
from functools import cache

from .characters import LETTERS, LOWER
from .context import text_before, word_before
from .numbers import NUMBER, read_number
from .ranges import NUMBER_START
from .tables import any_of, read_table, with_tables

# After these words `3A` is a name and not a current.
_NAMED_PLACES = frozenset({
    "lớp", "phòng", "nhà", "số", "tòa", "căn", "hộ", "khu", "lô", "block", "tuyến", "cổng", "ghế",
    "hẻm", "ngõ", "tầng", "bàn", "bìa", "điều", "khoản", "đường", "xe", "toa", "dãy", "bến",
    "lop", "phong", "nha",
})  # fmt: skip

# Units that are known as such even without a number before them. Other short ones may be anything.
_TELLING_SHORT_UNITS = frozenset({"km", "cm", "mm", "kg", "ml", "mg", "kw", "kwh", "tsp", "tbsp"})
_DOUBTFUL_UNITS = frozenset({
    "KG", "HP", "UI", "MP", "PB", "VA", "Lux", "MV", "Mb", "Gb", "IU", "Pa", "TB",
})  # fmt: skip


RATE = rf"(?: ?/ ?(<units>|[{LOWER}]{{2,7}})(?!\w))?"
_QUANTITY = rf"{NUMBER_START}({NUMBER}) ?(<units>){RATE}(?!\w|[.-][^\W\d])"
_PART_OF_AMOUNT = rf"{NUMBER_START}({NUMBER}) ?/ ?({NUMBER} ?<units>)(?!\w)"
_AMOUNT_PER_AMOUNT = rf"(?<=\d)( ?<units>)/(?={NUMBER} ?<units>(?!\w))"
_RATE_OF_WORDS = rf"(?<=[{LOWER}]) ?/ ?(<units>)(?!\w)"


@cache
def _rate_of_units() -> re.Pattern[str]:
    # Single capitals are other things: A/C, N/A.
    units = any_of(unit for unit in read_table("units.txt") if unit not in "ABCFJKLNVW")
    return re.compile(rf"(?<![\w/])({units})/({units})(?:/({units}|[{LOWER}]{{2,7}}))?(?![\w/])")


@cache
def _lone_unit() -> re.Pattern[str]:
    telling = [unit for unit in read_table("units.txt") if _tells_itself(unit)]
    return re.compile(rf"(?<![{LETTERS}]){any_of(telling)}(?!\w)")


def _tells_itself(unit: str) -> bool:
    has_sign = any(character.isupper() or character in "²³Ω°" for character in unit)
    is_clear = len(unit) > 1 and has_sign and unit not in _DOUBTFUL_UNITS
    return is_clear or unit in _TELLING_SHORT_UNITS


_OF_SO_MANY_BYTES = re.compile(rf"(?<=\d)( ?[KMGTP]i?B) ?/ ?(?={NUMBER} ?[KMGTP]i?B(?!\w))")

# People do not say "ki lô gam bốn".
_WEIGHT_AND_REST = re.compile(r"(?<![\w.,])(\d{1,3})(kg|l)(\d{1,2})(?!\w)")
_SHORT_WORDS = {"kg": "ký", "l": "lít"}

# A person or a door is one metre and the rest; what is larger, or goes on, is square or cubic.
_METRES_AND_REST = re.compile(
    r"(?<![\w.,])([1-4]m(?:0?[1-9]|[1-9]\d)|\d{1,3}m(?:[14-9]|[1-9]\d))(?!\w)"
)
_AREA_OR_VOLUME_AFTER = re.compile(r"m[23] (?:nước|đất|sàn|nhà|gỗ|khí|bê tông|cát)(?!\w)")


def read_units(text: str) -> str:
    """Read `25°C`, `60%`, `5 km/h`, `2 lần/ngày`, and `km/h` alone."""
    text = _METRES_AND_REST.sub(_read_metres_and_rest, text)
    text = _WEIGHT_AND_REST.sub(
        lambda match: f"{match[1]} {_SHORT_WORDS[match[2]]} {match[3]}", text
    )
    if "/" in text:
        text = _OF_SO_MANY_BYTES.sub(r"\1 trên ", text)
        text = with_tables(_PART_OF_AMOUNT).sub(r"\1 trên \2", text)
        text = with_tables(_AMOUNT_PER_AMOUNT).sub(r"\1 trên ", text)
    text = with_tables(_QUANTITY).sub(_read_quantity, text)
    if "/" not in text:
        return text
    units = read_table("units.txt")
    text = _rate_of_units().sub(
        lambda match: units[match[1]] + read_rate(match[2]) + read_rate(match[3]), text
    )
    return with_tables(_RATE_OF_WORDS).sub(lambda match: read_rate(match[1]), text)


def read_lone_units(text: str) -> str:
    """Read units that are known as such without a number before them."""
    units = read_table("units.txt")
    return _lone_unit().sub(lambda match: f" {units[match[0]]} ", text)


def read_rate(unit_or_word: str | None) -> str:
    """Return how the unit or word after a slash is said."""
    if unit_or_word is None:
        return ""
    return f" trên {read_table('units.txt').get(unit_or_word, unit_or_word)}"


def _read_metres_and_rest(match: re.Match[str]) -> str:
    metres, rest = match[1].split("m")
    if _AREA_OR_VOLUME_AFTER.match(match.string, match.start(1) + len(metres)):
        return match[0]
    return f"{metres} mét {rest}"


_SEAT_BEFORE = re.compile(r"(?:ghế|chỗ ngồi)[^.!?]{0,20}$")


def _is_name(match: re.Match[str], unit: str) -> bool:
    """Tell whether `18A` is the number of a house or a class: `lớp 5A`, `18A Lý Thường Kiệt`."""
    following = match.string[match.end() : match.end() + 2].strip()
    if unit == "L" and word_before(match) == "đường":
        return False  # sugar
    if _SEAT_BEFORE.search(text_before(match)):
        return True
    return word_before(match) in _NAMED_PLACES or (unit in "ACKLN" and following.isupper())


def _read_quantity(match: re.Match[str]) -> str:
    number, unit, rate = match.groups()
    if len(unit) == 1 and unit.isupper() and number.isdecimal() and _is_name(match, unit):
        return match[0]
    words = f"{read_number(number)} {read_table('units.txt')[unit]}"
    return words + read_rate(rate)
