"""The names of the letters."""

_LETTER_NAMES = {
    "a": "a", "b": "bê", "c": "xê", "d": "đê", "e": "e", "f": "ép", "g": "gờ", "h": "hát",
    "i": "i", "j": "gi", "k": "ca", "l": "lờ", "m": "mờ", "n": "nờ", "o": "ô", "p": "pê",
    "q": "quy", "r": "rờ", "s": "ét", "t": "tê", "u": "u", "v": "vê", "w": "vê kép", "x": "ích",
    "y": "y", "z": "dét", "đ": "đê", "ă": "á", "â": "ớ",
}  # fmt: skip


def spell(letters: str) -> str:
    """Return the Vietnamese names of the letters."""
    return " ".join(_LETTER_NAMES.get(letter, letter) for letter in letters.lower())
