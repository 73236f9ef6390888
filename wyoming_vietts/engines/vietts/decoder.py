"""Decodes the speech tokens of one sentence to PCM, with all state after the language model."""

import torch
from torch import Tensor

from ..pcm import PCM
from ..samples import encode_pcm
from .networks.flow import FlowVoice, Schedule
from .networks.flow_stream import FlowStream
from .networks.hift_stream import HiFTStream
from .networks.networks import Networks
from .networks.tempo import MelStretcher

FADE_SECONDS = 0.01  # at either end of a sentence


class SpeechDecoder:
    """Decodes the speech tokens of a sentence to PCM while more arrive."""

    def __init__(
        self,
        networks: Networks,
        schedule: Schedule,
        voice: FlowVoice,
        speed: float,
        volume: float,
        generator: torch.Generator,
    ) -> None:
        """Begin a sentence.

        Args:
            speed: 2.0 is twice as fast as the voice's recording.
            volume: amplitude; 1.0 is as loud as the recording.
            generator: draws the noise, on the networks' device.
        """
        self._device = voice.prompt_tokens.device
        self._flow = FlowStream(networks.flow, voice, schedule, generator)
        self._stretcher = MelStretcher(speed)
        self._vocoder = HiFTStream(networks.hift, generator)
        self._volume = volume
        self._fade_samples = round(FADE_SECONDS * networks.config.hift.sample_rate)
        self._has_begun = False

    @property
    def tokens_done(self) -> int:
        """Speech tokens whose frames have been made."""
        return self._flow.done

    def feed(self, speech_tokens: list[int], last: bool) -> PCM:
        """Take all tokens so far; yield the PCM that depends on them alone."""
        tokens = torch.tensor(speech_tokens, device=self._device)
        mel = yield from self._flow.feed(tokens, last)
        mel = self._stretcher.feed(mel, last)
        waveform = yield from self._vocoder.feed(mel, last)
        if len(waveform):
            yield self._pcm(waveform, last)

    def _pcm(self, waveform: Tensor, last: bool) -> bytes:
        """Turn a waveform [N] into PCM, faded at either end of the sentence."""
        fade = torch.linspace(0, 1, min(self._fade_samples, len(waveform)), device=waveform.device)
        waveform = waveform * self._volume
        if not self._has_begun:
            waveform[: len(fade)] *= fade
            self._has_begun = True
        if last:
            waveform[len(waveform) - len(fade) :] *= fade.flip(0)
        return encode_pcm(waveform.cpu().numpy())
