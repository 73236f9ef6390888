"""Voices that have their weights in another file, which changes while they speak."""

import os
from pathlib import Path

import numpy as np
import onnx
import pytest

from tests.engines.piper.test_files import write_external
from tests.engines.piper.tiny_voice import make_engine, samples, voice_of, write_voice
from tests.harness import pcm_of, ready_server, synthesize
from wyoming_vietts.engines.onnx.files import open_model
from wyoming_vietts.errors import ModelError


async def test_server_lives_when_the_weights_of_a_loaded_voice_are_shortened(
    tmp_path: Path,
) -> None:
    path = write_external(tmp_path)
    write_voice(tmp_path / "binh.onnx")
    options = ("--engine", "piper", "--piper-dir", str(tmp_path))
    async with ready_server(*options) as (uri, _):
        assert len(pcm_of(await synthesize(uri, "Xin chào.", "an"))) > 10_000
        os.truncate(path.with_name("an.onnx.data"), 0)
        await synthesize(uri, "Xin chào.", "an")  # by the loaded weights, or an error
        assert len(pcm_of(await synthesize(uri, "Xin chào.", "binh"))) > 10_000


def test_loaded_voice_speaks_on_when_its_weights_are_shortened(tmp_path: Path) -> None:
    path = write_external(tmp_path)
    voice = voice_of(path)
    expected = samples(voice)
    path.with_name("an.onnx.data").write_bytes(b"")
    assert np.array_equal(samples(voice), expected)


def edit_places(path: Path, **entries: str) -> None:
    model = onnx.load(path, load_external_data=False)
    for number, weight in enumerate(model.graph.initializer):
        for entry in weight.external_data:
            if entry.key in entries:
                entry.value = entries[entry.key].format(number)
    path.write_bytes(model.SerializeToString())


def test_weights_that_share_their_place_are_bounded_together(tmp_path: Path) -> None:
    path = write_external(tmp_path)
    with path.with_name("an.onnx.data").open("wb") as file:
        file.truncate(100_000_000)
    edit_places(path, offset="0", length="100000000")
    with pytest.raises(ModelError, match="MB in another file"), open_model(path):
        pass


def test_weights_at_negative_places_or_in_many_files_make_no_voice(tmp_path: Path) -> None:
    path = write_external(tmp_path)
    edit_places(path, offset="-64")
    assert not make_engine(tmp_path).voices
    edit_places(write_external(tmp_path), location="{}.data")
    for number in range(99):
        path.with_name(f"{number}.data").write_bytes(bytes(100_000))
    assert not make_engine(tmp_path).voices
