"""Sessions of ONNX Runtime: the same rules for every engine."""

import logging
import os
import re
import sys
import time
from collections.abc import Mapping
from contextlib import redirect_stdout, suppress
from functools import cache, partial
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from ...program import how_to_install
from ...steps import Steps
from .runs import (
    EndlessRunError,
    is_first_run_under_way,
    run_in_thread,
    start_watch,
    watched,
)

_LOGGER = logging.getLogger(__name__)

MAX_RUN_BYTES = 384_000_000
"""Memory for the tensors of a run; those of a large Piper voice take about 100 MB."""
MAX_RUN_SECONDS = 60.0
"""Processor time of a run, on all cores: that of the longest, on the smallest machine."""

CPU = "cpu"

_CPU_PROVIDER, _CUDA_PROVIDER = "CPUExecutionProvider", "CUDAExecutionProvider"
_CUDA_OPTIONS = {
    "cudnn_conv_algo_search": "HEURISTIC",  # by default, each new length is measured for long
    "use_tf32": "0",  # rounds to 10 bits, and windows must join
}
_AS_REQUESTED = 1  # kSameAsRequested, an ArenaExtendStrategy

_TYPES: dict[str, type[np.generic]] = {
    "tensor(float)": np.float32,
    "tensor(float16)": np.float16,
    "tensor(double)": np.float64,
    "tensor(int32)": np.int32,
    "tensor(int64)": np.int64,
    "tensor(bool)": np.bool_,
}


class Session:
    """A network, ready to run."""

    def __init__(
        self,
        model: bytes | Path,
        threads: int,
        *,
        device: str = CPU,
        is_short_lived: bool = False,
        is_optimized: bool = True,
        folds_constants: bool = True,
    ) -> None:
        """Load a model.

        Args:
            model: a file, or the content of one.
            threads: for each operator.
            device: `cuda` or `cuda:N` for a GPU, if ONNX Runtime has one; else the CPU.
            is_short_lived: skip preparations that take longer than they save in one run.
            is_optimized: optimise the graph, which takes four times as long as loading it.
            folds_constants: compute constants once; those of a hostile graph would take hours.

        Raises:
            ValueError: ONNX Runtime refuses the model, or it takes or makes no tensors of numbers.
            MemoryError: memory runs out.
        """
        onnxruntime = import_runtime()
        start_watch()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads
        # A spinning thread takes its core from other work.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        if is_short_lived or not is_optimized:
            options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
        if is_short_lived:
            options.add_session_config_entry("session.disable_prepacking", "1")
        else:
            _share_arena()
            options.add_session_config_entry("session.use_env_allocators", "1")
            options.add_session_config_entry("session.use_device_allocator_for_initializers", "1")
        source = model if isinstance(model, bytes) else os.fspath(model)
        try:
            self._session = _open(
                source,
                device,
                sess_options=options,
                disabled_optimizers=[] if folds_constants else ["ConstantFolding"],
            )
        except Exception as error:  # its errors have no common base
            raise _explain(error) from error
        self._has_run = False
        is_on_gpu = _CUDA_PROVIDER in self._session.get_providers()
        self.device = device if is_on_gpu else CPU
        """Where it runs."""
        if device.startswith("cuda"):
            _report(self.device)
        self.inputs: dict[str, type[np.generic]] = {}
        """Element types by name."""
        for node in self._session.get_inputs():
            if node.type not in _TYPES:
                raise ValueError(f"its input '{node.name}' is a {node.type}")
            self.inputs[node.name] = _TYPES[node.type]
        self.outputs: list[str] = []
        """Names."""
        for node in self._session.get_outputs():
            if _TYPES.get(node.type, np.bool_) is np.bool_:
                raise ValueError(f"its output '{node.name}' is a {node.type}")
            self.outputs.append(node.name)

    def run(
        self,
        values: Mapping[str, npt.NDArray[Any]],
        max_seconds: float = MAX_RUN_SECONDS,
        keeps_memory: bool = False,
    ) -> Steps[dict[str, npt.NDArray[Any]]]:
        """Run the network; half precision is converted from and to float32.

        A hostile network may compute for hours. So the first run is that of a thread, with pauses,
        and abandoned at its limit. Later ones compute in place, without a pause; at their limit,
        the watch ends them after the operator at hand.

        Args:
            values: inputs by name; others are ignored.
            max_seconds: processor time, on all cores.
            keeps_memory: do not return that of the run, as another follows at once; returning it
                takes a quarter as long as one step of VieNeu.

        Raises:
            EndlessRunError: the network takes longer.
            ValueError: it fails, or an input is missing.
            MemoryError: memory runs out.
        """
        inputs = {
            name: values[name].astype(kind, copy=False)
            for name, kind in self.inputs.items()
            if name in values
        }
        options = import_runtime().RunOptions()
        if not keeps_memory:  # by default, the arena keeps that of the longest run
            options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        end = time.process_time() + max_seconds
        run = partial(self._session.run, None, inputs, options)
        outputs: list[npt.NDArray[Any]] = []
        try:
            if self._has_run:
                with watched(options, end):
                    outputs = run()
            else:
                outputs = yield from run_in_thread(run, options, end)
        except Exception as error:  # its errors have no common base
            if time.process_time() <= end:
                raise _explain(error) from error
        if time.process_time() > end:
            raise EndlessRunError(f"it computes for more than {max_seconds:.2g} s")
        self._has_run = True
        return {
            name: value.astype(np.float32) if value.dtype == np.float16 else value
            for name, value in zip(self.outputs, outputs, strict=True)
        }


def _open(source: bytes | str, device: str, **how: Any) -> Any:
    """Make a session of ONNX Runtime on a device, or on the CPU if that fails."""
    onnxruntime = import_runtime()
    if device.startswith("cuda") and _CUDA_PROVIDER in onnxruntime.get_available_providers():
        if preload := getattr(onnxruntime, "preload_dlls", None):  # not in 1.20
            with redirect_stdout(sys.stderr):
                preload()
        options = {"device_id": device.partition(":")[2] or "0", **_CUDA_OPTIONS}
        providers = [(_CUDA_PROVIDER, options), _CPU_PROVIDER]
        with suppress(Exception):  # its errors have no common base
            return onnxruntime.InferenceSession(
                source, providers=providers, enable_fallback=0, **how
            )
    return onnxruntime.InferenceSession(source, providers=[_CPU_PROVIDER], **how)


@cache
def _report(device: str) -> None:
    """Log where networks run, once."""
    if device != CPU:
        _LOGGER.info("ONNX Runtime computes on %s", device)
        return
    _LOGGER.warning(
        "ONNX Runtime finds no CUDA GPU, so it computes on the CPU. A GPU needs its driver and "
        "the package onnxruntime-gpu: %s",
        how_to_install("gpu"),
    )


@cache
def _share_arena() -> None:
    """Register one bounded arena for all runs, as a damaged network may ask for any memory."""
    onnxruntime = import_runtime()
    cpu = onnxruntime.OrtMemoryInfo(
        "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
    )
    limits = {"max_mem": MAX_RUN_BYTES, "arena_extend_strategy": _AS_REQUESTED}
    onnxruntime.create_and_register_allocator(cpu, onnxruntime.OrtArenaCfg(limits))


@cache
def import_runtime() -> ModuleType:
    """Import ONNX Runtime, when the first voice that needs it is loaded: 0.3 s, once."""
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # read by the import
    import onnxruntime

    onnxruntime.set_default_logger_severity(4)  # fatal: errors are raised
    module: ModuleType = onnxruntime
    return module


def _explain(error: Exception) -> Exception:
    """Shorten an error to one line; tell lack of memory from a wrong model."""
    message = " ".join(str(error).split())
    is_memory = isinstance(error, MemoryError) or re.search("bad_alloc|allocate memory", message)
    if "BFCArena" in message and "smaller than requested" in message:
        if not is_first_run_under_way():
            return ValueError(f"it takes more than {MAX_RUN_BYTES / 1e6:.0f} MB to compute")
        is_memory = True  # others have some of the arena
    return MemoryError("out of memory") if is_memory else ValueError(message[:300])
