"""Runs of networks: how long they may take."""

import threading

import numpy as np
import pytest
from onnx import helper

from wyoming_vietts.engines.onnx.sessions import MAX_RUN_SECONDS, EndlessRunError, Session
from wyoming_vietts.engines.piper import network


def make_session() -> Session:
    value = helper.make_tensor_value_info
    node = helper.make_node("Neg", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", 1, [1])], [value("y", 1, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    return Session(model.SerializeToString(), threads=1)


INPUTS = {"x": np.ones(1, np.float32)}


@pytest.mark.parametrize("has_run", [False, True])
def test_run_ends_at_its_limit(has_run: bool) -> None:
    session = make_session()
    if has_run:
        assert session.run(INPUTS)["y"] == -1
    with pytest.raises(EndlessRunError, match="it computes for more than -2 s"):
        session.run(INPUTS, max_seconds=-2.0)


def test_no_thread_watches_a_network_that_has_run_once(monkeypatch: pytest.MonkeyPatch) -> None:
    session = make_session()
    session.run(INPUTS)
    monkeypatch.delattr(threading, "Thread")
    assert session.run(INPUTS)["y"] == -1
    with pytest.raises(AttributeError):
        make_session().run(INPUTS)


def test_limits_are_far_beyond_a_small_machine() -> None:
    """A voice that is taken for an endless one is off the list.

    A medium voice takes 0.002 s of processor time for a phoneme id on a fast core, 0.006 s as a
    whole. A Raspberry Pi is assumed to take fifty times as much; nobody has measured it.
    """
    assert network.MAX_FRONT_SECONDS > 4 * 50 * 0.002
    assert network.MAX_WHOLE_SECONDS > 4 * 50 * 0.006
    assert MAX_RUN_SECONDS >= 60
