"""Reads the JSON objects that clients send, at every frontend."""

import json
from collections.abc import Collection
from typing import Any

from ..errors import RequestError


def parse_object(content: bytes, name: str, error_class: type[RequestError]) -> dict[str, Any]:
    """Parse a JSON object.

    Args:
        name: for messages.

    Raises:
        RequestError: it is something else; the error is of `error_class`.
    """
    try:
        value = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise error_class(f"The {name} is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise error_class(f"The {name} must be a JSON object")
    return value


def text_of(values: dict[str, Any], key: str) -> str | None:
    """Return a string of an object, None if it is missing; raise RequestError for other types."""
    value = values.get(key)
    if value is None:
        return None
    if not isinstance(value, str):
        raise RequestError(f"'{key}' must be a string, not {type(value).__name__}")
    return encodable(value)


def required_text(values: dict[str, Any], key: str) -> str:
    """Return a string of an object; raise RequestError if it is missing or no string."""
    value = text_of(values, key)
    if value is None:
        raise RequestError(f"'{key}' is missing; it must be a string")
    return value


def check_choice(name: str, value: str, available: Collection[str]) -> None:
    """Raise RequestError unless a value is one of those available."""
    if value not in available:
        raise RequestError(f"Unknown {name} '{value:.80}'; available: {', '.join(available)}")


def encodable(text: str) -> str:
    """Drop halves of surrogate pairs, which JSON can hold and no encoding can carry."""
    return text.encode("utf-8", "ignore").decode("utf-8")
