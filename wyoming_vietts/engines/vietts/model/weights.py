"""Weights in the published files (llm.pt, flow.pt, hift.pt) and in the prepared ones.

Files are mapped into memory, not read: whatever a network can use directly is not copied.
A prepared file has this package's parameter names and folded weight norms. It tells by a
fingerprint which published file it was made from.
"""

from collections.abc import Mapping
from pathlib import Path

import safetensors
import safetensors.torch
from torch import Tensor, nn

from ....errors import WeightsError
from ....files import replacement
from ....steps import Steps


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


def source_of(prepared: Path) -> str | None:
    """The fingerprint of the published file that a prepared one was made from."""
    try:
        with safetensors.safe_open(prepared, "pt") as file:
            return (file.metadata() or {}).get("source")
    except safetensors.SafetensorError as error:
        raise _not_safetensors(prepared, error) from error


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
