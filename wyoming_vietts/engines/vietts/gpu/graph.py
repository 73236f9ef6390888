"""A computation with fixed shapes as a CUDA graph."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from ....steps import Steps

_WARM_UPS = 2  # libraries allocate their memory in the first calls, which a graph cannot contain


class FixedShapes:
    """A function of tensors with fixed shapes: a CUDA graph once captured, else called."""

    def __init__(self, function: Callable[..., tuple[Tensor, ...]], *inputs: Tensor) -> None:
        """Take a function and example inputs; every call copies its inputs into their memory."""
        self._function, self._inputs = function, inputs
        self._outputs: tuple[Tensor, ...] = ()
        self._graph: torch.cuda.CUDAGraph | None = None

    def capture(self, pool: Any) -> Steps[None]:
        """Capture the function, with pauses; its memory comes from the pool."""
        device = self._inputs[0].device
        stream = torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
        stream.wait_stream(torch.cuda.current_stream(device))
        for _ in range(_WARM_UPS):
            with torch.cuda.stream(stream):
                self._function(*self._inputs)
            yield
        torch.cuda.current_stream(device).wait_stream(stream)
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph, pool=pool, stream=stream):
            self._outputs = self._function(*self._inputs)
        self._graph = graph
        yield

    def __call__(self, *inputs: Tensor) -> tuple[Tensor, ...]:
        """Compute for inputs with the shapes of the examples."""
        for memory, value in zip(self._inputs, inputs, strict=True):
            memory.copy_(value)
        if self._graph is None:
            return self._function(*self._inputs)
        self._graph.replay()
        return tuple(output.clone() for output in self._outputs)  # the next call overwrites them
