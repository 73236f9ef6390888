"""Flats, versions, phone numbers, codes and plates: read piece by piece."""

import re
from collections.abc import Callable

from .context import text_after, text_before
from .letters import spell
from .numbers import ANY_DIGIT, THOUSANDS_POINTS, read_digits, read_whole
from .syllables import is_vietnamese
from .tables import read_table


def spell_code(code: str, read_number: Callable[[str], str] = read_digits) -> str:
    """Read letters by name and digits one by one, or otherwise; skip everything between them."""
    return " ".join(
        read_number(part) if part.isdecimal() else spell(part)
        for part in re.findall(r"\d+|[^\W\d_]+", code)
    )


# --- Flats --------------------------------------------------------------------------------------

_FLAT = re.compile(r"(?<!\w)([A-Z]{1,2})(\d{0,2})[-.](\d{1,2})[.-](\d{2})(?![\w.,/-])")
_FLOOR_AND_FLAT = re.compile(
    r"(?<!\w)((?:[Pp]hòng|[Cc]ăn(?: hộ)?) (?:số )?)"
    r"(?:(\d{1,2})\.|([1-9]\d)(?=0))(\d{2})(?![\w/]|[.,]\d)"
)


def read_flats(text: str) -> str:
    """Read `B3-11.02` and `phòng 12.05`."""
    text = _FLAT.sub(_read_flat, text)
    return _FLOOR_AND_FLAT.sub(
        lambda match: f"{match[1]}{read_whole(match[2] or match[3])} {read_digits(match[4])}", text
    )


def _read_flat(match: re.Match[str]) -> str:
    letters, block, floor, number = match.groups()
    block = f" {read_whole(block)}" if block else ""
    return f"{spell(letters)}{block}, {read_whole(floor)} {read_digits(number)}"


# --- Versions -----------------------------------------------------------------------------------

_VERSION_CUES = (
    r"(?:phiên bản|bản|version|ver|firmware|phần mềm|mục|bài|chương|điều|phần|khoản|hình|bảng"
    r"|bluetooth|zigbee|usb|hdmi|android|ios|ipados|macos|windows|python|matter|wi-?fi|esphome"
    r"|home assistant|core|os|supervisor|gpt|claude|gemini|llama|chatgpt|qwen|web|pcie)"
)
_VERSION = re.compile(
    r"(?<![\w.,])([vV]\.? ?|[A-Z]{1,2}(?=\d))?(\d{1,4}(?:\.\d{1,4}){1,4})"
    r"(?:(b|rc|beta)(\d{1,3}))?(?!\w|[.,]\d)"
)
_AFTER_VERSION_CUE = re.compile(rf"(?<!\w){_VERSION_CUES}(?: số)?[ :-]{{1,2}}$")
_CURRENCY_AFTER = re.compile(r" ?(?:đ|vnđ|vnd|đồng|usd|triệu|tỷ|\$)(?!\w)")
_V_NUMBER = re.compile(r"(?<!\w)[vV](?=\d{1,3}(?!\w))")


def read_versions(text: str) -> str:
    """Read `v1.2.3`, and `2.0` after words such as `phiên bản` or `Bluetooth`, with `chấm`."""
    return _V_NUMBER.sub("vê ", _VERSION.sub(_read_version, text))


def _read_version(match: re.Match[str]) -> str:
    letter, dotted, stage, number = match.groups()
    has_cue = _AFTER_VERSION_CUE.search(text_before(match)) is not None
    is_thousands = THOUSANDS_POINTS.fullmatch(dotted) is not None
    is_money = is_thousands and _CURRENCY_AFTER.match(text_after(match))
    is_version = has_cue or (dotted.count(".") > 1 and not is_thousands)
    if not letter and (is_money or not is_version):
        return match[0]
    words = " chấm ".join(map(read_whole, dotted.split(".")))
    if letter:
        words = f"{spell(letter.strip('. '))} {words}"
    return f"{words} {stage} {read_whole(number)}" if stage else words


# --- Digit by digit -----------------------------------------------------------------------------

_THREE_DIGITS = re.compile(r"[0-9]{3}")
_GROUPS = r"(?:[ .-]?\d{2,5}){1,4}"
_PHONE = re.compile(
    rf"(?<![\w.,])(?:\+\d{{1,3}}[ .-]?(?:\(0\)[ .-]?)?\d{{2,4}}{_GROUPS}"
    rf"|\(\+?0?\d{{2,4}}\)[ .-]?\d{{2,4}}{_GROUPS}"
    rf"|0\d{{1,4}}{_GROUPS}"
    r"|84[ .-]\d{2,3}(?:[ .-]\d{3,4}){2}"
    r"|1[89]00[ .-]?\d{2,4}(?:[ .-]?\d{2,4}){0,2})(?![\w]|[.,]\d)"
)
_DATE = re.compile(r"[0-3]\d([.-])[01]\d\1[12]\d{3}")
_HOTLINE = re.compile(
    r"((?:gọi|gọi số|gọi tới|tổng đài|hotline|đường dây nóng|cấp cứu|cứu hỏa|cứu thương|cảnh sát"
    r"|công an|số điện thoại|điện thoại|sđt|đt|số máy|liên hệ|zalo|tel|fax)"
    r"(?: qua)?(?: số)?(?: là)?[:.]? ?)"
    r"(1\d\d|\d{3,5}[ .-]?\d{3,4}(?:[ .-]?\d{2,4})?|1\d{3})"
    r"(?![\w%]|[.,]\d| (?:người|lần|phút|giây|giờ|độ|đồng|cuộc))",
    re.IGNORECASE,
)
_EMERGENCY = re.compile(r"(?<![\w.,/:-])11[1-5](?![\w%°/:]|[.,]\d)")
_EMERGENCY_CUES = re.compile(r"gọi|tổng đài|hotline|khẩn cấp|cấp cứu|cứu hỏa|công an|cứu thương")
_CODE = re.compile(
    r"((?<!\w)(?:otp|(?-i:PIN)|mã|mật khẩu|passcode|password|pass|pw|cccd|cmnd|căn cước|hộ chiếu"
    r"|stk"
    r"|tài khoản|số thẻ|seri|serial|imei|id|mst|biển số|số hiệu|số báo danh)"
    r"(?: [^\W\d](?:[^\W\d]|-){0,11}){0,5}?[: ]{1,2}(?:là )?)"
    r"(\d{3,12}(?:[ -]\d{3,4}){0,4})"
    r"(?![\w%°]|[.,/:]\d| ?(?:đồng|đ|chữ|ký|số|phút|giây|người|lần)(?!\w))",
    re.IGNORECASE,
)
_PLATE_IN_ONE = re.compile(
    r"(?<![\w.,])(\d{2}[A-Z])(\d{5}|\d{3}\.\d{2})(?![\w]|[.,]\d)"
    r"|(?<![\w.,])(\d{2}[A-Z]\d) ?(\d{3}\.\d{2}|(?<= )\d{5})(?![\w]|[.,]\d)"
)
_PLATE = re.compile(
    r"(?<![\w.,])(\d{2}[ -]?[A-Z][A-Z\d]?)[ .-]{1,3}(\d{3}\.?\d{2}|\d{4})(?!\w|[.,]\d)"
)
_LONG_NUMBER_SIGN = re.compile(r"#(\d{5,12})(?!\w|[.,]\d)")
_LETTERS_AND_DIGITS = re.compile(
    r"(?<![\w.,])([A-Z]{2,10}|[A-Za-z]{1,10}(?=\d{5}))-?(\d{3,12})([A-Z]{1,3}(?!\w))?(?!\d|[.,]\d)"
)
_HEXADECIMAL = re.compile(r"(?<!\w)0x([0-9A-Fa-f]{1,16})(?!\w)")
_LONG_DIGITS = re.compile(
    r"\d{13,}"
    r"|(?<![\w.,])\d{9,12}(?<!000)(?!\w|[.,]\d| ?(?:đ|đồng|vnđ|vnd|usd|người|lượt|bước|byte)"
    r"(?!\w))",
    re.IGNORECASE,
)
_TWO_PHONES = re.compile(r"(?<=\d{3}) ?[/|] ?(?=(?:\+84|0\d{2}|1[89]00)[\d .-]{4})")
_MESSAGE = re.compile(
    r"(?<!\w)((?i:soạn|nhắn)(?: tin)?:? [^.!?\n]{1,30}? (?:gửi|gởi|tới|đến)(?: số)? )(\d{3,5})"
    r"(?!\w|[.,]\d)"
)
_ON_IN_MESSAGE = re.compile(r"(?<=[Ss]oạn )ON(?!\w)")
_MODEL = re.compile(r"(?<![\w.,/-])\d{1,4}([A-Z]{1,3})\d{1,4}([A-Z]{1,3})(?!\w)")
_CHOSEN_KEY = re.compile(
    r"(?<!\w)((?i:phím|dấu|nhập|bấm|nhấn|gọi|ấn|gõ)(?: số| phím| dấu| mã)? )(\d{0,8})([*#])"
    r"(?![\w*#])"
)
_MASKED = re.compile(
    r"(?<!\w)\d{0,10}(?:[xX]{3,12}|\*{3,12}|(?<=[TKẻố] )\.{3,6})\d{2,6}(?![\w*])"
    r"|(?<!\w)\d{3,10}(?:[xX]{3,12}|\*{3,12})(?![\w*])"
)
_PASSWORD = re.compile(
    r"((?<!\w)(?:(?:mật khẩu|pass|password|mk)(?: wi-?fi)?(?:: ?| là | )|mã"
    r"(?: [^\W\d]{1,12}){0,3}?(?:: ?| là )))"
    r"(?!\d[\d.,]{0,12}[A-Za-z]{0,3}(?!\w))(?=[^\s\d]{0,20}\d)(?=[^\sA-Za-z]{0,20}[A-Za-z])"
    r"([A-Za-z0-9@#_!$.-]{6,30})(?![\w])",
    re.IGNORECASE,
)
_DIAL_CODE = re.compile(r"(?<![\w*#])(?:\*{1,2}|#)\d{1,4}(?:\*\d{1,15}){0,4}#(?!\w)")
_DIGITS_AND_KEY = re.compile(r"(?<![\w#])(\d{3,8}#)(?!\w)")
_KEYS = {"*": "sao", "#": "thăng"}


def read_dial_codes(text: str) -> str:
    """Read `*101#` and `phím #`; before Markdown, whose stars are others."""
    text = _MASKED.sub(lambda match: _read_groups(match[0]), text)  # what 0071***888 shows
    if "#" not in text and "*" not in text:
        return text
    text = _DIAL_CODE.sub(lambda match: _read_keys(match[0]), text)
    text = _DIGITS_AND_KEY.sub(lambda match: _read_keys(match[1]), text)
    return _CHOSEN_KEY.sub(lambda match: match[1] + _read_keys(match[2] + match[3]), text)


def _read_keys(keys: str) -> str:
    return " ".join(_KEYS.get(key) or read_digits(key) for key in keys)


def read_models(text: str) -> str:
    """Read the names of models such as `27X5L`."""
    return _MODEL.sub(_read_model, text)


def _read_model(match: re.Match[str]) -> str:
    letters, last = match.groups()
    if letters == "PN" or (letters == "X" and last in ("W", "A", "V", "K")):
        return match[0]  # 2X5W: two lamps
    return spell_code(match[0], read_whole)


def read_digit_strings(text: str) -> str:
    """Read phone numbers, codes, plates and very long numbers digit by digit."""
    if "ON" in text:
        text = _ON_IN_MESSAGE.sub("on", text)
    if not ANY_DIGIT.search(text):
        return text
    if "0x" in text:
        text = _HEXADECIMAL.sub(lambda match: f"không ích {spell_code(match[1])}", text)
    text = _PASSWORD.sub(_read_password, text)
    if not _THREE_DIGITS.search(text):
        return _PHONE.sub(_read_phone, text)
    text = _MESSAGE.sub(_read_after_cue, text)
    text = _TWO_PHONES.sub(", ", text)
    text = _PLATE_IN_ONE.sub(_read_plate, text)
    text = _LONG_DIGITS.sub(lambda match: read_digits(match[0]), text)
    text = _LONG_NUMBER_SIGN.sub(lambda match: f"số {read_digits(match[1])}", text)
    text = _PLATE.sub(_read_plate, text)
    text = _CODE.sub(_read_after_cue, text)
    text = _PHONE.sub(_read_phone, text)
    text = _HOTLINE.sub(_read_after_cue, text)
    text = _EMERGENCY.sub(_read_emergency, text)
    return _LETTERS_AND_DIGITS.sub(_read_letters_and_digits, text)


def _read_password(match: re.Match[str]) -> str:
    """Every digit by itself: `abc123`."""
    parts = re.findall(r"\d+|\D+", str(match[2]))
    return match[1] + " ".join(map(_read_part_of_password, parts))


def _read_part_of_password(part: str) -> str:
    if part.isdecimal():
        return read_digits(part)
    return spell(part) if part.isalpha() and len(part) < 5 and not is_vietnamese(part) else part


def _read_emergency(match: re.Match[str]) -> str:
    has_cue = _EMERGENCY_CUES.search(text_before(match) + text_after(match)[:20]) is not None
    return read_digits(match[0]) if has_cue else match[0]


def _read_letters_and_digits(match: re.Match[str]) -> str:
    letters, digits, tail = match.groups()
    is_spelled = letters.isupper() and letters not in read_table("acronyms.txt")
    words = f"{spell(letters) if is_spelled else letters} {read_digits(digits)}"
    return f"{words} {spell(tail)}" if tail else words


def _read_plate(match: re.Match[str]) -> str:
    series, number = filter(None, match.groups())
    return f"{spell_code(series)}, {read_digits(number)}"


def _read_phone(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    is_short_number = digits.startswith("1") and not match[0].startswith(("+", "("))
    if _DATE.fullmatch(match[0]) or not (is_short_number or 8 <= len(digits) <= 15):
        return match[0]
    return ("cộng " if "+" in match[0] else "") + _read_groups(match[0])


def _read_after_cue(match: re.Match[str]) -> str:
    return match[1] + _read_groups(match[2])


def _read_groups(written: str) -> str:
    return ", ".join(map(read_digits, re.findall(r"\d+", written)))
