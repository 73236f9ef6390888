"""A small VieNeu model with the real file formats: seeded random weights, 2 MB.

Each network depends on all of its inputs, so that a wrong one is heard.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from tests.engines.onnx.graph import BOOL, FLOAT, INT64, Graph

CONTEXT = 8  # channels; the real model has 256
SYMBOLS = " !,-.?12456abcdefghijklmnoprstuvwxyzæðŋɐɑɔɗəɚɛɜɡɣɪɲɹɾʃʊʌʒʔˈˌː̪θᵻ"
PRESETS = {
    "Ái Hân": ("female", "Nữ · Nam · Phong cách tin tức"),
    "Minh Quân": ("male", "Nam · Bắc · Phong cách tự nhiên"),
}


@dataclass(frozen=True)
class Case:
    """Settings with which the published package speaks, for the golden file."""

    phonemes: str
    voice: str = "Minh Quân"
    seed: int = 1
    steps: int = 16
    sway: float = 0.0
    speed: float = 1.0


CASES = {
    "full": Case("sˈin tʃˈaː2w."),
    "fast": Case("sˈin tʃˈaː2w.", steps=8, sway=-1.0, seed=2),
    "quick": Case("mˈo6t̪ hˈaːj, bˈaː?", speed=1.6, seed=3),
    "slow": Case("bˈaː.", voice="Ái Hân", speed=0.5, seed=4),
    "unknown": Case("b☂ˈaː☂!", voice="Ái Hân", seed=5),
}
NAMES = ("vieneu-minh-quan", "vieneu-ai-han")


def write_model(folder: Path, *, is_windowed: bool = True) -> Path:
    """Write the files for speech.

    Args:
        is_windowed: False makes the decoder depend on the whole of its input.
    """
    folder.mkdir(parents=True, exist_ok=True)
    write_config(folder)
    write_constants(folder)
    _text_encoder(Graph(1), folder)
    _duration_predictor(Graph(2), folder)
    _vector_estimator(Graph(3), folder)
    _codec_decoder(Graph(4), folder, is_windowed)
    write_presets(folder)
    return folder


def write_config(folder: Path, **changes: Any) -> None:
    symbols = ["<pad>", "<bos>", "<eos>", *SYMBOLS]
    config = {
        "vocab": {symbol: number for number, symbol in enumerate(symbols)},
        "pad_id": 0,
        "bos_id": 1,
        "eos_id": 2,
        "flow_fps": 15.625,
        "group": 6,
        "ref_max_frames": 140,
        "latent_dim": 24,
        "n_style": 50,
        "emotion_tags": {"<|emotion_1|>": "①"},
        **changes,
    }
    (folder / "config.json").write_text(json.dumps(config), "utf-8")


def write_constants(folder: Path, **changes: Any) -> None:
    draw = np.random.RandomState(5)
    arrays = {
        "null_spk": draw.standard_normal(192),
        "null_style": draw.standard_normal((50, 256)),
        "latent_mean": draw.standard_normal(24),
        "latent_std": draw.uniform(0.5, 2.0, 24),
        "latent_scale": np.array(0.25),
        **changes,
    }
    np.savez(
        folder / "constants.npz",
        **{name: np.asarray(array, np.float32) for name, array in arrays.items()},
    )


def write_presets(folder: Path) -> None:
    draw = np.random.RandomState(6)
    presets = {
        name: {
            "description": description,
            "gender": gender,
            "ref_seconds": 5.0,
            "speaker_emb": draw.standard_normal(192).round(6).tolist(),
            "style": draw.standard_normal((50, 256)).round(5).tolist(),
        }
        for name, (gender, description) in PRESETS.items()
    }
    content = {"meta": {}, "default_voice": "Minh Quân", "presets": presets}
    (folder / "voices_v3_nano.json").write_text(json.dumps(content), "utf-8")


_STYLE = (FLOAT, [1, 50, 256])
_SPEAKER = (FLOAT, [1, 192])
_CONTEXT = (FLOAT, [1, "length", CONTEXT])
_MASK = (BOOL, [1, "length"])


def _masked_mean(graph: Graph, values: str, mask: str) -> str:
    """[1, L, C] and [1, L] -> [1, C]."""
    kept = graph.node("Cast", mask, to=FLOAT)
    wide = graph.node("Unsqueeze", kept, graph.constant(np.array([2])))
    masked = graph.node("Mul", values, wide)
    total = graph.node("ReduceSum", masked, graph.constant(np.array([1])), keepdims=0)
    count = graph.node("ReduceSum", kept, graph.constant(np.array([1])), keepdims=1)
    return graph.node("Div", total, count)


def _text_encoder(graph: Graph, folder: Path) -> None:
    """Embeddings, and the mean of the style."""
    rows = graph.node("Gather", graph.weight(200, CONTEXT), "ids")
    mean = graph.node("ReduceMean", "style", axes=[1], keepdims=1)
    styled = graph.node("MatMul", mean, graph.weight(256, CONTEXT))
    output = graph.node("Add", rows, styled)
    graph.save(folder / "text_encoder.onnx",
               {"ids": (INT64, [1, "length"]), "style": _STYLE}, output)  # fmt: skip


def _duration_predictor(graph: Graph, folder: Path) -> None:
    """60 ms for each phoneme, more or less by voice and text."""
    kept = graph.node("Cast", "ctx_mask", to=FLOAT)
    count = graph.node("ReduceSum", kept, keepdims=0)
    length = graph.node("Log", graph.node("Mul", count, graph.constant(np.float32(0.06))))
    voice = graph.node("ReduceMean", "spk", keepdims=0)
    text = graph.node("ReduceMean", _masked_mean(graph, "ctx", "ctx_mask"), keepdims=0)
    total = graph.node("Add", graph.node("Add", length, voice), text)
    output = graph.node("Unsqueeze", total, graph.constant(np.array([0])))
    graph.save(folder / "duration_predictor.onnx",
               {"ctx": _CONTEXT, "ctx_mask": _MASK, "spk": _SPEAKER}, output)  # fmt: skip


def _vector_estimator(graph: Graph, folder: Path) -> None:
    """What text, voice and style say, more with time, less the sine of the latents."""
    text = graph.node("MatMul", _masked_mean(graph, "ctx", "ctx_mask"), graph.weight(CONTEXT, 144))
    voice = graph.node("MatMul", "spk", graph.weight(192, 144, scale=0.05))
    mean = graph.node("ReduceMean", "style", axes=[1], keepdims=0)
    style = graph.node("MatMul", mean, graph.weight(256, 144, scale=0.1))
    pull = graph.node("Add", graph.node("Add", text, voice), style)
    growing = graph.node("Mul", pull, graph.node("Add", "t", graph.constant(np.float32(1.0))))
    wide = graph.node("Unsqueeze", growing, graph.constant(np.array([2])))
    output = graph.node("Sub", wide, graph.node("Sin", "x"))
    latents = (FLOAT, [1, 144, "blocks"])
    graph.save(folder / "vector_estimator.onnx",
               {"x": latents, "t": (FLOAT, [1]), "ctx": _CONTEXT, "ctx_mask": _MASK,
                "spk": _SPEAKER, "style": _STYLE}, output)  # fmt: skip


def _codec_decoder(graph: Graph, folder: Path, is_windowed: bool) -> None:
    """Mix each block with its neighbours, and make samples of it."""
    x = "x"
    if not is_windowed:
        mean = graph.node("ReduceMean", x, axes=[2], keepdims=1)
        x = graph.node("Add", x, mean)
    mixed = graph.node("Conv", x, graph.weight(16, 144, 5, scale=0.02),
                       kernel_shape=[5], pads=[2, 2])  # fmt: skip
    rows = graph.node("Transpose", mixed, perm=[0, 2, 1])
    blocks = graph.node("MatMul", rows, graph.weight(16, 1536, scale=0.1))
    loudness = np.abs(np.sin(2 * np.pi * np.arange(1536) / 1536)).astype(np.float32)
    shaped = graph.node("Tanh", graph.node("Mul", blocks, graph.constant(loudness)))
    output = graph.node("Reshape", shaped, graph.constant(np.array([1, 1, -1])))
    graph.save(folder / "codec_decoder.onnx", {"x": (FLOAT, [1, 144, "blocks"])}, output)


# --- cloning -------------------------------------------------------------------------------------


def write_cloning(folder: Path) -> Path:
    """Write the files that make a voice of a recording."""
    _speaker_encoder(Graph(7), folder)
    _codec_encoder(Graph(8), folder)
    _reference_encoder(Graph(9), folder)
    return folder


def _speaker_encoder(graph: Graph, folder: Path) -> None:
    """The mean and the mean square of the bands."""
    mean = graph.node("ReduceMean", "input", axes=[1], keepdims=0)
    square = graph.node("ReduceMean", graph.node("Mul", "input", "input"), axes=[1], keepdims=0)
    total = graph.node("Add", mean, square)
    output = graph.node("MatMul", total, graph.weight(80, 192, scale=0.05))
    graph.save(folder / "speaker_encoder.onnx", {"input": (FLOAT, [1, "frames", 80])}, output)


def _codec_encoder(graph: Graph, folder: Path) -> None:
    """A convolution of one frame."""
    output = graph.node("Conv", "audio", graph.weight(24, 1, 256), kernel_shape=[256],
                        strides=[256])  # fmt: skip
    graph.save(folder / "codec_encoder.onnx", {"audio": (FLOAT, [1, 1, "samples"])}, output)


def _reference_encoder(graph: Graph, folder: Path) -> None:
    """The mean of the blocks, which tells the order of their channels."""
    rows = graph.node("Transpose", "ref", perm=[0, 2, 1])
    mean = _masked_mean(graph, rows, "ref_mask")
    flat = graph.node("MatMul", mean, graph.weight(144, 50 * 256, scale=0.1))
    output = graph.node("Reshape", flat, graph.constant(np.array([1, 50, 256])))
    graph.save(folder / "reference_encoder.onnx",
               {"ref": (FLOAT, [1, 144, "blocks"]), "ref_mask": (BOOL, [1, "blocks"])},
               output)  # fmt: skip


def recording() -> Any:
    """Six seconds [N] at 24 kHz: harmonics of a wandering pitch, louder and softer."""
    now = np.arange(6 * 24_000) / 24_000
    phase = 2 * np.pi * np.cumsum(140 + 30 * np.sin(2 * np.pi * 0.7 * now)) / 24_000
    tones = sum(np.sin(number * phase) / number for number in range(1, 12))
    noise = np.random.RandomState(10).standard_normal(len(now))
    loudness = 0.55 + 0.45 * np.sin(2 * np.pi * 2.3 * now)
    return (0.2 * loudness * (tones + 0.05 * noise)).astype(np.float32)
