"""A small sanoTTS voice with the real file formats: some kilobytes of seeded random weights."""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.engines.piper.tiny_voice import config

MANIFEST, WEIGHTS, PHONEMES = "manifest.json", "weights.fp16.bin", "piper-phoneme-config.json"
VOCABULARY = 100  # fewer than there are phonemes
HIDDEN, LATENTS, CHANNELS = 8, 6, (12, 8, 6, 4)
KERNEL = 5

CONFIGS: dict[str, dict[str, Any]] = {
    "duration": {
        "architecture": "duration_conv",
        "vocab_size": VOCABULARY,
        "hidden": HIDDEN,
        "depth": 2,
        "kernel": KERNEL,
        "max_tokens": 333,
        "max_duration": 9,
    },
    "acoustic": {
        "architecture": "token_context",
        "vocab_size": VOCABULARY,
        "hidden": HIDDEN,
        "token_depth": 1,
        "depth": 2,
        "kernel": KERNEL,
        "out_channels": LATENTS,
    },
    "decoder": {"variant": "piperlite", "channels": [*CHANNELS]},
}


def package(seed: int = 0) -> dict[str, bytes]:
    """The content of each file, by name."""
    draw = np.random.RandomState(seed)
    content = b""
    components: dict[str, Any] = {}
    for name, shapes in SHAPES.items():
        tensors = []
        for tensor, shape in shapes:
            weight = _weight(draw, tensor, shape).astype("<f2").tobytes()
            place = {"offset_bytes": len(content), "nbytes": len(weight)}
            tensors.append({"name": tensor, "shape": [*shape], "dtype": "float16", **place})
            content += weight
        components[name] = {"config": CONFIGS[name], "tensors": tensors}
    manifest = {
        "format": "roota.raw-fp16.v1",
        "sample_rate": 22_050,
        "weights_file": WEIGHTS,
        "weights_size_bytes": len(content),
        "weights_sha256": hashlib.sha256(content).hexdigest(),
        "inference": {"duration_length_scale": 1.16},
        "frontend": {"included_config": PHONEMES},
        "components": components,
    }
    return {
        MANIFEST: json.dumps(manifest).encode(),
        WEIGHTS: content,
        PHONEMES: json.dumps(config()).encode(),
    }


def _weight(draw: Any, name: str, shape: tuple[int, ...]) -> npt.NDArray[np.float64]:
    values: npt.NDArray[np.float64] = draw.standard_normal(shape)
    if name.endswith("scale"):
        return np.abs(values)
    fan_in = int(np.prod(shape[1:])) if len(shape) > 1 else 16
    return values / np.sqrt(fan_in) if name != "embedding.weight" else values


def _conv(name: str, outputs: int, inputs: int, kernel: int) -> Iterator[Any]:
    yield f"{name}.weight", (outputs, inputs, kernel)
    yield f"{name}.bias", (outputs,)


def _blocks(name: str, depth: int) -> Iterator[Any]:
    for number in range(depth):
        yield f"{name}.{number}.scale", (1,)
        yield from _conv(f"{name}.{number}.net.0", HIDDEN, HIDDEN, KERNEL)
        yield from _conv(f"{name}.{number}.net.2", HIDDEN, HIDDEN, KERNEL)


def _decoder() -> Iterator[Any]:
    yield from _conv("pre", CHANNELS[0], LATENTS, 7)
    for stage, kernel in enumerate((16, 16, 8)):
        inputs, outputs = CHANNELS[stage : stage + 2]
        yield f"up{stage}.weight", (inputs, outputs, kernel)
        yield f"up{stage}.bias", (outputs,)
        for branch, size in enumerate((3, 5, 7)):
            for layer in ("conv1", "conv2"):
                yield from _conv(f"res{stage}.0.blocks.{branch}.{layer}", outputs, outputs, size)
    yield from _conv("post", 1, CHANNELS[3], 7)


SHAPES: dict[str, list[Any]] = {
    "duration": [
        ("embedding.weight", (VOCABULARY, HIDDEN)),
        *_conv("input_proj", HIDDEN, HIDDEN + 3, 1),
        *_blocks("blocks", 2),
        *_conv("output", 1, HIDDEN, 1),
    ],
    "acoustic": [
        ("embedding.weight", (VOCABULARY, HIDDEN)),
        *_conv("token_input_proj", HIDDEN, HIDDEN + 2, 1),
        *_blocks("token_blocks", 1),
        *_conv("frame_input_proj", HIDDEN, HIDDEN + 3, 1),
        *_blocks("frame_blocks", 2),
        *_conv("output", LATENTS, HIDDEN, 1),
    ],
    "decoder": [*_decoder()],
}
"""Names and shapes of each network's weights."""
