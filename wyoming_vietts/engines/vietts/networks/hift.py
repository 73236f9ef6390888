"""The vocoder: mel spectrogram -> waveform (HiFTNet, arXiv 2309.09493).

An f0 predictor drives a source of sines and noise; convolutions turn the source's short-time
spectrum and the mel spectrogram into the spectrum of the waveform.
"""

import math
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from .config import HiFTConfig
from .layers import Conv1d, Linear, modules

_CYCLE = 2**24
"""Units of a cycle, as many as fp32 tells apart."""


class ResBlock(nn.Module):
    """Pairs of convolutions with Snake activations (arXiv 2006.08195), each added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        self.convs1 = modules(
            Conv1d(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2)
            for d in dilations
        )
        self.convs2 = modules(
            Conv1d(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )
        self.alphas1 = nn.ParameterList(torch.empty(channels) for _ in dilations)
        self.alphas2 = nn.ParameterList(torch.empty(channels) for _ in dilations)

    def walk(self, x: Tensor) -> Steps[Tensor]:
        """[1, C, n] -> [1, C, n], pausing after each pair."""
        for conv1, conv2, alpha1, alpha2 in zip(
            self.convs1, self.convs2, self.alphas1, self.alphas2, strict=True
        ):
            x = x + conv2(_snake(conv1(_snake(x, alpha1)), alpha2))
            yield
        return x


def _snake(x: Tensor, alpha: Tensor) -> Tensor:
    """x + sin^2(alpha x) / alpha, with an alpha for each channel: [1, C, n] -> [1, C, n]."""
    alpha = alpha[:, None]
    return x + (alpha * x).sin().square() / (alpha + 1e-9)


class HiFT(nn.Module):
    """The networks of the vocoder."""

    def __init__(self, config: HiFTConfig) -> None:
        super().__init__()
        self.config = config
        bands, spectrum = config.mel_bands, config.fft_size + 2  # magnitudes and phases

        f0_layers: list[nn.Module] = []
        for channels_in in (bands, *4 * (config.f0_channels,)):
            f0_layers += [Conv1d(channels_in, config.f0_channels, 3, padding=1), nn.ELU()]
        self.f0_convs = nn.Sequential(*f0_layers)
        self.f0_output = Linear(config.f0_channels, 1)
        self.source_mix = Linear(config.harmonics + 1, 1)

        self.conv_pre = Conv1d(bands, config.channels, 7, padding=3)
        ups, resblocks, source_downs, source_resblocks = [], [], [], []
        for i, (rate, kernel) in enumerate(
            zip(config.upsample_rates, config.upsample_kernels, strict=True)
        ):
            before, channels = config.channels >> i, config.channels >> (i + 1)
            padding = (kernel - rate) // 2
            ups.append(nn.ConvTranspose1d(before, channels, kernel, rate, padding))
            stride = math.prod(config.upsample_rates[i + 1 :])
            if stride == 1:
                source_downs.append(Conv1d(spectrum, channels, 1))
            else:
                down = Conv1d(spectrum, channels, 2 * stride, stride, padding=stride // 2)
                source_downs.append(down)
            source_resblocks.append(
                ResBlock(channels, config.source_kernels[i], config.source_dilations[i])
            )
            for size, dilations in zip(config.kernels, config.dilations, strict=True):
                resblocks.append(ResBlock(channels, size, dilations))
        self.ups, self.resblocks = modules(ups), modules(resblocks)
        self.source_downs, self.source_resblocks = modules(source_downs), modules(source_resblocks)
        self.conv_post = Conv1d(channels, spectrum, 7, padding=3)

    @property
    def frame_samples(self) -> int:
        """Samples per mel frame."""
        return math.prod(self.config.upsample_rates) * self.config.hop_samples

    def f0(self, mel: Tensor) -> Tensor:
        """Predict the f0 [F], in Hz, of a mel spectrogram [80, F]."""
        hidden = self.f0_convs(mel[None])
        return self.f0_output(hidden.transpose(1, 2)).abs()[0, :, 0]  # type: ignore[no-any-return]


def start_phases(hift: HiFT, generator: torch.Generator | None) -> Tensor:
    """Draw the phases [harmonics + 1], in radians, of the sines at an utterance's start."""
    weight = hift.source_mix.weight
    count = hift.config.harmonics + 1
    phases = torch.rand(count, generator=generator, device=weight.device) * 2 - 1
    phases[0] = 0.0
    return phases * torch.pi


def draw_noise(hift: HiFT, frames: int, generator: torch.Generator | None) -> Tensor:
    """Draw the source's noise, [harmonics + 1, N]; on a CPU, pieces do not change it."""
    shape = (frames * hift.frame_samples, hift.config.harmonics + 1)
    device = hift.source_mix.weight.device
    return torch.randn(shape, generator=generator, device=device).T


def harmonic_source(hift: HiFT, f0: Tensor, phases: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the sines and noise that the vocoder shapes.

    Args:
        f0: [F], in Hz.
        phases: [harmonics + 1], in radians, before the first sample.
        noise: [harmonics + 1, N] or longer, normally distributed.

    Returns:
        The source [N], and the phases after its last sample, for a continuation.
    """
    config, samples = hift.config, hift.frame_samples
    f0 = f0.float()
    orders = torch.arange(1, config.harmonics + 2, device=f0.device)
    cycles = orders[:, None] * f0 / config.sample_rate  # per sample, [harmonics + 1, F]
    # Whole cycles are dropped, and fractions summed as integers: exactly, however long the
    # utterance is and wherever it is cut.
    ends = (cycles * samples % 1.0 * _CYCLE).round().long().cumsum(dim=1) % _CYCLE
    ends = ends / _CYCLE
    starts = F.pad(ends[:, :-1], (1, 0))
    within = torch.arange(1, samples + 1, device=f0.device)
    turns = (starts[..., None] + cycles[..., None] * within).flatten(1)  # [harmonics + 1, N]
    sines = config.sine_amplitude * torch.sin(2 * torch.pi * (turns % 1.0) + phases[:, None])
    voiced = (f0 > config.voiced_threshold).repeat_interleave(samples)
    noise_amplitude = torch.where(voiced, config.noise_amplitude, config.sine_amplitude / 3)
    waves = sines * voiced + noise_amplitude * noise[:, : len(voiced)]
    weight = hift.source_mix.weight
    source = torch.tanh(hift.source_mix(waves.T.to(weight.dtype)))[:, 0]
    return source, (phases + 2 * torch.pi * ends[:, -1]) % (2 * torch.pi)


@torch.inference_mode()
def vocode(hift: HiFT, mel: Tensor, source: Tensor) -> Steps[Tensor]:
    """Turn mel spectrogram [80, F] and source [N] into a waveform [N] in -1 ... 1, with pauses."""
    config = hift.config
    window = torch.hann_window(config.fft_size, device=mel.device)
    stft = (config.fft_size, config.hop_samples, config.fft_size, window)
    spectrum = torch.stft(source.float(), *stft, return_complex=True)  # [fft / 2 + 1, n]
    spectrum = torch.cat((spectrum.real, spectrum.imag))[None].to(mel.dtype)

    x = hift.conv_pre(mel[None])
    kernels = len(config.kernels)
    for i, up in enumerate(hift.ups):
        x = up(F.leaky_relu_(x, config.leaky_slope))
        if i == len(hift.ups) - 1:
            x = F.pad(x, (1, 0), mode="reflect")  # the spectrum has one more frame
        yield
        x += yield from hift.source_resblocks[i].walk(hift.source_downs[i](spectrum))
        total = torch.zeros_like(x)
        for block in hift.resblocks[i * kernels : (i + 1) * kernels]:
            total += yield from block.walk(x)
        x = total / kernels
    x = hift.conv_post(F.leaky_relu_(x))[0].float()  # torch's own slope of 0.01, as in training
    magnitude, phase = x.split(config.fft_size // 2 + 1)
    magnitude = magnitude.exp().clamp_max(100.0)
    waveform = torch.istft(torch.polar(magnitude, phase.sin()), *stft)
    return waveform.clamp(-config.limit, config.limit)
