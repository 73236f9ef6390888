"""Files in the place of a Piper voice: damaged, half-copied, hostile, or of another trainer."""

import asyncio
import logging
import os
import random
import shlex
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from tests.engines.piper.tiny_voice import (
    make_engine,
    network,
    rescan,
    samples,
    voice_of,
    write_voice,
)
from tests.harness import pcm_of, ready_server, run_command, synthesize, voice_names
from wyoming_vietts.engines.catalogue import make_catalogue
from wyoming_vietts.engines.contract import EngineSettings
from wyoming_vietts.engines.onnx.files import check_onnx, open_model
from wyoming_vietts.engines.piper.graph import cut
from wyoming_vietts.errors import ModelError, SynthesisError
from wyoming_vietts.steps import finish


def change(path: Path, edit: Callable[[onnx.ModelProto], object]) -> Path:
    """Change a voice's network, whether it is valid afterwards or not."""
    model = onnx.load(path)
    edit(model)
    path.write_bytes(model.SerializeToString())
    return path


# --- what is no voice ----------------------------------------------------------------------------


DAMAGES = [
    (b"", "is empty"),
    (b"nonsense", "is not an ONNX file"),
    (b"\0" * 5000, "is not an ONNX file"),
    (b"\x3a\xff\xff\x7f", "is incomplete: 4e-06 of 2.1 MB"),
    (b"\x3a\xff\xff\xff\xff\x7f", "is not an ONNX file"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\nsize 9\n", "is a Git LFS pointer"),
    (b"\xef\xbb\xbf\n<!DOCTYPE html><html>", "is a web page"),
    (b"PK\x03\x04" + b"\0" * 100, "is an archive"),
]


@pytest.mark.parametrize(("content", "message"), DAMAGES)
def test_damaged_file_is_no_voice_and_its_warning_says_what_it_is(
    content: bytes, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_voice(tmp_path / "an.onnx").write_bytes(content)
    write_voice(tmp_path / "binh.onnx")
    engine = make_engine(tmp_path)
    assert list(rescan(engine)) == ["binh"]
    assert f"an.onnx {message}" in caplog.text
    write_voice(tmp_path / "an.onnx")
    assert list(rescan(engine)) == ["an", "binh"], "a file that is mended is a voice"


def test_half_copied_file_is_no_voice_until_it_is_whole(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_voice(tmp_path / "an.onnx")
    content = path.read_bytes()
    engine = make_engine(tmp_path)
    for size in range(0, len(content), 997):
        path.write_bytes(content[:size])
        assert not rescan(engine), size
    assert f"is incomplete: 0.00399 of 0.0{len(content) // 100}" in caplog.text
    path.write_bytes(content)
    assert list(rescan(engine)) == ["an"]


def test_web_page_and_pointer_in_place_of_a_configuration_are_named(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_voice(tmp_path / "an.onnx").with_name("an.onnx.json").write_text("<html>404</html>")
    write_voice(tmp_path / "binh.onnx").with_name("binh.onnx.json").write_text(
        "version https://git-lfs.github.com/spec/v1\n"
    )
    assert not make_engine(tmp_path).voices
    assert "an.onnx.json is a web page" in caplog.text
    assert "binh.onnx.json is a Git LFS pointer" in caplog.text


@pytest.mark.parametrize("names", [{"input": "x"}, {"scales": "noise_scale"}])
def test_network_of_another_exporter_is_no_voice(
    names: dict[str, str], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_voice(tmp_path / "an.onnx")

    def rename(model: onnx.ModelProto) -> None:
        for value in model.graph.input:
            value.name = names.get(value.name, value.name)
        for node in model.graph.node:
            node.input[:] = [names.get(name, name) for name in node.input]

    change(path, rename)
    assert not make_engine(tmp_path).voices
    assert "is a network of another kind: its inputs are" in caplog.text
    assert next(iter(names.values())) in caplog.text


def test_pipe_in_place_of_a_network_does_not_hang(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx")
    path.unlink()
    os.mkfifo(path)
    assert not make_engine(tmp_path).voices
    with pytest.raises(OSError, match="is not a regular file"), open_model(path):
        pass


def test_check_of_a_model_says_what_is_wrong(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with pytest.raises(ModelError, match="is missing"):
        check_onnx(path)
    for content, message in DAMAGES:
        path.write_bytes(content)
        with pytest.raises(ModelError, match=message):
            check_onnx(path)
    onnx.save(network(), path)
    assert check_onnx(path) == check_onnx(path)


# --- voices whose loading fails ------------------------------------------------------------------


def break_operator(model: onnx.ModelProto) -> None:
    """Make a network that only ONNX Runtime can tell from a whole one."""
    model.graph.node[5].op_type = "NoSuchOperator"


def test_voice_that_cannot_be_loaded_is_off_the_list_until_its_file_changes(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = change(write_voice(tmp_path / "an.onnx"), break_operator)
    engine = make_engine(tmp_path)
    voice = rescan(engine)["an"]
    for _ in range(2):
        with pytest.raises(SynthesisError, match=r"an\.onnx cannot be loaded: .*NoSuchOperator"):
            samples(voice)
    assert not rescan(engine)
    assert caplog.text.count("A voice cannot speak until its file changes") == 1
    write_voice(path)
    assert len(samples(rescan(engine)["an"])) > 10_000


def test_network_that_fails_at_its_first_sentence_is_off_the_list(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx")

    def shrink(model: onnx.ModelProto) -> None:
        (table,) = (weight for weight in model.graph.initializer if weight.name == "embedding")
        table.CopyFrom(numpy_helper.from_array(np.zeros((3, 8), np.float32), "embedding"))

    change(path, shrink)
    engine = make_engine(tmp_path)
    with pytest.raises(SynthesisError, match=r"an\.onnx fails: .*indices"):
        samples(rescan(engine)["an"])
    assert not rescan(engine)


def test_voice_that_has_spoken_survives_a_sentence_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(write_voice(tmp_path / "an.onnx").parent)
    voice = rescan(engine)["an"]
    assert len(samples(voice))
    session = voice.network._loaded.front[0]

    class Failing:
        def run(self, *_: object) -> None:
            raise RuntimeError("std::bad_alloc")

    with monkeypatch.context() as patch:
        patch.setattr(session, "_session", Failing())
        with pytest.raises(SynthesisError, match="more memory"):
            samples(voice)
    assert list(rescan(engine)) == ["an"]
    assert len(samples(voice))


def leave_pointer(path: Path) -> None:
    path.write_bytes(b"version https://git-lfs.github.com/spec/v1\n")


def leave_broken(path: Path) -> None:
    change(path, break_operator)


@pytest.mark.parametrize("damage", [leave_pointer, leave_broken])
async def test_embedded_voices_speak_beside_a_damaged_file(
    damage: Callable[[Path], None], tmp_path: Path
) -> None:
    damage(write_voice(tmp_path / "an.onnx"))
    options = ("--piper-dir", str(tmp_path), "--model-dir", str(tmp_path / "none"))
    async with ready_server(*options) as (uri, _):
        names = await voice_names(uri)
        assert names[0] == "espeak-north-male"
        assert len(pcm_of(await synthesize(uri, "Xin chào.", None))) > 10_000
        write_voice(tmp_path / "an.onnx")
        await asyncio.sleep(2.1)
        assert await voice_names(uri) == ["an"]


def test_names_in_a_network_cannot_forge_a_line_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    def forge(model: onnx.ModelProto) -> None:
        for node in model.graph.node[-2:]:
            node.output[0] = "x\nWARNING all is well\x1b[2J"

    voice = voice_of(change(write_voice(tmp_path / "an.onnx"), forge))
    with pytest.raises(SynthesisError, match="WARNING all is well"):
        samples(voice)
    assert all(record.getMessage().isprintable() for record in caplog.records)


def test_engine_without_a_voice_names_the_command_that_gets_one(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "my voices"
    settings = EngineSettings(model_dir=tmp_path, piper_dir=folder, vieneu_dir=tmp_path, threads=1)
    make_catalogue(["auto"], settings)
    assert not caplog.text
    make_catalogue(["piper"], settings)
    assert f"run download vi_VN-vais1000-medium --piper-dir '{folder}'" in caplog.text
    arguments = shlex.split(caplog.text.split("script/run ")[1])
    assert run_command(*arguments, "--help").returncode == 0


# --- files that ONNX Runtime opens ---------------------------------------------------------------


def write_external(folder: Path, location: str = "an.onnx.data") -> Path:
    """Write a voice that has its weights in another file, and says that this is at `location`."""
    path = write_voice(folder / "an.onnx")
    onnx.save_model(
        onnx.load(path),
        path,
        save_as_external_data=True,
        location="an.onnx.data",
        size_threshold=64,
    )
    model = onnx.load(path, load_external_data=False)
    for weight in model.graph.initializer:
        for entry in weight.external_data:
            if entry.key == "location":
                entry.value = location
    path.write_bytes(model.SerializeToString())
    return path


def test_weights_may_be_in_a_file_beside_the_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    whole = samples(voice_of(write_voice(tmp_path / "whole" / "an.onnx")))
    path = write_external(tmp_path / "two")
    assert path.with_name("an.onnx.data").stat().st_size > 1000
    assert np.array_equal(samples(voice_of(path)), whole)
    assert "it runs whole" not in caplog.text


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("../an.onnx.data", "has its weights in another folder: '../an.onnx.data'"),
        ("/etc/passwd", "has its weights in another folder"),
        ("*/_ORT_MEM_ADDR_/*", "has its weights in another folder"),
        ("", "has its weights in another folder"),
        ("link", "must be a regular file"),
        (".", "has its weights in another folder"),
        ("binh.onnx.data", "binh.onnx.data is missing"),
        ("x\0y", "is missing"),
        ("short", "is incomplete"),
    ],
)
def test_weights_are_never_read_from_elsewhere(
    location: str, message: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "voices"
    path = write_external(folder, location)
    os.link(path.with_name("an.onnx.data"), tmp_path / "an.onnx.data")
    (folder / "link").symlink_to(tmp_path / "an.onnx.data")
    (folder / "short").write_bytes(b"1234")
    assert not make_engine(folder).voices
    assert message in caplog.text


def test_weights_of_a_constant_are_not_read_from_elsewhere(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "voices" / "an.onnx")
    weights = np.arange(16, dtype=np.float32)
    weights.tofile(tmp_path / "secret")

    def add_constant(model: onnx.ModelProto) -> None:
        value = numpy_helper.from_array(weights, "value")
        value.ClearField("raw_data")
        value.data_location = TensorProto.EXTERNAL
        value.external_data.add(key="location", value="../secret")
        model.graph.node.append(helper.make_node("Constant", [], ["secret"], value=value))

    voice = voice_of(change(path, add_constant))
    with pytest.raises(SynthesisError, match="its nodes have weights in another file"):
        samples(voice)


def test_half_precision_is_spoken_and_cut(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    full = samples(voice_of(write_voice(tmp_path / "an.onnx")))
    half = samples(voice_of(change(tmp_path / "an.onnx", to_half)))
    assert len(half) == len(full)
    assert np.corrcoef(half, full)[0, 1] > 0.99
    assert "it runs whole" not in caplog.text


def to_half(model: onnx.ModelProto, first: int = 0) -> None:
    """Make the floats of the nodes from `first` on those of half precision, and the output's."""
    nodes = model.graph.node[first:]
    used = {name for node in nodes for name in node.input}
    for weight in model.graph.initializer:
        if weight.data_type == TensorProto.FLOAT and weight.name in used:
            values = numpy_helper.to_array(weight).astype(np.float16)
            weight.CopyFrom(numpy_helper.from_array(values, weight.name))
    for value in (*model.graph.input, *model.graph.output):
        kind = value.type.tensor_type
        if kind.elem_type == TensorProto.FLOAT and value.name in used | {"output"}:
            kind.elem_type = TensorProto.FLOAT16
    for node in nodes:
        for attribute in node.attribute:
            if attribute.name == "to" and attribute.i == TensorProto.FLOAT:
                attribute.i = TensorProto.FLOAT16


def test_cut_that_fails_leaves_the_whole_network(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write_voice(tmp_path / "an.onnx")
    full = samples(voice_of(path))
    with open_model(path) as model:
        latents = cut(model, finish(model.nodes())).window.latents

    def mix(model: onnx.ModelProto) -> None:
        """Make the decoder alone one of half precision."""
        nodes = list(model.graph.node)
        (first,) = (at for at, node in enumerate(nodes) if latents in node.input)
        to_half(model, first)
        nodes = list(model.graph.node)
        nodes[first].input[0] = "half"
        nodes.insert(first, helper.make_node("Cast", [latents], ["half"], to=TensorProto.FLOAT16))
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    mixed = samples(voice_of(change(path, mix)))
    assert np.corrcoef(mixed, full)[0, 1] > 0.99
    assert "it runs whole" in caplog.text


def test_decoder_that_mixes_its_frames_is_not_cut(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write_voice(tmp_path / "an.onnx")

    def normalise(model: onnx.ModelProto) -> None:
        """Subtract the mean over time from the waveform."""
        nodes = list(model.graph.node)
        (at,) = (index for index, node in enumerate(nodes) if node.op_type == "Tanh")
        wave = nodes[at].input[0]
        nodes[at].input[0] = "centred"
        nodes.insert(at, helper.make_node("Sub", [wave, "mean"], ["centred"]))
        nodes.insert(at, helper.make_node("ReduceMean", [wave], ["mean"], axes=[2], keepdims=1))
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    assert len(samples(voice_of(change(path, normalise)))) > 10_000
    assert "it runs whole, in longer steps, as its decoder has the operator ReduceM" in caplog.text


@pytest.mark.parametrize("seed", range(3))
def test_nodes_need_not_be_sorted(
    seed: int, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    path = write_voice(tmp_path / "an.onnx")
    expected = samples(voice_of(path))

    def shuffle(model: onnx.ModelProto) -> None:
        nodes = list(model.graph.node)
        random.Random(seed).shuffle(nodes)
        del model.graph.node[:]
        model.graph.node.extend(nodes)

    assert np.array_equal(samples(voice_of(change(path, shuffle))), expected)
    assert "it runs whole" not in caplog.text


def test_second_output_is_left_alone(tmp_path: Path) -> None:
    path = write_voice(tmp_path / "an.onnx")
    expected = samples(voice_of(path))

    def add_output(model: onnx.ModelProto) -> None:
        value = helper.make_tensor_value_info(
            model.graph.node[0].output[0], TensorProto.FLOAT, ["a", "b", "c"]
        )
        model.graph.output.append(value)

    assert np.array_equal(samples(voice_of(change(path, add_output))), expected)
