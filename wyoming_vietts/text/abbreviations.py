"""Abbreviations: titles, addresses, rooms, and the words of a table."""

import re
from functools import cache

from .abbreviations_in_context import expand_by_context
from .characters import LETTERS, LOWER, UPPER
from .context import word_before, written_before
from .numbers import ANY_DIGIT, DIGITS
from .tables import any_of, read_table, with_tables

_BEFORE = rf"(?<![{LETTERS}\d])"
_TITLE = rf"{_BEFORE}(<titles>)(?:\. ?| )(?= ?[{UPPER}])"


@cache
def _abbreviations() -> re.Pattern[str]:
    # After a number `TB` and `TM` are units.
    return re.compile(
        rf"(?<!\d ){_BEFORE}{any_of(_written_forms())}"
        rf"(?![{LETTERS}\d]|-[A-Z][a-z])"  # TP-Link
    )


_WARD = re.compile(
    rf"{_BEFORE}(P|Q|F(?=\.))(?:\. ?|(?=\d))(?=\d{{1,2}}(?!\w))"
    rf"|{_BEFORE}([PFQHX]|TX|TT|Đ)\. ?(?=[{UPPER}][^\W_])"
)
_DISTRICTS = {
    "P": "phường", "F": "phường", "Q": "quận", "H": "huyện", "X": "xã", "TX": "thị xã",
    "TT": "thị trấn", "Đ": "đường",
}  # fmt: skip
_STREET_OF_DAY = re.compile(r"(?<=\d )Đ\. ?(?=\d{1,2}/\d{1,2}(?![\w/]))")
_INITIALS = re.compile(rf"(?<![\w.])[{UPPER}]\.[{UPPER}]\. ?(?=[{UPPER}][^\W\d_])")
_ROOM = re.compile(r"(?<!\w)P(?:\. ?)?(?=\d{3,4}(?!\w))")
_PAGE = re.compile(r"(?<![\w.])([Tt])r\. ?(?=\d)")
_SIDE = (
    r"(BĐB|ĐĐB|ĐĐN|NĐN|NTN|TTN|TTB|BTB|ĐB|ĐN|TB|TN|Đ|T|B|NNE|ENE|ESE|SSE|SSW|WSW|WNW|NNW|NE|SE|SW"
    r"|NW|E|S|W|N)"
)
_DIRECTION = re.compile(
    rf"((?:[Hh]ướng|[Gg]ió|[Pp]hía)(?: gió| thổi| giật| chính| hướng)?:? ){_SIDE}"
    rf"(?:[-–]{_SIDE})?(?!\w)"
)
_DIRECTIONS = {
    "Đ": "đông", "T": "tây", "N": "nam", "B": "bắc", "E": "đông", "W": "tây", "S": "nam",
}  # fmt: skip
_BEDROOMS = re.compile(r"(?<![\w.,])(\d{1,2}) ?PN(?: ?[-,]? ?(\d{1,2}) ?(?:WC|VS|TL))?(?!\w)")
_CENTURY = re.compile(r"(?<!\w)TK\.? ?(?=[IVX]{1,5}(?!\w))")
_TERM = re.compile(
    r"(?<!\w)HK(?: ?(?=[1-3](?!\w)(?! (?:ngày|đêm|tuần|tháng|lần|người)))| ?(?=I{1,3}(?!\w)))"
)
_QUARTER = re.compile(r"(?<!\w)Q([1-4])[/ -]([12]\d{3})(?!\w)")
_NIGHTS = re.compile(r"(?<!\w)(\d{1,2})N(\d{1,2})Đ(?!\w)")


def expand_abbreviations(text: str) -> str:
    """Write out abbreviations: `TP.HCM`, `GS.TS`, `P.5`, `v.v.`."""
    has_digits = ANY_DIGIT.search(text) is not None
    if has_digits:
        text = _NIGHTS.sub(r"\1 ngày \2 đêm", text)
    text = expand_by_context(text)
    if has_digits:
        text = _STREET_OF_DAY.sub("đường ", text)
        text = _PAGE.sub(r"\1rang ", _ROOM.sub(_read_room, text))
    if "TK" in text:
        text = _CENTURY.sub("thế kỷ ", text)
    text = _DIRECTION.sub(_read_direction, text)
    if "HK" in text:
        text = _TERM.sub("học kỳ ", text)
    if has_digits:
        text = _QUARTER.sub(r"quý \1/\2", _BEDROOMS.sub(_read_bedrooms, text))
    text = _expand_titles(_expand_titles(text))  # "PGS. TS. Nam": one stands before another
    text = _abbreviations().sub(_read_abbreviation, text)
    text = _WARD.sub(lambda match: f"{_DISTRICTS[match[1] or match[2]]} ", text)
    if "." not in text:
        return text
    return _INITIALS.sub(lambda match: f"{match[0].replace('.', ' ').rstrip()} ", text)


def _expand_titles(text: str) -> str:
    titles = read_table("titles.txt")
    return with_tables(_TITLE).sub(lambda match: f"{titles[match[1]]} ", text)


def _read_abbreviation(match: re.Match[str]) -> str:
    if match[0] in _UNITS_TOO and word_before(match) in _NUMBER_WORDS:
        return read_table("units.txt").get(match[0], match[0])
    words = _written_forms()[match[0]]
    return (
        words.rstrip(".")
        if words[-1] == "." and _GOES_ON.match(match.string, match.end())
        else words
    )


_GOES_ON = re.compile(rf" ?[,;:)]| [{LOWER}\d(]")


@cache
def _written_forms() -> dict[str, str]:
    """The table, with `Bhyt` and `bhyt` for `BHYT`."""
    table = read_table("abbreviations.txt")
    long = {written: spoken for written, spoken in table.items() if _LONG.fullmatch(written)}
    capitalised = {written.capitalize(): spoken for written, spoken in long.items()}
    return {written.lower(): spoken for written, spoken in long.items()} | capitalised | table


_LONG = re.compile("[BCDĐGHKLMNPQRSTVX]{4,12}|UBND|TAND|BHYT|UBTVQH")


_UNITS_TOO = frozenset({"TB", "TM"})
_NUMBER_WORDS = frozenset({*DIGITS[1:], "mốt", "tư", "lăm", "mười", "mươi", "trăm", "nghìn"})


def _read_direction(match: re.Match[str]) -> str:
    return match[1] + " ".join(_read_side(side) for side in match.groups()[1:] if side)


def _read_side(side: str) -> str:
    """English winds have an E, S or W beside their N: there it is the north."""
    words = [_DIRECTIONS[letter] for letter in side]
    if any(letter in side for letter in "ESW"):
        words = ["bắc" if letter == "N" else word for letter, word in zip(side, words, strict=True)]
        words[-2:] = words[:-3:-1]  # NE is "đông bắc"
    return " ".join(words)


def _read_bedrooms(match: re.Match[str]) -> str:
    return f"{match[1]} phòng ngủ" + (f" {match[2]} nhà vệ sinh" if match[2] else "")


def _read_room(match: re.Match[str]) -> str:
    """`P203` is a room, and `Tapo P100` a model."""
    return match[0] if re.search(r"[A-Z][A-Za-z]+ $", written_before(match)) else "phòng "
