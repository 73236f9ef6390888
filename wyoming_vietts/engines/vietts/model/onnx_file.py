"""ONNX files, looked at without being loaded."""

from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

from ....errors import ModelError

_GRAPH = 7  # number of this field in ONNX's ModelProto
_BYTES, _FIXED_64, _FIXED_32, _VARINT = 2, 1, 5, 0  # kinds of fields in protobuf's encoding


def check_onnx(path: Path) -> str:
    """Make sure that a file is there and whole: its fields, one after the other, fill it.

    Returns:
        What tells it from other versions of the file.

    Raises:
        ModelError: it is missing, cut off, or not an ONNX file.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing")
    status = path.stat()
    with path.open("rb") as file:
        try:
            fields = {number for number, end in _fields(file) if end <= status.st_size}
            is_whole = file.tell() == status.st_size
        except (EOFError, ValueError):
            fields, is_whole = set(), False
    if not is_whole or _GRAPH not in fields:
        raise ModelError(f"{path} is cut off, or not an ONNX file")
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _fields(file: BinaryIO) -> Iterator[tuple[int, int]]:
    """Number and end of each field of a protobuf message, whose contents are skipped."""
    while (key := _varint(file, may_end=True)) is not None:
        number, kind = divmod(key, 8)
        if kind == _VARINT:
            _varint(file)
        elif kind == _BYTES:
            file.seek(_varint(file) or 0, 1)
        elif kind in (_FIXED_32, _FIXED_64):
            file.seek(4 if kind == _FIXED_32 else 8, 1)
        else:
            raise ValueError(f"unknown kind of field: {kind}")
        yield number, file.tell()


def _varint(file: BinaryIO, may_end: bool = False) -> int | None:
    """A whole number in seven bits a byte; None at the end of the file, if it may end there."""
    number, shift = 0, 0
    while byte := file.read(1):
        number |= (byte[0] & 0x7F) << shift
        shift += 7
        if byte[0] < 0x80:
            return number
        if shift > 63:
            raise ValueError("a number has too many bytes")
    if may_end and not shift:
        return None
    raise EOFError
