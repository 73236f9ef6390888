"""The flow: speech tokens and a voice -> mel spectrogram (conditional flow matching).

An encoder turns the tokens of prompt and utterance into a coarse mel spectrogram `mu`; then an
ordinary differential equation is solved from noise to the mel spectrogram, conditioned on the
prompt's mel. Prompt frames take part in every step and are cut from the result.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ....steps import Steps
from .config import FlowConfig
from .layers import Conv1d, Linear, embedding
from .transformer import Encoder
from .unet import UNet

SAMPLE_RATE, HOP_SAMPLES = 22050, 256  # of the mel frames
EDGE_TOKENS = 20  # at either end, spread over their frames separately


class Flow(nn.Module):
    """The networks of the flow."""

    def __init__(self, config: FlowConfig) -> None:
        super().__init__()
        self.config = config
        bands = config.mel_bands
        self.token_embedding = embedding(config.speech_vocabulary, config.size)
        self.speaker_projection = Linear(config.speaker_size, bands)
        self.encoder = Encoder(config.encoder)
        self.mel_projection = Linear(config.encoder.size, bands)
        layers: list[nn.Module] = []
        for _ in range(config.regulator_layers):
            layers += [Conv1d(bands, bands, 3, padding=1), nn.GroupNorm(1, bands), nn.Mish()]
        self.regulator = nn.Sequential(*layers, Conv1d(bands, bands, 1))
        self.unet = UNet(config.unet)


@dataclass(frozen=True)
class FlowVoice:
    """A voice as the flow takes it, computed once for each voice."""

    speaker: Tensor
    """[80], the projected speaker embedding."""
    prompt_tokens: Tensor
    """[P] int64."""
    prompt_mel: Tensor
    """[80, F]."""


@dataclass(frozen=True)
class Schedule:
    """The times of a solver's steps, and the U-Net's shifts at each, computed once."""

    durations: tuple[float, ...]
    """Of each step; they add up to 1."""
    shifts: tuple[tuple[Tensor, ...], ...]
    """For each step one [C] for each stage of the U-Net."""
    guided: tuple[bool, ...]
    """For each step, whether its unguided velocity is computed, too."""


@torch.inference_mode()
def flow_voice(
    flow: Flow, speaker_embedding: Tensor, prompt_tokens: Tensor, prompt_mel: Tensor
) -> FlowVoice:
    """Prepare a voice: embedding [192], tokens [P] and mel [80, F] of its prompt."""
    bias = flow.speaker_projection.bias
    speaker = F.normalize(speaker_embedding[None], dim=1).to(bias)
    return FlowVoice(
        speaker=flow.speaker_projection(speaker)[0],
        prompt_tokens=prompt_tokens.to(bias.device),
        prompt_mel=prompt_mel.to(bias),
    )


@torch.inference_mode()
def solver_schedule(flow: Flow, steps: int = 10, guidance_every: int = 1) -> Schedule:
    """Plan the solver's steps: at the times that the model states, else at `cosine_times`.

    Args:
        guidance_every: n, to compute the unguided velocity at every n-th step.
    """
    times = torch.tensor(flow.config.solver_times or cosine_times(steps))
    by_stage = flow.unet.time_shifts(times[:-1].to(flow.speaker_projection.bias.device))
    is_guided = flow.config.guidance > 0
    return Schedule(
        durations=tuple(times.diff().tolist()),
        shifts=tuple(tuple(stage[step] for stage in by_stage) for step in range(len(times) - 1)),
        guided=tuple(is_guided and step % guidance_every == 0 for step in range(len(times) - 1)),
    )


def cosine_times(steps: int) -> list[float]:
    """Return the reference's times, short steps first: t_k = 1 - cos(pi k / (2 steps))."""
    return (1 - torch.cos(torch.linspace(0, 1, steps + 1) * 0.5 * torch.pi)).tolist()


def mel_frames(flow: Flow, tokens: int) -> int:
    """Return the number of mel frames of a number of speech tokens."""
    return int(tokens / flow.config.token_rate * SAMPLE_RATE / HOP_SAMPLES)


def utterance_frames(flow: Flow, tokens: int) -> list[tuple[int, int]]:
    """Spread a whole utterance's tokens over its frames: (tokens, frames) of each piece."""
    frames = mel_frames(flow, tokens)
    if tokens <= 2 * EDGE_TOKENS:
        return [(tokens, frames)]
    edge = mel_frames(flow, EDGE_TOKENS)
    middle = (tokens - 2 * EDGE_TOKENS, frames - 2 * edge)
    return [(EDGE_TOKENS, edge), middle, (EDGE_TOKENS, edge)]


@torch.inference_mode()
def encode_tokens(
    flow: Flow, speech_tokens: Tensor, voice: FlowVoice, spread: Sequence[tuple[int, int]]
) -> Tensor:
    """Encode speech tokens [T], after those of the voice's prompt, as mu [80, F prompt + F].

    Args:
        spread: (tokens, frames) of each piece, as of `utterance_frames`.
    """
    tokens = torch.cat((voice.prompt_tokens, speech_tokens))
    hidden = flow.encoder(flow.encoder.embed(flow.token_embedding(tokens)[None]))
    coarse = flow.mel_projection(hidden).transpose(1, 2)  # [1, 80, P + T]
    prompt = (len(voice.prompt_tokens), voice.prompt_mel.shape[1])
    sizes, frames = zip(prompt, *spread, strict=True)
    pieces = zip(coarse.split(sizes, dim=2), frames, strict=True)
    interpolated = [F.interpolate(p, size=n, mode="linear") for p, n in pieces if p.shape[2]]
    return flow.regulator(torch.cat(interpolated, dim=2))[0]  # type: ignore[no-any-return]


def euler(
    flow: Flow, mu: Tensor, voice: FlowVoice, noise: Tensor, schedule: Schedule
) -> Steps[Tensor]:
    """Solve dx/dt = v(x, t) from noise [80, F] to the mel spectrogram [80, F] in fp32.

    Classifier-free guidance (arXiv 2306.15687): v extrapolates from the unguided velocity beyond
    the guided one. Both are one batch; where the schedule says so, only the guided one is computed,
    and the difference of the step before is used again.
    """
    conditions = _conditions(mu, voice)
    x = noise.float()[None]  # the sum of many small steps, whatever type the networks have
    distance = torch.zeros_like(x)
    for duration, shifts, is_guided in zip(
        schedule.durations, schedule.shifts, schedule.guided, strict=True
    ):
        batch = conditions if is_guided else conditions[:1]
        inputs = torch.cat((x.to(batch).expand(len(batch), -1, -1), batch), dim=1)
        velocity = (yield from flow.unet.walk(inputs, shifts)).float()
        if is_guided:
            distance = velocity[:1] - velocity[1:]
        x = x + duration * (velocity[:1] + flow.config.guidance * distance)
    return x[0]


def _conditions(mu: Tensor, voice: FlowVoice) -> Tensor:
    """Stack mu, speaker and prompt mel, and zeros for the unguided half: [2, 240, F]."""
    bands, frames = mu.shape
    prompt = F.pad(voice.prompt_mel, (0, frames - voice.prompt_mel.shape[1]))
    guided = torch.cat((mu, voice.speaker[:, None].expand(bands, frames), prompt))
    return torch.stack((guided, torch.zeros_like(guided)))


@torch.inference_mode()
def generate_mel(
    flow: Flow, speech_tokens: Tensor, voice: FlowVoice, noise: Tensor, schedule: Schedule
) -> Steps[Tensor]:
    """Compute the mel spectrogram of speech tokens in a voice, pausing after each U-Net block.

    Args:
        speech_tokens: [T] int64.
        noise: [80, F prompt + F] or longer, normally distributed.

    Returns:
        [80, F] with F = `mel_frames(flow, T)`.
    """
    spread = utterance_frames(flow, len(speech_tokens))
    mu = encode_tokens(flow, speech_tokens, voice, spread)
    yield
    if noise.shape[1] < mu.shape[1]:
        raise ValueError(f"{noise.shape[1]} frames of noise for {mu.shape[1]} mel frames")
    mel = yield from euler(flow, mu, voice, noise[:, : mu.shape[1]], schedule)
    return mel[:, voice.prompt_mel.shape[1] :]
