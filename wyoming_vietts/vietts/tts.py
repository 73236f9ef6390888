"""The neural engine: a speakable sentence in, PCM out while it is made.

    text tokens -> speech tokens (lm) -> mel (flow) -> waveform (hift), a step at a time

All state of an utterance is in its own generator; the networks are shared by all.
"""

import logging
import math
import secrets
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from ..tts import SynthesisError
from ..voices import ClonedVoice, VoiceFolder
from .device import choose_device, flow_type, granted_cores, lm_type, onnx_providers
from .encodings import PromptEncodings
from .flow import FlowVoice, cosine_schedule, flow_voice, mel_frames
from .flow_stream import FORESIGHT_TOKENS, FlowStream
from .hift import HiFTStream
from .lm import MAX_RATIO, generate
from .memory import keep_freed_memory
from .networks import load_networks
from .prompt import HEARD_SECONDS, Prompt, load_audio
from .quality import QUALITIES
from .steps import Steps
from .tempo import MelStretcher
from .tokenizer import load_tokenizer

_LOGGER = logging.getLogger(__name__)

T = TypeVar("T")

FIRST_CHUNK_SECONDS = 0.8
CHUNK_GROWTH = 3  # each chunk of a sentence is that much longer than the one before
FADE_SECONDS = 0.01  # at either end of an utterance


@dataclass(frozen=True)
class EncodedVoice:
    """What the networks need of a voice, on their device."""

    speaker_embedding: Tensor
    """[192], for the language model."""
    flow: FlowVoice


class VietTTS:
    """VietTTS with every recording of a folder as a voice."""

    def __init__(
        self,
        model_dir: Path,
        voices_dir: Path,
        *,
        device: str,
        threads: int | None,
        quality: str | None,
        streams_sentences: bool,
        seed: int | None,
    ) -> None:
        """Load the model.

        Args:
            model_dir: with config.yaml and the files that it belongs to.
            voices_dir: recordings to clone, as `VoiceFolder` finds them.
            device: auto, cuda, cuda:N, mps or cpu.
            threads: of PyTorch and ONNX Runtime; None for the cores that the machine grants.
            quality: a key of QUALITIES; None for balanced on a CPU and exact on a GPU.
            streams_sentences: give out a sentence's audio while the rest of it is made.
            seed: makes the same audio of the same text every time; None draws anew.

        Raises:
            ConfigError, WeightsError, TokenizerError, DeviceError: what is wrong, and where.
        """
        self._device = choose_device(device)
        threads = threads or granted_cores()
        torch.set_num_threads(threads)
        keep_freed_memory()
        on_gpu = self._device.type != "cpu"
        quality = quality or ("exact" if on_gpu else "balanced")
        _LOGGER.info("VietTTS on %s, %d threads, quality %s", self._device, threads, quality)
        self._quality = QUALITIES[quality]
        self._networks = load_networks(
            model_dir,
            self._device,
            lm_type(self._device, self._quality.int8_lm),
            flow_type(self._device, self._quality.half_flow),
        )
        self._schedule = cosine_schedule(
            self._networks.flow, self._quality.solver_steps, self._quality.guidance_every
        )
        config = self._networks.config
        self._tokenizer = load_tokenizer(model_dir, config.lm.text_vocabulary)
        self._encodings = PromptEncodings(model_dir, threads, onnx_providers(self._device))
        self._folder = VoiceFolder(voices_dir, check=self._encodings.check)
        self._streams_sentences = streams_sentences
        self._seed = seed
        self.sample_rate: int = config.hift.sample_rate

    @property
    def voices(self) -> Mapping[str, ClonedVoice]:
        """What the folder of recordings holds now."""
        return self._folder.voices

    @torch.inference_mode()
    def synthesize(self, text: str, voice: str, speed: float = 1.0) -> Generator[bytes, None, None]:
        """Speak a sentence; see the contract in `..tts`.

        Raises:
            SynthesisError: the voice is gone, or the device is out of memory.
        """
        text_tokens = self._tokenizer.encode_sentence(text)
        if not text_tokens:
            return
        lm_draws, audio_draws = self._generators()
        cloned, encoded = yield from self._voice(voice)
        with _out_of_memory_is_the_requests():
            tokens = torch.tensor(text_tokens, device=self._device)
            spoken = generate(self._networks.lm, tokens, encoded.speaker_embedding, lm_draws)
            output = _Output(self, cloned, speed, encoded, audio_draws)
            rate = self._networks.flow.config.token_rate
            chunk = FIRST_CHUNK_SECONDS * rate if self._streams_sentences else math.inf
            speech_tokens: list[int] = []
            for token in spoken:
                speech_tokens.append(token)
                yield b""
                if len(speech_tokens) >= output.tokens_done + chunk + FORESIGHT_TOKENS:
                    yield from output.speak(speech_tokens, last=False)
                    chunk *= CHUNK_GROWTH
            if len(speech_tokens) == MAX_RATIO * len(text_tokens):
                _LOGGER.warning(
                    "Cut off a sentence of %d text tokens that did not end after %.1f s of speech",
                    len(text_tokens),
                    len(speech_tokens) / rate,
                )
            yield from output.speak(speech_tokens, last=True)

    @torch.inference_mode()
    def convert(self, recording: Path, voice: str) -> Generator[bytes, None, None]:
        """Say the words of a recording, of at most 30 s, in a voice.

        Yields:
            PCM, possibly empty.

        Raises:
            PromptError: the recording cannot be used.
            SynthesisError: as for `synthesize`.
        """
        wave = load_audio(recording, HEARD_SECONDS)
        yield b""
        speech_tokens = self._encodings.make_encoder().speech_tokens(wave).tolist()
        yield b""
        cloned, encoded = yield from self._voice(voice)
        with _out_of_memory_is_the_requests():
            _, audio_draws = self._generators()
            output = _Output(self, cloned, 1.0, encoded, audio_draws)
            yield from output.speak(speech_tokens, last=True)

    @property
    def voices_dir(self) -> Path:
        """Where recordings are looked for."""
        return self._folder.folder

    def _generators(self) -> tuple[torch.Generator, torch.Generator]:
        """The draws of one utterance: of its tokens, and of its sound."""
        seed = secrets.randbits(62) if self._seed is None else self._seed
        lm_draws, audio_draws = (torch.Generator(self._device) for _ in range(2))
        return lm_draws.manual_seed(seed), audio_draws.manual_seed(seed + 1)

    def _voice(self, name: str) -> Generator[bytes, None, tuple[ClonedVoice, EncodedVoice]]:
        """A voice's settings and features."""
        cloned = self.voices.get(name)
        if cloned is None:
            raise SynthesisError(f"Voice '{name}' is gone; available: {', '.join(self.voices)}")
        try:
            prompt = yield from _in_turns(self._encodings.get(cloned.prompt))
        except (OSError, ValueError) as error:
            raise SynthesisError(f"Voice '{name}' cannot be used: {error}") from error
        embedding = prompt.speaker_embedding.to(self._device)
        tokens, mel = self._end_of_prompt(prompt)
        return cloned, EncodedVoice(
            embedding, flow_voice(self._networks.flow, embedding, tokens, mel)
        )

    def _end_of_prompt(self, prompt: Prompt) -> tuple[Tensor, Tensor]:
        """Tokens [P] and mel [80, F] of as much of a prompt as the quality wants.

        The end is kept: it is where the recording's speech pauses and the utterance goes on.
        """
        rate = self._networks.flow.config.token_rate
        dropped = len(prompt.speech_tokens) - self._quality.prompt_seconds * rate
        if dropped <= 0:
            return prompt.speech_tokens, prompt.mel
        tokens = math.ceil(dropped)
        return (
            prompt.speech_tokens[tokens:],
            prompt.mel[:, mel_frames(self._networks.flow, tokens) :],
        )


class _Output:
    """Speech tokens to PCM, for one utterance."""

    def __init__(
        self,
        tts: VietTTS,
        voice: ClonedVoice,
        speed: float,
        encoded: EncodedVoice,
        generator: torch.Generator,
    ) -> None:
        self._device = tts._device
        self._flow = FlowStream.start(tts._networks.flow, encoded.flow, tts._schedule, generator)
        self._stretcher = MelStretcher(speed * voice.speed)
        self._vocoder = HiFTStream.start(tts._networks.hift, generator)
        self._volume = voice.volume
        self._fade_samples = round(FADE_SECONDS * tts.sample_rate)
        self._has_begun = False

    @property
    def tokens_done(self) -> int:
        """Speech tokens whose frames have been made."""
        return self._flow.done

    def speak(self, speech_tokens: list[int], last: bool) -> Generator[bytes, None, None]:
        """Take all tokens so far; yield the PCM that they make certain."""
        tokens = torch.tensor(speech_tokens, device=self._device)
        mel = yield from _in_turns(self._flow.feed(tokens, last))
        mel = self._stretcher.feed(mel, last)
        waveform = yield from _in_turns(self._vocoder.feed(mel, last))
        if len(waveform):
            yield self._pcm(waveform, last)

    def _pcm(self, waveform: Tensor, last: bool) -> bytes:
        """[N] in -1 ... 1 to int16, faded in where the utterance begins and out where it ends."""
        fade = torch.linspace(0, 1, min(self._fade_samples, len(waveform)), device=waveform.device)
        waveform = waveform * self._volume
        if not self._has_begun:
            waveform[: len(fade)] *= fade
            self._has_begun = True
        if last:
            waveform[len(waveform) - len(fade) :] *= fade.flip(0)
        samples = (waveform * 32767).round().clamp(-32768, 32767).to(torch.int16)
        return samples.cpu().numpy().astype("<i2").tobytes()


def _in_turns(steps: Steps[T]) -> Generator[bytes, None, T]:
    """Run a long computation; every pause of it is a yield of no audio."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            result: T = end.value
            return result
        yield b""


@contextmanager
def _out_of_memory_is_the_requests() -> Iterator[None]:
    """Turns a full device into an error of the one request, and gives its memory back."""
    try:
        yield
    except torch.OutOfMemoryError as error:
        torch.cuda.empty_cache()
        raise SynthesisError(
            "The GPU is out of memory; send shorter sentences or fewer at a time"
        ) from error
