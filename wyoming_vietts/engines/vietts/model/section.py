"""A mapping of a configuration file, of which every key has to be known."""

import difflib
import math
from collections.abc import Iterable, Mapping, Set
from itertools import pairwise
from pathlib import Path
from typing import Any, NoReturn, Self

from ....errors import ModelError

MOST = 1_000_000
"""The largest whole number in a model's configuration."""
_MAX_LIST = 100


class Section:
    """Reads values of the right type and range; `close` refuses keys that nobody has asked for.

    All methods raise a ModelError that names the file, the key and what would be right.
    """

    def __init__(self, path: Path, name: str, values: Mapping[str, Any]) -> None:
        """Read a mapping.

        Args:
            name: the keys that lead to it, each followed by a full stop; empty for the whole file.
        """
        self._path, self._name, self._values = path, name, values
        self._asked: set[str] = set()

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def section(self, key: str) -> Self:
        value = self._get(key)
        if not isinstance(value, dict):
            self._fail(key, f"should be a section, not {_short(value)}")
        return type(self)(self._path, f"{self._name}{key}.", value)

    def integer(self, key: str, most: int = MOST) -> int:
        value = self._get(key)
        if type(value) is not int or not 1 <= value <= most:
            self._fail(key, f"should be a whole number from 1 to {most}, not {_short(value)}")
        return value

    def number(self, key: str) -> float:
        value = self._get(key)
        if type(value) not in (int, float) or not 0 <= value < math.inf:
            self._fail(key, f"should be a number of 0 or more, not {_short(value)}")
        return float(value)

    def positive(self, key: str) -> float:
        value = self.number(key)
        if value == 0:
            self._fail(key, "should be a number above 0, not 0")
        return value

    def boolean(self, key: str) -> bool:
        value = self._get(key)
        if not isinstance(value, bool):
            self._fail(key, f"should be true or false, not {_short(value)}")
        return value

    def choice(self, key: str, choices: Iterable[str]) -> str:
        value = self._get(key)
        if value not in choices:
            self._fail(key, f"should be {' or '.join(choices)}, not {_short(value)}")
        return str(value)

    def integers(self, key: str) -> tuple[int, ...]:
        value = self._get(key)
        if not _are_sizes(value):
            self._fail(key, f"should be a list of at most {_MAX_LIST} sizes, not {_short(value)}")
        return tuple(value)

    def integer_rows(self, key: str) -> tuple[tuple[int, ...], ...]:
        rows = self._get(key)
        if not isinstance(rows, list) or len(rows) > _MAX_LIST or not all(map(_are_sizes, rows)):
            self._fail(key, f"should be a list of lists of sizes, not {_short(rows)}")
        return tuple(tuple(row) for row in rows)

    def times(self, key: str) -> tuple[float, ...]:
        value = self._get(key)
        if not (value == [] or _are_times(value)):
            self._fail(
                key,
                f"should be at most {_MAX_LIST} increasing numbers from 0 to 1, such as "
                f"[0, 0.25, 0.5, 1], or none; not {_short(value)}",
            )
        return tuple(map(float, value))

    def close(self) -> None:
        self.allow_only(self._asked)

    def allow_only(self, known: Set[str]) -> None:
        for key in self._values:
            if key not in known:
                near = difflib.get_close_matches(key, known - self._values.keys(), n=1)
                hint = f" (did you mean {near[0]!r}?)" if near else ""
                self._fail(key, f"is unknown{hint}; known: {', '.join(sorted(known))}")

    def _get(self, key: str) -> Any:
        self._asked.add(key)
        if key not in self._values:
            self._fail(key, "is missing")
        return self._values[key]

    def _fail(self, key: str, what: str) -> NoReturn:
        raise ModelError(f"{self._path}: {self._name}{key} {what}")


def _are_sizes(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 1 <= len(value) <= _MAX_LIST
        and all(type(number) is int and 1 <= number <= MOST for number in value)
    )


def _are_times(value: Any) -> bool:
    return (
        isinstance(value, list)
        and 2 <= len(value) <= _MAX_LIST
        and all(type(number) in (int, float) for number in value)
        and all(before < after for before, after in pairwise(value))
        and (value[0], value[-1]) == (0, 1)
    )


def _short(value: Any) -> str:
    return f"{value!r:.80}"
