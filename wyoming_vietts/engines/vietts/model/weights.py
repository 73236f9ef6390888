"""Weights in the published files (llm.pt, flow.pt, hift.pt) and in the prepared ones.

Files are mapped into memory, not read: whatever a network can use directly is not copied.
A prepared file has this package's parameter names and folded weight norms. It tells by a
fingerprint which published file it was made from.
"""

import hashlib
import pickle
from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from ....errors import WeightsError
from ....files import replacement
from ....steps import Steps
from .names import published_names

_DIRECTORY_BYTES = 1 << 20  # at the end of a .pt file, about 60 for each tensor


def save_prepared(network: nn.Module, path: Path, source: str | None) -> None:
    """Write a network's weights under this package's names; see `write_safetensors`.

    Args:
        source: the `fingerprint` of the published file, for `source_of`.
    """
    write_safetensors(network.state_dict(), path, {"source": source} if source else None)


def write_safetensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write a file that every user can read; see `replacement`.

    Raises:
        OSError: it cannot be written.
    """
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    with replacement(path) as unfinished:
        unfinished.open("wb").close()  # if it cannot be written, that shows before a second's work
        try:
            safetensors.torch.save_file(contiguous, unfinished, metadata)
        except safetensors.SafetensorError as error:
            raise OSError(f"{unfinished}: {error}") from error
        unfinished.chmod(0o644)


def fingerprint(published: Path) -> str:
    """What tells a .pt file from any other, wherever it is copied.

    A hash of its end: it is a zip file, whose directory there has the checksums of all tensors.
    """
    with published.open("rb") as file:
        file.seek(max(0, published.stat().st_size - _DIRECTORY_BYTES))
        return hashlib.sha256(file.read()).hexdigest()


def source_of(prepared: Path) -> str | None:
    """The fingerprint of the published file that a prepared one was made from."""
    try:
        with safetensors.safe_open(prepared, "pt") as file:
            return (file.metadata() or {}).get("source")
    except safetensors.SafetensorError as error:
        raise _not_safetensors(prepared, error) from error


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a .pt file, mapped into memory; no code in it is run."""
    if path.exists() and not path.is_file():
        raise WeightsError(f"{path} is not a file")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing") from None
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        # PyTorch's own words would advise to switch its safety off.
        is_unsafe = isinstance(error, pickle.UnpicklingError)
        reason = "it holds more than tensors" if is_unsafe else str(error).splitlines()[0]
        raise WeightsError(f"{path} is cut off, or not a PyTorch weights file: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise WeightsError(f"{path} holds a {type(state).__name__}, not names and tensors")
    return state


def read_safetensors(path: Path) -> Steps[dict[str, Tensor]]:
    """The tensors of a prepared file, mapped into memory, with a pause after each of them."""
    tensors = {}
    try:
        with safetensors.safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118, it is no dictionary
                tensors[name] = file.get_tensor(name)
                yield
        return tensors
    except safetensors.SafetensorError as error:
        raise _not_safetensors(path, error) from error


def _not_safetensors(path: Path, error: safetensors.SafetensorError) -> WeightsError:
    return WeightsError(f"{path} is cut off, or not a safetensors file: {error}")


def translate(
    module: nn.Module, part: str, state: Mapping[str, Tensor], path: Path
) -> Steps[dict[str, Tensor]]:
    """Published tensors under this package's names, in fp32, every name and shape checked.

    Weight norms are folded, and queries, keys and values are stacked into one layer. Pauses after
    each tensor.

    Raises:
        WeightsError: a tensor is missing, unknown or of the wrong shape.
    """
    remaining = dict(state)
    translated = {}
    for name, wanted in module.state_dict().items():
        sources = published_names(part, name)
        shape = [*wanted.shape]
        shape[0] //= len(sources)
        tensors = [_take(remaining, source, shape, path) for source in sources]
        translated[name] = (torch.cat(tensors) if len(tensors) > 1 else tensors[0]).float()
        yield
    if remaining:
        known = ", ".join(repr(name) for name in sorted(remaining)[:3])
        raise WeightsError(f"{path}: {len(remaining)} unknown tensors, such as {known}")
    return translated


def _take(state: dict[str, Tensor], name: str, shape: list[int], path: Path) -> Tensor:
    if f"{name}_g" in state and f"{name}_v" in state:
        gain, direction = (
            _of_shape(state.pop(f"{name}_{part}"), wanted, f"{name}_{part}", path)
            for part, wanted in (("g", [shape[0], *[1] * (len(shape) - 1)]), ("v", shape))
        )
        # w = g v / |v|, by PyTorch's own kernel: the pitch has to be right to the last bit.
        return torch._weight_norm(direction, gain, dim=0)
    if name not in state:
        raise WeightsError(f"{path}: {name!r} is missing")
    return _of_shape(state.pop(name), shape, name, path)


def _of_shape(tensor: Tensor, shape: list[int], name: str, path: Path) -> Tensor:
    if (found := [*tensor.shape]) != shape:
        raise WeightsError(
            f"{path}: {name!r} has the shape {found}; according to config.yaml it should be {shape}"
        )
    return tensor


def check_likeness(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Raise WeightsError unless a prepared file has exactly what the network has."""
    wanted = network.state_dict()
    for name in sorted(wanted.keys() | state.keys()):
        found, right = _kind(state.get(name)), _kind(wanted.get(name))
        if found != right:
            raise WeightsError(
                f"{path}: {name!r} is {found}; it should be {right}. "
                "Prepare the model again, or delete the file"
            )


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "absent"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"
