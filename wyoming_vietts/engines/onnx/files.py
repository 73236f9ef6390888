"""ONNX files, looked at without being loaded."""

import mmap
from pathlib import Path

from ...errors import ModelError
from .protobuf import read_fields

GRAPH = 7
"""Number of this field in ONNX's ModelProto."""


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
            content = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
            has_graph = GRAPH in {field.number for field in read_fields(content)}
        except ValueError:  # empty, or cut off
            has_graph = False
    if not has_graph:
        raise ModelError(f"{path} is cut off, or not an ONNX file")
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"
