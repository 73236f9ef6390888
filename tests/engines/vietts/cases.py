"""Inputs of the golden outputs, and of a live comparison with the reference, from a seed."""

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState

from wyoming_vietts.engines.vietts.networks.config import ModelConfig

Arrays = dict[str, np.ndarray]

SENTENCES = (
    "Xin chào các bạn.",
    "Đèn trong phòng khách đã được bật rồi.",
    "Hôm nay trời đẹp quá!",
    "Bạn có muốn tôi bật máy điều hòa ngay không?",
    "Tôi thích cà phê sữa đá; còn bạn thì sao?",
    "Người ta nói: trời sắp mưa to.",
    "Ừ.",
    "Phở bò, bún chả, bánh mì và chè đều ngon.",
    'Anh ấy nói "xin chào" rồi đi.',
    "Thôi nhé... tạm biệt.",
)


@dataclass(frozen=True)
class Size:
    """How long the inputs are."""

    text_tokens: int
    speech_tokens: int
    prompt_seconds: float
    mel_frames: int
    wave_seconds: float


SMALL = Size(text_tokens=9, speech_tokens=14, prompt_seconds=0.4, mel_frames=24, wave_seconds=1.0)


def lm_case(config: ModelConfig, size: Size, seed: int) -> Arrays:
    random = RandomState(seed)
    return {
        "text": random.randint(0, config.lm.text_vocabulary, size.text_tokens),
        "speech": random.randint(0, config.lm.speech_vocabulary, size.speech_tokens),
        "embedding": _normal(random, config.lm.speaker_size),
    }


def candidates_case(vocabulary: int, sharpness: float, seed: int) -> Arrays:
    logits = sharpness * RandomState(seed).standard_normal(vocabulary + 1)
    return {"logp": (logits - np.log(np.exp(logits).sum())).astype(np.float32)}


def flow_case(config: ModelConfig, size: Size, speech_tokens: int, seed: int) -> Arrays:
    random, flow = RandomState(seed), config.flow
    prompt_tokens = int(size.prompt_seconds * flow.token_rate)
    # One frame more than the tokens last, as real prompts have: they are not cut to match.
    prompt_frames = int(size.prompt_seconds * 22050 / 256) + 1
    frames = prompt_frames + int(speech_tokens / flow.token_rate * 22050 / 256)
    return {
        "token": random.randint(0, flow.speech_vocabulary, speech_tokens),
        "prompt_token": random.randint(0, flow.speech_vocabulary, prompt_tokens),
        "prompt_feat": _normal(random, prompt_frames, flow.mel_bands) - 5,
        "embedding": _normal(random, flow.speaker_size),
        "noise": _normal(random, flow.mel_bands, frames),
    }


def hift_case(config: ModelConfig, size: Size, cached_frames: int, seed: int) -> Arrays:
    random, waves = RandomState(seed), config.hift.harmonics + 1
    phase = random.uniform(-np.pi, np.pi, waves).astype(np.float32)
    phase[0] = 0
    return {
        "mel": 2 * _normal(random, config.hift.mel_bands, size.mel_frames) - 5,
        "phase": phase,
        "noise": _normal(random, waves, 256 * size.mel_frames),
        "cache_source": 0.1 * _normal(random, 256 * cached_frames),
    }


def prompt_case(size: Size, seed: int) -> Arrays:
    """Something like a voice: a gliding tone with overtones, pauses and noise."""
    random = RandomState(seed)
    time = np.arange(int(16000 * size.wave_seconds)) / 16000
    pitch = 140 + 40 * np.sin(2 * np.pi * 0.7 * time)
    phase = 2 * np.pi * np.cumsum(pitch) / 16000
    wave = sum(np.sin(order * phase) / order for order in range(1, 20))
    wave = 0.2 * wave * (np.sin(2 * np.pi * 2.5 * time) > -0.6) + 0.01 * random.standard_normal(
        len(time)
    )
    return {"wave16k": wave.astype(np.float32)}


def _normal(random: RandomState, *shape: int) -> np.ndarray:
    return random.standard_normal(shape).astype(np.float32)
