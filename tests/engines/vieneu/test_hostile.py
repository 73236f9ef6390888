"""Files that were right when they were listed, and are not when the first sentence needs them."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.engines.piper.test_hostile_graphs import add_products, in_short_steps
from tests.engines.vieneu.test_engine import GRAPHS, change, multiply_output
from tests.engines.vieneu.test_speech import make_engine, samples
from tests.engines.vieneu.tiny_model import NAMES
from tests.harness import describe, running_server, synthesize
from wyoming_vietts.engines.vieneu import graphs
from wyoming_vietts.errors import SynthesisError
from wyoming_vietts.steps import finish

TEXT, DURATION, ESTIMATOR, DECODER = GRAPHS
Edit = Callable[[onnx.ModelProto], None]


@pytest.fixture
def folder(vieneu_dir: Path, tmp_path: Path) -> Path:
    """A copy, to be damaged."""
    return shutil.copytree(vieneu_dir, tmp_path / "model")


def append(operator: str, **attributes: int) -> Edit:
    """Make the output what an operator computes of it."""

    def edit(model: onnx.ModelProto) -> None:
        output = model.graph.output[0].name
        for node in model.graph.node:
            node.output[:] = ["before" if name == output else name for name in node.output]
        model.graph.node.append(helper.make_node(operator, ["before"], [output], **attributes))
        model.graph.output[0].ClearField("type")

    return edit


def cycle(model: onnx.ModelProto) -> None:
    model.graph.node[0].input[0] = model.graph.node[-1].output[0]


def weights_of_another_shape(model: onnx.ModelProto) -> None:
    weight = model.graph.initializer[0]
    weight.dims[:] = [2**40, *weight.dims[1:]]


def huge_tensor(model: onnx.ModelProto) -> None:
    shape = numpy_helper.from_array(np.array([2**20, 2**20]), "huge")
    model.graph.initializer.append(shape)
    output = model.graph.output[0].name
    append("Identity")(model)
    model.graph.node.pop()
    model.graph.node.append(helper.make_node("ConstantOfShape", ["huge"], ["large"]))
    model.graph.node.append(helper.make_node("ReduceSum", ["large"], ["sum"]))
    model.graph.node.append(helper.make_node("Add", ["before", "sum"], [output]))


DAMAGES: dict[str, tuple[str, Edit]] = {
    "cycle": (ESTIMATOR, cycle),
    "weights": (TEXT, weights_of_another_shape),
    "rank": (TEXT, append("Flatten")),
    "nan": (DURATION, lambda model: multiply_output(model, float("nan"))),
    "transposed": (ESTIMATOR, append("Transpose", perm=[0, 2, 1])),
    "pieces": (DECODER, append("SequenceConstruct")),
    "huge": (DECODER, huge_tensor),
}


@pytest.mark.parametrize("damage", ["cut", "empty", "text", *DAMAGES])
def test_damaged_file_takes_the_voices_off_the_list_with_one_warning(
    damage: str, folder: Path, vieneu_dir: Path, caplog: pytest.LogCaptureFixture
) -> None:
    engine = make_engine(folder)
    voice = engine.voices[NAMES[0]]
    name, edit = DAMAGES.get(damage, (ESTIMATOR, None))
    if edit is not None:
        change(folder, name, edit)
    else:
        content = (folder / name).read_bytes()
        pieces = {"cut": content[: len(content) // 2], "empty": b"", "text": b"no network" * 999}
        (folder / name).write_bytes(pieces[damage])
    for _ in range(2):
        with pytest.raises(SynthesisError):
            finish(in_short_steps(voice.load()))
    assert engine.voices == {}
    assert caplog.text.count("cannot speak until") == 1
    shutil.copy(vieneu_dir / name, folder / name)
    assert len(samples(engine.voices[NAMES[0]], "xin chào.")) > 5000


def test_velocity_that_is_no_number_is_silence(folder: Path) -> None:
    change(folder, ESTIMATOR, lambda model: multiply_output(model, float("nan")))
    assert not samples(make_engine(folder).voices[NAMES[0]], "xin chào.").any()


def test_constants_of_hours_are_not_computed_while_a_network_is_opened(folder: Path) -> None:
    """These take 64 billion multiplications: seconds."""
    change(folder, DECODER, lambda model: add_products(model, model.graph.output[0].name, 8))
    assert not finish(graphs.check_graph(folder / DECODER, ("x",)))
    assert finish(graphs.check_graph(folder / TEXT, ("ids", "style")))


async def test_server_lives_after_a_network_that_computes_for_hours(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its first run is ended, and then it is off the list."""
    monkeypatch.setattr(graphs, "MAX_SECONDS", 0.1)
    monkeypatch.setattr(graphs, "MAX_SECONDS_EACH", 0.0)
    change(folder, TEXT, lambda model: add_products(model, model.graph.output[0].name, 1000))
    async with running_server(make_engine(folder)) as uri:
        started = time.process_time()
        answer = await synthesize(uri, "Xin chào.", NAMES[0])
        assert time.process_time() - started < 3
        assert answer[-1].type == "error"
        assert "it computes for more than 0.1 s" in answer[-1].data["text"]
        assert (await describe(uri)).tts[0].voices == []


def test_files_that_are_cut_while_they_are_loaded_are_missed_at_the_next_load(
    folder: Path, vieneu_dir: Path
) -> None:
    engine = make_engine(folder)
    voice = engine.voices[NAMES[0]]
    expected = samples(voice, "xin chào.")
    for name in GRAPHS:
        os.truncate(folder / name, 100)
    assert np.array_equal(samples(voice, "xin chào."), expected)
    voice.network.unload()
    with pytest.raises(SynthesisError, match="cannot be loaded"):
        samples(voice, "xin chào.")
    for name in GRAPHS:
        shutil.copy(vieneu_dir / name, folder / name)
    assert np.array_equal(samples(engine.voices[NAMES[0]], "xin chào."), expected)


def test_sentence_under_way_ends_when_another_one_has_broken_the_networks(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    voice = make_engine(folder).voices[NAMES[0]]
    assert len(samples(voice, "xin chào."))
    speaking = voice.speak("đèn trong phòng khách đã được bật rồi, cửa cũng đã đóng, chào cả nhà.")
    while not next(speaking):
        pass
    with monkeypatch.context() as patch:
        patch.setattr(graphs, "MAX_SECONDS", -100.0)
        with pytest.raises(SynthesisError, match="it computes for more than"):
            samples(voice, "xin chào.")
    with pytest.raises(SynthesisError, match="it computes for more than"):
        finish(speaking)
