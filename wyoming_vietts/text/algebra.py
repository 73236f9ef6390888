"""Formulae with letters, as people type them: `y = -x + 3`, `2ab`, `4!`."""

import re

from .context import text_after, text_before, word_before
from .letters import spell

_LETTER = r"[a-zA-ZΔ](?![^\W_²³])"
_IS_ALGEBRA = re.compile(r"=|[a-z][²³]|\d[a-z]+(?!\w)|\)\^|(?<!\w)[xy](?!\w)")
_MINUS_FIRST = re.compile(
    rf"(?:(?<=[=(,:≤≥<>] )|(?<=[=(])|(?<=là )|(?<=bằng )|^)[-–](?=\d{{0,3}}{_LETTER})"
)
_MINUS_BETWEEN = re.compile(
    rf"(?:(?<=\d[abcnxyz])|(?<=[²³)])|(?<=[^\w][abcnxyz])|(?<=^[abcnxyz])) ?[-–] ?"
    rf"(?=\d{{0,3}}{_LETTER}|[√(]|\d{{1,4}}(?: ?[=+<>≤≥)]|$))"
    r"|(?<=\d) [-–] (?=\d{0,3}[abcnxyz](?![^\W_²³]))"
)
_FRACTION = re.compile(
    r"(?:(?<![\w/])(\d{0,3}[abcnpquvxyz]|s) ?/ ?(?=\d{0,3}[abcnpqtuvxyz](?![^\W_²³/])))"
    r"|(?<=√\()([a-zA-Z])/(?=[a-zA-Z]\))"
)
_CAPITALS_DIVIDED = re.compile(r"(?<![\w/])([A-Z])/(?=[A-Z](?![\w/]))")
_CAPITAL_LESS = re.compile(
    r"(?:(?<=[( =][A-Z])|(?<=^[A-Z])) [-–] (?=\d{1,4}(?:[.,]\d+)?[ )=]|[A-Z][ )=])"
)
_TERM = re.compile(r"(?<![\w.,])(\d{1,3})x(?= (?:trừ|bằng|cộng))")
_PRODUCT = re.compile(r"(?<![\w.,])(\d{0,3})([abcxyz]{2,3})(?![^\W_²³])")
_FACTORIAL = re.compile(r"(?<![\w.,])(\d{1,3}|n)!(?= ?[=+*/×:-]| (?:bằng|có|là|cách)|$|[,.)])")
_INDEXED = re.compile(r"(?<!\w)x([12])(?= ?=|,? (?:và |hoặc |hay )?x2(?!\w))")
_WORDS_DIVIDED = re.compile(r"(?<=[^\W\d_]{2}) / (?=[^\W\d_]{2})")
_UNKNOWN_BEFORE = re.compile(
    r"(?<!\w)(?:cho|tìm|tính|biết|nghiệm|biến|ẩn|số|với|mọi|gọi|đặt|khi|nếu|để|là|của|theo|hàm"
    r"|và|trị"
    r"|thay|trục|giải|thì|nên|vậy|hệ số|bậc|suy ra|có|được|bằng|hay|hoặc|tọa độ) $"
)
_UNKNOWN = re.compile(
    r"(?<!\w)x(?= (?:là|biết|thuộc|để|thỏa|và|sao|bằng|lớn|nhỏ|khác|thì|có|theo|cần|ở|trong)"
    r"(?!\w)|[.,?!]|$)"
)


def read_algebra(text: str) -> str:
    """Read the minus, the products and the fractions of formulae with letters."""
    if "x " in text or text.endswith("x"):
        text = _UNKNOWN.sub(
            lambda match: "ích" if _UNKNOWN_BEFORE.search(text_before(match)) else "x", text
        )
    if "!" in text:
        text = _FACTORIAL.sub(r"\1 giai thừa", text)
    if not _IS_ALGEBRA.search(text):
        return text
    text = _MINUS_FIRST.sub("trừ ", text)
    text = _MINUS_BETWEEN.sub(" trừ ", text)
    if "=" in text:
        text = _CAPITALS_DIVIDED.sub(r"\1 trên ", _CAPITAL_LESS.sub(" trừ ", text))
    text = _INDEXED.sub(r"ích \1", _WORDS_DIVIDED.sub(" chia ", text))
    text = _TERM.sub(r"\1 ích", text)
    text = _FRACTION.sub(lambda match: f"{match[1] or spell(match[2])} trên ", text)
    return _PRODUCT.sub(_read_product, text)


def _read_product(match: re.Match[str]) -> str:
    """`2ab`; `ab` alone only beside a sign of a formula."""
    factor, letters = match.groups()
    if not factor and letters == "ba":
        return letters  # a number that was spoken
    is_formula = (
        factor
        or re.search(r"[=+*×(] ?$", text_before(match))
        or word_before(match) == "trừ"
        or re.match(r"[²³^]| ?[+=]", text_after(match))
    )
    if not is_formula:
        return match[0]
    return f"{factor} {' '.join(map(spell, letters))}".strip()
