"""Recordings to voices: features as the published package makes them, files, and the page's API."""

import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile

from tests.engines.vieneu.test_speech import GOLDEN, samples
from tests.engines.vieneu.tiny_model import NAMES, recording, write_cloning
from tests.frontends.http.harness import running_doors
from tests.frontends.http.test_voices import make
from tests.harness import describe, pcm_of, synthesize
from tests.recordings.test_listening import MEN, TEXTS, recorded, spoken
from wyoming_vietts.engines.catalogue import Catalogue, make_catalogue
from wyoming_vietts.engines.cloning import CloningEngine
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.recording_cache import CACHE_FOLDER
from wyoming_vietts.engines.vieneu.bands import speaker_bands
from wyoming_vietts.engines.vieneu.cloning import ClonedVieNeuVoice, VieNeuCloningEngine
from wyoming_vietts.engines.vieneu.config import load_config
from wyoming_vietts.engines.vieneu.engine import CLONING_FILES
from wyoming_vietts.engines.vieneu.enrolment import enrol
from wyoming_vietts.errors import ModelError, RecordingError, SynthesisError, UnknownVoiceError
from wyoming_vietts.steps import finish


@pytest.fixture
def folder(vieneu_dir: Path, tmp_path: Path) -> Path:
    """A model that clones."""
    return write_cloning(shutil.copytree(vieneu_dir, tmp_path / "model"))


@pytest.fixture(scope="module")
def speech() -> bytes:
    """A recording of a man."""
    return recorded(spoken(MEN[0], *TEXTS))


def make_engine(folder: Path) -> VieNeuCloningEngine:
    voices_dir = folder.parent / "voices"
    return VieNeuCloningEngine(
        EngineSettings(vieneu_dir=folder, voices_dir=voices_dir, threads=1, quality="fast", seed=1)
    )


def record(folder: Path, speech: bytes, name: str = "an") -> Path:
    path = folder.parent / "voices" / f"{name}.wav"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(speech)
    return path


def clone_of(engine: VieNeuCloningEngine, name: str = "an-vieneu") -> ClonedVieNeuVoice:
    voice = engine.voices[name]
    assert isinstance(voice, ClonedVieNeuVoice)
    return voice


# --- features ------------------------------------------------------------------------------------


def test_features_are_those_of_the_published_package(folder: Path) -> None:
    expected = np.load(GOLDEN / "arrays.npz")
    features = finish(enrol(folder, load_config(folder), recording(), 1))
    np.testing.assert_allclose(features.speaker, expected["speaker"], atol=2e-5)
    np.testing.assert_allclose(features.style, expected["style"], atol=2e-6)


def test_bands_follow_the_loudness_around_their_mean() -> None:
    noise = np.random.RandomState(1).standard_normal(16_000)
    bands = speaker_bands((noise * np.linspace(0.01, 1, 16_000)).astype(np.float32))
    assert bands.shape == (98, 80)
    np.testing.assert_allclose(bands.mean(axis=0), 0, atol=1e-4)
    loudest = bands[60:].mean(axis=0) - bands[:5].mean(axis=0)
    assert loudest.min() > 2, "louder in each band"


@pytest.mark.parametrize("name", CLONING_FILES)
def test_network_of_another_kind_makes_no_voice(name: str, folder: Path) -> None:
    shutil.copy(folder / "vector_estimator.onnx", folder / name)
    with pytest.raises(ModelError, match=f"{name} is a network of another kind"):
        finish(enrol(folder, load_config(folder), recording(), 1))


def test_networks_that_fit_but_make_something_else_make_no_voice(folder: Path) -> None:
    shutil.copy(folder / "codec_encoder.onnx", folder / "speaker_encoder.onnx")
    with pytest.raises(ModelError, match=r"speaker_encoder\.onnx fails"):
        finish(enrol(folder, load_config(folder), recording(), 1))


# --- voices --------------------------------------------------------------------------------------


def test_recording_is_a_voice_after_the_presets_so_that_the_default_stays(
    folder: Path, speech: bytes
) -> None:
    path = record(folder, speech)
    path.with_suffix(".toml").write_text('description = "Anh Nam"\nspeed = 2.0')
    engine = make_engine(folder)
    assert [*engine.voices] == [*NAMES, "an-vieneu"]
    voice = clone_of(engine)
    assert voice.description == "Anh Nam (VieNeu)"
    assert not voice.is_ready
    finish(engine.idle_work())
    assert voice.is_ready
    fast = samples(voice, "xin chào cả nhà.")
    path.with_suffix(".toml").unlink()
    finish(engine.look_again())
    normal = samples(clone_of(engine), "xin chào cả nhà.")
    assert len(normal) == pytest.approx(2 * len(fast), rel=0.1)
    assert not np.array_equal(normal, samples(engine.voices[NAMES[0]], "xin chào cả nhà."))  # type: ignore[arg-type]


def test_features_are_kept_by_content_and_deleted_with_the_recording(
    folder: Path, speech: bytes, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    path = record(folder, speech)
    first = samples(clone_of(make_engine(folder)), "xin chào.")
    (kept,) = (folder / CACHE_FOLDER).iterdir()
    assert kept.stat().st_size < 60_000
    with monkeypatch.context() as patch:
        patch.setattr("wyoming_vietts.engines.vieneu.enrolment.enrol", None)
        copy = record(folder, speech, "binh")
        engine = make_engine(folder)
        assert np.array_equal(samples(clone_of(engine, "binh-vieneu"), "xin chào."), first)
    for content in (b"", b"PK\3\4", kept.read_bytes()[:-100], recorded(np.zeros(100))):
        kept.write_bytes(content)
        assert np.array_equal(samples(clone_of(make_engine(folder)), "xin chào."), first)
    assert caplog.text.count("is damaged and will be made again") == 4
    engine = make_engine(folder)
    finish(engine.idle_work())
    for each in (path, copy):
        each.unlink()
        finish(engine.look_again())
        finish(engine.idle_work())
    assert not kept.exists()


def test_voice_that_is_gone_or_cannot_be_made_says_so(
    folder: Path, speech: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = record(folder, speech)
    record(folder, b"no audio", "hong")
    engine = make_engine(folder)
    assert "hong-vieneu" not in engine.voices
    assert "Skipped voice 'hong'" in caplog.text
    voice = clone_of(engine)
    path.unlink()
    with pytest.raises(UnknownVoiceError, match="Voice 'an-vieneu' is gone"):
        samples(voice, "xin chào.")
    record(folder, speech)
    shutil.copy(folder / "vector_estimator.onnx", folder / "reference_encoder.onnx")
    with pytest.raises(SynthesisError, match=r"cannot be used: .*reference_encoder"):
        samples(clone_of(make_engine(folder)), "xin chào.")


def test_five_seconds_of_speech_are_chosen(folder: Path, speech: bytes) -> None:
    engine = make_engine(folder)
    heard = finish(engine.listen(speech, "an.wav"))
    assert 2 < heard.end_seconds - heard.start_seconds <= 5
    with pytest.raises(RecordingError):
        finish(engine.listen(b"no audio", "an.wav"))


# --- which engines -------------------------------------------------------------------------------


def catalogue(folder: Path) -> Catalogue:
    return make_catalogue(["auto"], EngineSettings(
        folder.parent, folder.parent / "none", folder, threads=1, quality="fast", seed=1
    ))  # fmt: skip


def test_recordings_are_voices_where_the_networks_for_them_are(
    folder: Path, speech: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    record(folder, speech)
    found = catalogue(folder)
    assert [*found.voices] == [*NAMES, "an-vieneu"]
    assert [engine.name for engine in found.cloning_engines] == ["vieneu"]
    assert found.made_of([folder.parent / "voices" / "an.wav"]) == ["an-vieneu"]
    (folder / CLONING_FILES[0]).unlink()
    found = catalogue(folder)
    assert [*found.voices] == [*NAMES]
    assert not found.cloning_engines
    assert not caplog.text


async def test_page_clones_renames_and_deletes_with_vieneu(folder: Path, speech: bytes) -> None:
    engine = make_engine(folder)
    assert isinstance(engine, CloningEngine)
    async with running_doors(engine, voices_dir=engine.voices_dir) as doors:
        status = (await doors.get("/api/status")).json
        assert (status["can_clone"], status["clones_with"]) == (True, ["vieneu"])
        made = await make(doors, speech, description="Cô An")
        assert (made.status, made.json) == (201, {"name": "co-an-vieneu"})
        assert (await describe(doors.uri)).tts[0].voices[-1].name == "co-an-vieneu"
        assert len(pcm_of(await synthesize(doors.uri, "Xin chào.", "co-an-vieneu"))) > 10_000
        renamed = await doors.change(
            "PATCH", "/api/voices/co-an-vieneu", json={"description": "Bà"}
        )
        assert (renamed.json["description"], renamed.json["label"]) == ("Bà (VieNeu)", "Bà")
        removed = await doors.change("DELETE", "/api/voices/co-an-vieneu")
        assert removed.status == 200
        assert [v.name for v in (await describe(doors.uri)).tts[0].voices] == [*NAMES]
        undone = await doors.change("POST", f"/api/undo/{removed.json['undo']}")
        assert undone.json == {"name": "co-an-vieneu"}
        assert soundfile.info(engine.voices_dir / "co-an.wav").frames > 0
