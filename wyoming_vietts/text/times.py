"""Clock times and durations."""

import re
from collections.abc import Iterable

from .context import text_before, written_before
from .identifiers import spell_code
from .numbers import read_integer, read_whole

CLOCK = (
    r"(?:[01]?\d|2[0-4])"
    r"(?::[0-5]\d(?::[0-5]\d)?h?"
    r"|[hHgG] ?[0-5]\d(?:ph|p|'|m)?(?: ?[0-5]?\ds)?|[hH]\d(?:ph|p|')|[hH])"
)
HALF_OF_DAY = r"(?: ?(?:[AaPp][Mm]|[ap]\.m\.|SA|CH)(?!\w))"
_MAY_BE_TIME = re.compile(r"\d ?[:hHgGpPaASCsimd'\"]")
_TIME = re.compile(rf"(?<![\w:.,/])({CLOCK})(?:({HALF_OF_DAY})|(?!\w|[:.,]\d))")
_HOURS_PER = re.compile(r"(?<=\d[hg])/(?=[^\W\d]{2,7}(?!\w))")
_PER_HOURS = re.compile(r"(?<=[%\w])/(?=\d{1,2}h(?!\w))")
_NAME_BEFORE = re.compile(r"[A-Z][a-z]+ \Z")
_HOUR_AND_HALF_OF_DAY = re.compile(rf"(?<![\w:.,/])(1[0-2]|0?[1-9])({HALF_OF_DAY})")
_OF_DAY = (
    r"(?:sáng|trưa|chiều|tối|đêm|ngày|hôm|mai|nay|rồi|nhé|nha|là|thì|kém|rưỡi|hằng|mỗi|thứ)(?!\w)"
)
_HOUR_G = re.compile(
    r"((?:lúc|từ|đến|tới|vào|hồi|hẹn) "
    rf"|(?:trước|sau|thức|hành|phát|cửa|đầu|thúc|xong|dậy|ngủ|họp|thi|bay|giờ|học|làm) "
    rf"(?=\d{{1,2}}g"
    rf"(?: ?(?:[,.;!?)]|$)| {_OF_DAY}))|khoảng "
    rf"(?=\d{{1,2}}g {_OF_DAY}))"
    r"([01]?\d|2[0-4])g(?!\w)",
    re.IGNORECASE,
)
_HOURS_G = re.compile(
    r"(?<![\w:.,/])([01]?\d|2[0-4])g( ?[-–] ?| đến | tới )(?=(?:[01]?\d|2[0-4])g"
    rf"(?:[0-5]\d|(?: ?(?:[,.;!?)\n]|$)| {_OF_DAY}| \()))"
)
_NUMBER_AND_G = re.compile(r"\dg")
_HOUR_G_AT_END = re.compile(
    rf"(\d(?:h|g[0-5]\d) ?[-–] ?(?:[01]?\d|2[0-4]))g(?!\w)|(?<=\d)g(?= {_OF_DAY})"
)
_PREGNANCY = re.compile(r"(?<![\w.,])([1-4]?\d)w([0-6])d?(?!\w)")
_G_AND_MINUTES = re.compile(r"(?<!\w)\d{1,2}g[0-5]\d(?!\w)")
_LONE_G = re.compile(r"(?<![\w.,/])([01]?\d|2[0-4])g(?!\w)")
_AGE = re.compile(r"(?<![\w.,/])(\d{1,3})t(?!\w)")
_TONNES_BEFORE = re.compile(
    r"(?:xe|tải|hàng|gạo|chở|nặng|cẩu|thép|cát|lúa|cân|trọng)(?!\w)[^.!?]{0,20}$"
)
_EXERCISE_BEFORE = re.compile(
    r"(?<!\w)(?:chạy|nghỉ|plank|giữ|hít|nhảy|squat|đứng|lặp|bơi|gập|set|hiệp|đạp|tập|burpee"
    r"|chống đẩy)"
    r"(?!\w)[^.!?]{0,30}$"
)
_DURATION = re.compile(
    r"(?<![\w:.,])(\d{1,3})(?:h|g) ?(\d{1,2}) ?(?:ph|p|')(?:út)?"
    r"(?: ?(\d{1,2}) ?(?:s|giây|''|\"))?(?!\w)"
)
_MINUTES_SECONDS = re.compile(
    r"(?<![\w:.,'])(\d{1,3}) ?(?:'|ph|p(?=[ \d])) ?(\d{1,2}) ?(?:\"|''|s)(?!\w)"
)
_STOPWATCH = re.compile(r"(?<![\w:.,'])(\d{1,3})'([0-5]?\d)\"(\d{2})(?!\w)")
_MINUTES = re.compile(r"(?<![\w:.,'])(\d{1,3}(?: ?[-–] ?\d{1,3})?)'(?![\w'])")
_INCHES = re.compile(r"(?<![\w:.'])(\d{1,3}(?:[.,]\d)?)(?:\"|'')(?!\w)")
_SCREEN_LINES = re.compile(
    r"(?<![\w.,])(?:144|240|360|480|540|576|720|1080|1440|2160|4320)[pi](?!\w)"
)
_SHORT_MINUTES = re.compile(r"(?<![\w.,])(\d{1,3}(?: ?[-–] ?\d{1,3})?) ?(?:p|ph)(?!\w)")
_ZERO_HOUR = re.compile(r"(?<![\w.,:])0(\d)(?= ?(?:h|giờ)(?!\w))")
# `3d 12h 5m`, at least two of them
_ELAPSED = re.compile(
    r"(?<![\w.,:/-])(?=\d{1,4}[dhm])(?:(\d{1,4})d ?)?(?:(\d{1,3})h ?)?(?:(\d{1,3})m(?:in)? ?)?"
    r"(?:(\d{1,3})s)?(?<! )(?!\w)"
)
_UNITS = ("ngày", "giờ", "phút", "giây")
_PLAYED = re.compile(r"(?<![\w:.,/])(\d{1,3}):([0-5]\d)(?!\w|[:.,/]\d| ?[-–=]| [AaPp][Mm]\b)")
_DURATION_CUE = re.compile(
    r"(?:dài|thời lượng|kéo dài|hết|mất|trong|còn(?: lại)?|đếm ngược|đoạn|phút thứ|(?:đến|tới) phút"
    r"|(?:phát|tua) (?:tới|đến)|dừng (?:ở|tại)|vị trí|bấm giờ|bộ đếm|kỷ lục|thành tích|pace)"
    r"(?: (?:khoảng|là|chừng|tầm|đúng|chỉ|gần|hơn))?:? ?\(?$"
)
_RECORD_CUE = re.compile(
    r"(?:kỷ lục|thành tích|chạy|bơi|về đích)[^.!?]{0,35} (?:là|hết|trong|đạt|với) $"
)
_MACHINE = re.compile(
    r"(?<!\w)(?:máy (?:giặt|sấy|rửa|hút)|lò|nồi|sạc|tàu|xe|chuyến)(?!\w)[^.!?]{0,30}$"
)
_RATIO = re.compile(r"(?<![\w:.,])(\d{1,7})(?::| : )(\d{1,7})(?!\w|[:.,]\d)")
_RATIO_OF_MANY = re.compile(
    r"(?<=lệ )\d{1,3}:\d{1,3}[.,]\d(?!\w)|(?<=lệ )\d{1,3}(?::\d{1,3}){2,}(?!\w)"
    r"|(?<![\w:.,])\d{1,2}(?::\d(?![\d])){2,}"
)
_OPERATOR_AFTER = re.compile(r" ?(?:=|[+×*:x-] ?\d)")
_OPERATOR_BEFORE = re.compile(r"\d ?[+×*x-] ?$")
_RATIO_CUES = re.compile(
    r"(?:tỷ lệ|tỉ lệ|tỷ số|tỉ số|tỷ xích|màn hình|khung hình|scale|aspect)[^.!?]{0,20}$"
)


def read_times(text: str) -> str:
    """Read `7:30`, `19h45`, `1h30p`, `45'`, `7:30 PM` and `16:9`."""
    if not _MAY_BE_TIME.search(text):
        return text
    text = _ELAPSED.sub(_read_elapsed, text)
    if ":" in text:
        text = _PLAYED.sub(_read_played, text)
        text = _RATIO_OF_MANY.sub(lambda match: match[0].replace(":", ", "), text)
        text = _RATIO.sub(_read_ratio, text)
    text = _DURATION.sub(_read_duration, text)
    if "/" in text:
        text = text.replace("24/24h", "24/24 giờ")
        text = _HOURS_PER.sub(" mỗi ", _PER_HOURS.sub(" trong ", text))
    text = _TIME.sub(_read_time, text)
    text = _HOUR_AND_HALF_OF_DAY.sub(_read_hour, text)
    if '"' in text:
        text = _STOPWATCH.sub(r"\1 phút \2 giây \3", text)
    text = _MINUTES_SECONDS.sub(r"\1 phút \2 giây", text)
    text = _MINUTES.sub(lambda match: _unless_quoted(match, "'", f"{match[1]} phút"), text)
    text = _INCHES.sub(_read_inches, text)
    text = _SCREEN_LINES.sub(lambda match: spell_code(match[0], read_whole), text)
    text = _SHORT_MINUTES.sub(r"\1 phút", text)
    return _ZERO_HOUR.sub(r"\1", text)


def read_ages_and_short_hours(text: str) -> str:
    """Write `8g-11g` and `sau 9g` with `h`, and the age of `bà 85t` with its word."""
    if _NUMBER_AND_G.search(text):
        text = _HOURS_G.sub(r"\1h\2", text)
        text = _HOUR_G_AT_END.sub(lambda match: f"{match[1] or ''}h", text)
        text = _HOUR_G.sub(r"\1\2h", text)
        if _G_AND_MINUTES.search(text):
            text = _LONE_G.sub(r"\1h", text)
    text = _PREGNANCY.sub(r"\1 tuần \2 ngày", text)
    return _AGE.sub(_read_age, text)


def _read_age(match: re.Match[str]) -> str:
    return f"{match[1]} {'tấn' if _TONNES_BEFORE.search(text_before(match)) else 'tuổi'}"


def _read_inches(match: re.Match[str]) -> str:
    """`50"` are seconds of an exercise, or inches."""
    is_exercise = "." not in match[1] and _EXERCISE_BEFORE.search(text_before(match))
    return _unless_quoted(match, '"', f"{match[1]} {'giây' if is_exercise else 'inh'}")


def _read_elapsed(match: re.Match[str]) -> str:
    is_single = sum(number is not None for number in match.groups()) < 2
    return match[0] if is_single else _read_units(match.groups(), _UNITS)


def _read_units(numbers: Iterable[str | int | None], units: tuple[str, ...]) -> str:
    """Read numbers with their units; leave out None and 0, but not "0"."""
    parts = zip(numbers, units, strict=True)
    return " ".join(f"{read_integer(int(number))} {unit}" for number, unit in parts if number)


def _read_played(match: re.Match[str]) -> str:
    """Minutes and seconds, where the words before say so or no clock shows such an hour.

    What a washing machine has left is hours and minutes.
    """
    minutes, seconds = int(match[1]), int(match[2])
    before = text_before(match)
    is_duration = _DURATION_CUE.search(before) or _RECORD_CUE.search(before)
    if _RATIO_CUES.search(before) or not (minutes > 24 or is_duration):
        return match[0]
    is_hours = minutes <= 24 and _MACHINE.search(before)
    return _read_units((minutes, seconds), _UNITS[1:3] if is_hours else _UNITS[2:])


def _read_time(match: re.Match[str]) -> str:
    parts = [int(part) for part in re.findall(r"\d+", match[1])]
    hour, minute, second = (*parts, 0, 0)[:3]
    is_countdown = hour == 0 and len(parts) == 3 and (minute or second)  # 00:05:30
    words = _read_units((None if is_countdown else str(hour), minute, second), _UNITS[1:])
    return words + _read_half_of_day(match[2], hour)


def _read_hour(match: re.Match[str]) -> str:
    if match[2] in ("AM", "PM") and _NAME_BEFORE.search(written_before(match)):
        return match[0]  # Shelly 1PM
    hour = int(match[1])
    return f"{read_integer(hour)} giờ{_read_half_of_day(match[2], hour)}"


def _read_half_of_day(written: str | None, hour: int) -> str:
    if not written:
        return ""
    if written.strip()[0] in "aAS":
        return " đêm" if hour == 12 else " sáng"
    if hour == 12:
        return " trưa"
    return " chiều" if hour < 6 else " tối" if hour < 11 else " đêm"


def _read_duration(match: re.Match[str]) -> str:
    hours, minutes, seconds = match.groups()
    return _read_units((hours, int(minutes), int(seconds or 0)), _UNITS[1:])


def _read_ratio(match: re.Match[str]) -> str:
    is_sum = _OPERATOR_AFTER.match(match.string, match.end()) or (
        _OPERATOR_BEFORE.search(text_before(match)) and "=" in match.string
    )
    if is_sum:
        return f"{match[1]} chia {match[2]}"
    is_clock = len(match[2]) == 2 and int(match[1]) <= 24 and int(match[2]) < 60
    if is_clock and not _RATIO_CUES.search(text_before(match)):
        return match[0]
    joint = " " if match[1] in ("16", "21", "4") and len(match[2]) == 1 else " trên "
    return f"{match[1]}{joint}{match[2]}"


def _unless_quoted(match: re.Match[str], quote: str, words: str) -> str:
    """Return the words, unless the mark closes a quotation that was opened before it."""
    is_quoted = re.search(rf"(?<!\w){quote}[^{quote}]*$", text_before(match)) is not None
    return match[0] if is_quoted else words
