"""The flow of an utterance while its speech tokens arrive.

Each window of tokens is solved after the voice's prompt and the last frames returned, and before a
few tokens of lookahead, from the same noise where windows overlap. So a window continues the last
one as an utterance continues the prompt.
"""

from dataclasses import replace

import torch
from torch import Tensor

from ....steps import Steps
from .flow import Flow, FlowVoice, Schedule, encode_tokens, euler, generate_mel, mel_frames

CONTEXT_TOKENS = 15
LOOKAHEAD_TOKENS = 6
BLEND_FRAMES = 12


class FlowStream:
    """The flow's state of one utterance."""

    def __init__(
        self, flow: Flow, voice: FlowVoice, schedule: Schedule, generator: torch.Generator | None
    ) -> None:
        """Begin an utterance; the generator, on the flow's device, is for its noise."""
        self.flow, self.voice, self.schedule, self.generator = flow, voice, schedule, generator
        empty = voice.prompt_mel[:, :0].float()
        self.noise = empty.T
        """[F, 80], of the prompt and of all frames solved so far."""
        self.mel = empty
        """[80, F], the last frames returned: the next window's context."""
        self.lookahead = empty
        """[80, F], the last window's frames after `mel`."""
        self.done = 0
        """Speech tokens whose frames have been returned."""

    @torch.inference_mode()
    def feed(self, speech_tokens: Tensor, last: bool) -> Steps[Tensor]:
        """Take all tokens so far, [T]; return the next frames [80, F].

        The last `LOOKAHEAD_TOKENS` are held back until more tokens, or the end, are known. An
        utterance that comes as a whole is solved exactly as in the reference.
        """
        prompt_frames = self.voice.prompt_mel.shape[1]
        total = len(speech_tokens)
        self._draw_noise(prompt_frames + self._frames(total))
        if last and self.done == 0:
            mel = yield from generate_mel(
                self.flow, speech_tokens, self.voice, self.noise.T, self.schedule
            )
            return mel
        certain = total if last else total - LOOKAHEAD_TOKENS
        if certain <= self.done:
            return self.mel[:, :0]
        first = max(0, self.done - CONTEXT_TOKENS)
        given, start, end = (self._frames(tokens) for tokens in (first, self.done, certain))
        context = self.mel[:, self.mel.shape[1] - (start - given) :]
        voice = replace(
            self.voice,
            prompt_mel=torch.cat((self.voice.prompt_mel, context.to(self.voice.prompt_mel)), dim=1),
        )
        spread = [(total - first, self._frames(total) - given)]
        mu = encode_tokens(self.flow, speech_tokens[first:], self.voice, spread)
        yield
        noise = torch.cat((self.noise[:prompt_frames], self.noise[prompt_frames + given :])).T
        solved = yield from euler(self.flow, mu, voice, noise, self.schedule)
        solved = solved[:, voice.prompt_mel.shape[1] :]
        mel = _blend(self.lookahead, solved[:, : end - start])
        self.lookahead = solved[:, end - start :]
        self.mel = torch.cat((context, mel), dim=1)
        self.done = certain
        return mel

    def _frames(self, tokens: int) -> int:
        return mel_frames(self.flow, tokens)

    def _draw_noise(self, frames: int) -> None:
        """Extend the noise to a number of frames; on a CPU, pieces do not change it."""
        missing, bands = frames - len(self.noise), self.noise.shape[1]
        more = torch.randn(missing, bands, generator=self.generator, device=self.noise.device)
        self.noise = torch.cat((self.noise, more.to(self.noise)))


def _blend(lookahead: Tensor, mel: Tensor) -> Tensor:
    """Fade from the last window's lookahead to this window's frames."""
    frames = min(BLEND_FRAMES, lookahead.shape[1], mel.shape[1])
    share = torch.arange(1, frames + 1, device=mel.device).to(mel.dtype) / (frames + 1)
    blended = torch.lerp(lookahead[:, :frames], mel[:, :frames], share)
    return torch.cat((blended, mel[:, frames:]), dim=1)
