"""Abbreviations with several meanings, told apart by the words around them."""

import re
from collections.abc import Mapping
from functools import cache

from .characters import UPPER

_NAME = rf"(?= ?[{UPPER}][^\W\d_])"
_ROOM = (
    r"(?=(?i:khách|ngủ|bếp|tắm|ăn|họp|đọc|thờ|làm việc|học|giặt|khám|kho|máy|trẻ|bé|con|sách|gym"
    r"|chờ"
    r"|giải trí|vệ sinh|sinh hoạt|thay đồ|xông hơi|trọ|bố mẹ|ông bà|bà|mổ|cấp cứu|trực|đào tạo"
    r"|kế toán|nhân sự|hành chính|tổ chức|chức năng|thí nghiệm|bảo vệ)(?!\w))"
)
_LOTTERY = r"(?:KQXS|XS|KQ|xổ số|Xổ số|kết quả|Kết quả|vé số|giải|lô|đề|kqxs|xs)[^.!?\d]{0,10} "
_PERIOD = (
    r"(?:[Dd]oanh thu|[Tt]rái phiếu|[Đđ]áo hạn|[Xx]uất khẩu|[Ll]ạm phát|[Tt]ín dụng|[Cc]ổ phiếu"
    r"|[Ll]ợi nhuận|[Bb]áo cáo|[Kk]ết quả|[Tt]ăng trưởng|GDP|KPI|[Dd]oanh số|[Ll]ãi"
    r"|[Kk]ế hoạch|[Mm]ục tiêu|[Cc]uối|[Đđ]ầu|[Hh]ết|[Tt]rong|[Ss]ang|BCTC|[Tt]ổng kết|[Hh]ọp"
    r"|[Ll]ỗ)"
    r"[^.!?\d,]{0,24} "
)
_ON_HAND = {
    r"@(?=[:.]? ?(?:\+?\d|[Aa]nh|[Cc]hị|[Cc]ô|[Cc]hú|[Hh]otline|[Zz]alo|SĐT|[Bb]ác|Mr|Ms|em"
    "|qua))": "liên hệ",
}

_EQUATION = {
    "(?:[Gg]iải|[Nn]ghiệm(?: của)?|[Ll]ập|[Ll]oại|[Dd]ạng|[Hh]ệ(?: hai)?"
    "|[Vv]iết) @": "phương trình",
    r"@(?= (?:bậc|đường|có|vô) |(?::| sau:?| là)? [^.!?\n]{1,16}=)": "phương trình",
}
_LESSON = r"[Tt]iết|[Mm]ôn|[Bb]ài tập|BT|[Ôô]n(?: tập)?|[Đđ]iểm(?: thi)?|[Dd]ạy|[Gg]iỏi"
_SUBJECT = r"(?:Toán|Văn|Khoa|Sử|Địa|Lý|Hóa|Sinh|Đạo đức|KHTN|GDCD|TNXH)"

# For each abbreviation: patterns of it (@) and of its context, with its words there.
_RULES: dict[str, Mapping[str, str]] = {
    "TK": {
        r"@(?= \d{1,2} (?:tháng|năm|tuần)| (?:có |không )?kỳ hạn)": "tiết kiệm",
        r"(?:[Gg]ửi|[Ss]ổ) @(?! ?\d{4})": "tiết kiệm",
        r"@(?:\. ?| )(?=\d{1,2}(?!\w)(?![.,]\d| \d))": "thế kỷ ",
        r"(?:[Đđ]ầu|[Cc]uối|[Gg]iữa|[Tt]ừ|[Vv]ào) @(?= ?\d{1,2}(?!\d|[.,]\d))": "thế kỷ",
    },
    "GĐ": {
        r"@\.? ?(?=(?:[1-9]|I{1,3}|IV)(?!\w)(?![./]\d))": "giai đoạn ",
        r"@\.? ?(?=(?:19|20)\d\d)": "giai đoạn ",
        "(?:[Tt]rong|[Cc]ác|[Tt]ừng|[Mm]ỗi|[Mm]ột|[Hh]ai|[Ss]ang|[Qq]ua) @": "giai đoạn",
    },
    "ĐT": {
        r"@(?= (?:nữ|nam|U ?\d\d|quốc gia|bóng đá|Olympic|[Ff]utsal)(?!\w))": "đội tuyển",
        r"@[. ]{0,2}(?=[1-9]\d{2}[A-Z]?(?!\w|[ .-]\d))": "đường tỉnh ",
    },
    "vv": {
        "(?:[Nn]gày|[Tt]uần|[Tt]ối|[Cc]hơi|[Tt]ết|đêm|sáng|trưa|chiều|mới|nghỉ) @"
        r"(?= (?:nha|nhé|ạ|nhe|nhá|nhen|cả nhà|mn)(?!\w)|[!~ ]{0,4}$)": "vui vẻ",
    },
    "BĐ": {r"@ ?(?=(?:[1-3]|I{1,3})(?!\w)(?![.,]\d))": "báo động "},
    **dict.fromkeys(("pt", "PT", "Pt"), _EQUATION),
    "PH": {
        "(?:[Hh]ọp|[Hh]ội|[Cc]ác|[Qq]uý|[Mm]ời|[Tt]hưa|[Kk]ính gửi|[Nn]hắc"
        "|[Bb]an đại diện) @": "phụ huynh",
        "@(?= (?:lớp|học sinh|HS|và|đóng|nộp|nhớ|đón|cho|có|đưa|chuẩn bị"
        r"|lưu ý)(?!\w))": "phụ huynh",
    },
    "HA": {r"@(?=:? ?\d{2,3}/\d)": "huyết áp"},
    "GD": {
        "(?:[Ss]ở|[Bb]ộ|[Nn]gành|[Pp]hòng|[Nn]ền|NXB|[Cc]án bộ|[Nn]hà) @(?![&-])": "giáo dục",
        "@(?= (?:mầm non|tiểu học|thể chất|công dân|đại học|phổ thông|giới tính"
        r"|và)(?!\w))": "giáo dục",
        "@(?![&-])": "giao dịch",
    },
    "ĐB": {
        r"(?:[Gg]iải|G\.?|[Ll]ô|[Vv]é) ?@": "đặc biệt",
        "@(?= (?:sông|Bắc Bộ|Nam Bộ|ven biển))": "đồng bằng",
        "@(?= (?:[Qq]uốc hội|QH|HĐND|hội đồng))": "đại biểu",
        r"@(?=: ?\d| \d{5})": "đặc biệt",
        "(?:[Tt]in|[Ưư]u đãi|[Kk]hách|[Mm]ón|[Ss]uất) @": "đặc biệt",
        "(?:[Cc]ác|[Vv]ị) @": "đại biểu",
        rf"@(?= [{UPPER}][^\W\d_]+ [{UPPER}])": "đại biểu",
    },
    "P": {
        rf"@\. ?{_ROOM}": "phòng ",
        r"@ (?=(?:Khách|Ngủ|Bếp|Tắm|Ăn|Họp|Thờ|Giặt|KT|KD)(?!\w))": "phòng ",
    },
    "PN": {
        r"@ ?(?=[1-9](?!\w))": "phòng ngủ ",
        "@(?= (?:lớn|nhỏ|chính|phụ|trẻ|bé|con|bố|mẹ|ông|tầng|master|đang|đã|là))": "phòng ngủ",
    },
    "PK": {
        "@(?= (?:[Đđ]a khoa|[Nn]ha|[Mm]ắt|[Ss]ản|[Tt]ư|[Nn]hi|[Bb]ác|BS|răng))": "phòng khám",
    },
    "Đ": {r"@\. ?(?=\d{1,2}/\d{1,2}(?![\d/]))": "đường "},
    "KP": {rf"@(?:\.? ?(?=\d|[IVX]{{1,4}}(?!\w))|\. ?{_NAME})": "khu phố "},
    "MB": {
        rf"{_LOTTERY}@": "miền Bắc",
        "@(?= (?:[Bb]ank|BANK))": "em bi",
    },
    "MN": {rf"{_LOTTERY}@": "miền Nam"},
    "MT": {rf"{_LOTTERY}@": "miền Trung"},
    "ĐH": {
        r"@(?=:? ?\d{1,2}[.,]\d)": "đường huyết",
        r"@(?= (?:phòng|P\.|tầng|đang|đã|bật|tắt|ở \d|Daikin|Panasonic|máy))": "điều hòa",
        "(?:[Bb]ật|[Tt]ắt|[Cc]ái|[Mm]áy|[Vv]ệ sinh|[Ss]ửa|[Mm]ở|[Cc]hỉnh|[Đđ]ặt) @": "điều hòa",
    },
    "đh": {
        r"(?:[Tt]hi|[Hh]ọc|[Tt]rường|[Đđ]ỗ|[Đđ]ậu|[Vv]ào|[Nn]ăm \d) @": "đại học",
        "(?:[Tt]hợ|[Ss]ửa|[Bb]ật|[Tt]ắt|[Mm]ở|[Mm]áy|[Cc]hỉnh|[Vv]ệ sinh|[Ll]ắp) @": "điều hòa",
        "@(?= (?:phòng|đang|đã|lạnh|chạy|hỏng|hư|bị))": "điều hòa",
        "@": "đơn hàng",
    },
    "bt": {
        "(?:[Nn]ộp|[Ll]àm|[Cc]hữa|[Gg]iải|[Cc]hép|[Ss]oạn) @": "bài tập",
        "@(?= (?:[Tt]oán|[Vv]ăn|[Ll]ý|[Hh]óa|[Aa]nh|về nhà|trang|số))": "bài tập",
        "(?:[Kk]o|[Kk]hông|[Cc]hả|[Cc]hẳng|[Cc]hưa|[Aa]i|[Kk]|đâu|nào|mà|[Cc]ó|đã) @": "biết",
        r"@(?= (?:nữa|mà|là|rồi|r|chưa|chết|sao|gì|hết|ai)(?!\w))": "biết",
        "@(?= (?:k|ko|không)[ ?.!]{0,3}$)": "biết",
        r"@(?!\w)": "bình thường",
    },
    "CN": {
        "(?:[Nn]gân hàng|[Bb]ank|Cty|[Cc]ông ty|NH|VCB|BIDV|Agribank"
        f"|Vietcombank) @{_NAME}": "chi nhánh",
    },
    "TV": {
        rf"(?:{_LESSON}|[Ss]ách|[Vv]ở) @": "tiếng Việt",
        rf"{_SUBJECT}[^.!?\n]{{0,12}}(?:,|và|-|/) ?@": "tiếng Việt",
        r"(?<!ật )(?<!ắt )(?<!ở )@(?= lớp \d|:? (?:10|[5-9])(?![\w/])|(?:,| và"
        f"|/) ?{_SUBJECT})": "tiếng Việt",
    },
    "TA": {
        f"(?:{_LESSON}|[Ss]ách|[Vv]ở|[Cc]ô|[Tt]hầy|[Kk]iểm tra|[Gg]iáo viên|[Hh]ọc) @": "tiếng Anh",
        rf"(?:{_SUBJECT}|tiếng Việt)[^.!?\n]{{0,12}}(?:,|và|-|/) ?@": "tiếng Anh",
        rf"@(?= lớp \d|(?:,| và|/) ?{_SUBJECT})": "tiếng Anh",
    },
    "DT": {
        r"@(?=:? (?:khoảng |~ ?)?\d[\d.,]{0,6} ?(?:[x×*]|m|ha))": "diện tích",
        "@(?= (?:đất|sàn|nhỏ|lớn|rộng|xây|sử dụng|tim|thông thủy|khoảng|tầm"
        r"|nhà)(?!\w))": "diện tích",
    },
    "TL": {r"(?:còn |[Gg]iá (?:[^.!?\n]{0,20}[ (])?)@": "thương lượng"},
    "CS": {r"@ ?(?=[1-9](?!\w))": "cơ sở "},
    "BT": {
        r"@ ?(?=\d)": "bài tập ",
        "@(?= (?:trang|về nhà|[Tt]oán|[Vv]ăn|[Tt]iếng|SGK|số))": "bài tập",
    },
    "BKS": {r"@(?=:? ?\d{2})": "biển kiểm soát"},
    "TD": {
        r"@(?=, (?:[A-ZĐ][^\W\d]{1,3}|GDCD|GDĐP|Tin|Văn|Toán|Anh)(?!\w)"
        "|[.,]? ?(?:lớp|tiết))": "thể dục",
    },
    "ND": {r"@(?=: ?\w| ck| CK)": "nội dung"},
    "SD": {r"@(?= TK|:? ?[+-]?\d|: )": "số dư"},
    **dict.fromkeys(("LH", "Lh", "lh"), _ON_HAND),
    "CK": {
        r"@(?= ?(?:\d|cho|qua|tiền|thành công|tới|đến|từ|vào|nhanh|TK|STK"
        "|trước|sau))": "chuyển khoản",
    },
    "TT": {r"@(?= (?:\d|tiền|hóa đơn|online|qua|thành công|bằng))": "thanh toán"},
    "NH": {
        "@(?= (?:Nhà nước|TMCP|Ngoại|Nông nghiệp|Công thương|Quân đội|Á Châu|Đầu tư))": "ngân hàng",
    },
    "KS": {
        r"@(?=[^.!?\n]{1,30} [1-5] sao)": "khách sạn",
        "(?:[Đđ]ặt|[Ởở]|[Tt]ại|[Vv]ề|[Gg]ần|[Pp]hòng|[Bb]ook|[Tt]ới|[Đđ]ến"
        "|[Nn]hận phòng) @": "khách sạn",
    },
    "TH": {
        "(?:[Tt]rường|[Hh]ọc sinh|[Gg]iáo viên|[Cc]ấp|[Bb]ậc) @(?! ?(?:[Tt]rue"
        "|[Mm]ilk))": "tiểu học",
    },
    "HP": {r"(?:HN|Hà Nội|TP\.?|về|ra|đi|từ) ?(?:[-–→] )?@(?! ?\d)": "Hải Phòng"},
    "A": {rf"(?:[Gg]ặp|[Gg]ọi|[Cc]ho|[Cc]ủa|LH:?|[Nn]hờ|[Bb]áo|[Hh]ỏi) @\.{_NAME}": "anh"},
    "C": {rf"(?:[Gg]ặp|[Gg]ọi|[Cc]ho|[Cc]ủa|LH:?|[Nn]hờ|[Bb]áo|[Hh]ỏi) @\.{_NAME}": "chị"},
    "ep": {r"@\.? ?(?=\d)": "tập "},
    "Ep": {r"@\.? ?(?=\d)": "tập "},
    "SL": {r"@(?=:? ?\d)": "số lượng"},
    "Đ/c": {"@(?=[:. ])": "địa chỉ"},
    "Đ/C": {"@(?=[:. ])": "địa chỉ"},
    "k/c": {"@": "khoảng cách"},
    "Q": {
        rf"{_PERIOD}@(?=[1-4](?![\w/]|\.\d))": "quý ",
        r"quý [1-4](?:,| và|-) @(?=[1-4](?!\w))": "quý ",
    },
}


@cache
def _patterns(abbreviation: str) -> list[tuple[re.Pattern[str], str]]:
    patterns = []
    for pattern, words in _RULES[abbreviation].items():
        before, after = pattern.split("@")
        itself = rf"(?<!\d ){re.escape(abbreviation)}(?![^\W\d_]){after}"
        if before:
            itself, words = rf"({before}){itself}", rf"\1{words}"
        patterns.append((re.compile(rf"(?<!\w){itself}"), words))
    return patterns


def expand_by_context(text: str) -> str:
    """Write out `TK 19`, `GĐ 1`, `P. Khách`, `KQXS MB`."""
    for abbreviation in _RULES:
        if abbreviation in text:
            for pattern, words in _patterns(abbreviation):
                text = pattern.sub(words, text)
    return text
