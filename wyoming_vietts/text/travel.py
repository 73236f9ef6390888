"""Roads, flights and airports."""

import re

from .identifiers import spell_code
from .letters import spell
from .numbers import read_digits, read_whole
from .tables import read_table, with_tables

_ROAD = re.compile(r"(?<!\w)(QL|TL|HL) ?\.?(\d{1,4}[A-Z]?)(?!\w)")
_ROADS = {"QL": "quốc lộ", "TL": "tỉnh lộ", "HL": "hương lộ"}
_NAMED_ROADS = re.compile(
    r"(?<!\w)((?i:quốc lộ|tỉnh lộ|đường tỉnh|hương lộ|huyện lộ)(?: số)? )"
    r"(\d{1,4}[A-ZĐ]?(?:(?:, ?| và | hay | hoặc | sang | đến | ?[-–] ?)\d{1,4}[A-ZĐ]){0,4})"
    r"(?!\w|[.,/]\d)"
)
_ROAD_NUMBER = re.compile(r"\d{1,4}[A-ZĐ]")

_FLIGHT = re.compile(
    r"(?<!\w)(VN|VJ|QH|VU|BL|TG|SQ|CX|KE|OZ|JL|NH|EK|MH|AK|TR|PG)[ -]?(\d{3,4})(?!\w|[.,/]\d)"
)
_ROUTE = r"(?<!\w)<airports>(?:(?: ?[-–→/] ?| đi | đến | về | ra | vào )<airports>){1,3}(?!\w)"


def read_roads(text: str) -> str:
    """Read `QL1A`, and the letters of `quốc lộ 1A` and `tỉnh lộ 8, 10B`."""
    text = _ROAD.sub(lambda match: f"{_ROADS[match[1]]} {spell_code(match[2], read_whole)}", text)
    return _NAMED_ROADS.sub(
        lambda match: match[1] + _ROAD_NUMBER.sub(_read_road_number, match[2]), text
    )


def _read_road_number(match: re.Match[str]) -> str:
    return spell_code(match[0], read_whole)


def read_flights(text: str) -> str:
    """Read `VN 7120`, and the airports of `SGN-HUI`, which alone may be other things."""
    text = _FLIGHT.sub(lambda match: f"{spell(match[1])} {read_digits(match[2])}", text)
    return with_tables(_ROUTE).sub(_read_route, text)


def _read_route(match: re.Match[str]) -> str:
    airports = read_table("airports.txt")
    return with_tables("<airports>").sub(lambda airport: airports[airport[0]], match[0])
