"""Weights from the published files (llm.pt, flow.pt, hift.pt) or from their converted form.

Files are mapped into memory, not read: nothing is copied that a network can use as it lies there,
and nothing is initialised only to be overwritten.  A converted file has this package's parameter
names, folded weight norms and, where it is not fp32, the type of number in its name; it is used
only in place of the published file that it was made from, or when there is none any more.
"""

import hashlib
import pickle
import re
from collections.abc import Callable, Mapping
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from .memory import forget

_DIRECTORY_BYTES = 1 << 20  # at the end of a .pt file; about 60 of them for each tensor


class WeightsError(ValueError):
    """A weights file cannot be used; the message names file and key."""


def load_published(network: nn.Module, path: Path, part: str) -> None:
    """Give a network that was built on the meta device the published weights of ``part``, in fp32.

    Raises:
        WeightsError: the file is missing, cut off or foreign, or a tensor is missing, unknown or of
            the wrong shape.
    """
    state = translate(network, part, read_published(path), path)
    _assign(network, {name: tensor.float() for name, tensor in state.items()})


def load_converted(network: nn.Module, path: Path) -> None:
    """Give a network that was built on the meta device what `save_converted` wrote of its like.

    Raises:
        WeightsError: the file is cut off, or of another model or version.
    """
    state = read_safetensors(path)
    check_likeness(network, state, path)
    _assign(network, state)


def _assign(network: nn.Module, state: Mapping[str, Tensor]) -> None:
    network.load_state_dict(state, strict=True, assign=True)
    network.requires_grad_(False).eval()


def save_converted(network: nn.Module, path: Path, source: str | None) -> None:
    """Write a loaded network's weights under this package's names; see `write_safetensors`.

    Args:
        source: the `fingerprint` of the published file, for `source_of`.
    """
    write_safetensors(network.state_dict(), path, {"source": source} if source else None)


def write_safetensors(
    tensors: Mapping[str, Tensor], path: Path, metadata: dict[str, str] | None = None
) -> None:
    """Write a file whole or not at all, readable by every user.

    Raises:
        OSError: it cannot be written.
    """
    # To another name first: whoever finds the file finds it whole.
    unfinished = path.with_suffix(".unfinished")
    contiguous = {name: tensor.contiguous() for name, tensor in tensors.items()}
    try:
        safetensors.torch.save_file(contiguous, unfinished, metadata)
    except safetensors.SafetensorError as error:
        raise OSError(f"{unfinished}: {error}") from error
    unfinished.chmod(0o644)
    unfinished.replace(path)


def fingerprint(published: Path) -> str:
    """Tell one .pt file from another, wherever it is copied.

    By its end: it is a zip file, with the checksums of all tensors in a directory there.
    """
    with published.open("rb") as file:
        file.seek(max(0, published.stat().st_size - _DIRECTORY_BYTES))
        return hashlib.sha256(file.read()).hexdigest()


def source_of(converted: Path) -> str | None:
    """The fingerprint of the published file that a converted one was made from."""
    try:
        with safetensors.safe_open(converted, "pt") as file:
            return (file.metadata() or {}).get("source")
    except safetensors.SafetensorError as error:
        raise _not_safetensors(converted, error) from error


def read_published(path: Path) -> dict[str, Tensor]:
    """The tensors of a .pt file, mapped into memory; no code in it is run."""
    try:
        state = torch.load(path, map_location="cpu", weights_only=True, mmap=True)
    except FileNotFoundError:
        raise WeightsError(f"{path} is missing") from None
    except (RuntimeError, OSError, EOFError, ValueError, pickle.UnpicklingError) as error:
        reason = str(error).splitlines()[0]
        raise WeightsError(f"{path} is cut off, or no PyTorch weights file: {reason}") from error
    if not isinstance(state, dict) or not all(isinstance(t, Tensor) for t in state.values()):
        raise WeightsError(f"{path} holds a {type(state).__name__}, not names and tensors")
    return state


def read_safetensors(path: Path) -> dict[str, Tensor]:
    """The tensors of a converted file, mapped into memory."""
    try:
        return safetensors.torch.load_file(path)
    except safetensors.SafetensorError as error:
        raise _not_safetensors(path, error) from error


def _not_safetensors(path: Path, error: safetensors.SafetensorError) -> WeightsError:
    return WeightsError(f"{path} is cut off, or no safetensors file: {error}")


def translate(
    module: nn.Module, part: str, state: Mapping[str, Tensor], path: Path
) -> dict[str, Tensor]:
    """Mapped published tensors under this package's names, everything checked.

    Weight norms are folded, and queries, keys and values put into one layer.
    """
    remaining = dict(state)
    translated = {}
    for name, wanted in module.state_dict().items():
        sources = published_names(part, name)
        shape = [*wanted.shape]
        if len(sources) == 1:
            translated[name] = _take(remaining, sources[0], shape, path)
            continue
        shape[0] //= len(sources)
        tensors = [_take(remaining, source, shape, path) for source in sources]
        translated[name] = torch.cat(tensors)
        for tensor in tensors:
            forget(tensor)
    if remaining:
        known = ", ".join(repr(name) for name in sorted(remaining)[:3])
        raise WeightsError(f"{path}: {len(remaining)} unknown tensors, such as {known}")
    return translated


def _take(state: dict[str, Tensor], name: str, shape: list[int], path: Path) -> Tensor:
    if f"{name}_g" in state and f"{name}_v" in state:
        # w = g v / |v|, by PyTorch's own kernel: to the last bit, for the pitch's sake.
        tensor = torch._weight_norm(state.pop(f"{name}_v"), state.pop(f"{name}_g"), dim=0)
    elif name in state:
        tensor = state.pop(name)
    else:
        raise WeightsError(f"{path}: {name!r} is missing")
    if (found := [*tensor.shape]) != shape:
        raise WeightsError(
            f"{path}: {name!r} has the shape {found}; by config.yaml it should be {shape}"
        )
    return tensor


def check_likeness(network: nn.Module, state: Mapping[str, Tensor], path: Path) -> None:
    """Raise WeightsError unless a converted file has just what the network has."""
    wanted = network.state_dict()
    for name in sorted(wanted.keys() | state.keys()):
        found, right = _kind(state.get(name)), _kind(wanted.get(name))
        if found != right:
            raise WeightsError(
                f"{path}: {name!r} is {found}; it should be {right}. "
                "Convert the model again, or delete the file"
            )


def _kind(tensor: Tensor | None) -> str:
    if tensor is None:
        return "absent"
    return f"{str(tensor.dtype).removeprefix('torch.')} {list(tensor.shape)}"


# --- names --------------------------------------------------------------------------------------

_ENCODER = (
    (r"\.input\.", ".embed.out.0."),
    (r"\.input_norm\.", ".embed.out.1."),
    (r"\.norm\.", ".after_norm."),
    (r"\.layers\.", ".encoders."),
    (r"\.attention\.(query|key|value)", lambda m: f".self_attn.linear_{m[1][0]}"),
    (r"\.attention\.output", ".self_attn.linear_out"),
    (r"\.attention\.position\.", ".self_attn.linear_pos."),
    (r"\.attention\.content_bias", ".self_attn.pos_bias_u"),
    (r"\.attention\.position_bias", ".self_attn.pos_bias_v"),
    (r"\.expand\.", ".feed_forward.w_1."),
    (r"\.contract\.", ".feed_forward.w_2."),
)
_CONFORMER_NORMS = (
    (r"\.attention_norm\.", ".norm_mha."),
    (r"\.feed_forward_norm\.", ".norm_ff."),
)
_STAGES = {"down": "down_blocks", "middle": "mid_blocks", "up": "up_blocks"}
_NAMES: dict[str, tuple[tuple[str, str | Callable[[re.Match[str]], str]], ...]] = {
    r"text_encoder\.": _ENCODER + _CONFORMER_NORMS,
    r"encoder\.": _ENCODER + _CONFORMER_NORMS,
    r"decoder\.": (
        *_ENCODER,
        (r"\.attention_norm\.", ".norm1."),
        (r"\.feed_forward_norm\.", ".norm2."),
        (r"^decoder\.", "llm."),
    ),
    r"marks\.": ((r"^marks", "llm_embedding"),),
    r"logits\.": ((r"^logits", "llm_decoder"),),
    r"text_projection\.": ((r"^text_projection", "text_encoder_affine_layer"),),
    r"speaker_projection\.": ((r"^speaker_projection", "spk_embed_affine_layer"),),
    r"token_embedding\.": ((r"^token_embedding", "input_embedding"),),
    r"mel_projection\.": ((r"^mel_projection", "encoder_proj"),),
    r"regulator\.": ((r"^regulator", "length_regulator.model"),),
    r"unet\.": (
        (r"^unet\.", "decoder.estimator."),
        (r"\.time_in\.", ".time_mlp.linear_1."),
        (r"\.time_out\.", ".time_mlp.linear_2."),
        (r"\.(down|middle|up)\.(\d+)\.", lambda m: f".{_STAGES[m[1]]}.{m[2]}."),
        (r"\.blocks\.(\d+)\.", r".1.\1."),
        (r"\.resample\.", ".2."),
        (r"\.resnet\.", ".0."),
        (r"\.time\.", ".mlp.1."),
        (r"\.conv([12])\.", r".block\1.block.0."),
        (r"\.norm([12])\.", r".block\1.block.1."),
        (r"\.shortcut\.", ".res_conv."),
        (r"\.attention_norm\.", ".norm1."),
        (r"\.(query|key|value)\.", lambda m: f".attn1.to_{m[1][0]}."),
        (r"\.project\.", ".attn1.to_out.0."),
        (r"\.feed_forward_norm\.", ".norm3."),
        (r"\.expand\.", ".ff.net.0.proj."),
        (r"\.contract\.", ".ff.net.2."),
        (r"\.last_conv\.", ".final_block.block.0."),
        (r"\.last_norm\.", ".final_block.block.1."),
        (r"\.output\.", ".final_proj."),
    ),
    r"f0_": (
        (r"^f0_convs\.", "f0_predictor.condnet."),
        (r"^f0_output\.", "f0_predictor.classifier."),
    ),
    r"source_mix\.": ((r"^source_mix", "m_source.l_linear"),),
    r"(source_)?resblocks\.": ((r"\.alphas([12])\.(\d+)", r".activations\1.\2.alpha"),),
}


def published_names(part: str, name: str) -> list[str]:
    """What the published file of ``part`` calls a parameter, or the parts that are stacked in it.

    Before weight norm, that is: such a file has ..._g and ..._v.
    """
    if "query_key_value" not in name:
        return [_published_name(part, name)]
    parts = ("query", "key", "value")
    return [_published_name(part, name.replace("query_key_value", one)) for one in parts]


def _published_name(part: str, name: str) -> str:
    for start, rules in _NAMES.items():
        if re.match(start, name):
            for pattern, replacement in rules:
                name = re.sub(pattern, replacement, name)
            return name
    return name
