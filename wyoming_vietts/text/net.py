"""Reads internet addresses in a form that is short enough to listen to."""

import re

from .identifiers import spell_code
from .letters import spell
from .numbers import read_digits, read_whole
from .respelling import split_glued

_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9_-]{0,62})"
_EMAIL = re.compile(
    rf"(?<![\w.+@-])(?:mailto:)?([A-Za-z0-9][\w.+-]{{0,63}})@("
    rf"(?:{_LABEL}\.){{1,4}}[A-Za-z]{{2,12}})(?!\w)"
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
    rf"(?<![\w.])({_BYTE}(?:\.{_BYTE}){{3}})(?![\d]|\.\d)(?::(\d{{1,5}})(?!\d))?(?:/(\d{{1,2}})"
    rf"(?!\d))?"
)
_MAC = re.compile(
    r"(?<![\w:-])(?:[0-9A-Fa-f]{2}(?::[0-9A-Fa-f]{2}){5}|(?=[\d-]{0,16}[A-Fa-f])"
    r"[0-9A-Fa-f]{2}(?:-[0-9A-Fa-f]{2}){5})(?![\w:-])"
)
_TRAILING_MARKS = re.compile(r"[.,;:!?)\]'\"]+$")
_NET_MARKS = {".": " chấm ", "-": " gạch ngang ", "_": " gạch dưới ", "+": " cộng "}


def read_net_addresses(text: str) -> str:
    """Read e-mail addresses, the host of web addresses, IP and MAC addresses."""
    if "@" in text:
        text = _EMAIL.sub(
            lambda match: f"{_read_net_name(match[1])} a còng {_read_host(match[2])}", text
        )
    if "://" in text:
        text = _URL.sub(_read_url, text)
    text = _IP.sub(_read_ip, text)
    text = _MAC.sub(lambda match: spell_code(match[0]), text)
    return _DOMAIN.sub(_read_url, text)


def _read_url(match: re.Match[str]) -> str:
    marks = _TRAILING_MARKS.search(match[0])
    host = _read_host(_TRAILING_MARKS.sub("", match[1]))
    return host + _read_port(match[2]) + (marks[0] if marks else "")


def _read_port(port: str | None) -> str:
    return f" cổng {read_digits(port)}" if port else ""


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
    words = re.sub(r"[A-Za-z]+", lambda letters: split_glued(letters[0]), name)
    words = re.sub(r"[._+-]", lambda mark: _NET_MARKS[mark[0]], words)
    return re.sub(r"\d+", lambda digits: f" {read_digits(digits[0])} ", words)


def _read_ip(match: re.Match[str]) -> str:
    words = _read_dotted(match[1]) + _read_port(match[2])
    return f"{words} trên {read_whole(match[3])}" if match[3] else words


def _read_dotted(dotted: str) -> str:
    """Read the parts of an IP address: three digits one by one, fewer as a number."""
    return " chấm ".join(
        read_digits(part) if len(part) > 2 else read_whole(part) for part in dotted.split(".")
    )
