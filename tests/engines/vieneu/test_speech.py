"""From text to samples, compared with the published packages."""

import json
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.engines.vieneu.tiny_model import CASES, NAMES, PRESETS, write_model
from tests.harness import joined
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.loudness import TARGET_LUFS, loudness
from wyoming_vietts.engines.vieneu import graphs
from wyoming_vietts.engines.vieneu import network as module
from wyoming_vietts.engines.vieneu.edges import trim_and_fade
from wyoming_vietts.engines.vieneu.engine import VieNeuEngine
from wyoming_vietts.engines.vieneu.flow import Schedule
from wyoming_vietts.engines.vieneu.network import VieNeuNetwork
from wyoming_vietts.engines.vieneu.phonemes import (
    FIRST_PIECE_CHARACTERS,
    MAX_PIECE_CHARACTERS,
    Piece,
    phonemes,
    pieces,
)
from wyoming_vietts.engines.vieneu.tempo import stretch
from wyoming_vietts.engines.vieneu.voice import PREDICTED_SPEED, PresetVoice, VieNeuVoice
from wyoming_vietts.steps import Steps, finish

GOLDEN = Path(__file__).with_name("golden")
PHONEMES: dict[str, str] = json.loads((GOLDEN / "phonemes.json").read_text("utf-8"))
LONG = (
    "hôm nay trời nhiều mây, buổi chiều có mưa rào và dông, nhiệt độ thấp nhất là hai mươi độ, "
    "nhiệt độ cao nhất là ba mươi hai độ, gió nhẹ, độ ẩm trung bình từ bảy mươi đến chín mươi "
    "phần trăm, ra đường nhớ mang theo áo mưa, chúc cả nhà một ngày vui."
)


def settings_of(folder: Path, **settings: object) -> EngineSettings:
    return EngineSettings(vieneu_dir=folder, threads=1, **settings)  # type: ignore[arg-type]


def make_engine(folder: Path, quality: str | None = "fast", seed: int | None = 1) -> VieNeuEngine:
    return VieNeuEngine(settings_of(folder, quality=quality, seed=seed))


def voice_of(folder: Path, name: str = NAMES[0], **settings: object) -> PresetVoice:
    voice = make_engine(folder, **settings).voices[name]  # type: ignore[arg-type]
    assert isinstance(voice, PresetVoice)
    return voice


def samples(voice: VieNeuVoice, text: str, speed: float = 1.0) -> np.ndarray:
    return np.frombuffer(joined(voice.speak(text, speed)), "<i2")


# --- phonemes ------------------------------------------------------------------------------------


def test_phonemes_are_those_of_the_training_data() -> None:
    """But for loanwords of which neither reading is wrong."""
    assert len(PHONEMES) >= 300
    different = [
        sentence
        for sentence, expected in PHONEMES.items()
        if "".join(phonemes(piece) for piece in [Piece(sentence_clauses(sentence))]) != expected
    ]
    loanwords = ("mi crô", "sa pa", "pin a a", "một. bật", "set", "đề xi ben", "chấm net")
    assert [each for each in different if not any(word in each for word in loanwords)] == []
    assert len(different) < 10


def sentence_clauses(sentence: str) -> list[str]:
    return [clause for piece in pieces(sentence) for clause in piece.clauses]


def test_end_of_a_piece_is_one_that_the_model_knows() -> None:
    assert phonemes(Piece(["thế à?"])).endswith("2."), "few words end with a full stop"
    assert phonemes(Piece(["hôm nay trời có mưa không?"])).endswith("?")
    assert phonemes(Piece(["hôm nay trời có mưa không;"])).endswith(",")
    assert phonemes(Piece(["hôm nay trời có mưa không"])).endswith(".")
    cut = Piece(["hôm nay trời có mưa không"], is_last=False)
    assert phonemes(cut).endswith(","), "no full stop where a clause was cut"
    assert phonemes(Piece(["..."])) == ""


def test_pieces_are_cut_at_joints_and_none_is_long() -> None:
    cut = [*pieces(LONG)]
    assert " ".join(clause for piece in cut for clause in piece.clauses) == LONG
    lengths = [len(" ".join(piece.clauses)) for piece in cut]
    assert lengths[0] <= FIRST_PIECE_CHARACTERS
    assert all(20 <= length <= MAX_PIECE_CHARACTERS for length in lengths)
    assert all(piece.clauses[-1][-1] in ",." for piece in cut)
    assert [piece.is_last for piece in cut] == [False] * (len(cut) - 1) + [True]
    endless = [*pieces("hôm nay trời nhiều mây và có mưa " * 20)]
    assert all(len(" ".join(piece.clauses)) <= MAX_PIECE_CHARACTERS for piece in endless)
    assert len([*pieces("một, hai, ba.")]) == 1
    assert [*pieces("")] == []


def test_long_clause_that_comes_first_is_cut_before_a_conjunction() -> None:
    def cut(text: str) -> list[str]:
        return [" ".join(piece.clauses) for piece in pieces(text)]

    first, second = "hôm nay trời nhiều mây", "và có mưa vào lúc bốn giờ chiều."
    assert cut(f"{first} {second}") == [first, second]
    assert cut(f"mưa và {first} {second}") == [f"mưa và {first}", second]
    for whole in (f"{first} và có mưa.", f"trời đẹp {second}", f"{first} rồi mưa vào lúc bốn giờ."):
        assert cut(whole) == [whole]
    assert cut(f"xin chào cả nhà, vâng, {first} {second}")[1:] == [f"{first} {second}"]


# --- samples -------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", CASES)
def test_samples_are_those_of_the_published_package(name: str, vieneu_dir: Path) -> None:
    case, expected = CASES[name], np.load(GOLDEN / "arrays.npz")[name]
    network = VieNeuNetwork(vieneu_dir, settings_of(vieneu_dir), Schedule(case.steps, case.sway))
    voice = voice_of(vieneu_dir, NAMES[0] if case.voice == "Minh Quân" else NAMES[1])
    finish(network.load())
    ids = network.phoneme_ids(case.phonemes)
    waveform = trim_and_fade(finish(network.speak(ids, voice.features, case.speed, case.seed)))
    np.testing.assert_allclose(np.rint(waveform * 32767), expected, atol=1)


def test_schedules_are_even_or_begin_with_short_steps() -> None:
    np.testing.assert_allclose(module.FULL.times, np.arange(17) / 16)
    times = module.FAST.times
    assert (times[0], times[-1]) == (0, pytest.approx(1))
    assert (np.diff(times, n=2) > 0).all()


def test_decoder_runs_over_windows_with_the_margin_that_it_needs(
    vieneu_dir: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    ids = [1, *range(5, 40), 2]
    for folder, margin in ((vieneu_dir, 2), (write_model(tmp_path, is_windowed=False), None)):
        network = VieNeuNetwork(folder, settings_of(folder), module.FAST)
        finish(network.load())
        loaded = network._loaded
        assert loaded is not None
        assert loaded.margin == margin
        features = voice_of(folder).features
        cut = finish(network.speak(ids, features, 1.0, 1))
        assert len(cut) > 2 * graphs.WINDOW_BLOCKS * 1536
        object.__setattr__(loaded, "margin", None)
        whole = finish(network.speak(ids, features, 1.0, 1))
        np.testing.assert_allclose(cut, whole, atol=3e-5)
    assert caplog.text.count("its decoder runs whole, in longer steps") == 1


@pytest.mark.parametrize("margin", [2, 8])
def test_windows_are_as_few_and_as_equal_as_their_length_allows(margin: int) -> None:
    longest = graphs.WINDOW_BLOCKS + 2 * margin  # with the margins
    for blocks in range(2, 240):
        ends = graphs.window_ends(blocks, margin)
        runs = [min(end + margin, blocks) - max(start - margin, 0) for start, end in pairwise(ends)]
        assert max(runs) <= longest
        assert max(runs) - min(runs) <= 1
        decoded = blocks + 2 * margin * (len(runs) - 1)
        assert sum(runs) == decoded
        assert len(runs) == 1 or decoded - 2 * margin > (len(runs) - 1) * longest


def test_silence_at_the_edges_is_cut_to_a_little_and_faded() -> None:
    tone = np.sin(np.arange(24_000) / 10).astype(np.float32)
    quiet = np.zeros(24_000, np.float32)
    cut = trim_and_fade(np.concatenate([quiet, tone, quiet]))
    assert len(cut) == 24_000 + 2 * 960
    cut = trim_and_fade(tone)
    assert len(cut) == 24_000
    assert cut[0] == cut[-1] == 0
    assert np.array_equal(cut[360:-360], tone[360:-360])
    assert len(trim_and_fade(quiet)) == 960


def test_numbers_of_steps_follow_the_machine_unless_they_are_chosen(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")

    def steps(factor: float, quality: str | None, seed: int | None = None) -> int:
        def measure(*_: object) -> object:
            yield
            return factor * 0.064 / 32

        monkeypatch.setattr(graphs, "measure", measure)
        voice = voice_of(vieneu_dir, quality=quality, seed=seed)
        finish(voice.load())
        assert voice.network._loaded is not None
        return voice.network._loaded.schedule.steps

    assert [steps(0.6, quality) for quality in (None, "balanced", "exact", "fast")] == [
        16,
        16,
        16,
        8,
    ]
    assert "16 steps; 16 would take 0.60 times" in caplog.text
    assert [steps(0.8, quality) for quality in (None, "balanced", "exact", "fast")] == [8, 8, 16, 8]
    assert steps(0.8, None, seed=1) == 16, "a seed promises the same audio, however busy it is here"


def test_machine_is_measured(vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    voice = voice_of(vieneu_dir)
    finish(voice.load())
    loaded = voice.network._loaded
    assert loaded is not None
    now = 0.0

    def compute(*_: object) -> Steps[None]:
        nonlocal now
        now += 0.024 if now else 1.0  # the first time, memory is taken
        yield

    monkeypatch.setattr(graphs, "predict_velocity", compute)
    monkeypatch.setattr(graphs, "time", SimpleNamespace(perf_counter=lambda: now))
    block_seconds = finish(graphs.measure(loaded.estimator, loaded.nobody))
    assert block_seconds == pytest.approx(0.024 / 48)


def test_slow_machine_computes_shorter_pieces_unless_there_is_a_seed(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measure(*_: object) -> Any:
        yield
        return 0.008

    monkeypatch.setattr(graphs, "measure", measure)
    for seed, most in ((None, 50), (1, MAX_PIECE_CHARACTERS)):
        voice = voice_of(vieneu_dir, seed=seed)
        finish(voice.load())
        assert voice.network.max_characters == most
        lengths = [len(" ".join(piece.clauses)) for piece in pieces(LONG, most)]
        assert max(lengths) <= most


# --- a voice's speech ----------------------------------------------------------------------------


def test_presets_are_named_labelled_and_different(vieneu_dir: Path) -> None:
    voices = make_engine(vieneu_dir).voices
    assert tuple(voices) == NAMES, "the default one first"
    labels = [voice.description for voice in voices.values()]
    assert labels == ["Minh Quân (nam, miền Bắc)", "Ái Hân (nữ, miền Nam)"]
    assert [voice.region for voice in voices.values()] == ["north", "south"]
    assert {voice.languages for voice in voices.values()} == {("vi-VN",)}
    assert len(PRESETS) == len(voices)
    one, other = (samples(voice, "xin chào cả nhà.") for voice in voices.values())
    assert not np.array_equal(one, other)


def test_seed_makes_the_same_audio_and_no_seed_another(vieneu_dir: Path) -> None:
    first, again = (samples(voice_of(vieneu_dir), "xin chào.") for _ in range(2))
    assert np.array_equal(first, again)
    voice = voice_of(vieneu_dir, seed=None)
    assert not np.array_equal(samples(voice, "xin chào."), samples(voice, "xin chào."))


def test_speed_divides_the_length_and_volume_is_the_users(vieneu_dir: Path, tmp_path: Path) -> None:
    text = "hôm nay trời nhiều mây và có mưa rào."
    normal, fast, clamped = (samples(voice_of(vieneu_dir), text, speed) for speed in (1, 2, 9))
    assert len(fast) == pytest.approx(len(normal) / 2, rel=0.05)
    assert len(clamped) == pytest.approx(len(normal) / 2.5, rel=0.05)
    write_model(tmp_path)
    (tmp_path / "voices_v3_nano.toml").write_text("speed = 2.0\nvolume = 0.5")
    np.testing.assert_allclose(samples(voice_of(tmp_path), text), fast / 2, atol=1)


def test_beyond_the_speed_of_the_networks_the_waveform_is_stretched(
    vieneu_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = voice_of(vieneu_dir)
    finish(voice.load())
    asked = []
    real = VieNeuNetwork.speak
    monkeypatch.setattr(VieNeuNetwork, "speak", lambda *a: asked.append(a[3]) or real(*a))
    for speed in (0.4, 1.2, 2.5):
        samples(voice, "xin chào.", speed)
    assert asked == [PREDICTED_SPEED.least, 1.2, PREDICTED_SPEED.most]


@pytest.mark.parametrize("speed", [0.57, 0.9, 1.5, 1.8])
def test_stretching_changes_the_length_and_nothing_else(speed: float) -> None:
    period = 200  # samples: 120 Hz
    phases = 2 * np.pi * np.arange(2 * 24_000) / period
    vowel = sum(np.sin(harmonic * phases) / harmonic for harmonic in range(1, 20))
    waveform = (0.2 * vowel).astype(np.float32)
    stretched = finish(stretch(waveform, speed))
    assert len(stretched) == round(len(waveform) / speed)
    middle = stretched[1000:-1000]
    # It still repeats, so no part joins another out of phase.
    np.testing.assert_allclose(middle[period:], middle[:-period], atol=0.01)
    assert np.std(middle) == pytest.approx(np.std(waveform), rel=0.02)


def test_stretching_of_nothing_or_little_is_little() -> None:
    for length in (0, 1, 100, 1000):
        assert len(finish(stretch(np.ones(length, np.float32), 2.0))) == round(length / 2)


def test_first_piece_is_heard_before_the_second_is_computed(vieneu_dir: Path) -> None:
    speaking = voice_of(vieneu_dir).speak(LONG)
    steps = [bool(pcm) and any(pcm) for pcm in speaking]
    assert steps.index(True) < len(steps) / 2
    assert sum(steps) == len([*pieces(LONG)])
    between = steps.index(True, steps.index(True) + 1) - steps.index(True)
    assert between > 2 * module.FAST.steps, "a pause after each call of the estimator"


def test_pauses_between_pieces_are_as_long_as_their_marks_say(vieneu_dir: Path) -> None:
    voice = voice_of(vieneu_dir)

    def pauses(text: str, speed: float = 1.0) -> list[float]:
        heard = [pcm for pcm in voice.speak(text, speed) if pcm]
        return [len(pcm) / 48_000 for pcm in heard if not any(pcm)]

    sentence = "hôm nay trời nhiều mây và lạnh"
    assert pauses(f"{sentence}. {sentence}.") == pytest.approx([0.4])
    assert pauses(f"{sentence}, {sentence}.") == pytest.approx([0.2])
    assert pauses(f"{sentence}. {sentence}.", 2.0) == pytest.approx([0.2])
    assert pauses(f"{sentence} {sentence} {sentence} {sentence}.") == [], "no joint of speech"


def test_voices_are_equally_loud_unless_their_own_loudness_is_wanted(vieneu_dir: Path) -> None:
    def lufs(name: str, has_own_loudness: bool) -> float:
        engine = VieNeuEngine(
            settings_of(vieneu_dir, quality="fast", seed=1, own_loudness=has_own_loudness)
        )
        pcm = joined(engine.voices[name].speak("xin chào."))
        return loudness(np.frombuffer(pcm, "<i2") / 32767, 24_000)

    assert [lufs(name, False) for name in NAMES] == pytest.approx([TARGET_LUFS] * 2, abs=1.0)
    assert lufs(NAMES[0], True) > TARGET_LUFS + 3


def test_what_has_no_letter_makes_no_audio(vieneu_dir: Path) -> None:
    assert joined(voice_of(vieneu_dir).speak("...!")) == b""


def test_phonemes_that_the_model_lacks_are_named_once(
    vieneu_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    network = voice_of(vieneu_dir).network
    for _ in range(2):
        assert network.phoneme_ids("☂b☃") == [1, network.config.ids["b"], 2]
    assert caplog.text.count("VieNeu lacks the phonemes ☂ ☃") == 1
