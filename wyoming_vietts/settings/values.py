"""What the values of flags may be: types for argparse, whose errors say what would be right."""

import argparse
import logging
import math
import re
from collections.abc import Callable
from typing import TypeVar

from ..engines.names import ENGINES
from .addresses import Network, parse_http_address, parse_networks, parse_uri

T = TypeVar("T")


def uri(value: str) -> str:
    """Where a server listens, or is."""
    _parsed(value, parse_uri)
    return value


def http_address(value: str) -> str:
    """HOST:PORT."""
    _parsed(value, parse_http_address)
    return value


def networks(value: str) -> tuple[Network, ...]:
    """Addresses and networks, separated by commas."""
    return _parsed(value, parse_networks)


def _parsed(value: str, parse: Callable[[str], T]) -> T:
    try:
        return parse(value)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from error


def token(value: str) -> str:
    """What clients must show."""
    if not re.fullmatch(r"[!-~]+", value):
        raise argparse.ArgumentTypeError("it must be of ASCII letters, digits and signs alone")
    return value


def engine_names(value: str) -> tuple[str, ...]:
    """`auto`, or names of engines."""
    names = tuple(value.split(","))
    if names != ("auto",) and (not set(names) <= set(ENGINES) or len(set(names)) < len(names)):
        raise argparse.ArgumentTypeError(
            f"'{value}' must be auto, or one or more of {', '.join(ENGINES)}, separated by commas"
        )
    return names


def device(value: str) -> str:
    """What PyTorch computes on."""
    kind, _, index = value.partition(":")
    if value in ("auto", "cuda", "mps", "cpu") or (kind == "cuda" and index.isdecimal()):
        return value
    raise argparse.ArgumentTypeError(f"'{value}' must be auto, cuda, cuda:N, mps or cpu")


def log_format(value: str) -> str:
    """A format of Python's logging."""
    try:
        logging.Formatter(value).format(logging.makeLogRecord({}))
    except (ValueError, KeyError, TypeError) as error:
        raise argparse.ArgumentTypeError(f"'{value}' is not a logging format: {error}") from error
    return value


def number(least: float, most: float) -> Callable[[str], float]:
    """An argparse type: a number from `least` to `most`."""

    def parse(value: str) -> float:
        try:
            parsed = float(value)
        except ValueError:
            parsed = math.nan
        if not least <= parsed <= most:
            raise argparse.ArgumentTypeError(
                f"'{value}' must be a number from {least:g} to {most:g}"
            )
        return parsed

    return parse


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """An argparse type: a whole number from `least` to `most`."""

    def parse(value: str) -> int:
        if not value.isascii() or not value.isdigit() or not least <= int(value) <= most:
            raise argparse.ArgumentTypeError(
                f"'{value}' must be a whole number from {least} to {most}"
            )
        return int(value)

    return parse
