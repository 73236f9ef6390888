"""Graphs that no exporter writes: looking at them ends, soon and in little memory."""

import asyncio
import time
import tracemalloc
from collections.abc import Awaitable, Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import helper, numpy_helper

from tests.engines.piper.test_files import change
from tests.engines.piper.tiny_voice import make_engine, samples, voice_of, write_voice
from tests.harness import describe, pcm_of, running_server, synthesize, voice_names
from wyoming_vietts.engines.onnx.protobuf import write_field, write_start
from wyoming_vietts.engines.piper import network
from wyoming_vietts.errors import SynthesisError
from wyoming_vietts.steps import Steps, finish

SECONDS = 0.5  # of computing, that a step may take


def operators(model: onnx.ModelProto, operator: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if node.op_type == operator]


def cycle_of_two(model: onnx.ModelProto) -> None:
    """Two LeakyRelu that feed each other before the first upsampling."""
    upsampling = operators(model, "ConvTranspose")[0]
    model.graph.node.append(helper.make_node("LeakyRelu", ["one_way"], ["other_way"]))
    model.graph.node.append(helper.make_node("LeakyRelu", ["other_way"], ["one_way"]))
    upsampling.input[0] = "one_way"


def cycle_of_one(model: onnx.ModelProto) -> None:
    add = operators(model, "Add")[0]
    add.input[0] = add.output[0]


def cycle_behind_noise(model: onnx.ModelProto) -> None:
    noise = operators(model, "RandomNormalLike")[0]
    model.graph.node.append(helper.make_node("Mul", [noise.output[0], "b"], ["a"]))
    model.graph.node.append(helper.make_node("Mul", ["a", "a"], ["b"]))


def two_makers(model: onnx.ModelProto) -> None:
    for node in operators(model, "LeakyRelu"):
        node.output[0] = "same"


def no_stride(model: onnx.ModelProto) -> None:
    for node in operators(model, "ConvTranspose"):
        (strides,) = (one for one in node.attribute if one.name == "strides")
        strides.ints[:] = [0]


def negative_pads(model: onnx.ModelProto) -> None:
    for node in operators(model, "ConvTranspose"):
        (pads,) = (one for one in node.attribute if one.name == "pads")
        pads.ints[:] = [-1, -1]


def huge_dilation(model: onnx.ModelProto) -> None:
    for node in operators(model, "Conv"):
        for one in node.attribute:
            if one.name == "dilations":
                one.ints[:] = [2**62]


def no_attributes(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        del node.attribute[:]


def empty_attributes(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        for one in node.attribute:
            del one.ints[:]


def no_inputs(model: onnx.ModelProto) -> None:
    for node in operators(model, "ConvTranspose") + operators(model, "Conv"):
        del node.input[:]


def no_outputs(model: onnx.ModelProto) -> None:
    for node in model.graph.node[3:]:
        del node.output[:]


def no_nodes(model: onnx.ModelProto) -> None:
    del model.graph.node[:]


def foreign_output(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "nobody"


def deep_subgraphs(model: onnx.ModelProto) -> None:
    """Nest 30 levels; the parser of the package `onnx` takes no more."""
    graph = helper.make_graph([], "leaf", [], [])
    for _ in range(30):
        graph = helper.make_graph([helper.make_node("If", ["x"], ["y"], then=graph)], "g", [], [])
    model.graph.node.append(helper.make_node("If", ["x"], ["y"], then_branch=graph))


def many_integers(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("list", [7] * 2_000_000))


def long_names(model: onnx.ModelProto) -> None:
    model.graph.node[0].name = model.graph.node[0].output[0] = "x" * 5_000_000


def loop_of(operator: str) -> onnx.NodeProto:
    """Make an operator that computes a graph 2^62 times."""
    value = helper.make_tensor_value_info
    go_on = helper.make_node("Identity", ["go"], ["going"])
    body = helper.make_graph(
        [go_on],
        "body",
        [value("i", onnx.TensorProto.INT64, []), value("go", onnx.TensorProto.BOOL, [])],
        [value("going", onnx.TensorProto.BOOL, [])],
    )
    return helper.make_node(operator, ["often", ""], [], body=body)


def add_loop(model: onnx.ModelProto, node: onnx.NodeProto) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(2**62), "often"))
    model.graph.node.append(node)


def endless_loop(model: onnx.ModelProto) -> None:
    add_loop(model, loop_of("Loop"))


def endless_scan(model: onnx.ModelProto) -> None:
    add_loop(model, loop_of("Scan"))


def loop_in_a_branch(model: onnx.ModelProto) -> None:
    branch = helper.make_graph([loop_of("Loop")], "branch", [], [])
    add_loop(model, helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch))


def loop_in_a_function(model: onnx.ModelProto) -> None:
    opsets = [helper.make_opsetid("", 15)]
    model.functions.append(
        helper.make_function("own", "f", ["often"], [], [loop_of("Loop")], opsets)
    )
    model.opset_import.append(helper.make_opsetid("own", 1))
    add_loop(model, helper.make_node("f", ["often"], [], domain="own"))


def many_nodes(model: onnx.ModelProto) -> None:
    for number in range(17_000):
        model.graph.node.append(helper.make_node("Neg", [f"n{number + 1}"], [f"n{number}"]))


def many_nodes_in_branches(model: onnx.ModelProto) -> None:
    nodes = [helper.make_node("Neg", ["x"], [f"n{number}"]) for number in range(3000)]
    branch = helper.make_graph(nodes, "branch", [], [])
    node = helper.make_node("If", ["x"], ["y"], then_branch=branch, else_branch=branch)
    model.graph.node.extend([node] * 3)


def many_rare_nodes(model: onnx.ModelProto) -> None:
    for number in range(1100):
        node = helper.make_node("HardSwish", [f"n{number}"], [f"n{number + 1}"])
        model.graph.node.append(node)


def weights_used_often(model: onnx.ModelProto) -> None:
    weight = numpy_helper.from_array(np.zeros((1000, 1000), np.float32), "large")
    model.graph.initializer.append(weight)
    for number in range(201):
        node = helper.make_node("MatMul", [f"n{number}", "large"], [f"n{number + 1}"])
        model.graph.node.append(node)


def large_convolutions(model: onnx.ModelProto) -> None:
    """Put some before the last convolution of the decoder."""
    last = operators(model, "Conv")[-1]
    name = last.input[0]
    for number, shape in enumerate([(2000, 4, 1), (2000, 2000, 1), (4, 2000, 1)]):
        weight, output = f"large{number}", f"larger{number}"
        model.graph.initializer.append(numpy_helper.from_array(np.zeros(shape, "f4"), weight))
        node = helper.make_node("Conv", [name, weight], [output], kernel_shape=[1])
        model.graph.node.append(node)
        name = output
    last.input[0] = name


def computed_weights(model: onnx.ModelProto) -> None:
    conv = operators(model, "Conv")[-1]
    model.graph.node.append(helper.make_node("Neg", [conv.input[1]], ["computed"]))
    conv.input[1] = "computed"


def computed_weights_of_the_flow(model: onnx.ModelProto) -> None:
    add_convolution(model, (3000, 3000, 1))
    model.graph.node[-1].input[1] = model.graph.node[0].output[0]


def large_weights_of_the_flow(model: onnx.ModelProto) -> None:
    add_convolution(model, (3000, 3000, 1))


def large_kernel_of_the_flow(model: onnx.ModelProto) -> None:
    add_convolution(model, (1, 1, 1025))


def add_convolution(model: onnx.ModelProto, shape: tuple[int, int, int]) -> None:
    weight = numpy_helper.from_array(np.zeros(shape, "f4"), "large")
    model.graph.initializer.append(weight)
    node = helper.make_node("Conv", ["scales", "large"], ["any"], kernel_shape=shape[2:])
    model.graph.node.append(node)


def many_edges(model: onnx.ModelProto) -> None:
    for number in range(3000):
        inputs = [f"n{number + 1}"] * 12
        node = helper.make_node("Concat", inputs, [f"n{number}"], axis=0)
        model.graph.node.append(node)


HOSTILE = [
    cycle_of_two, cycle_of_one, cycle_behind_noise, two_makers, no_stride, negative_pads,
    huge_dilation, no_attributes, empty_attributes, no_inputs, no_outputs, no_nodes,
    foreign_output, deep_subgraphs, many_integers, long_names, endless_loop, endless_scan,
    loop_in_a_branch, loop_in_a_function, many_nodes, many_nodes_in_branches, many_rare_nodes,
    many_edges, weights_used_often, large_convolutions, computed_weights,
    computed_weights_of_the_flow, large_weights_of_the_flow, large_kernel_of_the_flow,
]  # fmt: skip


def in_short_steps(steps: Steps[None]) -> Steps[None]:
    while True:
        started = time.thread_time()
        try:
            next(steps)
        except StopIteration:
            return
        finally:
            assert time.thread_time() - started < SECONDS
        yield


@pytest.mark.parametrize("edit", HOSTILE)
def test_hostile_graph_is_refused_in_a_moment(
    edit: Callable[[onnx.ModelProto], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = change(write_voice(tmp_path / "an.onnx"), edit)
    engine = make_engine(tmp_path)
    for voice in engine.voices.values():
        with pytest.raises(SynthesisError, match=r"an\.onnx cannot be loaded"):
            finish(in_short_steps(voice.load()))
    assert not engine.voices
    assert str(path) in caplog.text


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (endless_loop, "network of another kind: it has the operator Loop"),
        (endless_scan, "network of another kind: it has the operator Scan"),
        (loop_in_a_branch, "network of another kind: it has the operator Loop"),
        (loop_in_a_function, "network of another kind: it has functions"),
        (many_nodes, "more than 16,000 nodes"),
        (many_nodes_in_branches, "more than 16,000 nodes"),
        (many_rare_nodes, "1,000 nodes of operators that are rare in voices, such as HardSwish"),
        (many_edges, "32,000 inputs"),
        (weights_used_often, "more than 200 million weights"),
        (large_convolutions, "needs 10.. million multiplications for each frame; at most 1000"),
        (computed_weights, "a Conv has no weights"),
        (computed_weights_of_the_flow, "a Conv has no weights"),
        (large_weights_of_the_flow, "a Conv has 9,000,000 weights"),
        (large_kernel_of_the_flow, r"a Conv has the kernel \(1025,\)"),
    ],
)
def test_network_that_would_run_or_open_without_end_is_named(
    edit: Callable[[onnx.ModelProto], None], message: str, tmp_path: Path
) -> None:
    voice = voice_of(change(write_voice(tmp_path / "an.onnx"), edit))
    with pytest.raises(SynthesisError, match=message):
        finish(in_short_steps(voice.load()))


@pytest.mark.parametrize(
    "field",
    [b"\x0a\x00", b"\x2a\x00", b"\x5a\x00", b"\x62\x00", b"\x18\x01", b"\x6a\x00"],
    ids=["nodes", "weights", "inputs", "outputs", "numbers", "value infos"],
)
def test_twenty_megabytes_of_two_byte_fields_are_not_read(
    field: bytes, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_voice(tmp_path / "an.onnx")
    fields = field * 10_000_000
    path.write_bytes(write_start(7, len(fields)) + fields)
    started = time.thread_time()
    assert not make_engine(tmp_path).voices
    assert time.thread_time() - started < SECONDS
    tracemalloc.start()
    assert not make_engine(tmp_path).voices
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 50_000_000
    assert "it has more than 30,000 fields" in caplog.text


def test_thousands_of_nested_graphs_are_not_followed(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    path = write_voice(tmp_path / "an.onnx")
    node = b""
    for _ in range(5000):
        node = write_field(1, write_field(5, write_field(6, node)))
    graph = onnx.load(path).graph.SerializeToString() + node
    path.write_bytes(write_field(7, graph))
    with pytest.raises(SynthesisError, match="nested too deeply"):
        samples(voice_of(path))


def test_node_of_a_million_fields_is_not_read(tmp_path: Path) -> None:
    def fill(model: onnx.ModelProto) -> None:
        model.graph.node[0].input.extend(["x"] * 1_000_000)

    voice = voice_of(change(write_voice(tmp_path / "an.onnx"), fill))
    with pytest.raises(SynthesisError, match="more than 40,000 fields"):
        finish(in_short_steps(voice.load()))


@pytest.mark.parametrize(
    ("frames_an_id", "message"),
    [(1e6, "takes more than 384 MB to compute"), (100, "s of audio of .* phonemes and blanks")],
)
def test_memory_and_audio_of_a_sentence_are_bounded(
    frames_an_id: float, message: str, tmp_path: Path
) -> None:
    def lengthen(model: onnx.ModelProto) -> None:
        (weight,) = (each for each in model.graph.initializer if each.name == "per_id")
        weight.CopyFrom(numpy_helper.from_array(np.array([frames_an_id], np.float32), "per_id"))

    engine = make_engine(change(write_voice(tmp_path / "an.onnx"), lengthen).parent)
    with pytest.raises(SynthesisError, match=message):
        samples(engine.voices["an"])
    assert not engine.voices
    write_voice(tmp_path / "an.onnx")
    assert len(samples(voice_of(tmp_path / "an.onnx"))) > 10_000, "the memory is there again"


def add_products(model: onnx.ModelProto, tensor: str, count: int) -> None:
    """Add products of matrices to a tensor; each takes 8 billion multiplications."""
    (user,) = (node for node in model.graph.node if tensor in node.output)
    user.output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.array([2000, 2000]), "shape"))
    nodes = [helper.make_node("ConstantOfShape", ["shape"], ["product0"])]
    for number in range(count):
        names = [f"product{number}"] * 2
        nodes.append(helper.make_node("MatMul", names, [f"product{number + 1}"]))
    nodes.append(helper.make_node("ReduceSum", [f"product{count}"], ["sum"]))
    nodes.append(helper.make_node("Add", ["before", "sum"], [tensor]))
    model.graph.node.extend(nodes)


def test_constants_are_not_computed_while_a_network_is_opened(tmp_path: Path) -> None:
    """These take 64 billion multiplications: seconds."""

    def add(model: onnx.ModelProto) -> None:
        add_products(model, "output", 8)

    voice = voice_of(change(write_voice(tmp_path / "an.onnx", is_cuttable=False), add))
    finish(in_short_steps(voice.load()))
    assert not voice.network.is_cut


def test_run_that_would_take_hours_ends_when_the_voice_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "MAX_FRONT_SECONDS", 0.025)  # as on a machine 20 times as fast

    def add(model: onnx.ModelProto) -> None:
        latents = operators(model, "Conv")[1].input[0]
        add_products(model, latents, 1000)

    engine = make_engine(change(write_voice(tmp_path / "an.onnx"), add).parent)
    voice = engine.voices["an"]
    finish(voice.network.load())
    assert voice.network.is_cut
    started = time.process_time()
    with pytest.raises(SynthesisError, match=r"it computes for more than 0\.7. s"):
        finish(in_short_steps(voice.load()))
    assert time.process_time() - started < 2 * SECONDS + 0.5
    assert not engine.voices


@pytest.mark.parametrize("bound", ["MAX_FRONT_SECONDS", "MAX_FRAME_SECONDS"])
def test_network_that_computes_too_long_is_off_the_list_though_it_has_spoken(
    bound: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = make_engine(write_voice(tmp_path / "an.onnx").parent)
    voice = engine.voices["an"]
    assert len(samples(voice))
    monkeypatch.setattr(network, bound, -1.0)
    with pytest.raises(SynthesisError, match="it computes for more than"):
        samples(voice)
    assert not engine.voices


async def test_server_lives_after_a_network_that_computes_long_sentences_for_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "MAX_FRONT_SECONDS", 0.01)

    def add(model: onnx.ModelProto) -> None:
        add_products(model, operators(model, "Conv")[1].input[0], 1000)
        (size,) = (each for each in model.graph.initializer if each.name == "shape")
        size.name = "size"
        for name, number in (("long", 100), ("one", 1)):
            model.graph.initializer.append(numpy_helper.from_array(np.array([number]), name))
        nodes = [
            helper.make_node("Div", ["input_lengths", "long"], ["is_long"]),
            helper.make_node("Mul", ["is_long", "size"], ["more"]),
            helper.make_node("Add", ["more", "one"], ["shape"]),
        ]
        for node in reversed(nodes):
            model.graph.node.insert(0, node)

    engine = make_engine(change(write_voice(tmp_path / "an.onnx"), add).parent)
    async with running_server(engine) as uri:
        assert len(pcm_of(await synthesize(uri, "Xin chào.", "an"))) > 1000
        started = time.process_time()
        answer = await synthesize(uri, "Xin chào các bạn. " + "Hôm nay trời rất đẹp, " * 9, "an")
        assert time.process_time() - started < 10
        assert "it computes for more than" in answer[-1].data["text"]
        assert await voice_names(uri) == []


def output_of(model: onnx.ModelProto, operator: str, **attributes: int) -> None:
    """Make the output what an operator computes of the waveform."""
    (last,) = (node for node in model.graph.node if "output" in node.output)
    last.output[0] = "wave"
    model.graph.node.append(helper.make_node(operator, ["wave"], ["output"], **attributes))
    model.graph.output[0].ClearField("type")


def strings(model: onnx.ModelProto) -> None:
    output_of(model, "Cast", to=onnx.TensorProto.STRING)


def truths(model: onnx.ModelProto) -> None:
    output_of(model, "Cast", to=onnx.TensorProto.BOOL)


def short_floats(model: onnx.ModelProto) -> None:
    output_of(model, "Cast", to=onnx.TensorProto.BFLOAT16)


def sequence(model: onnx.ModelProto) -> None:
    output_of(model, "SequenceConstruct")


def flat_latents(model: onnx.ModelProto) -> None:
    """Drop the first dimension of the latents; the decoder takes them without it, too."""
    first = operators(model, "Conv")[-5]
    latents = first.input[0]
    first.input[0] = "flat_latents"
    axis = numpy_helper.from_array(np.array([0]), "axis")
    model.graph.initializer.append(axis)
    model.graph.node.append(helper.make_node("Squeeze", [latents, "axis"], ["flat_latents"]))


@pytest.mark.parametrize("edit", [strings, truths, short_floats, sequence, flat_latents])
async def test_network_that_makes_no_waveform_is_off_the_list(
    edit: Callable[[onnx.ModelProto], None], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change(write_voice(tmp_path / "an.onnx"), edit)
    write_voice(tmp_path / "binh.onnx")
    async with running_server(make_engine(tmp_path)) as uri:
        answer = await synthesize(uri, "Xin chào.", "an")
        assert answer[-1].type == "error"
        assert "an.onnx" in answer[-1].data["text"]
        assert await voice_names(uri) == ["binh"]
    assert "Traceback" not in caplog.text


async def test_server_lives_beside_hostile_graphs(tmp_path: Path) -> None:
    """Describe is answered soon while each of them is being loaded.

    Others may keep the core busy, so it is the processor's time that counts: of each pass of the
    event loop, and of all passes while a client waits.
    """
    for edit in HOSTILE:
        change(write_voice(tmp_path / f"x-{edit.__name__}.onnx"), edit)
    write_voice(tmp_path / "an.onnx")
    finish(voice_of(tmp_path / "an.onnx").load())  # as at start: it imports ONNX Runtime
    longest: dict[str, float] = {}

    async def ask(what: str, wait: Callable[[], Awaitable[object]], pause: float) -> None:
        while True:
            started = time.thread_time()
            await wait()
            longest[what] = max(longest.get(what, 0), time.thread_time() - started)
            await asyncio.sleep(pause)

    async with running_server(make_engine(tmp_path)) as uri:
        tasks = [
            asyncio.create_task(ask("pass", lambda: asyncio.sleep(0), pause=0)),
            asyncio.create_task(ask("describe", lambda: describe(uri), pause=0.05)),
        ]
        for voice in (await describe(uri)).tts[0].voices:
            if voice.name != "an":
                answer = await synthesize(uri, "Xin chào.", voice.name)
                assert answer[-1].type == "error"
        assert len(pcm_of(await synthesize(uri, "Xin chào.", "an"))) > 10_000
        assert await voice_names(uri) == ["an"]
        assert not any(task.done() for task in tasks)
        for task in tasks:
            task.cancel()
    assert longest["pass"] < SECONDS
    assert longest["describe"] < SECONDS
