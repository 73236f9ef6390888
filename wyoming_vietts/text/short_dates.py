"""Short months and days: `T10`, `11.11`, `Log_20260102.txt`; and terminals, which look alike."""

import re

from .context import text_after, text_before

_T = r"T(1[0-3]|[1-9])"
_JOINT = r"(?: ?[-–,→] ?| đến | tới | và | & | sang | hoặc | hay | qua )"
_LIST = re.compile(rf"(?<![\w.])(?:{_T})(?:{_JOINT}{_T})*(?![\w]|[./-]\d| ?/ ?\d)")
_SHORT = re.compile(_T)
_TERMINAL_BEFORE = re.compile(
    r"(?<!\w)(?:ga|sân bay|terminal|cảng|nội bài|tân sơn nhất|sảnh|tòa|nhà|block|căn|lô"
    r"|tháp)[^.!?\d]{0,12}$"
)
_TERMINAL_AFTER = re.compile(r" (?:nội bài|tân sơn nhất|sân bay|đà nẵng|cam ranh|quốc nội|quốc tế)")
_MONTH_BEFORE = re.compile(
    r"(?<!\w)(?:lương|luong|tiền (?:điện|nước|nhà|thuê nhà|học|mạng|trọ|net)"
    r"|tien (?:dien|nuoc|nha|thue nha|hoc|mang|tro|net|phong)|hoc phi|so với|cùng kỳ"
    r"|doanh thu|doanh số|báo cáo|hóa đơn"
    r"|học phí|thuế|cước|cuối|giữa|đầu|hết|phí|phi|thang"
    r"|kpi|thưởng|tháng|điện|nước|sinh|số liệu|sao kê|công|sale"
    r"|bảng lương)"
    r"(?: kỳ| tháng| vào| của| cho)?:? $"
)
_MONTH_TWICE = re.compile(r"(?<!\w)([Tt]háng |[Tt]hang )T(?=(?:1[0-2]|[1-9])(?!\w))")
_WEEK_AFTER = re.compile(r" (?:tuần|hôm|này|rồi|vừa)(?!\w)")
_MONTH_AFTER = re.compile(
    r"(?:/\d| năm (?:nay|sau|ngoái|tới|\d)|: ?[\d.,]+ ?(?:tr|triệu|k|đ|kwh|số))"
)

_TERM = re.compile(
    r"(?<!\w)((?:[Kk]ỳ hạn|KH|[Bb]ảo hành|BH|[Tt]rả góp|[Gg]ói|[Tt]iết kiệm|[Hh]ạn) )"
    r"(\d{1,2})T(?!\w)"
)
_WEEKDAYS = re.compile(r"(?<!\w)T([2-7](?:, ?[2-7]){1,5}|[2-7](?:[/-][2-7]){2,5})(?![\w/]|[.,]\d)")
_DOTTED = re.compile(
    r"(?<!\w)((?:[Hh]ôm nay|[Hh]ôm qua|[Mm]ai|[Nn]gày|[Hh]ạn(?: chót)?|[Dd]ịp|[Ll]ễ):? )"
    r"(0?[1-9]|[12]\d|3[01])\.(0?[1-9]|1[0-2])(?!\w|[.,]\d| ?(?:%|triệu|kg|km|độ|°|tỷ|giờ))"
)

_DOUBLE_DAY = re.compile(
    r"(?<![\w.,/])(1[0-2]|[1-9])[./]\1(?![\w/]|[.,]\d| ?(?:%|triệu|kg|km|độ|°|m(?!\w)|tỷ|điểm"
    r"|inch|GB))"
)
_SALE_NEAR = re.compile(
    r"sale|ưu đãi|khuyến mãi|khuyến mại|săn|deal|shopee|lazada|tiki|tiktok|siêu|ngày hội|lễ hội"
    r"|độc thân|mua sắm|giảm giá|voucher|freeship|ngày|dịp|vé"
)
_DATED = re.compile(
    r"(?<=[A-Za-z])[ _-](20\d\d)([-_]?)(0[1-9]|1[0-2])\2(0[1-9]|[12]\d|3[01])(?:[_T-]?(?:[01]\d"
    r"|2[0-3])[-_]?[0-5]\d[-_]?[0-5]\d)?(?![\dA-Za-z])"
)


def read_months_and_terminals(text: str) -> str:
    """Read `lương T10`, `từ T6 đến T8`, `T2 Nội Bài`, `Sale 11.11` and dates in names of files."""
    if "T" in text:
        text = _WEEKDAYS.sub(lambda match: f"thứ {', '.join(re.findall('[2-7]', match[1]))}", text)
        text = _LIST.sub(_read_list, _MONTH_TWICE.sub(r"\1", text))
        text = _TERM.sub(r"\1\2 tháng", text)
    if "." in text:
        text = _DOTTED.sub(r"\1\2/\3", text)
    if "." in text or "/" in text:
        text = _DOUBLE_DAY.sub(_read_double_day, text)
    if "20" not in text:
        return text
    return _DATED.sub(lambda match: f" {match[4]}/{match[3]}/{match[1]} ", text)


def _read_list(match: re.Match[str]) -> str:
    """All of a list are months, weekdays or terminals."""
    numbers = [int(number) for number in _SHORT.findall(match[0])]
    before, after = text_before(match), text_after(match)
    is_of_month = _MONTH_BEFORE.search(before) is not None and not _WEEK_AFTER.match(after)
    if not is_of_month and (_TERMINAL_BEFORE.search(before) or _TERMINAL_AFTER.match(after)):
        return _SHORT.sub(r"tê \1", match[0])
    is_months = any(number in (1, *range(8, 14)) for number in numbers) and (
        len(numbers) > 1 or numbers[0] != 1 or is_of_month
    )
    if is_months or is_of_month or _MONTH_AFTER.match(after):
        return _SHORT.sub(r"tháng \1", match[0])
    return match[0]


def _read_double_day(match: re.Match[str]) -> str:
    is_sale = _SALE_NEAR.search(text_before(match) + text_after(match)[:20]) is not None
    return f"{match[1]}/{match[1]}" if is_sale else match[0]
