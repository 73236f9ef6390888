"""What the networks need of a recording: features as the reference's."""

from pathlib import Path

import pytest
import torch

from tests.engines.vietts import cases
from tests.engines.vietts.goldens import PROMPT_SEED, RATES, golden
from tests.recordings import test_recording
from wyoming_vietts.engines.vietts.prompt.encoder import (
    Prompt,
    PromptEncoder,
    prompt_mel,
    whisper_log_mel,
)
from wyoming_vietts.errors import ModelError
from wyoming_vietts.steps import finish

RATE = 16000


def a_voice(seconds: float) -> torch.Tensor:
    return torch.from_numpy(test_recording.a_voice(seconds))


def encode(model_dir: Path, wave: torch.Tensor) -> Prompt:
    encoder = PromptEncoder(model_dir, threads=1, device="cpu")
    return finish(encoder.encode(wave))


@pytest.mark.parametrize("rate", RATES)
def test_features_are_the_references(model_dirs: dict[int, Path], rate: int) -> None:
    wave = torch.from_numpy(cases.prompt_case(cases.SMALL, PROMPT_SEED)["wave16k"])
    prompt = encode(model_dirs[rate], wave)
    expected = {key: torch.from_numpy(values) for key, values in golden(f"prompt{rate}").items()}
    assert prompt.speech_tokens.tolist() == expected["speech_token"].tolist()
    assert len(set(prompt.speech_tokens.tolist())) > 5, "the case should have several tokens"
    torch.testing.assert_close(prompt.mel.T, expected["prompt_feat"], atol=1e-4, rtol=0)
    torch.testing.assert_close(
        prompt.speaker_embedding, expected["embedding"], atol=1e-4, rtol=1e-5
    )


@pytest.mark.parametrize("rate", RATES)
def test_token_rate_is_the_models(model_dirs: dict[int, Path], rate: int) -> None:
    assert len(encode(model_dirs[rate], a_voice(2)).speech_tokens) == 2 * rate


def test_only_half_a_minute_is_tokenised(model_dirs: dict[int, Path]) -> None:
    assert len(encode(model_dirs[25], a_voice(31)).speech_tokens) == 30 * 25


def test_mel_frames_are_those_of_the_hop() -> None:
    assert prompt_mel(torch.randn(RATE) * 0.1).shape == (80, 22050 // 256)


def test_missing_network_is_named(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"speech_tokenizer\.onnx cannot be loaded"):
        PromptEncoder(tmp_path, threads=1, device="cpu")


def test_whispers_spectrogram_drops_what_is_80_db_below_the_peak() -> None:
    wave = torch.cat((a_voice(1), torch.zeros(RATE)))
    spectrogram = whisper_log_mel(wave)
    assert spectrogram.shape == (128, 200)
    assert float(spectrogram.max() - spectrogram.min()) == pytest.approx(8 / 4)
