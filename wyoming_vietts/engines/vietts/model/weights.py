"""A network's weights in a safetensors file, under this package's names.

A file is mapped into memory, not read: tensors without conversion are not copied.
"""

import json
import os
from collections.abc import Mapping
from pathlib import Path

import safetensors
import torch
from torch import Tensor, nn

from ....errors import ModelError
from ....files import replacement
from ....steps import Steps
from ..cpu.int8 import use_int8
from ..cpu.int8_flow import use_int8_in_flow
from ..networks.flow import Flow
from ..networks.lm import SpeechLM

_WRITTEN_AT_ONCE = 8 << 20  # bytes: up to half a second on a memory card
_SAFETENSORS_NAMES = {
    torch.float32: "F32",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int8: "I8",
}


def weights_file(model_dir: Path, part: str, dtype: torch.dtype) -> Path:
    """Name the file of a network in fp32, bf16 or int8."""
    suffix = {torch.float32: "", torch.bfloat16: "-bf16", torch.int8: "-int8"}[dtype]
    return model_dir / f"{part}{suffix}.safetensors"


def load_weights(network: nn.Module, path: Path) -> Steps[None]:
    """Give an empty network its weights, with a pause after each tensor.

    Raises:
        ModelError: the file is damaged, or a tensor is missing, unknown, or of another shape or
            number type than the network's.
    """
    weights = yield from _read(path)
    wanted = network.state_dict()
    for name in sorted(wanted.keys() | weights.keys()):
        found, right = _kind(weights.get(name)), _kind(wanted.get(name))
        if found != right:
            raise ModelError(
                f"{path}: {name!r} is {found}; it should be {right}. "
                "Prepare the model again, or delete the file"
            )
    assign(network, weights)
    yield


def assign(network: nn.Module, weights: Mapping[str, Tensor]) -> None:
    """Give an empty network these weights, for inference."""
    network.load_state_dict(weights, strict=True, assign=True)
    network.requires_grad_(False).eval()


def set_type(network: nn.Module, dtype: torch.dtype) -> Steps[None]:
    """Convert a network, perhaps an empty one, from fp32; in int8, only some of its layers."""
    if dtype == torch.int8 and isinstance(network, Flow):
        yield from use_int8_in_flow(network)
    elif dtype == torch.int8:
        assert isinstance(network, SpeechLM)
        yield from use_int8(network)
    else:
        yield from convert_layers(network, dtype)


def convert_layers(network: nn.Module, to: torch.dtype | torch.device) -> Steps[None]:
    """Call `network.to`, with a pause after each layer."""
    for layer in network.modules():
        if next(layer.children(), None) is None:
            layer.to(to)
            yield
    network.to(to)  # parameters outside of layers


def _read(path: Path) -> Steps[dict[str, Tensor]]:
    tensors = {}
    try:
        with safetensors.safe_open(path, "pt") as file:
            for name in file.keys():  # noqa: SIM118, it is no dictionary
                tensors[name] = file.get_tensor(name)
                yield
        return tensors
    except safetensors.SafetensorError as error:
        raise _not_safetensors(path, error) from error


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "absent"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


def weights_source(path: Path) -> str | None:
    """Read the `source` that `write_weights` has written."""
    try:
        with safetensors.safe_open(path, "pt") as file:
            return (file.metadata() or {}).get("source")
    except safetensors.SafetensorError as error:
        raise _not_safetensors(path, error) from error


def _not_safetensors(path: Path, error: safetensors.SafetensorError) -> ModelError:
    return ModelError(f"{path} is cut off, or not a safetensors file: {error}")


# --- writing -------------------------------------------------------------------------------------


def write_weights(
    tensors: Mapping[str, Tensor], path: Path, source: str | None = None
) -> Steps[None]:
    """Write a file atomically, readable for every user.

    Pauses after each piece, once it is on the disk, so that neither a slow disk nor many dirty
    pages hold up the event loop.

    Args:
        source: the fingerprint of their source, for `weights_source`.
    """
    ordered = sorted(
        tensors.items(), key=lambda item: (-item[1].element_size(), item[0])
    )  # aligned
    header: dict[str, object] = {"__metadata__": {"source": source}} if source else {}
    end = 0
    for name, tensor in ordered:
        start, end = end, end + tensor.nbytes
        header[name] = {
            "dtype": _SAFETENSORS_NAMES[tensor.dtype],
            "shape": [*tensor.shape],
            "data_offsets": [start, end],
        }
    encoded = json.dumps(header).encode()
    encoded += b" " * (-len(encoded) % 8)
    with replacement(path) as unfinished, unfinished.open("wb") as file:
        unfinished.chmod(0o644)
        file.write(len(encoded).to_bytes(8, "little") + encoded)
        for _, tensor in ordered:
            content = tensor.detach().contiguous().reshape(-1).view(torch.uint8).numpy().data
            for piece in range(0, len(content), _WRITTEN_AT_ONCE):
                file.write(content[piece : piece + _WRITTEN_AT_ONCE])
                file.flush()
                os.fdatasync(file.fileno())
                yield
