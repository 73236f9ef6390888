"""Protocol buffers, the encoding of ONNX files: just enough to look into a file and to cut it.

The package `onnx` does more, but takes as much room as everything else that a small voice needs.
"""

from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
"""Kinds of fields."""

_FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}


class Field(NamedTuple):
    """One field of a message."""

    number: int
    value: "int | memoryview"
    """A whole number, or bytes: a string, or a message in its turn."""
    whole: memoryview
    """The field as it is encoded."""


def read_fields(message: memoryview) -> Iterator[Field]:
    """Yield the fields of a message, one after the other.

    Raises:
        ValueError: the message is cut off, or not encoded like this.
    """
    position = 0
    while position < len(message):
        start = position
        key, position = _read_varint(message, position)
        number, kind = divmod(key, 8)
        value: int | memoryview
        if kind == VARINT:
            value, position = _read_varint(message, position)
        elif kind == BYTES or kind in _FIXED_BYTES:
            size = _FIXED_BYTES.get(kind)
            if size is None:
                size, position = _read_varint(message, position)
            value = message[position : position + size]
            position += size
        else:
            raise ValueError(f"unknown kind of field: {kind}")
        if position > len(message):
            raise ValueError("cut off")
        yield Field(number, value, message[start:position])


def write_field(number: int, value: int | bytes) -> bytes:
    """Encode a field of a whole number, or of bytes."""
    if isinstance(value, int):
        return _write_varint(8 * number + VARINT) + _write_varint(value)
    return write_start(number, len(value)) + value


def write_start(number: int, size: int) -> bytes:
    """Encode the start of a field of so many bytes, which are to follow."""
    return _write_varint(8 * number + BYTES) + _write_varint(size)


def read_varints(packed: memoryview) -> Iterator[int]:
    """Yield whole numbers that stand one after the other."""
    position = 0
    while position < len(packed):
        value, position = _read_varint(packed, position)
        yield value


def _read_varint(message: memoryview, position: int) -> tuple[int, int]:
    """A whole number in seven bits a byte, and where it ends."""
    number = 0
    for shift in range(0, 70, 7):
        if position == len(message):
            raise ValueError("cut off")
        byte = message[position]
        position += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return number, position
    raise ValueError("a number has too many bytes")


def _write_varint(value: int) -> bytes:
    encoded = bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))
