"""The vocoder: mel spectrogram -> waveform (HiFTNet, arXiv 2309.09493).

A pitch predictor drives a source of sines and noise; convolutions shape the source's short-time
spectrum by the mel spectrogram into the spectrum of the waveform.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .config import HiFTConfig
from .layers import Conv1d, modules, replace_weight
from .overlap_save import OverlapSaveConv1d
from .steps import Steps

F0_CONTEXT_FRAMES = 5
"""How far the pitch of a frame looks into the mel spectrogram, on either side."""
CONTEXT_FRAMES = 15
"""How far a sample of the waveform looks into mel spectrogram and source (13 and a bit)."""


class ResBlock(nn.Module):
    """Pairs of convolutions with Snake activations (arXiv 2006.08195), each added to its input."""

    def __init__(self, channels: int, kernel: int, dilations: Sequence[int]) -> None:
        super().__init__()
        conv = OverlapSaveConv1d if kernel >= 7 else Conv1d
        self.convs1 = modules(
            conv(channels, channels, kernel, dilation=d, padding=(kernel - 1) * d // 2)
            for d in dilations
        )
        self.convs2 = modules(
            conv(channels, channels, kernel, padding=(kernel - 1) // 2) for _ in dilations
        )
        self.alphas1 = nn.ParameterList(torch.empty(channels) for _ in dilations)
        self.alphas2 = nn.ParameterList(torch.empty(channels) for _ in dilations)

    def prepare(self) -> None:
        """Put the scales of Snake, x + sin^2(alpha x) / alpha, into the convolutions around it."""
        self.scales: list[Tensor] = []
        for i, (conv1, conv2) in enumerate(zip(self.convs1, self.convs2, strict=True)):
            scale1, scale2 = self.alphas1[i] + 1e-9, self.alphas2[i] + 1e-9  # to divide by
            replace_weight(conv1, conv1.weight * scale2[:, None, None] / scale1[:, None])
            replace_weight(conv2, conv2.weight / scale2[:, None])
            conv1.bias = nn.Parameter(conv1.bias * scale2, requires_grad=False)
            self.scales.append(scale1)
        del self.alphas1, self.alphas2

    def walk(self, x: Tensor) -> Steps[Tensor]:
        """[1, C, n] -> [1, C, n], pausing after each pair."""
        for conv1, conv2, scale in zip(self.convs1, self.convs2, self.scales, strict=True):
            x = conv2(_snake(conv1(_snake(x * scale[:, None])))).add_(x)
            yield
        return x


def _snake(x: Tensor) -> Tensor:
    """x + sin^2(x), in place: of an input that was multiplied by alpha, alpha times Snake."""
    sine = x.sin()
    return x.addcmul_(sine, sine)


class HiFT(nn.Module):
    """The networks of the vocoder."""

    def __init__(self, config: HiFTConfig) -> None:
        super().__init__()
        self.config = config
        bands, spectrum = config.mel_bands, config.fft_size + 2  # magnitudes and phases

        # PyTorch's own layers, so that the pitch is the reference's to the last bit: the source
        # sums it up over the utterance.
        f0_layers: list[nn.Module] = []
        for channels_in in (bands, *4 * (config.f0_channels,)):
            f0_layers += [nn.Conv1d(channels_in, config.f0_channels, 3, padding=1), nn.ELU()]
        self.f0_convs = nn.Sequential(*f0_layers)
        self.f0_output = nn.Linear(config.f0_channels, 1)
        self.source_mix = nn.Linear(config.harmonics + 1, 1)

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

    def prepare(self) -> None:
        """Compute what the weights alone decide; call it once, when they are loaded."""
        for block in (*self.resblocks, *self.source_resblocks):
            block.prepare()

    @property
    def frame_samples(self) -> int:
        """Samples of a mel frame."""
        return math.prod(self.config.upsample_rates) * self.config.hop_samples

    def f0(self, mel: Tensor) -> Tensor:
        """Mel spectrogram [80, F] -> pitch in Hz, [F]."""
        hidden = self.f0_convs(mel[None])
        return self.f0_output(hidden.transpose(1, 2)).abs()[0, :, 0]  # type: ignore[no-any-return]


def start_phases(hift: HiFT, generator: torch.Generator | None) -> Tensor:
    """Draw the phases [harmonics + 1], in radians, at which an utterance's sines start."""
    weight = hift.source_mix.weight
    count = hift.config.harmonics + 1
    phases = torch.rand(count, generator=generator, device=weight.device) * 2 - 1
    phases[0] = 0.0
    return phases * torch.pi


def draw_noise(hift: HiFT, frames: int, generator: torch.Generator | None) -> Tensor:
    """Draw the source's noise, [harmonics + 1, N]; drawn in pieces it is the same on a CPU."""
    shape = (frames * hift.frame_samples, hift.config.harmonics + 1)
    device = hift.source_mix.weight.device
    return torch.randn(shape, generator=generator, device=device).T


def harmonic_source(hift: HiFT, f0: Tensor, phases: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
    """The sines and noise that the vocoder shapes.

    Args:
        f0: pitch in Hz, [F].
        phases: [harmonics + 1], in radians, before the first sample.
        noise: [harmonics + 1, N] or longer, normally distributed.

    Returns:
        The source [N], and the phases after its last sample, for a continuation.
    """
    config, samples = hift.config, hift.frame_samples
    f0 = f0.float()
    orders = torch.arange(1, config.harmonics + 2, device=f0.device)
    cycles = orders[:, None] * f0 / config.sample_rate  # a sample, [harmonics + 1, F]
    # Whole cycles are dropped at each frame, so that no precision is lost in long utterances.
    ends = (cycles * samples % 1.0).cumsum(dim=1)
    starts = F.pad(ends[:, :-1], (1, 0)) % 1.0
    within = torch.arange(1, samples + 1, device=f0.device)
    turns = (starts[..., None] + cycles[..., None] * within).flatten(1)  # [harmonics + 1, N]
    sines = config.sine_amplitude * torch.sin(2 * torch.pi * (turns % 1.0) + phases[:, None])
    voiced = (f0 > config.voiced_threshold).repeat_interleave(samples)
    noise_amplitude = torch.where(voiced, config.noise_amplitude, config.sine_amplitude / 3)
    waves = sines * voiced + noise_amplitude * noise[:, : len(voiced)]
    weight = hift.source_mix.weight
    source = torch.tanh(hift.source_mix(waves.T.to(weight.dtype)))[:, 0]
    return source, (phases + 2 * torch.pi * (ends[:, -1] % 1.0)) % (2 * torch.pi)


@torch.inference_mode()
def vocode(hift: HiFT, mel: Tensor, source: Tensor) -> Steps[Tensor]:
    """Mel spectrogram [80, F] and source [N] -> waveform [N] in -1 ... 1, with pauses."""
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
            x = F.pad(x, (1, 0), mode="reflect")  # the spectrum has one frame more
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


@dataclass
class HiFTStream:
    """The vocoder's state of one utterance whose mel spectrogram comes in pieces.

    The pieces of waveform, one after the other, are the waveform of the whole: pitch, source and
    convolutions are computed with the frames before and after, and the sines go on in phase.
    """

    hift: HiFT
    generator: torch.Generator | None
    phases: Tensor
    """Of the sines, after the last sample of ``source``."""
    mel: Tensor
    """[80, F], frames that are still needed."""
    source: Tensor
    """[N], from the first frame of ``mel`` on, as far as the pitch is certain."""
    given: int = 0
    """Frames of ``mel`` whose waveform has been given out."""

    @classmethod
    def start(cls, hift: HiFT, generator: torch.Generator | None) -> "HiFTStream":
        """Begin an utterance; the generator draws phases and noise."""
        weight = hift.source_mix.weight
        phases = start_phases(hift, generator)
        mel = weight.new_empty(hift.config.mel_bands, 0)
        return cls(hift, generator, phases, mel, source=weight.new_empty(0))

    @torch.inference_mode()
    def feed(self, mel: Tensor, last: bool) -> Steps[Tensor]:
        """Take the next frames [80, F]; return the samples [N] that they make certain.

        The last 20 frames (0.23 s) are held back until more of them, or the end, are known.
        """
        samples = self.hift.frame_samples
        self.mel = torch.cat((self.mel, mel), dim=1)
        sourced = self.mel.shape[1] - (0 if last else F0_CONTEXT_FRAMES)
        certain = sourced - (0 if last else CONTEXT_FRAMES)
        if certain <= self.given:
            return self.source[:0]
        known = len(self.source) // samples
        f0 = self.hift.f0(self.mel)[known:sourced]
        noise = draw_noise(self.hift, len(f0), self.generator)
        more, self.phases = harmonic_source(self.hift, f0, self.phases, noise)
        self.source = torch.cat((self.source, more))
        yield
        waveform = yield from vocode(self.hift, self.mel[:, :sourced], self.source)
        piece = waveform[self.given * samples : certain * samples]
        past = max(0, certain - CONTEXT_FRAMES)
        self.mel, self.source = self.mel[:, past:], self.source[past * samples :]
        self.given = certain - past
        return piece
