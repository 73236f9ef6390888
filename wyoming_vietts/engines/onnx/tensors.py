"""Reads the tensors of an ONNX model without their values: names, sizes, places."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from .protobuf import Field, Message, Reader

# Numbers of fields in onnx.proto.
_SHAPE, _NAME, RAW_DATA, EXTERNAL_DATA, DATA_LOCATION = 1, 8, 9, 13, 14  # of a tensor
_VALUES, _INDICES, _SPARSE_SHAPE = 1, 2, 3  # of a sparse tensor
NAME, VALUE = 1, 2  # of attributes, inputs, outputs, and entries of external data

_MAX_NAME_BYTES = 4096


class ExternalData(NamedTuple):
    """The place of values in another file."""

    file_name: str
    start: int
    """Offset in bytes."""
    end: int
    """Least size of the file, in bytes."""


class Tensor(NamedTuple):
    """A tensor with values."""

    name: str
    size: int
    """Number of elements."""
    data: ExternalData | None
    """None for values in the model itself."""


def read_tensor(field: Field, reader: Reader) -> Tensor:
    """Read a TensorProto; raise ValueError if it is damaged."""
    name = ""
    shape: list[int] = []
    entries: dict[str, str] = {}
    for part in reader.fields(message(field)):
        if part.number == _SHAPE:
            shape += integers(part, reader)
        elif part.number == _NAME:
            name = text(part)
        elif part.number == EXTERNAL_DATA:
            pair = {one.number: text(one) for one in reader.fields(message(part))}
            entries[pair.get(NAME, "")] = pair.get(VALUE, "")
    data = None
    if entries:
        start, length = (int(entries.get(key, "0")) for key in ("offset", "length"))
        if min(start, length) < 0:
            raise ValueError("a weight is at a negative place of another file")
        data = ExternalData(entries.get("location", ""), start, start + length)
    return Tensor(name, math.prod(shape), data)


def read_sparse_tensor(field: Field, reader: Reader) -> Tensor:
    """Read a SparseTensorProto, which takes its name from its values.

    Raises:
        ValueError: it is damaged, or in another file.
    """
    name = ""
    shape: list[int] = []
    for part in reader.fields(message(field)):
        if part.number == _SPARSE_SHAPE:
            shape += integers(part, reader)
        elif part.number in (_VALUES, _INDICES):
            tensor = read_inner_tensor(part, reader)
            name = tensor.name if part.number == _VALUES else name
    return Tensor(name, math.prod(shape), None)


def read_inner_tensor(field: Field, reader: Reader) -> Tensor:
    """Read a tensor that must be in the model itself.

    Raises:
        ValueError: it is damaged, or in another file.
    """
    tensor = read_tensor(field, reader)
    if tensor.data is not None:
        raise ValueError("its nodes have weights in another file")
    return tensor


def message(field: Field) -> Message:
    if isinstance(field.value, int):
        raise ValueError(f"field {field.number} is a number")
    return field.value


def integers(field: Field, reader: Reader) -> Iterable[int]:
    """Return one of some integers, or all, if they are packed."""
    return [field.value] if isinstance(field.value, int) else reader.integers(field.value)


def text(field: Field) -> str:
    content = message(field)
    if len(content) > _MAX_NAME_BYTES:
        raise ValueError(f"a name has {len(content):,} bytes")
    return bytes(content).decode()


def name_of(field: Field, reader: Reader) -> str:
    """Read the name of an input or output."""
    return next((text(part) for part in reader.fields(message(field)) if part.number == NAME), "")
