"""Mutated files: whatever is in them, they are listed, loaded and spoken in bounded steps."""

import logging
import random
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.engines.piper.mutations import (
    mutate_bytes,
    mutate_graph,
    mutate_head,
    mutate_json,
    mutate_weights,
)
from tests.engines.piper.tiny_voice import make_engine, write_voice
from wyoming_vietts.errors import SynthesisError

STEP_SECONDS = 0.5
MAX_STEPS = 2000
MAX_BYTES = 50_000_000  # of PCM


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(
    "mutate", [mutate_bytes, mutate_head, mutate_graph, mutate_weights, mutate_json]
)
def test_mutated_file_costs_a_warning_at_most(
    mutate: Callable[[bytes, random.Random], bytes],
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    whole = write_voice(tmp_path / "whole" / "an.onnx", speakers=2)
    config = whole.with_name("an.onnx.json")
    path = tmp_path / "an.onnx"
    outcomes = set()
    for seed in range(40):
        for source in (whole, config):
            is_mutated = (source is config) == (mutate is mutate_json)
            content = source.read_bytes()
            changed = mutate(content, random.Random(seed)) if is_mutated else content
            path.with_name(source.name).write_bytes(changed)
        caplog.clear()
        outcomes.add(speak(tmp_path))
        warnings = [each for each in caplog.records if each.levelno >= logging.WARNING]
        assert all(each.exc_info is None for each in warnings), f"seed {seed}: a bug of ours"
        assert outcomes <= {"spoke"} or warnings or "spoke" in outcomes
    assert len(outcomes) > 1, "mutations that change something, and not everything"


def speak(folder: Path) -> str:
    """List, load and speak a voice in steps, each of them short."""
    started = time.thread_time()
    voices = make_engine(folder).voices
    assert time.thread_time() - started < STEP_SECONDS
    if not voices:
        return "refused"
    steps, size = 0, 0
    speaking = next(iter(voices.values())).speak("xin chào các bạn.")
    while True:
        started = time.thread_time()
        try:
            pcm = next(speaking)
        except StopIteration:
            return "spoke"
        except SynthesisError:
            return "failed"
        finally:
            assert time.thread_time() - started < STEP_SECONDS
        steps, size = steps + 1, size + len(pcm or b"")
        assert steps < MAX_STEPS
        assert size < MAX_BYTES
