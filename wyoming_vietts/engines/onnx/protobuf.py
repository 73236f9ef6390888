"""Protocol buffers, the encoding of ONNX files: enough to read the structure of a file.

ONNX Runtime needs the package `protobuf` anyway, but its parser copies every weight (a graph of
300 MB takes 290 MB beside the file) and makes an object of each empty field (20 MB of them take
740 MB). This one reads a file without its weights, and stops after a number of fields.
"""

import os
from collections.abc import Iterator
from typing import NamedTuple

VARINT, FIXED_64, BYTES, FIXED_32 = 0, 1, 2, 5
"""Wire types."""

_FIXED_BYTES = {FIXED_64: 8, FIXED_32: 4}
_MAX_VARINT_BYTES = 10
_HEAD_BYTES = 2 * _MAX_VARINT_BYTES  # of a field's key and its length
_BLOCK_BYTES = 4096  # of a file that are read at once


class FileSlice:
    """Bytes of an open file, read on demand."""

    def __init__(self, descriptor: int, start: int, size: int) -> None:
        self._descriptor, self._start, self._size = descriptor, start, size

    def __len__(self) -> int:
        return self._size

    def __getitem__(self, part: slice) -> "FileSlice":
        start, end, _ = part.indices(self._size)
        return FileSlice(self._descriptor, self._start + start, max(0, end - start))

    def __bytes__(self) -> bytes:
        content = os.pread(self._descriptor, self._size, self._start)
        while len(content) < self._size:  # a read returns at most 2 GB
            more = os.pread(self._descriptor, self._size - len(content), self._start + len(content))
            if not more:  # it has been shortened
                raise CutOffError(self._size)
            content += more
        return content


Message = memoryview | FileSlice
"""An encoded message, in memory or in a file."""


class Field(NamedTuple):
    """One field of a message."""

    number: int
    value: int | Message
    """An integer, or bytes: a string or another message."""
    whole: Message
    """The encoded field."""


class CutOffError(ValueError):
    """A message ends within a field."""

    def __init__(self, expected_bytes: int) -> None:
        super().__init__("cut off")
        self.expected_bytes = expected_bytes
        """End of the field, from the start of the message."""


class Reader:
    """Reads messages up to a number of fields, so that any file ends."""

    def __init__(self, max_fields: int) -> None:
        """Start counting.

        Args:
            max_fields: of all messages together; each packed number counts, too.
        """
        self._max_fields = max_fields
        self.seen = 0
        """Fields so far."""

    def fields(self, message: Message) -> Iterator[Field]:
        """Yield the fields of a message, one after the other.

        Raises:
            ValueError: the message is cut off or invalid, or has too many fields.
        """
        size = len(message)
        block, start, position = b"", 0, 0
        while position < size:
            self._count()
            at = position - start
            if at + _HEAD_BYTES > len(block) and start + len(block) < size:
                block, start, at = bytes(message[position : position + _BLOCK_BYTES]), position, 0
            key, at = _read_varint(block, at)
            number, kind = key >> 3, key & 7
            if not number:
                raise ValueError("a field has the number 0")
            value: int | Message
            if kind == VARINT:
                value, at = _read_varint(block, at)
                end = start + at
            elif kind == BYTES:
                length, at = _read_varint(block, at)
                end = start + at + length
                value = message[start + at : end]
            elif kind in _FIXED_BYTES:
                end = start + at + _FIXED_BYTES[kind]
                value = message[start + at : end]
            else:
                raise ValueError(f"unknown wire type: {kind}")
            if end > size:
                raise CutOffError(end)
            yield Field(number, value, message[position:end])
            position = end

    def integers(self, packed: Message) -> Iterator[int]:
        """Yield packed varints; raise ValueError as `fields` does."""
        if len(packed) > _MAX_VARINT_BYTES * (self._max_fields - self.seen):
            raise self._too_many()
        content = bytes(packed)
        position = 0
        while position < len(content):
            self._count()
            value, position = _read_varint(content, position)
            yield value

    def _count(self) -> None:
        if self.seen == self._max_fields:
            raise self._too_many()
        self.seen += 1

    def _too_many(self) -> ValueError:
        return ValueError(f"it has more than {self._max_fields:,} fields")


def write_field(number: int, value: int | bytes) -> bytes:
    """Encode a field: an integer, or bytes."""
    if isinstance(value, int):
        return _write_varint(8 * number + VARINT) + _write_varint(value)
    return write_start(number, len(value)) + value


def write_fixed_32(number: int, value: bytes) -> bytes:
    """Encode a field of four bytes, such as a float."""
    return _write_varint(8 * number + FIXED_32) + value


def write_start(number: int, size: int) -> bytes:
    """Encode the start of a field of `size` bytes."""
    return _write_varint(8 * number + BYTES) + _write_varint(size)


def _read_varint(content: bytes, position: int) -> tuple[int, int]:
    """Read a varint; return it and the position after it."""
    if position < len(content) and content[position] < 0x80:  # most are of one byte
        return content[position], position + 1
    number = 0
    for shift in range(0, 7 * _MAX_VARINT_BYTES, 7):
        if position == len(content):
            raise ValueError("cut off")
        byte = content[position]
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
