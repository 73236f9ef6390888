"""Sizes and settings of the networks, as a model's config.json states them.

A whole number may be annotated with the largest value that is accepted; see `model.config`.
"""

from dataclasses import dataclass
from typing import Annotated, Literal

MAX_LAYERS, MAX_BLOCKS, MAX_HEADS = 200, 100, 1024
MAX_CHANNELS, MAX_HIDDEN = 16_384, 65_536
POSITIVE = "positive"


@dataclass(frozen=True)
class EncoderConfig:
    """A stack of pre-norm transformer layers with relative positions."""

    input_size: int
    size: Annotated[int, MAX_CHANNELS]
    heads: Annotated[int, MAX_HEADS]
    feed_forward_size: Annotated[int, MAX_HIDDEN]
    layers: Annotated[int, MAX_LAYERS]
    activation: Literal["silu", "relu"]
    """Of the feed-forward."""
    input_relu: bool
    """Whether a ReLU follows the input layer's norm."""
    causal: bool


@dataclass(frozen=True)
class SamplingConfig:
    """How a speech token is drawn; see `sampling`."""

    top_p: Annotated[float, POSITIVE]
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
    blocks: Annotated[int, MAX_BLOCKS]
    """Transformer blocks in a stage."""
    middle_stages: Annotated[int, MAX_LAYERS]


@dataclass(frozen=True)
class FlowConfig:
    """The flow from speech tokens to a mel spectrogram."""

    mel_bands: int
    speaker_size: int
    speech_vocabulary: int
    token_rate: int
    """Speech tokens a second."""
    size: int
    regulator_layers: Annotated[int, MAX_LAYERS]
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
    """Overtones besides the fundamental."""
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
