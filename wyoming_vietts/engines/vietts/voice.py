"""A cloned voice: turns a speakable sentence into PCM.

    text tokens -> speech tokens (lm) -> mel (flow) -> waveform (hift), a step at a time

All state of a sentence is in its own generator; the networks are shared.
"""

import logging
import math
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor

from ...recordings.recording import load_audio, read_recording
from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import ClonedVoice
from ..loudness import gain
from ..pcm import PCM
from .decoder import SpeechDecoder
from .device import out_of_memory_ends_the_request
from .loader import LoadedModel
from .networks.flow import Flow, FlowVoice, flow_voice, mel_frames
from .networks.flow_stream import LOOKAHEAD_TOKENS
from .networks.lm import MAX_RATIO, generate
from .prompt.encoder import MAX_TOKENISED_SECONDS, Prompt

if TYPE_CHECKING:
    from .engine import VietTTSEngine

_LOGGER = logging.getLogger(__name__)

FIRST_CHUNK_SECONDS = 0.8
CHUNK_GROWTH = 3  # from one chunk of a sentence to the next
MAX_CHUNK_SECONDS = 5.0
WHOLE_SECONDS = 15.0  # a sentence that is not streamed is one chunk, up to this length


@dataclass(frozen=True)
class EncodedVoice:
    """The features of a voice, on the device of the networks."""

    speaker_embedding: Tensor
    """[192], for the language model."""
    flow: FlowVoice
    gain: float
    """Makes it as loud as other voices: speech is as loud as its prompt."""


@dataclass(frozen=True)
class VietTTSVoice(ClonedVoice):
    """A voice that is cloned from a recording."""

    engine_name = "vietts"
    max_sentences_at_once = 16  # a long one holds 60 MB, and more are no faster

    engine: "VietTTSEngine" = field(repr=False, compare=False)
    """Everything that the voices share."""

    @property
    def is_ready(self) -> bool:
        return self.engine.features.has(self.recording)

    def load(self) -> Steps[None]:
        with self.engine.loader.in_use():
            yield from self.engine.loader.load()

    @torch.inference_mode()
    def speak(self, text: str, speed: float = 1.0) -> PCM:
        engine = self.engine
        text_tokens = engine.tokenizer.encode_sentence(text)
        if not text_tokens:
            return
        lm_draws, audio_draws = engine.random_generators()
        with engine.loader.in_use(), out_of_memory_ends_the_request(engine.loader.device):
            model = yield from engine.loader.load()
            model.weight_files.check()
            encoded = yield from self._encode(model.networks.flow)
            tokens = torch.tensor(text_tokens, device=engine.loader.device)
            decoder = self._decoder(model, encoded, speed, audio_draws)
            rate = model.networks.flow.config.token_rate
            chunk = rate * (FIRST_CHUNK_SECONDS if engine.streams_sentences else WHOLE_SECONDS)
            speech_tokens: list[int] = []
            for token in generate(model.networks.lm, tokens, encoded.speaker_embedding, lm_draws):
                engine.use_spare_cores()
                yield None
                if token is None:
                    continue
                speech_tokens.append(token)
                if len(speech_tokens) >= decoder.tokens_done + chunk + LOOKAHEAD_TOKENS:
                    yield from decoder.feed(speech_tokens, last=False)
                    chunk = min(CHUNK_GROWTH * chunk, MAX_CHUNK_SECONDS * rate)
            if len(speech_tokens) == MAX_RATIO * len(text_tokens):
                _LOGGER.warning(
                    "Cut off a sentence of %d text tokens that did not end after %.1f s of speech",
                    len(text_tokens),
                    len(speech_tokens) / rate,
                )
            yield from decoder.feed(speech_tokens, last=True)

    @torch.inference_mode()
    def convert(self, recording: Path) -> PCM:
        """Say the words of a recording, of at most 30 s, in this voice.

        Yields:
            PCM, or None as a pause.

        Raises:
            RecordingError: the recording cannot be used.
            UnknownVoiceError, SynthesisError: as for `speak`.
        """
        content = yield from read_recording(recording)
        waveform = yield from load_audio(content, recording.name, max_seconds=MAX_TOKENISED_SECONDS)
        with closing(self.engine.features.make_encoder()) as encoder:
            yield None
            speech_tokens = yield from encoder.speech_tokens(torch.from_numpy(waveform))
        yield None
        loader = self.engine.loader
        with loader.in_use(), out_of_memory_ends_the_request(loader.device):
            model = yield from loader.load()
            encoded = yield from self._encode(model.networks.flow)
            _, audio_draws = self.engine.random_generators()
            decoder = self._decoder(model, encoded, 1.0, audio_draws)
            yield from decoder.feed(speech_tokens.tolist(), last=True)

    def _encode(self, flow: Flow) -> Steps[EncodedVoice]:
        prompt = yield from self.engine.features.get_for_speech(self, self.engine.voices)
        embedding = prompt.speaker_embedding.to(self.engine.loader.device)
        tokens, mel = self._end_of_prompt(prompt, flow)
        own = self.engine.has_own_loudness
        return EncodedVoice(
            embedding,
            flow_voice(flow, embedding, tokens, mel),
            gain=1.0 if own else gain(prompt.loudness.item()),
        )

    def _end_of_prompt(self, prompt: Prompt, flow: Flow) -> tuple[Tensor, Tensor]:
        """Return the last tokens [P] and mel [80, F] of a prompt, cut to the quality's length.

        The utterance continues from the end of the prompt, where speech pauses.
        """
        rate = flow.config.token_rate
        dropped = len(prompt.speech_tokens) - self.engine.quality.prompt_seconds * rate
        if dropped <= 0:
            return prompt.speech_tokens, prompt.mel
        tokens = math.ceil(dropped)
        return prompt.speech_tokens[tokens:], prompt.mel[:, mel_frames(flow, tokens) :]

    def _decoder(
        self, model: LoadedModel, encoded: EncodedVoice, speed: float, draws: torch.Generator
    ) -> SpeechDecoder:
        return SpeechDecoder(
            model.networks,
            model.schedule,
            encoded.flow,
            SPOKEN_SPEED.clamp(speed * self.settings.speed),
            self.settings.volume * encoded.gain,
            draws,
        )
