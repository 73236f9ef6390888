"""Numbers in a row: lists joined by dashes, and the numbers of lotteries."""

import re

from .context import text_before, word_before
from .dates import DATE_CUES
from .numbers import read_digits
from .ranges import is_measured, is_score

_LIST = re.compile(
    r"(?<![\w.,/:%-])(?<!\d )\d{1,3}(?:( ?[-–] ?)\d{1,3}(?![\w.,]\d)){2,7}(?![\w/:-]|[.,]\d"
    r"| ?[-–] ?\d| ?=)"
)
_SCORE = r"(?:0|[1-9]\d?)[-–](?:0|[1-9]\d?)"
_SCORES = re.compile(
    rf"(?<![\w.,/:%-])(?<!\d ){_SCORE}(?:(?:[,;] ?| và | |(?=\()) ?\(?{_SCORE}\)?){{1,8}}"
    r"(?![\w/:%°-]|[.,]\d| ?[-–] ?\d| ?=)"
)
_NO_SCORES_AFTER = DATE_CUES - {"trận"} | {"thứ", "tháng"}
_SUM_BEFORE = re.compile(r"(?:=|bằng|tính|trừ|biển số|thứ) ?$")
_PARTS_OF_DATE = re.compile(r"(?:0?[1-9]|[12]\d|3[01])-(?:0?[1-9]|1[0-2])-\d\d")
_PRIZE = (
    r"[Gg]iải (?:nhất|nhì|ba|tư|năm|sáu|bảy|tám|[1-8]|đặc biệt|ĐB|khuyến khích|phụ)|[Đđ]ặc biệt"
    r"|G\.?(?:[1-8]|đặc biệt)|[Ll]oto|[Ll]ô tô|[Mm]ega 6/45|[Pp]ower 6/55|[Vv]ietlott|[Jj]ackpot"
    r"|[Mm]ax 3[Dd](?: [Pp]ro)?|[Bb]ộ số|[Kk]ết quả xổ số|[Xx]ổ số|[Tt]rúng thưởng|[Đđ]ề về"
    r"|[Ll]ô(?: về)?"
    r"|[Kk]ỳ quay"
)
_DRAWN = r"\d{2,6}(?:(?: ?[-–,;|] ?| )\d{2,6})*"
_LOTTERY = re.compile(
    rf"(?<!\w)((?:{_PRIZE})(?: miền [^\W\d]{{3,5}}| hôm nay| hôm qua| là| các tỉnh)?(?:: ?| ))"
    rf"({_DRAWN})"
    r"(?![\w/%]|[.,:-]\d| ?(?:triệu|tỷ|tỉ|đồng|đ|nghìn|k|tr|người|giải|vé|suất|điểm|kg|m²|m2|năm"
    r"|ngày|tháng)(?!\w))"
)
_PRIZES = ("", "nhất", "nhì", "ba", "tư", "năm", "sáu", "bảy", "tám")
_SHORT_PRIZE = re.compile(r"G\.?([1-8])(?=: ?$)")
_MEASURES = re.compile(r"(?:số đo|ba vòng|3 vòng|kích thước|vòng)[^.!?\d]{0,20}$")


def read_lotteries(text: str) -> str:
    """Read the numbers of lotteries digit by digit: `G7: 12 - 45`, `Giải nhất: 45678`."""
    return _LOTTERY.sub(_read_lottery, text)


def read_number_lists(text: str) -> str:
    """Put pauses into `12 - 45 - 07`, and read `6-4, 3-6, 7-5` as scores."""
    if "-" not in text and "–" not in text:
        return text
    return _LIST.sub(_read_list, _SCORES.sub(_read_scores, text))


def _read_lottery(match: re.Match[str]) -> str:
    cue, drawn = match.groups()
    numbers = re.findall(r"\d+", drawn)
    if len(numbers) == 1 and len(numbers[0]) < 5 and not cue.rstrip().endswith(":"):
        is_lottery = re.match(r"(?i)đề|lô|đặc", cue) is not None and len(numbers[0]) == 2
        if not is_lottery or cue.lower() == "lô ":
            return match[0]
    cue = _SHORT_PRIZE.sub(lambda prize: f"giải {_PRIZES[int(prize[1])]}", cue)
    cue = re.sub(r"G\.?(?=đặc)", "giải ", cue)
    return cue + ", ".join(map(read_digits, numbers))


def _read_scores(match: re.Match[str]) -> str:
    """Pairs that all go up are ranges; beside one that does not, all are scores."""
    pairs = [tuple(map(int, pair)) for pair in re.findall(r"(\d+)[-–](\d+)", match[0])]
    may_be_dates = any(first > 12 for first, _ in pairs) and all(
        first < 32 and 0 < second < 13 for first, second in pairs
    )
    are_scores = any(first >= second for first, second in pairs) and not (
        is_measured(match)
        or word_before(match) in _NO_SCORES_AFTER
        or (may_be_dates and not is_score(match))
    )
    return re.sub("[-–]", " ", match[0]) if are_scores else match[0]


def _read_list(match: re.Match[str]) -> str:
    """Formations such as `4-4-2` are said in one breath, and a date is left to its rule."""
    before = text_before(match)
    if _SUM_BEFORE.search(before):
        return match[0]
    may_be_date = word_before(match) in DATE_CUES or " " not in match[1]
    if may_be_date and _PARTS_OF_DATE.fullmatch(match[0]) and not _MEASURES.search(before):
        return match[0]
    numbers = re.findall(r"\d+", match[0])
    is_formation = " " not in match[1] and all(len(number) == 1 for number in numbers)
    return (" " if is_formation else ", ").join(numbers)
