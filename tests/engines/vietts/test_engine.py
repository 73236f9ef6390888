"""The neural engine as the server uses it: tiny random networks, real recordings."""

import asyncio
import errno
import itertools
import logging
import os
import shutil
import weakref
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors.torch
import soundfile
import torch

from tests.engines.vietts.speech import (
    SENTENCE,
    WORDS,
    make_engine,
    samples_of,
    say,
    voices_dir,
)
from tests.harness import joined, pcm_of, running_server, synthesize
from tests.recording_files import record, write_wav
from wyoming_vietts.engines import recording_cache
from wyoming_vietts.engines.loudness import gain, loudness
from wyoming_vietts.engines.onnx.sessions import Session
from wyoming_vietts.engines.recording_cache import CACHE_FOLDER
from wyoming_vietts.engines.samples import FULL_SCALE
from wyoming_vietts.engines.vietts import convert, loader
from wyoming_vietts.engines.vietts import voice as module
from wyoming_vietts.engines.vietts.decoder import SpeechDecoder
from wyoming_vietts.engines.vietts.device import choose_device
from wyoming_vietts.engines.vietts.engine import VietTTSEngine
from wyoming_vietts.engines.vietts.networks import flow_stream
from wyoming_vietts.engines.vietts.networks.flow import flow_voice
from wyoming_vietts.engines.vietts.networks.flow_stream import FlowStream
from wyoming_vietts.engines.vietts.networks.tempo import MelStretcher
from wyoming_vietts.engines.vietts.prompt import cache, encoder
from wyoming_vietts.engines.vietts.voice import VietTTSVoice
from wyoming_vietts.errors import ModelError, SetupError, SynthesisError, UnknownVoiceError
from wyoming_vietts.recordings.recording import load_audio
from wyoming_vietts.recordings.speech import SAMPLE_RATE
from wyoming_vietts.steps import Steps, finish

__all__ = ["voices_dir"]


@pytest.fixture(scope="module")
def streaming(model_dirs: dict[int, Path], voices_dir: Path) -> VietTTSEngine:
    return make_engine(model_dirs[25], voices_dir)


@pytest.fixture(scope="module")
def whole(model_dirs: dict[int, Path], voices_dir: Path) -> VietTTSEngine:
    return make_engine(model_dirs[25], voices_dir, streams_sentences=False)


def test_recordings_are_the_voices(streaming: VietTTSEngine) -> None:
    assert list(streaming.voices) == ["an", "binh"]
    assert streaming.sample_rate == 22_050


def test_settings_beside_a_recording_are_what_clients_see(
    model_dirs: dict[int, Path], voices_dir: Path, tmp_path: Path
) -> None:
    for name in ("an", "binh"):
        shutil.copy(voices_dir / f"{name}.wav", tmp_path)
    (tmp_path / "an.toml").write_text('description = "Cô An"\nlanguage = "vi"\n')
    voices = make_engine(model_dirs[25], tmp_path).voices
    assert [voice.description for voice in voices.values()] == ["Cô An", "binh"]
    assert [voice.languages for voice in voices.values()] == [("vi",), ("vi-VN",)]


def test_a_seed_makes_the_same_audio_and_no_seed_makes_another(
    model_dirs: dict[int, Path], voices_dir: Path, streaming: VietTTSEngine
) -> None:
    first, again = (b"".join(say(streaming, SENTENCE, "an")) for _ in range(2))
    assert first == again
    unseeded = make_engine(model_dirs[25], voices_dir, seed=None)
    one, other = (b"".join(say(unseeded, SENTENCE, "an")) for _ in range(2))
    assert one != other


def test_speech_is_as_loud_as_other_voices_whatever_its_recording(
    streaming: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = streaming.voices["an"]
    own_loudness = finish(streaming.features.get(voice.recording, "an")).loudness.item()
    recorded = finish(load_audio(voice.recording.read_bytes(), "an.wav"))
    assert own_loudness == pytest.approx(loudness(recorded, SAMPLE_RATE), abs=1)
    alike = samples_of(say(streaming, WORDS, "an"))
    monkeypatch.setattr(streaming, "has_own_loudness", True)
    own = samples_of(say(streaming, WORDS, "an"))
    expected = np.clip(own * gain(own_loudness), -FULL_SCALE, FULL_SCALE)
    assert np.abs(alike - expected).max() <= 2


def test_voices_and_texts_sound_different(streaming: VietTTSEngine) -> None:
    spoken = {
        b"".join(say(streaming, text, voice))
        for text in (SENTENCE, "tạm biệt.")
        for voice in ("an", "binh")
    }
    assert len(spoken) == 4


def test_interleaved_utterances_are_the_same_as_alone(streaming: VietTTSEngine) -> None:
    requests = [(SENTENCE, "an"), ("tạm biệt nhé.", "binh"), (SENTENCE, "binh")]
    alone = [b"".join(say(streaming, *request)) for request in requests]
    running = {i: say(streaming, *request) for i, request in enumerate(requests)}
    together = [bytearray() for _ in requests]
    while running:
        for i in list(running):
            piece = next(running[i], None)
            if piece is None:
                del running[i]
            else:
                together[i] += piece
    assert [bytes(pcm) for pcm in together] == alone


def test_inference_mode_does_not_leak_to_the_caller(streaming: VietTTSEngine) -> None:
    for _ in say(streaming, SENTENCE, "an"):
        assert not torch.is_inference_mode_enabled()
        assert torch.ones(1, requires_grad=True).requires_grad


def test_it_yields_at_every_token_and_every_block(whole: VietTTSEngine) -> None:
    steps = sum(1 for _ in say(whole, SENTENCE, "an"))
    text_tokens = len(whole.tokenizer.encode_sentence(SENTENCE))
    flow = finish(whole.loader.load()).networks.flow
    blocks = sum(len(stage.blocks) for stage in flow.unet.middle)
    assert steps > 2 * text_tokens + 10 * blocks


def test_audio_comes_before_the_last_token(streaming: VietTTSEngine, whole: VietTTSEngine) -> None:
    def pieces_of_audio(engine: VietTTSEngine) -> int:
        return sum(1 for pcm in say(engine, SENTENCE, "an") if pcm)

    assert pieces_of_audio(whole) == 1
    assert pieces_of_audio(streaming) >= 3


def test_chunks_of_a_sentence_grow(streaming: VietTTSEngine) -> None:
    lengths = [len(pcm) for pcm in say(streaming, SENTENCE, "an") if pcm]
    assert lengths[:-1] == sorted(lengths[:-1])
    assert lengths[1] > 1.5 * lengths[0]


def test_closing_stops_the_computation(
    streaming: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = []
    real = module.generate

    def counted(*arguments: object) -> object:
        for token in real(*arguments):  # type: ignore[arg-type]
            drawn.append(token)
            yield token

    monkeypatch.setattr(module, "generate", counted)
    synthesis = say(streaming, SENTENCE, "an")
    while not drawn:
        next(synthesis)
    synthesis.close()
    assert len(drawn) == 1


async def test_a_crowd_is_spoken_to_some_at_a_time(
    model_dirs: dict[int, Path], voices_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(VietTTSVoice, "max_sentences_at_once", 3)
    engine = make_engine(model_dirs[25], voices_dir)
    list(engine.idle_work())
    speaking: list[int] = []
    crowds: list[int] = []
    real = module.generate

    def watched(*arguments: object) -> object:
        speaking.append(1)
        try:
            for token in real(*arguments):  # type: ignore[arg-type]
                crowds.append(len(speaking))
                yield token
        finally:
            speaking.pop()

    monkeypatch.setattr(module, "generate", watched)
    async with running_server(engine) as uri:
        alone = pcm_of(await synthesize(uri, "Chào.", "an"))
        answers = await asyncio.gather(*(synthesize(uri, "Chào.", "an") for _ in range(6)))
    assert [pcm_of(answer) for answer in answers] == [alone] * 6
    assert max(crowds) == 3


@pytest.mark.parametrize("rate", [25, 50])
def test_streamed_sentence_is_as_long_as_the_whole_one(
    rate: int, model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    # The same tokens are drawn, as the language model draws first in both.
    lengths = [
        len(joined(engine.voices["an"].convert(voices_dir / "binh.wav")))
        for engine in (make_engine(model_dirs[rate], voices_dir, mode) for mode in (True, False))
    ]
    assert lengths[0] == lengths[1]


def speak_tokens(
    engine: VietTTSEngine, tokens: list[int], cuts: list[int]
) -> tuple[np.ndarray, list[int]]:
    """Waveform of given speech tokens handed over in pieces, and where its pieces meet."""
    with torch.inference_mode():
        generator = torch.Generator().manual_seed(3)
        model = finish(engine.loader.load())
        voice = finish(engine.voices["an"]._encode(model.networks.flow)).flow
        # Random networks have near ties: the rounding of a sum decides on a token of the prompt.
        prompt = np.random.RandomState(6).randint(0, 60, len(voice.prompt_tokens))
        voice = replace(voice, prompt_tokens=torch.from_numpy(prompt))
        output = SpeechDecoder(model.networks, model.schedule, voice, 1.0, 1.0, generator)
        pieces = []
        for cut in [*cuts, len(tokens)]:
            pieces += [p for p in output.feed(tokens[:cut], last=cut == len(tokens)) if p]
    seams = np.cumsum([len(piece) // 2 for piece in pieces])[:-1]
    return np.frombuffer(b"".join(pieces), "<i2").astype(float), list(seams)


def test_seams_have_no_click_and_no_step_in_level(streaming: VietTTSEngine) -> None:
    tokens = np.random.RandomState(4).randint(0, 60, 150).tolist()
    waveform, seams = speak_tokens(streaming, tokens, [30, 60, 110])
    unbroken, _ = speak_tokens(streaming, tokens, [])
    assert len(waveform) == len(unbroken)
    assert len(seams) >= 3
    usual_jump = np.quantile(np.abs(np.diff(unbroken)), 0.999)
    usual_step = np.quantile([level_step(unbroken, at) for at in range(2000, 120_000, 500)], 0.95)
    for seam in seams:
        assert np.abs(np.diff(waveform[seam - 3 : seam + 3])).max() <= 1.5 * usual_jump
        assert level_step(waveform, seam) <= usual_step


def test_windows_fade_into_each_other(
    streaming: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = torch.from_numpy(np.random.RandomState(5).randint(0, 60, 60))

    def second_piece() -> tuple[torch.Tensor, torch.Tensor]:
        """What the first window foresaw of the second piece, and the second piece."""
        model = finish(streaming.loader.load())
        flow = model.networks.flow
        draw = torch.Generator().manual_seed(1)
        voice = flow_voice(flow, torch.ones(192), tokens[:20], torch.zeros(80, 68) - 5)
        stream = FlowStream(flow, voice, model.schedule, draw)
        finish(stream.feed(tokens[:30], last=False))
        lookahead = stream.lookahead
        return lookahead, finish(stream.feed(tokens, last=True))

    lookahead, blended = second_piece()
    monkeypatch.setattr(flow_stream, "BLEND_FRAMES", 0)
    _, plain = second_piece()
    share = torch.arange(1, 13) / 13
    expected = lookahead[:, :12] + share * (plain[:, :12] - lookahead[:, :12])
    assert not torch.allclose(lookahead[:, :12], plain[:, :12], atol=1e-3)
    torch.testing.assert_close(blended[:, :12], expected)
    torch.testing.assert_close(blended[:, 12:], plain[:, 12:])


def level_step(waveform: np.ndarray, at: int) -> float:
    """Change of level from 50 ms before to 50 ms after a sample, in dB."""
    before, after = waveform[at - 1100 : at], waveform[at : at + 1100]
    return float(abs(20 * np.log10(np.std(before) / np.std(after))))


def test_waveform_handed_over_in_one_piece_is_the_reference_way(whole: VietTTSEngine) -> None:
    tokens = np.random.RandomState(5).randint(0, 60, 60).tolist()
    in_one, _ = speak_tokens(whole, tokens, [])
    frames = int(60 / 25 * 22_050 / 256)
    assert len(in_one) == frames * 256


@pytest.mark.parametrize("streams_sentences", [True, False])
@pytest.mark.parametrize("speed", [0.75, 1.5])
def test_speed_changes_the_length_in_both_modes(
    speed: float, streams_sentences: bool, model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    engine = make_engine(model_dirs[25], voices_dir, streams_sentences)
    usual, changed = (
        len(samples_of(say(engine, SENTENCE, "an", speed=factor))) for factor in (1.0, speed)
    )
    assert usual / changed == pytest.approx(speed, rel=0.02)


@pytest.mark.parametrize("speed", [0.5, 0.77, 1.3, 2.0])
@pytest.mark.parametrize("piece", [1, 2, 7, 50])
def test_stretching_in_pieces_is_stretching_the_whole(speed: float, piece: int) -> None:
    mel = torch.arange(101.0).expand(80, -1) + torch.arange(80.0)[:, None]
    whole = MelStretcher(speed).feed(mel, last=True)
    stretcher = MelStretcher(speed)
    pieces = [
        stretcher.feed(mel[:, i : i + piece], last=i + piece >= 101) for i in range(0, 101, piece)
    ]
    assert whole.shape == (80, int(101 / speed))
    torch.testing.assert_close(torch.cat(pieces, dim=1), whole)
    inside = whole[0, 2:-2]
    assert torch.allclose(inside.diff(), torch.tensor(speed), atol=1e-3), "evenly spaced"


def test_utterance_fades_in_and_out(streaming: VietTTSEngine) -> None:
    samples = samples_of(say(streaming, SENTENCE, "an"))
    loudest = np.abs(samples).max()
    assert abs(samples[0]) <= 0.01 * loudest
    assert abs(samples[-1]) <= 0.01 * loudest


def test_runaway_is_bounded_and_logged(
    whole: VietTTSEngine, caplog: pytest.LogCaptureFixture
) -> None:
    samples = samples_of(say(whole, SENTENCE, "an"))  # random networks hardly ever end
    tokens = len(whole.tokenizer.encode_sentence(SENTENCE))
    assert len(samples) <= 20 * tokens / 25 * 22_050 + 256
    if len(samples) > 19.9 * tokens / 25 * 22_050:
        assert "Cut off a sentence" in caplog.text


def test_nothing_to_say_is_no_audio(streaming: VietTTSEngine) -> None:
    assert b"".join(say(streaming, "", "an")) == b""


@pytest.mark.parametrize("change", ["cut off", "overwritten"])
@pytest.mark.parametrize("is_read_only", [False, True])
def test_model_file_that_is_changed_in_place_is_an_error_that_names_it(
    is_read_only: bool,
    change: str,
    model_dir: Path,
    voices_dir: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    if is_read_only:  # then the published files are mapped into memory, as they cannot be converted

        def write_nothing(*_: object) -> Steps[None]:
            raise PermissionError(errno.EACCES, "Permission denied")
            yield

        monkeypatch.setattr(convert, "write_weights", write_nothing)
    engine = make_engine(model_dir, voices_dir)
    suffix = "pt" if is_read_only else "safetensors"
    assert b"".join(say(engine, WORDS))
    assert (model_dir / "llm.safetensors").exists() != is_read_only
    replaced = model_dir / f"hift.{suffix}"
    shutil.copy(replaced, model_dir / "new")
    (model_dir / "new").replace(replaced)
    assert b"".join(say(engine, WORDS)), "a file that is replaced does no harm"
    with (model_dir / f"llm.{suffix}").open("r+b") as file:
        if change == "cut off":
            file.truncate(1000)
        file.write(b"x")
    with pytest.raises(SynthesisError, match=rf"llm\.{suffix} has been changed under the server"):
        list(say(engine, WORDS))


def test_voice_settings_change_speed_and_volume(
    model_dirs: dict[int, Path], tmp_path: Path, voices_dir: Path
) -> None:
    shutil.copy(voices_dir / "an.wav", tmp_path / "an.wav")
    shutil.copy(voices_dir / "an.wav", tmp_path / "soft.wav")
    (tmp_path / "soft.toml").write_text("speed = 2.0\nvolume = 0.25\n")
    engine = make_engine(model_dirs[25], tmp_path, streams_sentences=False)
    plain, soft = (samples_of(say(engine, WORDS, voice)) for voice in ("an", "soft"))
    assert len(plain) / len(soft) == pytest.approx(2, rel=0.02)
    assert np.std(soft) / np.std(plain) == pytest.approx(0.25, rel=0.15)


def test_voice_that_went_away_is_an_error_that_lists_the_others(
    model_dirs: dict[int, Path], voices_dir: Path, tmp_path: Path
) -> None:
    shutil.copytree(voices_dir, tmp_path / "voices")
    shutil.copy(voices_dir / "an.wav", tmp_path / "voices" / "gone.wav")
    engine = make_engine(model_dirs[25], tmp_path / "voices")
    voice = engine.voices["gone"]
    voice.recording.unlink()
    engine._recordings._scanned_at = -1e9  # the folder is looked at again
    with pytest.raises(UnknownVoiceError, match="'gone' is gone; available: an, binh"):
        list(voice.speak(WORDS))


def test_full_gpu_is_an_error_of_the_one_request(
    streaming: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> object:
        raise torch.OutOfMemoryError("CUDA out of memory")

    with monkeypatch.context() as patched:
        patched.setattr(module, "generate", full)
        with pytest.raises(SynthesisError, match="out of memory"):
            list(say(streaming, WORDS, "an"))
    assert b"".join(say(streaming, WORDS, "an"))


def no_encoder(*_: object) -> object:
    raise AssertionError("a voice was encoded again")


def test_voice_is_encoded_once_and_read_at_the_next_start(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    first = b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an"))
    monkeypatch.setattr(cache, "PromptEncoder", no_encoder)
    engine = make_engine(model_dir, recording.parent)
    assert b"".join(say(engine, WORDS, "an")) == first
    recording.rename(recording.with_name("binh.wav"))
    again = make_engine(model_dir, recording.parent)
    assert b"".join(say(again, WORDS, "binh")) == first, "found by its content"


def test_cached_voice_may_change_once_it_is_read(model_dir: Path, tmp_path: Path) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    first = b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an"))
    engine = make_engine(model_dir, recording.parent)
    list(engine.idle_work())  # reads it
    (cached,) = (model_dir / CACHE_FOLDER).iterdir()
    with cached.open("r+b") as file:
        file.write(bytes(cached.stat().st_size))
    assert b"".join(say(engine, WORDS, "an")) == first


@pytest.mark.parametrize("use", ["make a voice", "convert"])
def test_encoder_is_unloaded_before_the_networks_speak(
    model_dir: Path, voices_dir: Path, monkeypatch: pytest.MonkeyPatch, use: str
) -> None:
    """It takes half a gigabyte, which goes back to the system at once."""
    engine = make_engine(model_dir, voices_dir)
    held: list[weakref.ref[Session]] = []
    given_back: list[bool] = []
    original = encoder._open

    def open_session(*args: Any) -> Session:
        session = original(*args)
        held.append(weakref.ref(session))
        return session

    def give_back() -> None:
        given_back.append(not any(session() for session in held))

    monkeypatch.setattr(encoder, "_open", open_session)
    monkeypatch.setattr(encoder, "give_back_freed_memory", give_back)
    an = engine.voices["an"]
    pieces = an.speak(WORDS) if use == "make a voice" else an.convert(voices_dir / "binh.wav")
    next(pcm for pcm in pieces if pcm)
    assert len(held) >= 2
    assert given_back
    assert all(given_back)


def test_three_requests_for_a_new_voice_share_one_encoder(
    model_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    made = []
    real = cache.PromptEncoder
    monkeypatch.setattr(cache, "PromptEncoder", lambda *a: made.append(1) or real(*a))
    engine = make_engine(model_dir, recording.parent)
    requests = [say(engine, WORDS, "an") for _ in range(3)]
    audio = [b"", b"", b""]
    for pieces in itertools.zip_longest(*requests, fillvalue=b""):
        audio = [so_far + piece for so_far, piece in zip(audio, pieces, strict=True)]
    assert len(made) == 1
    assert audio == [audio[0]] * 3 != [b""] * 3


def test_new_voice_is_encoded_while_nobody_is_served(
    model_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    engine = make_engine(model_dir, recording.parent)
    with caplog.at_level(logging.INFO):
        assert len(list(engine.idle_work())) > 3
    assert "Voice 'an' is ready" in caplog.text
    monkeypatch.setattr(cache, "PromptEncoder", no_encoder)
    assert b"".join(say(engine, WORDS, "an"))
    assert len(list(engine.idle_work())) < 5, "it only looks"


def test_recording_that_is_deleted_before_it_is_encoded_is_no_warning(
    model_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    engine = make_engine(model_dir, recording.parent)
    assert list(engine.voices) == ["an"]
    recording.unlink()
    list(engine.idle_work())
    assert not caplog.records


def test_features_that_another_server_deletes_are_made_again_without_a_warning(
    model_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    engine = make_engine(model_dir, recording.parent)
    assert list(engine.voices) == ["an"]
    folder = model_dir / CACHE_FOLDER
    monkeypatch.setattr(Path, "is_file", lambda path: path.parent == folder or os.path.isfile(path))
    list(engine.idle_work())
    assert engine.voices["an"].is_ready
    assert not caplog.records


def test_features_of_a_removed_recording_are_removed(model_dir: Path, tmp_path: Path) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    copy = recording.with_name("binh.wav")
    shutil.copy(recording, copy)
    engine = make_engine(model_dir, recording.parent)
    list(engine.idle_work())
    recording.unlink()
    finish(engine.look_again())
    list(engine.idle_work())
    assert len(list((model_dir / CACHE_FOLDER).iterdir())) == 1, "binh has the same"
    assert b"".join(say(engine, WORDS, "binh"))
    copy.rename(recording)  # so it is an's again
    finish(engine.look_again())
    list(engine.idle_work())
    assert len(list((model_dir / CACHE_FOLDER).iterdir())) == 1
    recording.unlink()
    finish(engine.look_again())
    list(engine.idle_work())
    assert list((model_dir / CACHE_FOLDER).iterdir()) == []


def test_cached_voice_of_wrong_shapes_is_made_again(
    model_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    first = b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an"))
    (cached,) = (model_dir / CACHE_FOLDER).iterdir()
    good = safetensors.torch.load_file(cached)
    for name, wrong in (
        ("mel", torch.zeros(79, 9)),
        ("speaker_embedding", torch.zeros(5)),
        ("speech_tokens", torch.full((9,), 10**6)),
        ("speech_tokens", torch.zeros(9)),
    ):
        safetensors.torch.save_file({**good, name: wrong}, cached)
        caplog.clear()
        assert b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an")) == first
        assert "is damaged and will be made again" in caplog.text


def test_network_that_hears_recordings_is_looked_at_at_the_start(
    model_dir: Path, tmp_path: Path
) -> None:
    path = model_dir / "speech_tokenizer.onnx"
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    with pytest.raises(ModelError, match=r"speech_tokenizer\.onnx is incomplete: "):
        make_engine(model_dir, tmp_path)
    path.unlink()
    with pytest.raises(ModelError, match=r"speech_tokenizer\.onnx is missing"):
        make_engine(model_dir, tmp_path)


def test_network_that_cannot_be_loaded_fails_the_request_not_the_voice(
    model_dir: Path, tmp_path: Path
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    engine = make_engine(model_dir, recording.parent)
    path = model_dir / "speech_embedding.onnx"
    content = path.read_bytes()
    path.write_bytes(b"nonsense")
    with pytest.raises(SynthesisError, match=r"speech_embedding\.onnx cannot be loaded"):
        list(say(engine, WORDS, "an"))
    path.write_bytes(content)
    assert b"".join(say(engine, WORDS, "an"))


def test_changed_recording_and_damaged_cache_are_encoded_again(
    model_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    first = b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an"))
    (cached,) = (model_dir / CACHE_FOLDER).iterdir()
    cached.write_bytes(b"damaged")
    assert b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an")) == first
    assert "is damaged" in caplog.text
    record(recording, "espeak-south-male")
    assert b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an")) != first


def test_model_directory_that_cannot_be_written_is_no_obstacle(
    model_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    recording = record(tmp_path / "voices" / "an.wav")
    (model_dir / CACHE_FOLDER).write_text("in the way")
    assert b"".join(say(make_engine(model_dir, recording.parent), WORDS, "an"))
    assert "so every start encodes the voice again" in caplog.text


def test_recordings_that_cannot_be_used_are_left_out_with_a_reason(
    model_dirs: dict[int, Path], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    noise = np.random.RandomState(0).standard_normal(22_050 * 4)
    record(tmp_path / "good.wav")
    write_wav(tmp_path / "short.wav", 0.1 * noise[:11_025])
    write_wav(tmp_path / "silent.wav", 0 * noise)
    write_wav(tmp_path / "clipped.wav", 9 * noise)
    (tmp_path / "text.wav").write_text("no audio")
    (tmp_path / "empty.mp3").write_bytes(b"")
    soundfile.write(tmp_path / "long.flac", np.zeros(8_000 * 3 * 3600, np.int16), 8_000)
    write_wav(tmp_path / "noise.wav", 0.1 * noise)
    assert list(make_engine(model_dirs[25], tmp_path).voices) == ["good"]
    for name, reason in (
        ("short", "0.5 s long"),
        ("silent", "is silent"),
        ("clipped", "is clipped"),
        ("text", "cannot be read as audio"),
        ("empty", "cannot be read as audio"),
        ("long", "10800 s long"),
        ("noise", "Nobody speaks"),
    ):
        lines = [r.getMessage() for r in caplog.records if f"'{name}'" in r.getMessage()]
        assert len(lines) == 1, name
        assert reason in lines[0]


def test_hours_of_recording_are_not_read_to_be_refused(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_wav(tmp_path / "long.wav", np.zeros(8_000 * 3 * 3600), 8_000)
    engine = make_engine(model_dirs[25], tmp_path)
    monkeypatch.setattr(recording_cache, "load_prompt_audio", lambda *_, **__: pytest.fail("read"))
    assert list(engine.voices) == []


def test_recording_that_was_heard_is_not_checked_again(
    model_dirs: dict[int, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(model_dirs[25], tmp_path / "voices")
    recording = record(tmp_path / "an.wav", "espeak-south-male")
    finish(engine.listen(recording.read_bytes(), "an.wav"))
    (tmp_path / "voices").mkdir()
    recording.rename(tmp_path / "voices" / "an.wav")
    finish(engine.look_again())
    monkeypatch.setattr(recording_cache, "load_prompt_audio", lambda *_, **__: pytest.fail("heard"))
    (voice,) = engine.voices.values()
    assert not voice.is_ready
    monkeypatch.undo()
    assert any(voice.speak("xin chào."))
    assert voice.is_ready


def test_conversion_says_a_recording_in_another_voice(
    model_dirs: dict[int, Path], voices_dir: Path
) -> None:
    engine = make_engine(model_dirs[25], voices_dir)
    as_an, as_binh = (
        samples_of(engine.voices[name].convert(voices_dir / "an.wav")) for name in ("an", "binh")
    )
    with_seconds = len(as_an) / engine.sample_rate
    content = (voices_dir / "an.wav").read_bytes()
    wave = finish(load_audio(content, "an.wav"))
    assert with_seconds == pytest.approx(len(wave) / SAMPLE_RATE, abs=0.1)
    assert not np.array_equal(as_an, as_binh)


def test_device_that_is_not_there_is_an_error() -> None:
    with pytest.raises(SetupError, match="no device 'cuda:99'; available: cpu"):
        choose_device("cuda:99")


def test_half_precision_as_on_a_gpu_speaks_nearly_the_same(
    model_dirs: dict[int, Path], voices_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens = np.random.RandomState(5).randint(0, 60, 90).tolist()
    full, _ = speak_tokens(make_engine(model_dirs[25], voices_dir), tokens, [40])
    monkeypatch.setattr(loader, "lm_type", lambda device, int8_on_cpu: torch.bfloat16)
    monkeypatch.setattr(loader, "flow_type", lambda device, reduced_on_cpu: torch.bfloat16)
    engine = make_engine(model_dirs[25], voices_dir)
    half, _ = speak_tokens(engine, tokens, [40])
    assert len(half) == len(full)
    assert np.std(half) == pytest.approx(np.std(full), rel=0.2)
    assert b"".join(say(engine, WORDS, "an"))


def test_memory_that_runs_out_is_the_error_of_one_sentence(
    streaming: VietTTSEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = b"".join(say(streaming, WORDS))
    other = say(streaming, WORDS)
    begun = next(other)
    with monkeypatch.context() as patched:
        patched.setattr(flow_stream, "euler", lambda *_: torch.empty(1 << 60))
        with pytest.raises(SynthesisError, match="The server is out of memory; send shorter"):
            list(say(streaming, WORDS))
    assert begun + b"".join(other) == alone
    assert b"".join(say(streaming, WORDS)) == alone
