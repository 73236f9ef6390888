"""Sizes and settings of the networks, as a model's config.json states them.

A field may be annotated with the values that are accepted; see `kinds_of` in `model/config.py`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

from ....settings.values import Number, WholeNumber

MOST = 1_000_000
"""The largest number in a configuration."""

_Layers = Annotated[int, WholeNumber(1, 200)]


@dataclass(frozen=True)
class EncoderConfig:
    """A stack of pre-norm transformer layers with relative positions."""

    input_size: int
    size: Annotated[int, WholeNumber(1, 16_384)]
    heads: Annotated[int, WholeNumber(1, 1024)]
    feed_forward_size: Annotated[int, WholeNumber(1, 65_536)]
    layers: _Layers
    activation: Literal["silu", "relu"]
    """Of the feed-forward."""
    input_relu: bool
    """Whether a ReLU follows the input layer's norm."""
    causal: bool


@dataclass(frozen=True)
class SamplingConfig:
    """How a speech token is drawn; see `sampling`."""

    top_p: Annotated[float, Number(1e-9, MOST, "a number above 0")]
    top_k: int
    window: int
    """Tokens that are searched for a repetition."""
    repetition: float
    """Share of the window that counts as a repetition."""


@dataclass(frozen=True)
class LMConfig:
    """The language model from text tokens to speech tokens."""

    text_vocabulary: int
    speech_vocabulary: int
    speaker_size: int
    text_encoder: EncoderConfig
    decoder: EncoderConfig
    sampling: SamplingConfig


@dataclass(frozen=True)
class UNetConfig:
    """The network that gives the flow's velocity."""

    in_channels: int
    out_channels: int
    channels: tuple[int, ...]
    heads: int
    head_size: int
    blocks: Annotated[int, WholeNumber(1, 100)]
    """Transformer blocks in a stage."""
    middle_stages: _Layers


@dataclass(frozen=True)
class FlowConfig:
    """The flow from speech tokens to a mel spectrogram."""

    mel_bands: int
    speaker_size: int
    speech_vocabulary: int
    token_rate: int
    """Speech tokens a second."""
    size: int
    regulator_layers: _Layers
    guidance: float
    """Weight of classifier-free guidance."""
    encoder: EncoderConfig
    unet: UNetConfig
    solver_times: tuple[float, ...] = ()
    """Where the Euler steps begin and end, from 0 to 1; by default the quality decides."""


@dataclass(frozen=True)
class HiFTConfig:
    """The vocoder from a mel spectrogram to a waveform."""

    sample_rate: int
    """Hz."""
    mel_bands: int
    channels: int
    harmonics: int
    """Overtones in addition to the fundamental."""
    sine_amplitude: float
    noise_amplitude: float
    voiced_threshold: float
    """Hz; below it a frame is unvoiced."""
    upsample_rates: tuple[int, ...]
    upsample_kernels: tuple[int, ...]
    fft_size: int
    hop_samples: int
    kernels: tuple[int, ...]
    dilations: tuple[tuple[int, ...], ...]
    source_kernels: tuple[int, ...]
    source_dilations: tuple[tuple[int, ...], ...]
    leaky_slope: float
    limit: float
    f0_channels: int


@dataclass(frozen=True)
class ModelConfig:
    """The three networks."""

    lm: LMConfig
    flow: FlowConfig
    hift: HiFTConfig
