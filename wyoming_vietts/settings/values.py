"""Kinds of values: read from the text of a flag or variable, or checked in a JSON or TOML file."""

import math
import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

TRUE = ("1", "true", "yes", "on")
FALSE = ("0", "false", "no", "off")


class Kind:
    """The values that a setting may have."""

    def __init__(self, right: str) -> None:
        self.right = right
        """Completes a message: the value must be ..."""

    def parse(self, text: str) -> Any:
        """Read the value of a flag or a variable; by default, the text itself.

        Raises:
            ValueError: it is of another kind; the message says what would be right.
        """
        if not self.holds(text):
            raise self._error(text)
        return text

    def holds(self, value: Any) -> bool:
        """Return whether a value of a JSON or TOML file is of this kind; by default none is."""
        return False

    def _error(self, text: str) -> ValueError:
        return ValueError(f"'{text}' must be {self.right}")


class Number(Kind):
    """A number from `least` to `most`."""

    def __init__(self, least: float, most: float, right: str = "") -> None:
        super().__init__(right or f"a number from {least:g} to {most:g}")
        self.least, self.most = least, most

    def parse(self, text: str) -> float:
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if not self.holds(value):
            raise self._error(text)
        return value

    def holds(self, value: Any) -> bool:
        return type(value) in (int, float) and self.least <= value <= self.most

    def clamp(self, value: float) -> float:
        return max(self.least, min(value, self.most))


class WholeNumber(Kind):
    """A whole number from `least` to `most`."""

    def __init__(self, least: int, most: int) -> None:
        super().__init__(f"a whole number from {least} to {most}")
        self.least, self.most = least, most

    def parse(self, text: str) -> int:
        # int() alone takes signs, spaces and underscores, and raises for thousands of digits.
        if not re.fullmatch("[0-9]{1,30}", text) or not self.least <= int(text) <= self.most:
            raise self._error(text)
        return int(text)

    def holds(self, value: Any) -> bool:
        return type(value) is int and self.least <= value <= self.most


class OneOf(Kind):
    """One of a few words."""

    def __init__(self, *words: str) -> None:
        super().__init__(f"one of {', '.join(words)}")
        self.words = words

    def holds(self, value: Any) -> bool:
        return value in self.words


class Switch(Kind):
    """On or off."""

    def __init__(self) -> None:
        super().__init__("true or false")

    def parse(self, text: str) -> bool:
        if text.lower() not in TRUE + FALSE:
            raise ValueError(f"'{text}' must be one of: {', '.join(TRUE + FALSE)}")
        return text.lower() in TRUE

    def holds(self, value: Any) -> bool:
        return isinstance(value, bool)


class Text(Kind):
    """Any text without lone surrogates, which JSON can hold and no encoding can carry."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and not re.search("[\ud800-\udfff]", value)


class Name(Text):
    """Text without control characters, which would forge lines of a log."""

    def holds(self, value: Any) -> bool:
        return super().holds(value) and value.isprintable()


class Label(Name):
    """A short name of one line, for users."""

    def __init__(self, most_characters: int) -> None:
        super().__init__(f"a string of at most {most_characters} printable characters")
        self._most_characters = most_characters

    def holds(self, value: Any) -> bool:
        return super().holds(value) and len(value) <= self._most_characters


class Matching(Kind):
    """A text that a regular expression describes."""

    def __init__(self, pattern: str, right: str) -> None:
        super().__init__(right)
        self._pattern = re.compile(pattern)

    def holds(self, value: Any) -> bool:
        return isinstance(value, str) and self._pattern.fullmatch(value) is not None


class Token(Matching):
    """A secret for an HTTP header; in a file, an empty one means none."""

    def __init__(self) -> None:
        super().__init__("[!-~]*", "of ASCII letters, digits and signs alone")

    def parse(self, text: str) -> str:
        if not text or not self.holds(text):
            raise ValueError(f"it must be {self.right}")  # without the secret
        return text


class Lines(Text):
    """A list of texts, each of one line."""

    def holds(self, value: Any) -> bool:
        return isinstance(value, list) and all(
            super(Lines, self).holds(line) and len(line.splitlines()) <= 1 for line in value
        )


class ListOf(Kind):
    """A list of values of one kind."""

    def __init__(self, kind: Kind, least: int, most: int, right: str) -> None:
        super().__init__(f"a list of {least} to {most} {right}")
        self._kind, self._lengths = kind, range(least, most + 1)

    def holds(self, value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) in self._lengths
            and all(map(self._kind.holds, value))
        )


class Parsed(Kind):
    """A text in a format of its own.

    Args:
        parse: raises ValueError with a message that says what would be right.
    """

    def __init__(self, parse: Callable[[str], Any]) -> None:
        super().__init__("a text")
        self._parse = parse

    def parse(self, text: str) -> Any:
        return self._parse(text)


Kinds = Mapping[str, "Kind | Kinds"]
"""Kinds of an object's values by key; those of an object within it are a mapping again."""


def check(values: object, kinds: Kinds, word: str, within: str = "") -> dict[str, Any]:
    """Check the content of a JSON or TOML file, as a user may have written it.

    Args:
        kinds: of each key that there may be.
        word: for a key, in messages.
        within: the keys that lead to these values, each followed by a full stop.

    Raises:
        ValueError: a key is unknown, or a value wrong; the message names it.
    """
    if not isinstance(values, dict):
        name = f"{word} '{within[:-1]}'" if within else "it"
        raise ValueError(f"{name} must be an object of {word}s, not {values!r:.80}")
    for name, value in values.items():
        kind = kinds.get(name)
        if kind is None:
            hint = did_you_mean(name, kinds) or f"; known: {', '.join(kinds)}"
            raise ValueError(f"Unknown {word} {within + name!r:.80}{hint}")
        if isinstance(kind, Kind):
            check_value(value, kind, f"{word.capitalize()} '{within}{name}'")
        else:
            check(value, kind, word, f"{within}{name}.")
    return values


def check_value(value: Any, kind: Kind, name: str) -> Any:
    """Return a value if it is of a kind.

    Raises:
        ValueError: it is not; the message begins with its name.
    """
    if not kind.holds(value):
        raise ValueError(f"{name} is {value!r:.80}; it must be {kind.right}")
    return value


def did_you_mean(name: str, known: Collection[str]) -> str:
    """Return the end of a message about an unknown name; "" if none is similar."""
    import difflib  # takes 3 ms, and few need it

    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""
