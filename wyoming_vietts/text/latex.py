r"""Mathematics as language models write it: LaTeX, and raised digits.

Both become the plain signs that later steps read: `$7 \times 8$` is `7 × 8`, and `10⁶` is `10^6`.
"""

import re

from .letters import spell

_INSIDE = r"\{([^{}\n]{0,200})\}"
_DOLLARS = re.compile(r"\$\$?([^$\n]{1,300}?)\$\$?")
_MATHEMATICAL = re.compile(r"[\\^=_<>+]|^ ?\d{0,3}[a-zA-Z]{1,3} ?$|[\w)] - [\w(]")
_MINUS = re.compile(r"(?<=[\w)}]) ?[-−] ?(?=[\w(\\])|(?<=[{=(])-(?=[a-zA-Z])")
_PRODUCT = re.compile(
    r"(?<![\\a-zA-Z])(?!sin|cos|tan|cot|log|ln|lim|max|min)[a-z]{2,3}(?![a-zA-Z{])"
)
_BRACKETS = re.compile(r"\\[()\[\]]")
_FRACTION = re.compile(rf"\\[dt]?frac{_INSIDE}{_INSIDE}")
_ROOT = re.compile(rf"\\sqrt(?:\[(\d{{1,2}})\])?{_INSIDE}")
_WORDS_INSIDE = re.compile(rf"\\(?:text|mathrm|mathbf|mathit|operatorname){_INSIDE}")
_DEGREES = re.compile(r"\^ ?(?:\{ ?\\(?:circ|degree) ?\}|\\(?:circ|degree)(?![a-zA-Z]))")
_RAISED = re.compile(rf"\^{_INSIDE}")
_LOWERED = re.compile(rf"_{_INSIDE}")
_COMMAND = re.compile(r"\\([a-zA-Z]{1,16})(?![a-zA-Z])|\\([,;:! %$&#])")
_SIGNS = {
    "times": "×", "cdot": "×", "div": "÷", "pm": "±", "le": "≤", "leq": "≤", "ge": "≥", "geq": "≥",
    "ne": "≠", "neq": "≠", "approx": "≈", "infty": "∞", "pi": "π", "alpha": "α", "beta": "β",
    "gamma": "γ", "delta": "δ", "Delta": "Δ", "degree": "°", "circ": "°", "to": "→",
    "rightarrow": "→", "Rightarrow": "→", "%": "%", "$": "$", "&": "&", "#": "#",
}  # fmt: skip
_DROPPED = frozenset({"left", "right", "quad", "qquad", "displaystyle", ",", ";", ":", "!", " "})

_MINUS_OF_POWERS = re.compile(r"(?:(?<=[a-z][²³])|(?<=[a-z]\^\d)) ?[-−] ?(?=\d|[a-z](?![a-z]))")
_AFTER_FACTOR = re.compile(r"(?<=\d)(?=[a-z](?![\da-z]))")
_RAISED_DIGITS = str.maketrans("⁰¹²³⁴⁵⁶⁷⁸⁹⁻", "0123456789-")
_RAISED_RUN = re.compile(r"(?<=[\d)])[⁻⁰¹²³⁴⁵⁶⁷⁸⁹]+|(?<![^\W_])(?<=[a-zA-Z])[⁻⁰¹⁴⁵⁶⁷⁸⁹]+")
_RAISED_NOTE = re.compile(r"(?<=[^\W\d_]{2})[⁰¹⁴⁵⁶⁷⁸⁹]+(?!\w)|(?<=[^\W\d_]{3})[⁰¹²³⁴⁵⁶⁷⁸⁹]+(?!\w)")


_INDEX = re.compile(r"(?<![A-Za-z])([a-zADELMQRTX])([₀-₉]{1,2})(?![₀-₉]|[A-Za-z](?![₀-₉]))")
_LOWERED_DIGITS = str.maketrans("₀₁₂₃₄₅₆₇₈₉", "0123456789")
_WORD_RAISED = re.compile(r"(?<=[^\W\d_]{3})([²³])(?!\w)")
_POWERS = {"²": " bình phương", "³": " lập phương"}


def read_latex(text: str) -> str:
    """Return the text with LaTeX as plain signs, and letters with an index: `x₁`."""
    if not text.isascii():
        text = _INDEX.sub(
            lambda match: f" {spell(match[1])} {match[2].translate(_LOWERED_DIGITS)} ", text
        )
    if "\\" not in text and "$" not in text:
        return text
    text = _DOLLARS.sub(_without_dollars, text)
    if "\\" not in text and "^{" not in text:
        return text
    text = _WORDS_INSIDE.sub(r" \1 ", text)
    text = _DEGREES.sub("°", text)
    text = _LOWERED.sub(r" \1", _RAISED.sub(r"^\1", text))
    for _ in range(2):  # a fraction may stand in a root, and a root in a fraction
        text = _FRACTION.sub(_read_fraction, _ROOT.sub(_read_root, text))
    return _COMMAND.sub(_read_command, _BRACKETS.sub(" ", text))


def read_raised_digits(text: str) -> str:
    """Read the digits of `10⁶`, drop those of footnotes, and read the minus after a power."""
    if "=" in text:
        text = _WORD_RAISED.sub(lambda match: _POWERS[match[1]], text)
    text = _RAISED_NOTE.sub("", text)
    text = _MINUS_OF_POWERS.sub(" trừ ", text)
    return _RAISED_RUN.sub(_read_raised, text)


def _read_raised(match: re.Match[str]) -> str:
    """`10⁶` is `10^6`; the squares and cubes of `5²` and `m³` have signs of their own."""
    return match[0] if match[0] in "²³" else f"^{match[0].translate(_RAISED_DIGITS)}"


def _without_dollars(match: re.Match[str]) -> str:
    """Leave the signs of money alone: `$5 và $7`."""
    if not _MATHEMATICAL.search(match[1]):
        return match[0]
    inside = _PRODUCT.sub(lambda letters: " ".join(letters[0]), match[1])
    inside = _AFTER_FACTOR.sub(" ", inside)
    return f" {_MINUS.sub(' trừ ', inside)} "


def _read_fraction(match: re.Match[str]) -> str:
    above, below = match.groups()
    is_plain = above.strip().isdecimal() and below.strip().isdecimal()
    return f" {above.strip()}/{below.strip()} " if is_plain else f" {above} trên {below} "


def _read_root(match: re.Match[str]) -> str:
    degree, inside = match.groups()
    return f" căn bậc {degree} của {inside} " if degree else f" √{inside} "


def _read_command(match: re.Match[str]) -> str:
    name = match[1] or match[2]
    if name in _DROPPED:
        return " "
    sign = _SIGNS.get(name)
    return match[0] if sign is None else f" {sign} "
