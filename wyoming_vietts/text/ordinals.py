"""Ordinals, fractions and Roman numerals."""

import re

from .characters import LOWER
from .context import text_after, word_after, word_before
from .numbers import read_integer

_ORDINAL = re.compile(r"(?<!\w)(thứ|hạng|ngã(?= 4)) ([14])(?![\w/]|[.,:-]\d)", re.IGNORECASE)

_FRACTION = re.compile(r"(?<![\w/.,-])(?:(\d{1,3}) )?(\d{1,3})/(\d{1,3})(?![\d/]|[.,-]\d)")
_COUNTED = frozenset({
    "điểm", "thiết", "đèn", "người", "phòng", "câu", "bài", "cửa", "công", "cảm", "trận", "sao",
    "máy", "quạt", "học", "hộ", "tỉnh", "đại", "phiếu", "bước", "việc", "trang", "mục", "thành",
    "mã", "em", "bạn", "camera", "ổ", "bóng",
})  # fmt: skip
# What a fraction is a part of.
_PORTION = (
    "bát|thìa|cốc|chén|muỗng|muôi|bình|lít|kg|ki|ký|kí|gam|gram|g|ml|cân|lạng|quả|trái|củ|ly|tách"
    "|tb|gb|mb|hộp|gói|ổ|cái|con|miếng|chiếc|viên|bánh|nồi|chai|lon|bó|nắm|bàn|bịch|túi|lát|tép"
    "|cup|hũ|tbsp|tsp|oz"
)
# With one of these after it, a fraction is one even where a date could stand.
PORTION_AFTER = re.compile(
    r"(?: (?:đến|tới|hoặc|và) \d{1,2}/\d{1,2})?"
    rf" (?:{_PORTION}|vạch|nấc|km|m|cm|ha|tấn|yến|tạ|tiếng|giờ|phút|giây|ngày|tuần|tháng|buổi"
    rf"|quý|thế kỷ"
    rf"|số|dân số|diện tích|thời"
    r"|chặng|quãng|hành trình|tổng|lượng|dung|công suất|giá|tiền|giải|cử tri|hộ|nhân|lượt|sân|đoạn"
    r"|cuối (?:trận|sân|kỳ|đường|phim)|đầu (?:trận|sân|phim)|khối|âm lượng|pin|bể|bồn|sức|nội dung"
    r"|chương trình|kế hoạch|học sinh|người|đời|thân|khu|vùng|cửa hàng"
    r"|năm(?! ?(?:\d|nay|ngoái|sau|trước|tới)))(?!\w)"
)
SHARED_AFTER = re.compile(
    rf" (?:{_PORTION}|số|dân|diện|thời"
    r"|chặng|quãng|đường|tổng|lượng|phần|giờ|ngày|tháng|năm|tuần|chu|khẩu|cuốn|sách|chương|giá"
    r"|bằng|đổi|tương|nhân|chia|cộng|trừ|lớn|nhỏ|viết|quy|nước|sữa|bột|muối|dầu|gạo|pin|ổ|bể"
    r"|thùng|xe|khối|của|là|thế|cả|trong|" + "|".join(sorted(_COUNTED)) + r")(?!\w)"
)
_PART_OF_METRE = re.compile(r"(?<=\d/\d) ?m([23])(?!\w)")
_METRES = {"2": "vuông", "3": "khối"}
_POWER_AFTER = re.compile(" (?:công suất|công việc|học phí|học kỳ)")
_COUNT_CUES = frozenset({
    "độ",
    "số", "nhà", "ngõ", "hẻm", "kiệt", "ngách", "thửa", "lô", "phòng", "căn",
    "camera", "đèn", "robot", "cửa", "máy", "loa", "sensor", "switch", "node", "slide", "mũi",
    "liều", "lần", "hiệp", "đợt", "lượt", "chuyến", "tiết",
    "trang", "tập", "bước", "câu", "mức", "vòng", "quạt", "bài",
})  # fmt: skip

_ROMAN = r"(?=[IVXL])(?:X{1,3}|XL|L)?(?:IX|IV|V?I{0,3})"
_ROMAN_CUE = re.compile(
    r"(?<!\w)((?:thế kỷ|thế kỉ|chương|phần|quý|khóa|lần|thứ|kỳ|hồi|tập|quyển|mục|điều|loại|cấp"
    r"|bậc|giai đoạn|báo động|đời|vòng|bảng|nhóm|quân khu|quân đoàn|đại hội|hạng|thế chiến|thế giới"
    r"|khu vực|vùng|type|số|đệ|hội nghị|phụ lục|tiết|hệ|độ|đợt|tổ) )"
    rf"({_ROMAN})(?:( ?[-–] ?|, ?| và | đến )({_ROMAN}))?(?!\w|-[A-Z][a-z])",
    re.IGNORECASE,
)
_MAY_BE_ROMAN = re.compile(r"[IVX]| [IVXLivxl]{1,9}\b")
_ROMAN_ALONE = re.compile(
    r"(?<![\w.])(?<![^\W\d]-)(II|III|VII|VIII|IX|XII|XIII|XIV|XV|XVI|XVII|XVIII|XIX|XX|XXI|XXII"
    r"|XXIII|XXIV|XXV)"
    r"(?![\w-])"
)
_ROMAN_AFTER_NAME = re.compile(rf"(?<=[{LOWER}] )(IV|VI|XI)(?![\w-])")
_ROMAN_LIST_MARKER = re.compile(r"^(I|V|X|IV|VI|XI)(?=[.)] )", re.MULTILINE)
_ROMAN_VALUES = {"I": 1, "V": 5, "X": 10, "L": 50}


def read_roman_numerals(text: str) -> str:
    """Write Roman numerals in digits, after a word that announces them or where they are clear."""
    if not _MAY_BE_ROMAN.search(text):
        return text
    text = _ROMAN_CUE.sub(_cued_roman, text)
    for pattern in (_ROMAN_LIST_MARKER, _ROMAN_ALONE, _ROMAN_AFTER_NAME):
        text = pattern.sub(lambda match: str(roman_value(match[1])), text)
    return text


def roman_value(roman: str) -> int:
    """Return the value of a Roman numeral below 90."""
    values = [_ROMAN_VALUES[letter] for letter in roman]
    return sum(
        -value if value < following else value
        for value, following in zip(values, [*values[1:], 0], strict=True)
    )


def _cued_roman(match: re.Match[str]) -> str:
    cue, first, joint, second = match.groups()
    if not (first.isupper() and (second is None or second.isupper())):
        return match[0]
    return f"{cue}{roman_value(first)}" + (f"{joint}{roman_value(second)}" if second else "")


def read_ordinals(text: str) -> str:
    """Read `thứ 4` and `hạng 1`, which have words of their own."""
    return _ORDINAL.sub(lambda match: f"{match[1]} {'nhất' if match[2] == '1' else 'tư'}", text)


def read_fractions(text: str) -> str:
    """Read `3/4` as `ba phần tư`, and with `trên` where it is a count or too large to be a part."""
    text = _PART_OF_METRE.sub(lambda match: f" mét {_METRES[match[1]]}", text)
    return _FRACTION.sub(_read_fraction, text)


def _read_fraction(match: re.Match[str]) -> str:
    whole, above, below = match.groups()
    prefix = f"{whole} và " if whole else ""
    word = word_before(match)
    if (above, below) == ("50", "50"):
        return prefix + "năm mươi năm mươi"
    is_part = 0 < int(above) < int(below) <= 10 or (
        above == "1" and int(below) in (12, 16, 20, 100)
    )
    if word in _COUNT_CUES or (
        word_after(match) in _COUNTED and not _POWER_AFTER.match(text_after(match))
    ):
        is_part = False
    if not is_part:
        return f"{prefix}{above} trên {below}"
    below_words = "tư" if below == "4" else read_integer(int(below))
    return f"{prefix}{read_integer(int(above))} phần {below_words}"
