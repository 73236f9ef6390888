"""Sizes and settings of the networks, as a model's config.yaml gives them."""

from dataclasses import dataclass


@dataclass(frozen=True)
class EncoderConfig:
    """A stack of pre-norm transformer layers with relative positions."""

    input_size: int
    size: int
    heads: int
    feed_forward_size: int
    layers: int
    activation: str
    """Of the feed-forward: "silu" or "relu"."""
    input_relu: bool
    """Whether a ReLU follows the input layer's norm."""
    causal: bool


@dataclass(frozen=True)
class SamplingConfig:
    """How a speech token is drawn; see ``sampling``."""

    top_p: float
    top_k: int
    window: int
    """How many tokens to look back for a repetition."""
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
    blocks: int
    """Transformer blocks in a stage."""
    middle_stages: int


@dataclass(frozen=True)
class FlowConfig:
    """The flow from speech tokens to a mel spectrogram."""

    mel_bands: int
    speaker_size: int
    speech_vocabulary: int
    token_rate: int
    """Speech tokens a second."""
    size: int
    regulator_layers: int
    guidance: float
    """Weight of classifier-free guidance."""
    encoder: EncoderConfig
    unet: UNetConfig


@dataclass(frozen=True)
class HiFTConfig:
    """The vocoder from a mel spectrogram to a waveform."""

    sample_rate: int
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
    """Everything config.yaml says about the three networks."""

    lm: LMConfig
    flow: FlowConfig
    hift: HiFTConfig
