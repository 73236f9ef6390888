"""Small Piper voices with the real file formats: some kilobytes of seeded random weights."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from tests.engines.onnx.graph import FLOAT, INT64, Graph
from tests.harness import joined
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.piper.engine import PiperEngine
from wyoming_vietts.engines.piper.voice import PiperVoice
from wyoming_vietts.steps import finish

HOP = 256
CHANNELS = 8
FRAMES_AN_ID = 4
SENTENCE = "nhiệt độ phòng khách là hai mươi độ."
PHONEMES = (
    "^$_ !'(),-.:;?abcdefhijklmnopqrstuvwxyzæçðøħŋœɐɑɒɓɔɕɖɗɘəɚɛɜɞɟɡɣɤɥɦɨɪɫɬɭɯɲɳɵʂʃʈʉʊʋʌʐʑʒʔʰˈˌː̪"
)
SAMPLE_RATE = 22_050


def config(tones: str = "0123456", **changes: Any) -> dict[str, Any]:
    """What stands in the .onnx.json."""
    symbols = ["_", "^", "$", *sorted(set(PHONEMES + tones) - set("_^$"))]
    return {
        "audio": {"sample_rate": SAMPLE_RATE},
        "espeak": {"voice": "vi"},
        "inference": {"noise_scale": 0.667, "length_scale": 1, "noise_w": 0.8},
        "num_symbols": 256,
        "num_speakers": 1,
        "phoneme_id_map": {symbol: [number] for number, symbol in enumerate(symbols)},
        "speaker_id_map": {},
        **changes,
    }


def write_voice(
    path: Path, *, speakers: int = 1, is_cuttable: bool = True, seed: int = 0, **changes: Any
) -> Path:
    """Write NAME.onnx and NAME.onnx.json."""
    if speakers > 1:
        names = {f"s{number}": number for number in range(speakers)}
        changes = {"num_speakers": speakers, "speaker_id_map": names, **changes}
    path.parent.mkdir(parents=True, exist_ok=True)
    onnx.save(network(speakers, is_cuttable, seed), path)
    path.with_name(f"{path.name}.json").write_text(json.dumps(config(**changes)), "utf-8")
    return path


def make_engine(folder: Path, seed: int | None = 1, own_loudness: bool = False) -> PiperEngine:
    return PiperEngine(
        EngineSettings(piper_dir=folder, threads=1, seed=seed, own_loudness=own_loudness)
    )


def voice_of(path: Path, seed: int | None = 1) -> PiperVoice:
    return make_engine(path.parent, seed).voices[path.stem]


def samples(voice: PiperVoice, text: str = SENTENCE, speed: float = 1.0) -> np.ndarray:
    return np.frombuffer(joined(voice.speak(text, speed)), "<i2")


def rescan(engine: PiperEngine) -> Mapping[str, PiperVoice]:
    """See all changes of the folder, where the engine itself looks at it in steps."""
    finish(engine._folder.look_again())
    return engine.voices


def network(speakers: int = 1, is_cuttable: bool = True, seed: int = 0) -> onnx.ModelProto:
    """Ids to frames with noise, through a flow to latents, and by convolutions to waveform."""
    graph = Graph(seed)
    node, constant = graph.node, graph.constant

    def conv(x: str, shape: tuple[int, ...], operator: str = "Conv", **attributes: Any) -> str:
        return node(operator, x, graph.weight(*shape, scale=0.4), **attributes)

    embedding = graph.weight(256, CHANNELS, scale=1, name="embedding")
    hidden = node("Transpose", node("Gather", embedding, "input"), perm=[0, 2, 1])  # [1, C, N]
    one = constant(np.array([1]))
    length_scale = node("Gather", "scales", one)
    per_id = constant(np.array([FRAMES_AN_ID], np.float32), "per_id")
    count = node("Cast", node("Ceil", node("Mul", length_scale, per_id)), to=INT64)
    shape = node("Concat", node("Shape", hidden), count, axis=0)
    last = constant(np.array([3]))
    repeated = node("Expand", node("Unsqueeze", hidden, last), shape)
    flat = constant(np.array([1, CHANNELS, -1]))
    frames = node("Reshape", repeated, flat)
    zero = constant(np.array([0]))
    noise = node("Mul", node("RandomNormalLike", frames), node("Gather", "scales", zero))
    mask = node("Cast", node("Equal", frames, frames), to=FLOAT)
    flow = node("Mul", node("Add", node("Mul", frames, mask), noise), mask)
    if speakers > 1:
        table = graph.weight(speakers, 4, scale=1)
        speaker = node("Unsqueeze", node("Gather", table, "sid"), constant(np.array([2])))
        flow = node("Add", flow, conv(speaker, (CHANNELS, 4, 1), kernel_shape=[1]))
    shifted = conv(flow, (CHANNELS, CHANNELS, 3), kernel_shape=[3], pads=[1, 1])
    latents = node("Mul", node("Add", flow, shifted), mask)
    if is_cuttable:
        x = conv(latents, (16, CHANNELS, 7), pads=[3, 3], kernel_shape=[7])
        if speakers > 1:
            x = node("Add", x, conv(speaker, (16, 4, 1), kernel_shape=[1]))
        for rate, (inputs, outputs) in zip((8, 8, 4), ((16, 8), (8, 8), (8, 4)), strict=True):
            x = node("LeakyRelu", x, alpha=0.1)
            pad, size = rate // 2, 2 * rate
            x = conv(
                x,
                (inputs, outputs, size),
                "ConvTranspose",
                kernel_shape=[size],
                strides=[rate],
                pads=[pad, pad],
            )
            dilated = conv(x, (outputs, outputs, 3), kernel_shape=[3], dilations=[6], pads=[6, 6])
            x = node("Add", x, dilated)
        x = conv(node("LeakyRelu", x), (1, 4, 7), kernel_shape=[7], pads=[3, 3])
        wave = node("Tanh", x)
    else:
        rows = node("Unsqueeze", latents, last)
        wide = constant(np.array([1, 1, 1, HOP]))
        samples = node("Reshape", node("Tile", rows, wide), flat)
        wave = node("Tanh", node("ReduceMean", samples, axes=[1]))
    node("Unsqueeze", wave, constant(np.array([1])), output="output")
    inputs = {"input": (INT64, [1, "ids"]), "input_lengths": (INT64, [1]), "scales": (FLOAT, [3])}
    if speakers > 1:
        inputs["sid"] = (INT64, [1])
    return graph.model(inputs, "output", (FLOAT, ["b", "c", "d", "time"]), opset=15)
