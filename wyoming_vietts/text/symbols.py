"""Signs between words and numbers."""

import re

from .characters import LETTERS, LOWER, UPPER
from .context import text_before
from .letters import spell
from .numbers import ANY_DIGIT, NUMBER
from .respelling import split_glued

_TIMES = re.compile(r"(?<=\d) ?[x×X] ?(?=\d)")
# A dose or an exercise: `1 viên x 3 lần`.
_TIMES_OF_DOSE = re.compile(
    r"(?<=\d)( ?(?:viên|gói|ống|giọt|muỗng|thìa|nhát|xịt|lọ|tuýp|lần|hiệp|set|phút|giây|ml)"
    r"(?: ?/ ?[^\W\d_]{2,6})?) ?[x×] ?(?=\d{1,3} (?:viên|gói|ống|giọt|muỗng|thìa|lần|hiệp|set|ngày"
    r"|phút|giây|cái|rep|reps)(?!\w))"
)
_TIMES_BEFORE = re.compile(r"(?<!\w)(?:[x×] ?|X )(?=\d)")
_MORE_THAN = re.compile(rf"(?<![\w.,])({NUMBER}(?:k|tr)?)\+(?! ?[\d+]|\w)")
_MULTIPLE = re.compile(r"(?<![\w.,])(\d{1,4})[xX](?!\w| ?[-+=^²³*/])")
_RATED_BEFORE = re.compile(
    r"(?<!\w)(?:(?:phim|nhãn|mác|nội dung|game|trò chơi|cảnh|rạp|web|truyện|video|khán giả"
    r"|lứa tuổi|spf|chỉ số|uv)(?!\w)[^.!?\d]{0,12}|[tc] ?)$"
)
_UNKNOWN_BEFORE = re.compile(r"(?<!\w)x(?![^\W²³])|(?<!\w)y =")
_POWER = re.compile(rf"(?:(?<![\w.,])({NUMBER}|[a-zA-Z])|(\))) ?\^ ?(-?)(\d{{1,4}}|[a-z](?!\w))")
_GENERATION_BEFORE = re.compile(
    r"(?<!\w)(?:thế hệ|lứa|đời|hội|gái|trai|dân|bạn trẻ|gen|mẹ|bố|\dx|\d ích)(?: và|,| -)? $"
)
_EXPONENT = re.compile(r"(?<![\w.,])(\d{1,3}(?:[.,]\d{1,6})?)[eE]([+-]?)(\d{1,3})(?!\w)")
_DIVIDED = re.compile(r"(?<=\d) / (?=\d)")
_MINUS_OF_SUM = re.compile(r"(?<=\d) ?[-–] ?(?=\d[\d.,]{0,12} ?=)")
_PLUS_SAID = re.compile(r"((?:cộng|thêm) )\+ ?(?=\d)")
_NUMBER_SIGN = re.compile(r"(?<!\w)(?:[sS]ố ?)?#(?=\d)")
_ABOUT = re.compile(r"(?<!\w)(?:[kK]hoảng )?~ ?(?=[$€£]?\d)")
_BETWEEN = re.compile(r"(?<=\d) ?[→~] ?(?=-?\d)")

_WORDS = {
    "<=": "nhỏ hơn hoặc bằng", ">=": "lớn hơn hoặc bằng", "!=": "khác", "==": "bằng", "=>": ",",
    "->": ",", "<-": ",", "+/-": "cộng trừ", "&&": "và", "≤": "nhỏ hơn hoặc bằng",
    "≥": "lớn hơn hoặc bằng", "≠": "khác", "±": "cộng trừ", "×": "nhân", "÷": "chia",
    "≈": "xấp xỉ", "√": "căn bậc hai của", "∞": "vô cực", "=": "bằng", "<": "nhỏ hơn",
    ">": "lớn hơn", "&": "và", "+": "cộng", "%": "phần trăm", "‰": "phần nghìn", "°": "độ",
    "$": "đô la", "€": "ơ rô", "£": "bảng Anh", "@": "a còng", "²": "bình phương",
    "³": "lập phương", "→": ",", "←": ",", "↑": ",", "↓": ",", "(": ",", ")": ",", "[": ",",
    "]": ",", "{": ",", "}": ",", "|": ",", "_": "",
}  # fmt: skip
_SYMBOL = re.compile("|".join(map(re.escape, sorted(_WORDS, key=len, reverse=True))))
_DASH = re.compile(r" [-–]+ |–+| -(?=[^\W\d])|(?<=[^\W\d])- ")
_DIVIDED_SUM = re.compile(r"\) ?/ ?(?=\d)")
_PER = re.compile(rf"(?<=\d )([{LETTERS}]{{2,7}})/(?=[{LETTERS}]{{2,7}}(?!\w))")
_FILE_SUFFIX = re.compile(r"(?<!\S)\.(?=[a-z])")
_PER_MEASURE = re.compile(
    rf"(?<!\w)(triệu|nghìn|đồng|tỷ|lần|viên|giọt|vòng|lượt)/(?=[{LOWER}]{{2,7}}(?!\w)|\d)"
)
_SLASH_OF_NUMBERS = re.compile(r"(?<=\d) ?/ ?(?=\d)")
_DOT_INSIDE_WORD = re.compile(r"(?<=[a-zA-Z0-9])\.(?=[a-z])")
_MENU_STEP = re.compile(rf"(?<=[{LETTERS}]) [>»] (?=[{UPPER}])")
_APOSTROPHE = re.compile(rf"(?<=[{LETTERS}])'(?=[{LETTERS}])")
_TIMES_OF_WORDS = re.compile(rf"(?<=[{LETTERS}]) [x×] (?=[{LETTERS}])")
_HASHTAG = re.compile(r"#(\w{1,60})|#(?=\w)")
_CAPITAL_INSIDE = re.compile(rf"(?<=[{LOWER}])(?=[{UPPER}])")


def read_about(text: str) -> str:
    """Read the sign of `~25`."""
    return _ABOUT.sub("khoảng ", text)


def read_arithmetic(text: str) -> str:
    """Read signs that mean something between numbers: `2 x 3`, `10^3`, `1e5`."""
    if "^" in text:
        text = _POWER.sub(_read_power, text)
    if not ANY_DIGIT.search(text):
        return text
    text = _EXPONENT.sub(
        lambda match: f"{match[1]} nhân mười mũ {'âm ' if match[2] == '-' else ''}{match[3]}", text
    )
    text = _TIMES_OF_DOSE.sub(r"\1, ", text)
    text = _TIMES.sub(" nhân ", text)
    text = _TIMES_BEFORE.sub("nhân ", text)
    if "+" in text:
        text = _PLUS_SAID.sub(r"\1", _MORE_THAN.sub(_read_more_than, text))
    text = _MULTIPLE.sub(_read_multiple, text)
    if "/" in text:
        text = _DIVIDED.sub(" chia ", text)
    text = _MINUS_OF_SUM.sub(" trừ ", text)
    if "#" in text:
        text = _NUMBER_SIGN.sub("số ", text)
    return _BETWEEN.sub(" đến ", text) if "→" in text or "~" in text else text


def _read_more_than(match: re.Match[str]) -> str:
    """`50+` is more than fifty; `18+` on a film is a name."""
    if _RATED_BEFORE.search(text_before(match)):
        return f"{match[1]} cộng"
    return f"hơn {match[1]}"


def _read_power(match: re.Match[str]) -> str:
    base, bracket, minus, exponent = match.groups()
    base = bracket or (spell(base) if base.isalpha() else base)
    exponent = spell(exponent) if exponent.isalpha() else exponent
    return f"{base} mũ {'âm ' if minus else ''}{exponent}"


def _read_multiple(match: re.Match[str]) -> str:
    """`5x` is five times, except where x is a letter of the formula, or of a generation."""
    if _GENERATION_BEFORE.search(text_before(match)):
        return f"{match[1]} ích"
    return f"{match[1]} {'x' if _UNKNOWN_BEFORE.search(text_before(match)) else 'lần'}"


def _read_hashtag(match: re.Match[str]) -> str:
    """`#DuLich` and `#dulich` are words."""
    words = _CAPITAL_INSIDE.sub(" ", (match[1] or "").replace("_", " ")).split()
    return " ".join(map(split_glued, words))


def read_symbols(text: str) -> str:
    """Read or drop every sign that is left."""
    text = _TIMES_OF_WORDS.sub(" nhân ", text)
    if "/" in text:
        text = _PER.sub(r"\1 trên ", _DIVIDED_SUM.sub(") chia ", text))
        text = _PER_MEASURE.sub(r"\1 trên ", text)
        text = _SLASH_OF_NUMBERS.sub(" trên ", text)
    text = _MENU_STEP.sub(", ", text)
    text = _APOSTROPHE.sub("", text.rstrip(")]} "))
    text = _HASHTAG.sub(_read_hashtag, text)
    text = _FILE_SUFFIX.sub("chấm ", text)
    text = _DOT_INSIDE_WORD.sub(" chấm ", text)
    text = _DASH.sub(", ", text)
    return _SYMBOL.sub(lambda match: f" {_WORDS[match[0]]} ", text)
