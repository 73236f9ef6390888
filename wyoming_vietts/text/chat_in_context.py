"""Shorthand of chats with two meanings, told apart by the words around it."""

import re

from .characters import UPPER, like
from .context import text_after, text_before, word_after, word_before

_IS_AMBIGUOUS = re.compile(r"\b(?:[Bb]n|[Cc]k|[Mm]k|[Tt]hg)\b")
_YOU_OR_HOW_MUCH = re.compile(r"(?<!\w)([Bb])n(?!\w)")
_BEFORE_YOU = frozenset({
    "", "cho", "với", "của", "gọi", "đâu", "không", "ko", "chào", "giúp", "nhắc", "hỏi", "cùng",
    "nếu", "khi", "mời", "cảm", "ơn", "các", "k", "được",
})  # fmt: skip
_AFTER_HOW_MUCH = frozenset({
    "tiền", "tuổi", "người", "độ", "cái", "lâu", "ngày", "giờ", "phút", "xa", "kg", "cân", "phần",
})  # fmt: skip
_AFTER_YOU = frozenset({"ơi", "muốn", "cần", "nhé", "có", "đã", "đang", "sẽ", "vừa", "hãy"})

_ME_OR_PASSWORD = re.compile(r"(?<!\w)([Mm])k(?!\w)")
_AFTER_PASSWORD = frozenset({"wifi", "wi-fi", "mới", "cũ", "là", "của", "tài", "email", "facebook"})

_HUSBAND_OR_TRANSFER = re.compile(r"(?<!\w)([Cc])k(?!\w)")
_SUM = (
    r" (?:\d[\d.,]{0,12} ?(?:k|tr\d{0,3}|triệu|nghìn|ngàn|đ|đồng|vnđ|vnd|củ|lít|xị|tỷ|%|đô)(?!\w)"
    r"|\d{2,3}(?:[.,]\d{3})+(?!\w)|\d{4,9}(?!\w))"
)
_RECEIVER = (
    r"(?:anh|chị|em|mẹ|bố|ba|má|bạn|shop|mình|cô|chú|bác|dì|con|bà|ông|nó|họ|tui|tao|mày|thầy|sếp"
    r"|[abcemt]|mn|tớ|cậu|vk|vợ)"
)
_TRANSFER_AFTER = re.compile(
    rf"(?: (?:cho|qua|lại|trả|trước|vào|luôn|ngay|hết))?(?: {_RECEIVER}){{0,2}}{_SUM}"
    r"| (?:cho|qua|tiền|xong|luôn|lại|vào|trước|ngay|hết|nhầm|thiếu|dư|thành công)(?!\w)| \d"
)
_SUM_AFTER = re.compile(rf"(?: cho)?(?: {_RECEIVER}){{0,2}}{_SUM}")
# `mua giúp ck 2kg cam`: done for somebody.
_DONE_FOR = frozenset({
    "giúp", "hộ", "cho", "với", "của", "đón", "gọi", "đợi", "chờ", "bảo", "rủ", "đưa", "nhờ",
    "nhắn", "thương", "yêu", "tặng", "biếu", "là", "vợ", "vk", "dùm", "giùm", "cùng", "theo", "hỏi",
    "kêu",
})  # fmt: skip
_ASKED = frozenset({"nhờ", "bảo", "nhắn", "kêu", "giúp", "hộ", "dùm", "giùm"})
_BEFORE_TRANSFER = frozenset({
    "để", "stk", "đã", "chưa", "sẽ", "nhận", "phí", "hoặc", "bằng", "hay", "xin", "qua", "vừa", "r",
})  # fmt: skip
_END = re.compile(r"(?: (?:r|rồi|nhé|nha|nhe|ạ|nghen|đi|nha))?(?:[.,!?)\n]|$)")

_BOY_OR_MONTH = re.compile(r"(?<!\w)([Tt])hg(?!\w)")
_MONTH_BEFORE = re.compile(
    r"(?:\d|(?<!\w)(?:đầu|cuối|giữa|hết|trong|lương|hàng|mỗi|mấy|vài|nửa|nhiều"
    r"|tiền (?:nhà|điện))) $"
)
_MONTH_AFTER = re.compile(r" (?:\d|trước|sau|tới|nay|nữa)(?!\w{3})")
_BOY_AFTER = re.compile(
    r" (?:bạn|nhỏ|lớn|em|anh|cu|con|cháu|bé|ông|kia|nào|đó|này|nhóc|chồng|út|cả|hai|ba|tư)(?!\w)"
)
_NAME_AFTER = re.compile(rf" [{UPPER}][^\W\d_]")


def read_chat_by_context(text: str) -> str:
    """Read `bn`, `mk`, `ck` and `thg`."""
    if not _IS_AMBIGUOUS.search(text):
        return text
    text = _YOU_OR_HOW_MUCH.sub(_read_bn, text)
    text = _HUSBAND_OR_TRANSFER.sub(_read_ck, text)
    text = _BOY_OR_MONTH.sub(_read_thg, text)
    return _ME_OR_PASSWORD.sub(_read_mk, text)


def _read_bn(match: re.Match[str]) -> str:
    """`bn` is short for "bạn" and for "bao nhiêu"."""
    after = word_after(match)
    is_you = (word_before(match) in _BEFORE_YOU or after in _AFTER_YOU) and (
        after not in _AFTER_HOW_MUCH
    )
    return like(match[0], "bạn" if is_you else "bao nhiêu")


def _read_mk(match: re.Match[str]) -> str:
    """`mk` is short for "mật khẩu" and for "mình"."""
    is_password = word_after(match) in _AFTER_PASSWORD
    return like(match[0], "mật khẩu" if is_password else "mình")


def _read_ck(match: re.Match[str]) -> str:
    """`ck` is short for "chồng", and for "chuyển khoản", above all before a sum."""
    before, after = word_before(match), text_after(match)
    if before in _DONE_FOR:
        is_transfer = before in _ASKED and _SUM_AFTER.match(after) is not None
    else:
        is_transfer = _TRANSFER_AFTER.match(after) is not None or (
            before in _BEFORE_TRANSFER and _END.match(after) is not None
        )
    return like(match[0], "chuyển khoản" if is_transfer else "chồng")


def _read_thg(match: re.Match[str]) -> str:
    """`thg` is short for "tháng" beside a number, and for "thằng" before a name."""
    after = text_after(match)
    is_name = _NAME_AFTER.match(match.string, match.end()) is not None
    is_month = _MONTH_AFTER.match(after) or (
        _MONTH_BEFORE.search(text_before(match)) and not (is_name or _BOY_AFTER.match(after))
    )
    return like(match[0], "tháng" if is_month else "thằng")
