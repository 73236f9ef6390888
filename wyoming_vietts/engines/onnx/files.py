"""ONNX files, looked at without being loaded."""

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ...errors import ModelError
from ...files import open_regular, recognize
from .model import ExternalData, Model
from .protobuf import CutOffError, FileSlice

MAX_BYTES = 2_000_000_000  # a message of protocol buffers has less than 2 GB


@contextmanager
def open_model(path: Path, max_bytes: int = MAX_BYTES) -> Iterator[Model]:
    """Open an ONNX file, and look into it.

    Raises:
        ModelError: it is not a whole ONNX file, or the weights beside it are not; the message says
            what it is instead.
        OSError: it cannot be read.
    """
    with open_regular(path, max_bytes) as file:
        size = os.fstat(file.fileno()).st_size
        content = FileSlice(file.fileno(), 0, size)
        try:
            model = Model(content)
        except ValueError as error:
            raise ModelError(f"{path} {_explain(error, content)}") from error
        for data in model.external_data:
            _check_data(path, data)
        yield model


def check_onnx(path: Path) -> str:
    """Make sure that a file is there and whole.

    Returns:
        A key that changes when the file does.

    Raises:
        ModelError: it is missing, cut off, or not an ONNX file.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing")
    with open_model(path):
        status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


def _explain(error: ValueError, content: FileSlice) -> str:
    """Say what is wrong with the content of a file."""
    if disguise := recognize(bytes(content[:512])):
        return f"is {disguise}"
    if isinstance(error, CutOffError) and error.expected_bytes <= MAX_BYTES:
        return f"is {_incomplete(len(content), error.expected_bytes)}"
    return f"is not an ONNX file that can be read: {error}"


def _incomplete(size: int, expected: int) -> str:
    return f"incomplete: {size / 1e6:.3g} of {expected / 1e6:.3g} MB; copy or download it again"


def _check_data(model: Path, data: ExternalData) -> None:
    """Make sure that weights are in a regular file in the folder of the model.

    Raises:
        ModelError: they are not.
    """
    path = model.parent / data.file_name
    if data.file_name in ("", ".", "..") or Path(data.file_name).name != data.file_name:
        raise ModelError(f"{model} has its weights in another folder: '{data.file_name}'")
    try:
        status = path.lstat()
    except (OSError, ValueError):
        raise ModelError(f"{path} is missing; it has the weights of {model.name}") from None
    if not stat.S_ISREG(status.st_mode):
        raise ModelError(f"{path} must be a regular file; it has the weights of {model.name}")
    if status.st_size < data.end:
        raise ModelError(f"{path} is {_incomplete(status.st_size, data.end)}")
