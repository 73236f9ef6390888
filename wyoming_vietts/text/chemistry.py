"""Chemical formulae and classes of dust."""

import re

from .letters import spell
from .numbers import read_whole

_PARTICULATES = re.compile(r"(?<!\w)(?:PM ?|pm)(1|2[.,]?5|4|10)(?![\w]|[.,]\d)")
_TYPED_FORMULA = re.compile(r"(?<!\w)(?:co2|no2|so2|h2o|ch4|nh3|n2o)(?!\w)")
_FORMULA = re.compile(
    r"(?<![\w])(?=[A-Z][A-Za-z]?\d|[A-Z][A-Za-z]?[A-Z][a-z]?\d)"
    r"((?:C|H|O|N|S|P|K|F|Na|Ca|Cl|Fe|Al|Mg|Si|Zn|Cu){1,4}\d(?:(?:C|H|O|N|S|P|Cl)\d{0,2}){0,3})"
    r"(?!\w)"
)
_FORMULA_SYMBOLS = frozenset({
    "CO2", "NO2", "SO2", "SO3", "H2O", "O2", "O3", "N2", "N2O", "H2", "H2S", "H2O2", "H2SO4",
    "HNO3", "NH3", "CH4", "C2H5", "C2H6", "C3H8", "CO3", "CaCO3", "NaHCO3", "Na2CO3", "Fe2O3",
    "Al2O3", "SiO2", "TiO2", "Cl2", "F2", "LiFePO4", "KNO3",
})  # fmt: skip


def read_formulae(text: str) -> str:
    """Read `CO2`, `H2O` and the dust classes `PM2.5` and `PM10`."""
    text = _PARTICULATES.sub(_read_particulates, text)
    text = _TYPED_FORMULA.sub(lambda match: match[0].upper(), text)
    return _FORMULA.sub(_read_formula, text)


def _read_particulates(match: re.Match[str]) -> str:
    size = {"1": "một", "4": "bốn", "10": "mười"}.get(match[1], "hai chấm năm")
    return f"pi em {size}"


def _read_formula(match: re.Match[str]) -> str:
    if match[1] not in _FORMULA_SYMBOLS:
        return match[0]
    return " ".join(
        read_whole(part) if part.isdecimal() else _NITROGEN.get(part, spell(part))
        for part in re.findall(r"\d+|[A-Za-z]", match[1])
    )


_NITROGEN = {"N": "en"}  # "en ô hai", although the letter alone is "nờ"
