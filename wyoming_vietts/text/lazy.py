"""Regular expressions that are compiled at their first use.

The rules have hundreds of them, and a program that says nothing needs none.
"""

import re
from typing import Any, cast


class LazyPattern:
    """Stands for a pattern until an attribute of it is needed."""

    def __init__(self, pattern: str, flags: int = 0) -> None:
        self.pattern = pattern
        self._flags = flags

    def __getattr__(self, name: str) -> Any:
        """Compile the pattern, and keep the attribute: later uses cost nothing more."""
        value = getattr(re.compile(self.pattern, self._flags), name)
        setattr(self, name, value)
        return value


def lazy(pattern: str, flags: int = 0) -> re.Pattern[str]:
    """Return a pattern that `re.compile` makes at the first use."""
    return cast("re.Pattern[str]", LazyPattern(pattern, flags))
