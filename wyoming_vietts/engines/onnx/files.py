"""Checks ONNX files without loading them."""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from ...errors import ModelError
from ...files import open_regular, recognize
from .model import Model, find_graph
from .protobuf import CutOffError, FileSlice
from .tensors import ExternalData

_MAX_BYTES = 2_000_000_000  # a message of protocol buffers has less than 2 GB
_MAX_MODEL_BYTES = 512_000_000  # of a model whose structure is read


@contextmanager
def open_model(path: Path) -> Iterator[Model]:
    """Open an ONNX file, and read its structure.

    Raises:
        ModelError: the file, or that of its weights, is damaged or of another kind, or there are
            several files of weights.
        OSError: a file cannot be read, or is larger than 512 MB.
    """
    with ExitStack() as files:
        content = files.enter_context(_open(path, _MAX_MODEL_BYTES))
        try:
            model = Model(content)
        except ValueError as error:
            raise _explain(path, content, error) from error
        places = model.external_data.values()
        for data in {*places}:
            _check_data(path, data)
        names = {data.file_name for data in places}
        size = sum(data.end - data.start for data in places)
        if len(names) > 1:
            raise ModelError(f"{path} has its weights in {len(names)} files; they must be in one")
        if len(content) + size > _MAX_MODEL_BYTES:
            raise ModelError(f"{path} has weights of {size / 1e6:.0f} MB in another file")
        for name in names:  # read, not mapped: a mapped file that is shortened kills the process
            model.data = files.enter_context(_open(path.parent / name, _MAX_MODEL_BYTES))
        yield model


def check_onnx(path: Path) -> str:
    """Check that a file exists and is complete.

    Returns:
        A key that changes when the file does.

    Raises:
        ModelError: it is missing, cut off, or not an ONNX file.
    """
    if not path.is_file():
        raise ModelError(f"{path} is missing")
    with _open(path, _MAX_BYTES) as content:
        try:
            find_graph(content)
        except ValueError as error:
            raise _explain(path, content, error) from error
    status = path.stat()
    return f"{path.name} {status.st_size} {status.st_mtime_ns}"


@contextmanager
def _open(path: Path, max_bytes: int) -> Iterator[FileSlice]:
    with open_regular(path, max_bytes) as file:
        yield FileSlice(file.fileno(), 0, os.fstat(file.fileno()).st_size)


def _explain(path: Path, content: FileSlice, error: ValueError) -> ModelError:
    """Describe a file that cannot be read."""
    if disguise := recognize(bytes(content[:512])):
        return ModelError(f"{path} is {disguise}")
    if isinstance(error, CutOffError) and error.expected_bytes <= _MAX_BYTES:
        return _incomplete(path, len(content), error.expected_bytes)
    return ModelError(f"{path} is not an ONNX file that can be read: {error}")


def _incomplete(path: Path, size: int, expected: int) -> ModelError:
    megabytes = f"{size / 1e6:.3g} of {expected / 1e6:.3g} MB"
    return ModelError(f"{path} is incomplete: {megabytes}; copy or download it again")


def _check_data(model: Path, data: ExternalData) -> None:
    """Raise ModelError unless weights are in a regular file, in the folder of the model."""
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
        raise _incomplete(path, status.st_size, data.end)
