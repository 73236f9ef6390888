"""Runs of networks: how long they may take, and who waits for them."""

import threading
import time
from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from wyoming_vietts.engines.onnx.runs import EndlessRunError
from wyoming_vietts.engines.onnx.sessions import MAX_RUN_SECONDS, Session
from wyoming_vietts.engines.piper import network
from wyoming_vietts.steps import Steps, finish

value = helper.make_tensor_value_info


def make_session(
    operator: str = "Neg",
    kind: int = TensorProto.FLOAT,
    nodes: Sequence[onnx.NodeProto] = (),
) -> Session:
    nodes = nodes or [helper.make_node(operator, ["x"], ["y"])]
    inputs, outputs = [value("x", kind, ["N"])], [value("y", TensorProto.FLOAT, None)]
    graph = helper.make_graph(nodes, "g", inputs, outputs)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return Session(model.SerializeToString(), threads=1)


INPUTS = {"x": np.ones(1, np.float32)}


class Held:
    """A session of ONNX Runtime that computes until it is released."""

    def __init__(self) -> None:
        self.computing, self.released = threading.Event(), threading.Event()
        self.options = SimpleNamespace()

    def run(self, _: None, inputs: dict[str, np.ndarray], options: SimpleNamespace) -> list[object]:
        self.options = options
        self.computing.set()
        assert self.released.wait(20)
        return [inputs["x"]]


def compute_beside(steps: Steps[Any]) -> None:
    for _ in steps:
        sum(range(1_000_000))


@pytest.mark.parametrize("has_run", [False, True])
def test_run_ends_at_its_limit(has_run: bool) -> None:
    session = make_session()
    if has_run:
        assert finish(session.run(INPUTS))["y"] == -1
    with pytest.raises(EndlessRunError, match="it computes for more than -2 s"):
        finish(session.run(INPUTS, max_seconds=-2.0))


def test_others_get_turns_during_a_first_run() -> None:
    session = make_session()
    session._session = held = Held()
    steps = session.run(INPUTS)
    for _ in range(5):
        started = time.thread_time()
        next(steps)
        assert time.thread_time() - started < 0.05
    assert not held.options.terminate
    held.released.set()
    assert finish(steps)["y"] == 1


@pytest.mark.parametrize("hangs_up", [True, False])
def test_run_that_nobody_waits_for_is_ended(hangs_up: bool) -> None:
    session = make_session()
    session._session = held = Held()
    steps = session.run(INPUTS, max_seconds=60.0 if hangs_up else 0.05)
    next(steps)
    assert held.computing.wait(20)
    if hangs_up:
        steps.close()
    else:
        with pytest.raises(EndlessRunError):
            compute_beside(steps)
    assert held.options.terminate
    held.released.set()


def test_no_thread_runs_a_network_that_has_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    finish(session.run(INPUTS))
    monkeypatch.delattr(threading, "Thread")
    with pytest.raises(StopIteration) as end:  # without a pause
        next(session.run(INPUTS))
    assert end.value.value["y"] == -1
    with pytest.raises(ValueError, match="Thread"):
        finish(make_session().run(INPUTS))


def test_run_that_takes_hours_ends_though_the_first_was_short() -> None:
    nodes = [helper.make_node("ConstantOfShape", ["x"], ["p0"])]
    nodes += [helper.make_node("MatMul", [f"p{n}"] * 2, [f"p{n + 1}"]) for n in range(1000)]
    nodes.append(helper.make_node("ReduceMax", ["p1000"], ["y"], keepdims=0))
    session = make_session(kind=TensorProto.INT64, nodes=nodes)
    assert finish(session.run({"x": np.array([1, 1])}))["y"] == 0
    started = time.process_time()
    with pytest.raises(EndlessRunError, match=r"it computes for more than 0\.3 s"):
        finish(session.run({"x": np.array([1000, 1000])}, max_seconds=0.3))
    assert time.process_time() - started < 2
    assert finish(session.run({"x": np.array([2, 2])}))["y"] == 0


def test_network_is_not_blamed_for_memory_that_another_first_run_holds() -> None:
    greedy = make_session("ConstantOfShape", TensorProto.INT64)
    shape = {"x": np.array([100_000_000])}
    with pytest.raises(ValueError, match="more than 384 MB to compute"):
        finish(greedy.run(shape))
    other = make_session()
    other._session = held = Held()
    steps = other.run(INPUTS)
    next(steps)
    with pytest.raises(MemoryError):
        finish(greedy.run(shape))
    held.released.set()
    finish(steps)
    with pytest.raises(ValueError, match="more than 384 MB to compute"):
        finish(greedy.run(shape))


def test_limits_are_far_beyond_a_small_machine() -> None:
    """A voice that is taken for an endless one is off the list.

    A medium voice takes 0.002 s of processor time for a phoneme id on a fast core, 0.006 s as a
    whole. A Raspberry Pi is assumed to take fifty times as much; nobody has measured it.
    """
    assert network.MAX_FRONT_SECONDS > 4 * 50 * 0.002
    assert network.MAX_WHOLE_SECONDS > 4 * 50 * 0.006
    assert network.MAX_FRAME_SECONDS >= 4 * 50 * 0.001
    assert MAX_RUN_SECONDS >= 60
