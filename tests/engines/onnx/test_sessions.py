"""Runs of networks: how long they may take."""

import numpy as np
import pytest
from onnx import helper

from wyoming_vietts.engines.onnx import sessions
from wyoming_vietts.engines.onnx.sessions import EndlessRunError, Session


@pytest.mark.parametrize("is_short_lived", [False, True])
def test_network_that_runs_once_may_take_longer(
    is_short_lived: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (sessions.MAX_RUN_SECONDS, sessions.MAX_SINGLE_RUN_SECONDS) == (10, 60)
    value = helper.make_tensor_value_info
    node = helper.make_node("Neg", ["x"], ["y"])
    graph = helper.make_graph([node], "g", [value("x", 1, [1])], [value("y", 1, [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 15)], ir_version=8)
    monkeypatch.setattr(sessions, "MAX_RUN_SECONDS", -1.0)
    session = Session(model.SerializeToString(), threads=1, is_short_lived=is_short_lived)
    inputs = {"x": np.ones(1, np.float32)}
    if is_short_lived:
        assert session.run(inputs)["y"] == -1
    else:
        with pytest.raises(EndlessRunError, match="it computes for more than -1 s"):
            session.run(inputs)
    with pytest.raises(EndlessRunError, match="it computes for more than -2 s"):
        session.run(inputs, max_seconds=-2.0)
