"""Runs of networks: how long they may take."""

import numpy as np
import pytest
from onnx import helper

from wyoming_vietts.engines.onnx.sessions import MAX_RUN_SECONDS, EndlessRunError, Session
from wyoming_vietts.engines.piper import network


def test_run_ends_at_its_limit() -> None:
    value = helper.make_tensor_value_info
    node = helper.make_node("Neg", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", 1, [1])], [value("y", 1, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    session = Session(model.SerializeToString(), threads=1)
    inputs = {"x": np.ones(1, np.float32)}
    assert session.run(inputs)["y"] == -1
    with pytest.raises(EndlessRunError, match="it computes for more than -2 s"):
        session.run(inputs, max_seconds=-2.0)


def test_limits_are_far_beyond_a_small_machine() -> None:
    """A voice that is taken for an endless one is off the list.

    A medium voice takes 0.002 s of processor time for a phoneme id on a fast core, 0.006 s as a
    whole. A Raspberry Pi is assumed to take fifty times as much; nobody has measured it.
    """
    assert network.MAX_FRONT_SECONDS > 4 * 50 * 0.002
    assert network.MAX_WHOLE_SECONDS > 4 * 50 * 0.006
    assert MAX_RUN_SECONDS >= 60
