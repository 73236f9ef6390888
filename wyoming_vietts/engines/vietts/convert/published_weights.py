"""The published weights: llm.pt, flow.pt and hift.pt.

Files are mapped into memory, not read: tensors that need no conversion are not copied.
"""

import pickle
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from ....errors import ModelError
from ....steps import Steps
from ..cpu.memory import forget_copied
from ..model.weights import assign
from .parameter_names import published_names


def load_published(network: nn.Module, path: Path, part: str) -> Steps[None]:
    """Give an empty network the published weights of a part, in fp32.

    Raises:
        ModelError: the file is missing or unusable, or a tensor is missing, unknown or of
            the wrong shape.
    """
    published = read_published(path)
    yield
    assign(network, (yield from _translate(network, part, published, path)))
    yield
    forget_copied(published.values(), network)
    yield


def read_published(path: Path) -> dict[str, Tensor]:
    """Map the tensors of a .pt file into memory; no code in it is run.

    Raises:
        ModelError: it is missing, damaged, or holds more than tensors.
    """
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise ModelError(f"{path} is missing") from None
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        # PyTorch's own message advises to switch its safety off.
        is_unsafe = isinstance(error, pickle.UnpicklingError)
        reason = "it holds more than tensors" if is_unsafe else str(error).splitlines()[0]
        raise ModelError(f"{path} is cut off, or not a PyTorch weights file: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise ModelError(f"{path} holds a {type(state).__name__}, not names and tensors")
    return state


def _translate(
    module: nn.Module, part: str, state: Mapping[str, Tensor], path: Path
) -> Steps[dict[str, Tensor]]:
    """Rename published tensors, in fp32, and check every name and shape.

    Weight norms are folded, and queries, keys and values are stacked into one layer. Pauses after
    each tensor.
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
        raise ModelError(f"{path}: {len(remaining)} unknown tensors, such as {known}")
    return translated


def _take(state: dict[str, Tensor], name: str, shape: list[int], path: Path) -> Tensor:
    if f"{name}_g" in state and f"{name}_v" in state:
        gain, direction = (
            _of_shape(state.pop(f"{name}_{part}"), wanted, f"{name}_{part}", path)
            for part, wanted in (("g", [shape[0], *[1] * (len(shape) - 1)]), ("v", shape))
        )
        # w = g v / |v|, by PyTorch's own kernel: the f0 has to be right to the last bit.
        return torch._weight_norm(direction, gain, dim=0)
    if name not in state:
        raise ModelError(f"{path}: {name!r} is missing")
    return _of_shape(state.pop(name), shape, name, path)


def _of_shape(tensor: Tensor, shape: list[int], name: str, path: Path) -> Tensor:
    if (found := [*tensor.shape]) != shape:
        raise ModelError(
            f"{path}: {name!r} has the shape {found}; according to config.json it should be {shape}"
        )
    return tensor
