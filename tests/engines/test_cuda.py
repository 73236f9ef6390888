"""Piper and VieNeu on a GPU: how ONNX Runtime is asked for one, and what happens without it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import onnxruntime
import pytest

from tests.engines.piper.tiny_voice import write_voice
from tests.engines.vieneu.tiny_model import NAMES, write_cloning, write_model
from tests.harness import joined
from wyoming_vietts.engines.catalogue import Catalogue, make_catalogue
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.onnx import sessions

PROVIDERS = ["CUDAExecutionProvider", "CPUExecutionProvider"]
WARNING = "ONNX Runtime finds no CUDA GPU, so it computes on the CPU"
InferenceSession = onnxruntime.InferenceSession


@pytest.fixture(autouse=True)
def nothing_is_reported_yet() -> Iterator[None]:
    sessions._report.cache_clear()
    yield
    sessions._report.cache_clear()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    write_voice(folder / "piper" / "an.onnx")
    write_cloning(write_model(folder / "vieneu"))
    return folder


class Gpu:
    """Stands in for a build of ONNX Runtime that has CUDA, on a machine with or without a GPU."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, problem: str = "") -> None:
        """Take a problem: an `error`, or `silence`; "" for a GPU that works."""
        self.asked: list[Any] = []
        self._problem = problem
        monkeypatch.setattr(onnxruntime, "get_available_providers", lambda: PROVIDERS)
        monkeypatch.setattr(onnxruntime, "InferenceSession", self.open)

    def open(self, *source: Any, providers: list[Any], **how: Any) -> Any:
        wants_gpu = len(providers) == 2
        if wants_gpu:
            self.asked.append(providers[0])
            assert how.pop("enable_fallback") == 0, "it would print to the standard output"
            if self._problem == "error":
                raise RuntimeError("CUDA failure 100: no CUDA-capable device is detected")
        session = InferenceSession(*source, providers=PROVIDERS[1:], **how)
        if wants_gpu and not self._problem:
            session.get_providers = lambda: PROVIDERS
        return session


def catalogue(folder: Path, device: str) -> Catalogue:
    return make_catalogue(["vieneu", "piper"], EngineSettings(
        folder, folder / "piper", folder / "vieneu", device=device, threads=1, quality="fast",
        seed=1,
    ))  # fmt: skip


def speak(folder: Path, device: str) -> list[bytes]:
    voices = catalogue(folder, device).voices
    return [joined(voices[name].speak("xin chào.")) for name in ("an", NAMES[0])]


def test_both_compute_on_the_gpu_that_is_asked_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    gpu = Gpu(monkeypatch)
    assert all(map(len, speak(folder, "cuda:1")))
    assert len(gpu.asked) == 3 + 4, "parts of a Piper voice, and VieNeu's networks"
    assert {(name, options["device_id"]) for name, options in gpu.asked} == {(PROVIDERS[0], "1")}
    assert caplog.text.count("ONNX Runtime computes on cuda:1") == 1
    assert WARNING not in caplog.text


def test_device_that_the_page_shows_is_the_one_in_use(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for problem, device in (("", "cuda"), ("error", "cpu")):
        with monkeypatch.context() as patch:
            Gpu(patch, problem)
            made = catalogue(folder, "cuda")
            (engine,) = made.cloning_engines
            joined(made.voices[NAMES[0]].speak("xin chào."))
            assert engine.device == device


@pytest.mark.parametrize("problem", ["error", "silence", "package"])
def test_without_a_gpu_they_speak_on_the_cpu_and_say_once_how_to_get_it(
    problem: str,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capsys: pytest.CaptureFixture[str],
) -> None:
    expected = speak(folder, "cpu")
    assert WARNING not in caplog.text
    gpu = Gpu(monkeypatch, problem) if problem != "package" else None
    assert speak(folder, "cuda") == expected
    assert bool(gpu and gpu.asked) == (problem != "package")
    assert caplog.text.count(WARNING) == 1
    assert "setup gpu" in caplog.text
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("device", ["auto", "cpu", "mps"])
def test_gpu_is_used_only_where_it_is_named(
    device: str, folder: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gpu = Gpu(monkeypatch)
    assert all(map(len, speak(folder, device)))
    assert gpu.asked == []
    assert "ONNX Runtime" not in caplog.text
