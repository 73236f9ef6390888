"""The vocoder of an utterance while its mel spectrogram arrives."""

import torch
from torch import Tensor

from ....steps import Steps
from .hift import HiFT, draw_noise, harmonic_source, start_phases, vocode

F0_CONTEXT_FRAMES = 5
"""Mel frames on either side that the f0 of a frame depends on."""
CONTEXT_FRAMES = 15
"""Frames of mel and source on either side that affect a waveform sample (just over 13)."""


class HiFTStream:
    """The vocoder's state of one utterance.

    The pieces of waveform, joined, are the waveform of the whole: f0, source and convolutions are
    computed with the frames before and after, and the sines stay in phase.
    """

    def __init__(self, hift: HiFT, generator: torch.Generator | None) -> None:
        """Begin an utterance; the generator draws phases and noise."""
        self.hift, self.generator = hift, generator
        weight = hift.source_mix.weight
        self.phases = start_phases(hift, generator)
        """Of the sines, after the last sample of `source`."""
        self.mel = weight.new_empty(hift.config.mel_bands, 0)
        """[80, F], frames that are still needed."""
        self.source = weight.new_empty(0)
        """[N], from the first frame of `mel` on, as far as the f0 is certain."""
        self.given = 0
        """Frames of `mel` that have been vocoded and returned."""

    @torch.inference_mode()
    def feed(self, mel: Tensor, last: bool) -> Steps[Tensor]:
        """Take the next frames [80, F]; return the next samples [N].

        The last 20 frames (0.23 s) are held back until more frames, or the end, are known.
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
