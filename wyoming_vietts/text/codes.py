"""What is read piece by piece: formulae, net addresses, versions, phone numbers, codes, plates."""

import re

from .context import text_after, text_before
from .numbers import read_digits, read_whole
from .tables import read_table
from .words import spell

# --- Formulae -----------------------------------------------------------------------------------

_PARTICULATES = re.compile(r"(?<!\w)PM ?(1|2[.,]5|4|10)(?![\w]|[.,]\d)")
_FORMULA = re.compile(
    r"(?<![\w])(?=[A-Z][A-Za-z]?\d|[A-Z][A-Za-z]?[A-Z][a-z]?\d)"
    r"((?:C|H|O|N|S|P|K|F|Na|Ca|Cl|Fe|Al|Mg|Si|Zn|Cu){1,4}\d(?:(?:C|H|O|N|S|P|Cl)\d{0,2}){0,3})(?!\w)"
)
_FORMULA_SYMBOLS = frozenset({
    "CO2", "NO2", "SO2", "SO3", "H2O", "O2", "O3", "N2", "N2O", "H2", "H2S", "H2O2", "H2SO4",
    "HNO3", "NH3", "CH4", "C2H5", "C2H6", "C3H8", "CO3", "CaCO3", "NaHCO3", "Na2CO3", "Fe2O3",
    "Al2O3", "SiO2", "TiO2", "Cl2", "F2", "LiFePO4", "KNO3",
})  # fmt: skip


def read_formulae(text: str) -> str:
    """Read `CO2`, `H2O` and the dust classes `PM2.5` and `PM10`."""
    text = _PARTICULATES.sub(_read_particulates, text)
    return _FORMULA.sub(_read_formula, text)


def _read_particulates(match: re.Match[str]) -> str:
    size = {"1": "một", "4": "bốn", "10": "mười"}.get(match[1], "hai chấm năm")
    return f"pi em {size}"


def _read_formula(match: re.Match[str]) -> str:
    if match[1] not in _FORMULA_SYMBOLS:
        return match[0]
    return " ".join(
        read_whole(part) if part.isdecimal() else spell(part)
        for part in re.findall(r"\d+|[A-Za-z]", match[1])
    )


# --- Net addresses ------------------------------------------------------------------------------

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})"
_EMAIL = re.compile(
    rf"(?<![\w.+@-])((?:mailto:)?[A-Za-z0-9][\w.+-]{{0,63}})@((?:{_LABEL}\.){{1,4}}[A-Za-z]{{2,12}})(?!\w)"
)
_URL = re.compile(
    r"(?<![\w])(?:https?|ftp|wss?|mqtts?|rtsp|tcp)://(?:[^\s/@]{1,64}@)?([^\s/:?#,;!)\]]{1,253})"
    r"(?::(\d{1,5}))?(?:[/?#][^\s]{0,2000})?",
    re.IGNORECASE,
)
_DOMAIN = re.compile(
    rf"(?<![\w.@/-])((?:{_LABEL}\.){{1,4}}"
    r"(?:com|net|org|vn|edu|gov|io|dev|local|info|app|xyz|me|tv|ai|lan))"
    r"(?![\w-]|\.\w)(?::(\d{1,5}))?(?:/[^\s]{0,2000})?"
)
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_IP = re.compile(
    rf"(?<![\w.])({_BYTE}(?:\.{_BYTE}){{3}})(?![\d]|\.\d)(?::(\d{{1,5}})(?!\d))?(?:/(\d{{1,2}})(?!\d))?"
)
_MAC = re.compile(r"(?<![\w:-])[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}(?![\w:-])")
_TRAILING_MARKS = re.compile(r"[.,;:!?)\]'\"]+$")
_NET_MARKS = {".": " chấm ", "-": " gạch ngang ", "_": " gạch dưới ", "+": " cộng "}


def read_net_addresses(text: str) -> str:
    """Read e-mail addresses, the host of web addresses, IP and MAC addresses."""
    text = _EMAIL.sub(_read_email, text)
    text = _URL.sub(_read_url, text)
    text = _IP.sub(_read_ip, text)
    text = _MAC.sub(lambda match: _spell_code(match[0]), text)
    return _DOMAIN.sub(_read_domain, text)


def _read_email(match: re.Match[str]) -> str:
    return f"{_read_net_name(match[1].removeprefix('mailto:'))} a còng {_read_host(match[2])}"


def _read_url(match: re.Match[str]) -> str:
    marks = _TRAILING_MARKS.search(match[0])
    host = _TRAILING_MARKS.sub("", match[1])
    return _read_host_and_port(host, match[2]) + (marks[0] if marks else "")


def _read_domain(match: re.Match[str]) -> str:
    marks = _TRAILING_MARKS.search(match[0])
    return _read_host_and_port(match[1], match[2]) + (marks[0] if marks else "")


def _read_host_and_port(host: str, port: str | None) -> str:
    words = _read_host(host)
    return f"{words} cổng {read_digits(port)}" if port else words


def _read_host(host: str) -> str:
    if _IP.fullmatch(host):
        return _read_dotted(host)
    host = re.sub(r"^www\.", "", host, flags=re.IGNORECASE)
    labels = host.split(".")
    return " chấm ".join(
        spell(label) if len(label) == 2 and i > 0 else _read_net_name(label)
        for i, label in enumerate(labels)
    )


def _read_net_name(name: str) -> str:
    words = re.sub(r"[._+-]", lambda mark: _NET_MARKS[mark[0]], name)
    return re.sub(r"\d+", lambda digits: f" {read_digits(digits[0])} ", words)


def _read_ip(match: re.Match[str]) -> str:
    words = _read_dotted(match[1])
    if match[2]:
        words += f" cổng {read_digits(match[2])}"
    return f"{words} trên {read_whole(match[3])}" if match[3] else words


def _read_dotted(dotted: str) -> str:
    """Read the parts of an IP address: three digits one by one, fewer as a number."""
    return " chấm ".join(
        read_digits(part) if len(part) > 2 else read_whole(part) for part in dotted.split(".")
    )


def _spell_code(code: str) -> str:
    """Read letters by name and digits one by one, whatever stands between them left out."""
    return " ".join(
        read_digits(part) if part.isdecimal() else spell(part)
        for part in re.findall(r"\d+|[^\W\d_]+", code)
    )


# --- Versions -----------------------------------------------------------------------------------

_VERSION_CUES = (
    r"(?:phiên bản|bản|version|ver|firmware|phần mềm|mục|bài|chương|điều|phần|khoản|hình|bảng"
    r"|bluetooth|zigbee|usb|hdmi|android|ios|ipados|macos|windows|python|matter|wi-?fi|esphome"
    r"|home assistant|core|os|supervisor|gpt|claude|gemini|llama|chatgpt|qwen|web)"
)
_VERSION = re.compile(
    r"(?<![\w.,])([vV]\.? ?|[A-Z]{1,2}(?=\d))?(\d{1,4}(?:\.\d{1,4}){1,4})(?:(b|rc|beta)(\d{1,3}))?(?![\w]|[.,]\d)"
)
_AFTER_VERSION_CUE = re.compile(rf"(?<!\w){_VERSION_CUES}(?: số)?[ :-]{{1,2}}$")
_THOUSANDS = re.compile(r"[1-9]\d{0,2}(?:\.\d{3})+")
_V_NUMBER = re.compile(r"(?<!\w)[vV](?=\d{1,3}(?!\w))")


def read_versions(text: str) -> str:
    """Read `v1.2.3`, and `2.0` after words such as `phiên bản` or `Bluetooth`, with `chấm`."""
    return _V_NUMBER.sub("vê ", _VERSION.sub(_read_version, text))


def _read_version(match: re.Match[str]) -> str:
    letter, dotted, stage, number = match.groups()
    has_cue = _AFTER_VERSION_CUE.search(text_before(match)) is not None
    if not (letter or has_cue or (dotted.count(".") > 1 and not _THOUSANDS.fullmatch(dotted))):
        return match[0]
    words = " chấm ".join(map(read_whole, dotted.split(".")))
    if letter:
        words = f"{spell(letter.strip('. '))} {words}"
    return (
        f"{words} {spell(stage) if len(stage) < 3 else stage} {read_whole(number)}"
        if stage
        else words
    )


# --- Digit by digit -----------------------------------------------------------------------------

_GROUPS = r"(?:[ .-]?\d{2,5}){1,4}"
_PHONE = re.compile(
    rf"(?<![\w.,])(?:\+\d{{1,3}}[ .-]?(?:\(0\)[ .-]?)?\d{{2,4}}{_GROUPS}"
    rf"|\(\+?0?\d{{2,4}}\)[ .-]?\d{{2,4}}{_GROUPS}"
    rf"|0\d{{1,4}}{_GROUPS}"
    r"|1[89]00[ .-]?\d{2,4}(?:[ .-]?\d{2,4})?)(?![\w]|[.,]\d)"
)
_HOTLINE = re.compile(
    r"((?:gọi|gọi số|gọi tới|tổng đài|hotline|đường dây nóng|cấp cứu|cứu hỏa|cứu thương|cảnh sát"
    r"|công an|số điện thoại|điện thoại|sđt|đt|số máy|liên hệ|zalo|tel|fax)(?: qua)?(?: số)?(?: là)?[:.]? ?)"
    r"(1\d\d|\d{3,5}[ .-]?\d{3,4}(?:[ .-]?\d{2,4})?|1\d{3})(?![\w%]|[.,]\d)(?! (?:người|lần|phút|giây|giờ|độ|đồng|cuộc))",
    re.IGNORECASE,
)
_EMERGENCY = re.compile(r"(?<![\w.,/:-])11[1-5](?![\w%°/:]|[.,]\d)")
_EMERGENCY_CUES = re.compile(r"gọi|tổng đài|hotline|khẩn cấp|cấp cứu|cứu hỏa|công an|cứu thương")
_CODE = re.compile(
    r"((?<!\w)(?:otp|pin|mã|mã số|mật khẩu|passcode|password|cccd|cmnd|căn cước|hộ chiếu|stk|số tài khoản"
    r"|tài khoản|số thẻ|số seri|serial|imei|mst|biển số|số hiệu|số báo danh)"
    r"(?: [^\W\d]{1,12}){0,5}?[: ]{1,2}(?:là )?)"
    r"(\d{3,12}(?:[ -]\d{3,4}){0,4})(?![\w%°]|[.,/:]\d| ?(?:đồng|đ|chữ|ký|số|phút|giây|người|lần)(?!\w))",
    re.IGNORECASE,
)
_PLATE = re.compile(
    r"(?<![\w.,])(\d{2}[ -]?(?:[A-Z]{1,2}|[A-Z]\d)|\d{2}-[A-Z]\d)[ .-]{1,3}(\d{3}\.?\d{2}|\d{4})(?![\w]|[.,]\d)"
)
_LETTERS_AND_DIGITS = re.compile(
    r"(?<![\w.,])([A-Z]{2,10}|[A-Za-z]{1,10}(?=\d{5}))-?(\d{3,12})(?!\d|[.,]\d)"
)
_LONG_DIGITS = re.compile(r"\d{13,}")


def read_digit_strings(text: str) -> str:
    """Read phone numbers, codes, plates and very long numbers digit by digit."""
    text = _LONG_DIGITS.sub(lambda match: read_digits(match[0]), text)
    text = _PLATE.sub(_read_plate, text)
    text = _CODE.sub(lambda match: match[1] + _read_groups(match[2]), text)
    text = _PHONE.sub(_read_phone, text)
    text = _HOTLINE.sub(_read_hotline, text)
    text = _EMERGENCY.sub(_read_emergency, text)
    return _LETTERS_AND_DIGITS.sub(_read_letters_and_digits, text)


def _read_emergency(match: re.Match[str]) -> str:
    has_cue = _EMERGENCY_CUES.search(text_before(match) + text_after(match)[:12]) is not None
    return read_digits(match[0]) if has_cue else match[0]


def _read_letters_and_digits(match: re.Match[str]) -> str:
    letters, digits = match.groups()
    is_spelled = letters.isupper() and letters not in read_table("acronyms.txt")
    return f"{spell(letters) if is_spelled else letters} {read_digits(digits)}"


def _read_plate(match: re.Match[str]) -> str:
    return f"{_spell_code(match[1])}, {read_digits(match[2])}"


def _read_phone(match: re.Match[str]) -> str:
    digits = re.sub(r"\D", "", match[0])
    is_short_number = digits.startswith("1") and not match[0].startswith(("+", "("))
    if not is_short_number and not 8 <= len(digits) <= 15:
        return match[0]
    return ("cộng " if "+" in match[0] else "") + _read_groups(match[0])


def _read_hotline(match: re.Match[str]) -> str:
    return match[1] + _read_groups(match[2])


def _read_groups(written: str) -> str:
    return ", ".join(map(read_digits, re.findall(r"\d+", written)))
