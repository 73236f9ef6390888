"""Makes the features of a voice from a recording, and keeps them in files."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import soxr

from ...errors import ModelError
from ...files import read_bytes, replace_file
from ...recordings.recording import load_prompt_audio
from ...recordings.speech import SAMPLE_RATE as HEARD_RATE
from ...recordings.speech import Waveform
from ...steps import Steps
from ..onnx.files import check_onnx
from ..onnx.sessions import Session
from ..recording_cache import RecordingCache
from .bands import speaker_bands
from .config import (
    FRAME_CHANNELS,
    GROUP,
    SAMPLE_RATE,
    SPEAKER_SHAPE,
    STYLE_SHAPE,
    Floats,
    SpeakerFeatures,
    VieNeuConfig,
    read_arrays,
)
from .engine import CLONING_FILES
from .graphs import check_graph

STYLE_SECONDS = 5.0
"""Of a recording, that make its style."""

_INPUTS = dict(zip(CLONING_FILES, (None, None, ("ref", "ref_mask")), strict=True))
"""By file; None for one of any name."""

_MAX_FEATURES_BYTES = 200_000


class FeatureCache(RecordingCache[SpeakerFeatures]):
    """Features of voices by recording."""

    suffix = ".npz"
    max_seconds = STYLE_SECONDS

    def __init__(self, folder: Path, config: VieNeuConfig, threads: int) -> None:
        """Use the folder of a model; raise ModelError if a network is missing or damaged."""
        super().__init__(folder, "".join(check_onnx(folder / name) for name in CLONING_FILES))
        self._folder = folder
        self._config = config
        self._threads = threads

    def _read(self, path: Path) -> SpeakerFeatures:
        content = read_bytes(path, _MAX_FEATURES_BYTES)
        arrays = read_arrays(content, {"speaker": SPEAKER_SHAPE, "style": STYLE_SHAPE})
        return SpeakerFeatures(**arrays)

    def _encode(self, content: bytes, name: str) -> Steps[SpeakerFeatures]:
        waveform = yield from load_prompt_audio(content, name, SAMPLE_RATE, self.max_seconds)
        return (yield from enrol(self._folder, self._config, waveform, self._threads))

    def _write(self, features: SpeakerFeatures, path: Path) -> Steps[None]:
        content = BytesIO()
        np.savez(content, speaker=features.speaker, style=features.style)
        replace_file(path, content.getvalue())
        yield


def enrol(
    folder: Path, config: VieNeuConfig, waveform: Waveform, threads: int
) -> Steps[SpeakerFeatures]:
    """Compute the features of speech [N] at 24 kHz, with a pause after each network.

    Raises:
        ModelError: a network cannot be loaded, or fails.
    """
    bands = speaker_bands(soxr.resample(waveform, SAMPLE_RATE, HEARD_RATE))
    yield
    speaker = yield from _run(folder, "speaker_encoder.onnx", threads, bands[None])
    start = waveform[: round(STYLE_SECONDS * SAMPLE_RATE)]
    latents = yield from _run(folder, "codec_encoder.onnx", threads, start[None, None])
    blocks = _blocks(latents, config)
    mask = np.ones((1, blocks.shape[2]), np.bool_)
    style = yield from _run(folder, "reference_encoder.onnx", threads, blocks, mask)
    features = SpeakerFeatures(speaker[0], style[0])
    try:
        features.check()
    except ValueError as error:
        raise ModelError(f"The networks in {folder} make no voice: {error}") from error
    return features


def _run(folder: Path, name: str, threads: int, *values: npt.NDArray[Any]) -> Steps[Floats]:
    """Run a network once; it is not kept, as only a new voice needs it."""
    path = folder / name
    yield from check_graph(path, _INPUTS[name])
    try:
        session = Session(path, threads, is_short_lived=True)
        yield
        outputs = yield from session.run(dict(zip(session.inputs, values, strict=True)))
    except (ValueError, MemoryError) as error:
        raise ModelError(f"{path} fails: {error}") from error
    yield
    output: Floats = outputs[session.outputs[0]]
    return output


def _blocks(latents: Floats, config: VieNeuConfig) -> Floats:
    """Normalise latents [1, 24, frames], else raise ModelError, and group them to [1, 144, T]."""
    if latents.ndim != 3 or latents.shape[:2] != (1, FRAME_CHANNELS) or not latents.shape[2]:
        raise ModelError(f"The codec makes latents of the shape {[*latents.shape]}")
    mean, deviation = (each[None, :, None] for each in (config.latent_mean, config.latent_std))
    scaled = (latents - mean) / deviation * np.float32(config.latent_scale)
    padded = np.pad(scaled, ((0, 0), (0, 0), (0, -scaled.shape[2] % GROUP)))
    grouped = padded.reshape(1, FRAME_CHANNELS, -1, GROUP).transpose(0, 1, 3, 2)
    most = min(int(STYLE_SECONDS * config.blocks_per_second), config.max_reference_blocks)
    return grouped.reshape(1, FRAME_CHANNELS * GROUP, -1)[:, :, :most].astype(np.float32)
