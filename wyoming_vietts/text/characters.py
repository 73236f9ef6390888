"""Unicode in, a small alphabet out: the first step and the last step of the normaliser."""

import re
import unicodedata

_TONES = "àáảãạằắẳẵặầấẩẫậèéẻẽẹềếểễệìíỉĩịòóỏõọồốổỗộờớởỡợùúủũụừứửữựỳýỷỹỵ"
MARKED_VOWELS = "ăâêôơư" + _TONES
VOWELS = "aeiouy" + MARKED_VOWELS
LOWER = "abcdefghijklmnopqrstuvwxyzđ" + MARKED_VOWELS
UPPER = LOWER.upper()
LETTERS = LOWER + UPPER

_COMBINING_IN_USE = "\u0300\u0301\u0302\u0303\u0306\u0309\u031b\u0323"
_KEPT_SYMBOLS = "°⁰¹²³⁴⁵⁶⁷⁸⁹⁻‰•·Ω€£¥₩฿₹±×÷≈≠≤≥√∞–→←↑↓"
_KEPT = frozenset(
    LETTERS + _COMBINING_IN_USE + _KEPT_SYMBOLS + "".join(map(chr, range(0x20, 0x7F))) + "\n"
)

_GREEK = {
    "α": "an pha", "β": "bê ta", "γ": "gam ma", "Γ": "gam ma", "δ": "đen ta", "Δ": "đen ta",
    "ε": "ép xi lon", "ζ": "dê ta", "η": "ê ta", "θ": "tê ta", "Θ": "tê ta", "κ": "cáp pa",
    "λ": "lam đa", "Λ": "lam đa", "ν": "nuy", "ξ": "xi", "Ξ": "xi", "π": "pi", "Π": "pi",
    "ρ": "rô", "σ": "xích ma", "ς": "xích ma", "Σ": "xích ma", "τ": "tô", "φ": "phi", "Φ": "phi",
    "χ": "khi", "ψ": "pờ xi", "Ψ": "pờ xi", "ω": "ô mê ga",
}  # fmt: skip

_MAPPED = {  # beside the compatibility mappings of Unicode
    **dict.fromkeys("\r\v\f\x1c\x1d\x1e\x85\u2028\u2029", "\n"),
    **dict.fromkeys("‐‒−⁃", "-"),
    **dict.fromkeys("—―⸺", "–"),
    **dict.fromkeys("“”„‟«»〝〞「」『』″", '"'),
    **dict.fromkeys("‘’‚‛′ʼʹ´｀", "'"),
    **dict.fromkeys("⇒⟶➔➜➡⮕", "→"),
    "₫": "đ",
    "˚": "°",
    "º": "°",
    "℃": "°C",
    "℉": "°F",
    "㎡": "m²",
    "㎢": "km²",
    "㎥": "m³",
    "μ": "u",
    "Ð": "Đ",
    "ð": "đ",
    "Ɖ": "Đ",
    "ß": "ss",
    "æ": "ae",
    "Æ": "Ae",
    "œ": "oe",
    "ø": "o",
    "Ø": " phi ",
    "ł": "l",
    "Ł": "L",
    "ı": "i",
    "、": ",",
    "。": ".",
    "∙": "·",
    "∼": "~",
    "≃": "≈",
    "≅": "≈",
    "⩽": "≤",
    "⩾": "≥",
    "∗": "*",
    "⁄": "/",
    "∕": "/",
    "✕": "×",
    "✖": "×",
    "№": "số ",
    "₿": " bít côn ",
    "₽": " rúp ",
    "₭": " kíp ",
    "₱": " pê sô ",
    "\u0340": "\u0300",
    "\u0341": "\u0301",
    "∆": " đen ta ",
    "∑": " tổng ",
    **{letter: f" {name} " for letter, name in _GREEK.items()},
}


class _CharacterTable(dict[int, str]):
    """What each code point becomes; the useful ones are computed only once."""

    def __missing__(self, code: int) -> str:
        replacement = _replacement(chr(code))
        if code < 0x100 or replacement.strip():
            self[code] = replacement
        return replacement


def _replacement(character: str) -> str:
    if character in _MAPPED:
        return _MAPPED[character]
    if character in _KEPT:
        return character
    category = unicodedata.category(character)
    if category in ("Cf", "Mn", "Me", "Mc", "Cn", "Sk", "Lm"):
        return ""
    compatible = unicodedata.normalize("NFKC", character)
    if "⁄" in compatible:
        return " " + compatible.replace("⁄", "/")  # ½
    if category == "So" and not 0x3300 <= ord(character) <= 0x33FF:
        return " "  # pictures; the exceptions are squared units such as ㎡
    if category == "Nd":
        return str(unicodedata.digit(character))
    if compatible != character and all(c in _KEPT or c in _MAPPED for c in compatible):
        return "".join(_MAPPED.get(c, c) for c in compatible)
    base = unicodedata.normalize("NFKD", character)[0]
    if base in _KEPT and not base.isspace():
        return base
    return " "


_TABLE = _CharacterTable()

# Canonical ordering costs the square of a run's length, and no letter carries more than two marks.
_COMBINING_RUN = re.compile(f"([{_COMBINING_IN_USE}]{{3}})[{_COMBINING_IN_USE}]+")
_STRAY_COMBINING = re.compile(f"[{_COMBINING_IN_USE}]")
_SPACES = re.compile(r"[^\S\n]+")
_BLANK_LINES = re.compile(r" ?\n[ \n]*")

_TONE_PAIRS = {
    "oà": "òa", "oá": "óa", "oả": "ỏa", "oã": "õa", "oạ": "ọa",
    "oè": "òe", "oé": "óe", "oẻ": "ỏe", "oẽ": "õe", "oẹ": "ọe",
    "uỳ": "ùy", "uý": "úy", "uỷ": "ủy", "uỹ": "ũy", "uỵ": "ụy",
}  # fmt: skip
_NEW_STYLE = re.compile(rf"(?<![qQ])(?:[oO][àáảãạèéẻẽẹÀÁẢÃẠÈÉẺẼẸ]|[uU][ỳýỷỹỵỲÝỶỸỴ])(?![{LETTERS}])")
_OLD_STYLE_INSIDE = re.compile(
    rf"(?:[òóỏõọ][ae]|[ÒÓỎÕỌ][AE])(?=(?:n[gh]?|ch?|[tmpio])(?![{LETTERS}]))", re.IGNORECASE
)
_TONE_PAIRS_BACK = {old: new for new, old in _TONE_PAIRS.items() if new[0] == "o"}


def fold_characters(text: str) -> str:
    """Return the text in NFC with look-alikes folded and unreadable characters dropped.

    This leaves Vietnamese and ASCII letters, printable ASCII, line feeds and a few signs that
    later steps read. Tone marks stand in the traditional place (`hòa`, `thủy`).
    """
    text = _COMBINING_RUN.sub(r"\1", text.translate(_TABLE))
    # A character such as `ǖ` appears only when marks join, so the table is applied again.
    text = unicodedata.normalize("NFC", text).translate(_TABLE)
    text = _STRAY_COMBINING.sub("", unicodedata.normalize("NFC", text))
    text = _BLANK_LINES.sub("\n", _SPACES.sub(" ", text)).strip()
    return place_tones(text)


def place_tones(text: str) -> str:
    """Return the text with each tone mark in its traditional place: `hoà` becomes `hòa`."""
    text = _NEW_STYLE.sub(lambda match: _same_case(match[0], _TONE_PAIRS[match[0].lower()]), text)
    return _OLD_STYLE_INSIDE.sub(
        lambda match: _same_case(match[0], _TONE_PAIRS_BACK[match[0].lower()]), text
    )


def like(written: str, words: str) -> str:
    """Return the words, with a capital if what was written has one."""
    return words[0].upper() + words[1:] if written[0].isupper() else words


def _same_case(written: str, replacement: str) -> str:
    return "".join(
        new.upper() if old.isupper() else new for old, new in zip(written, replacement, strict=True)
    )


# Private characters stand for words of a lexicon.
_UNSPEAKABLE = re.compile(f"[^{LETTERS} .,;:!?\U000f0000-\U000ffffd]+")
_PAUSE = re.compile(r"[.,;:!?](?:[ .,;:!?]*[.,;:!?])?")
_LINE_END = re.compile(r"(?<![.,;:!?]) ?\n")  # a line end is a pause, unless it has one
_STRONGEST_FIRST = "?!.;:,"


def keep_speakable(text: str) -> str:
    """Return only letters, single spaces and single pause marks, with no mark at the start."""
    text = _UNSPEAKABLE.sub(" ", _LINE_END.sub(". ", text))
    text = " ".join(text.split())
    text = _PAUSE.sub(_strongest_mark, text)
    text = re.sub(r" ?([.,;:!?]) ?", r"\1 ", text)
    return text.lstrip(" .,;:!?").rstrip()


def _strongest_mark(match: re.Match[str]) -> str:
    marks = match[0]
    return next(mark for mark in _STRONGEST_FIRST if mark in marks)
