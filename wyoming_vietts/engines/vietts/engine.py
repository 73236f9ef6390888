"""The neural engine: a speakable sentence in, PCM out as it is computed.

    text tokens -> speech tokens (lm) -> mel (flow) -> waveform (hift), a step at a time

All state of an utterance is in its own generator; the networks are shared by all.
"""

import logging
import math
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor

from ...errors import SetupError, SynthesisError
from ...recordings import Heard
from ...recordings.recording import (
    load_audio,
    read_recording,
    recording_name,
)
from ...settings.table import SPOKEN_SPEED
from ...steps import Steps
from ..contract import PCM, ClonedVoice
from ..cores import granted_cores
from ..onnx.sessions import best_providers
from ..voice_folder import VoiceFolder
from ..voice_settings import VoiceSettings
from .cpu.memory import keep_freed_memory
from .cpu.spare_cores import SpareCores
from .device import choose_device, out_of_memory_ends_the_request
from .loader import LoadedModel, ModelLoader
from .model.tokenizer import load_tokenizer
from .networks.flow import Flow, FlowVoice, flow_voice, mel_frames
from .networks.flow_stream import FORESIGHT_TOKENS
from .networks.lm import MAX_RATIO, generate
from .prompt.cache import VoiceCache
from .prompt.encoder import MAX_TOKENISED_SECONDS, Prompt
from .quality import QUALITIES
from .utterance import Utterance

_LOGGER = logging.getLogger(__name__)

FIRST_CHUNK_SECONDS = 0.8
CHUNK_GROWTH = 3  # each chunk of a sentence is that many times as long as the one before
MAX_CHUNK_SECONDS = 5.0
WHOLE_SECONDS = 15.0  # a sentence that is not streamed is one chunk, up to this length


@dataclass(frozen=True)
class VietTTSVoice(ClonedVoice):
    """A voice that is cloned from a recording."""

    engine_name = "vietts"
    max_sentences_at_once = 16  # a long one holds 60 MB, and more of them gain nobody anything

    engine: "VietTTSEngine" = field(repr=False, compare=False)

    @property
    def is_ready(self) -> bool:
        """Its recording has been encoded."""
        return self.engine.has_encoded(self.recording)

    def load(self) -> Steps[None]:
        """Load the engine; see `Voice`."""
        return self.engine.load()

    def speak(self, text: str, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`."""
        return self.engine.speak(text, self, speed)


@dataclass(frozen=True)
class EncodedVoice:
    """What the networks need to know about a voice, on their device."""

    speaker_embedding: Tensor
    """[192], for the language model."""
    flow: FlowVoice


class VietTTSEngine:
    """VietTTS, with every recording of a folder as a voice."""

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
        unload_after_minutes: float | None = None,
    ) -> None:
        """Load the model.

        Args:
            model_dir: contains config.yaml and the model's other files.
            voices_dir: recordings to clone, as `VoiceFolder` finds them.
            device: auto, cuda, cuda:N, mps or cpu.
            threads: of PyTorch and ONNX Runtime; None for the available cores, less those that
                other processes keep busy (with a seed, for all of them).
            quality: a key of QUALITIES; None for balanced on a CPU and exact on a GPU.
            streams_sentences: yield a sentence's audio while the rest of it is being computed.
            seed: the same text always gives the same audio; with None, it differs each time.
            unload_after_minutes: see `ModelLoader`.

        Raises:
            ModelError, DeviceError: the message says what is wrong, and where.
        """
        self._device = choose_device(device)
        # Another number of threads may round otherwise, and a seed promises the same audio.
        adapts = threads is None and seed is None
        threads = threads or granted_cores()
        torch.set_num_threads(threads)
        self._spare_cores = SpareCores(threads) if adapts else None
        keep_freed_memory()
        on_gpu = self._device.type != "cpu"
        quality = quality or ("exact" if on_gpu else "balanced")
        _LOGGER.info("VietTTS on %s, %d threads, quality %s", self._device, threads, quality)
        self._quality = QUALITIES[quality]
        self._loader = ModelLoader(model_dir, self._device, self._quality, unload_after_minutes)
        config = self._loader.config
        self._tokenizer = load_tokenizer(model_dir, config.lm.text_vocabulary)
        self._cache = VoiceCache(
            model_dir, config, threads, best_providers(self._device.type == "cuda")
        )
        self._folder = VoiceFolder(voices_dir, recording_name, self._make_voice, depth=3)
        self._failed: set[Path] = set()  # recordings that could not be encoded
        self._streams_sentences = streams_sentences
        self._seed = seed
        self.sample_rate: int = config.hift.sample_rate

    @property
    def voices(self) -> Mapping[str, VietTTSVoice]:
        """What the folder of recordings holds now."""
        return self._folder.voices

    @property
    def device(self) -> str:
        """What it computes on, such as `cpu` or `cuda:0`."""
        return str(self._device)

    @property
    def voices_dir(self) -> Path:
        """Where recordings are looked for."""
        return self._folder.folder

    def listen(self, content: bytes, name: str) -> Steps[Heard]:
        """Find out which seconds of a recording would make a voice; see `CloningEngine`."""
        return self._cache.listen(content, name)

    def look_again(self) -> Steps[None]:
        """See what has changed in the folder; see `CloningEngine`."""
        return self._folder.look_again()

    def has_encoded(self, recording: Path) -> bool:
        """A voice's recording need not be encoded any more."""
        return self._cache.has(recording)

    @torch.inference_mode()
    def idle_work(self) -> Steps[None]:
        """Unload unused networks, encode new voices, forget removed ones; see `Engine`."""
        self._loader.unload_unused()
        yield from self._folder.scan()
        for voice in [*self.voices.values()]:
            try:
                yield from self._cache.get(voice.recording, voice.name)
            except (OSError, SetupError) as error:
                if voice.recording not in self._failed:
                    _LOGGER.warning("Voice '%s' cannot be used: %s", voice.name, error)
                self._failed.add(voice.recording)
            yield
        # Last, as a new recording may be the same as an old one.
        yield from self._cache.forget_removed()

    def _make_voice(
        self, name: str, recording: Path, settings: VoiceSettings
    ) -> Steps[tuple[VietTTSVoice]]:
        """Make a voice from a recording.

        Raises:
            RecordingError, OSError: the recording cannot be used as a voice.
        """
        yield from self._cache.check(recording)
        voice = VietTTSVoice(
            name=name,
            description=settings.description or name,
            languages=(settings.language,),
            author="VietTTS",
            author_url="https://github.com/dangvansam/viet-tts",
            version="0.1.0",
            sample_rate=self.sample_rate,
            recording=recording,
            settings=settings,
            engine=self,
        )
        return (voice,)

    def load(self) -> Steps[None]:
        """Load the networks unless they are there; see `Voice`."""
        with self._loader.in_use():
            yield from self._loader.load()

    def speak(self, text: str, voice: VietTTSVoice, speed: float = 1.0) -> PCM:
        """Speak a sentence; see `Voice`.

        Raises:
            SynthesisError: the voice is gone, the networks cannot be loaded, or the device is out
                of memory.
        """
        return self._speak(text, voice, speed)

    @torch.inference_mode()
    def _speak(self, text: str, voice: VietTTSVoice, speed: float) -> PCM:
        text_tokens = self._tokenizer.encode_sentence(text)
        if not text_tokens:
            return
        lm_draws, audio_draws = self._generators()
        with self._loader.in_use(), out_of_memory_ends_the_request():
            model = yield from self._loader.load()
            model.weight_files.check()
            encoded = yield from self._encoded(voice, model.networks.flow)
            tokens = torch.tensor(text_tokens, device=self._device)
            spoken = generate(model.networks.lm, tokens, encoded.speaker_embedding, lm_draws)
            utterance = _utterance(model, voice, encoded, speed, audio_draws)
            rate = model.networks.flow.config.token_rate
            chunk = rate * (FIRST_CHUNK_SECONDS if self._streams_sentences else WHOLE_SECONDS)
            speech_tokens: list[int] = []
            for token in spoken:
                self._use_spare_cores()
                yield None
                if token is None:
                    continue
                speech_tokens.append(token)
                if len(speech_tokens) >= utterance.tokens_done + chunk + FORESIGHT_TOKENS:
                    yield from utterance.speak(speech_tokens, last=False)
                    chunk = min(CHUNK_GROWTH * chunk, MAX_CHUNK_SECONDS * rate)
            if len(speech_tokens) == MAX_RATIO * len(text_tokens):
                _LOGGER.warning(
                    "Cut off a sentence of %d text tokens that did not end after %.1f s of speech",
                    len(text_tokens),
                    len(speech_tokens) / rate,
                )
            yield from utterance.speak(speech_tokens, last=True)

    @torch.inference_mode()
    def convert(self, recording: Path, voice: VietTTSVoice) -> PCM:
        """Say the words of a recording, of at most 30 s, in a voice.

        Yields:
            PCM, or None as a pause.

        Raises:
            RecordingError: the recording cannot be used.
            SynthesisError: as for `speak`.
        """
        content = yield from read_recording(recording)
        waveform = yield from load_audio(content, recording.name, max_seconds=MAX_TOKENISED_SECONDS)
        encoder = self._cache.make_encoder()
        yield None
        speech_tokens = encoder.speech_tokens(torch.from_numpy(waveform)).tolist()
        yield None
        with self._loader.in_use(), out_of_memory_ends_the_request():
            model = yield from self._loader.load()
            encoded = yield from self._encoded(voice, model.networks.flow)
            _, audio_draws = self._generators()
            utterance = _utterance(model, voice, encoded, 1.0, audio_draws)
            yield from utterance.speak(speech_tokens, last=True)

    def _use_spare_cores(self) -> None:
        if self._spare_cores is not None and self._spare_cores.update():
            torch.set_num_threads(self._spare_cores.count)

    def _generators(self) -> tuple[torch.Generator, torch.Generator]:
        """Random generators for one utterance: for its tokens, and for its sound."""
        seed = secrets.randbits(62) if self._seed is None else self._seed
        lm_draws, audio_draws = (torch.Generator(self._device) for _ in range(2))
        return lm_draws.manual_seed(seed), audio_draws.manual_seed(seed + 1)

    def _encoded(self, voice: VietTTSVoice, flow: Flow) -> Steps[EncodedVoice]:
        """What the networks need to know about a voice."""
        try:
            prompt = yield from self._cache.get(voice.recording, voice.name)
        except (OSError, SetupError) as error:
            if not os.path.exists(voice.recording):  # Path.exists raises on an unreadable folder
                available = ", ".join(self.voices)
                raise SynthesisError(
                    f"Voice '{voice.name}' is gone; available: {available}"
                ) from error
            raise SynthesisError(f"Voice '{voice.name}' cannot be used: {error}") from error
        embedding = prompt.speaker_embedding.to(self._device)
        tokens, mel = self._end_of_prompt(prompt, flow)
        return EncodedVoice(embedding, flow_voice(flow, embedding, tokens, mel))

    def _end_of_prompt(self, prompt: Prompt, flow: Flow) -> tuple[Tensor, Tensor]:
        """The last tokens [P] and mel [80, F] of a prompt, as many as the quality asks for.

        The end is kept: the recording's speech pauses there, and the utterance continues from it.
        """
        rate = flow.config.token_rate
        dropped = len(prompt.speech_tokens) - self._quality.prompt_seconds * rate
        if dropped <= 0:
            return prompt.speech_tokens, prompt.mel
        tokens = math.ceil(dropped)
        return prompt.speech_tokens[tokens:], prompt.mel[:, mel_frames(flow, tokens) :]


def _utterance(
    model: LoadedModel,
    voice: ClonedVoice,
    encoded: EncodedVoice,
    speed: float,
    draws: torch.Generator,
) -> Utterance:
    return Utterance(
        model.networks,
        model.schedule,
        encoded.flow,
        SPOKEN_SPEED.clamp(speed * voice.settings.speed),
        voice.settings.volume,
        draws,
    )
