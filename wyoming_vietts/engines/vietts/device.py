"""The device of the networks, and its memory."""

from collections.abc import Iterator
from contextlib import contextmanager

import torch

from ...errors import SetupError, SynthesisError
from ..memory import give_back_freed_memory
from .cpu import features
from .cpu.memory import resident_bytes

_NO_MEMORY = "can't allocate memory"  # in an error of PyTorch on a CPU, which has no class


def choose_device(name: str) -> torch.device:
    """Choose the device for `auto` (a CUDA GPU, else the CPU), `cuda`, `cuda:N`, `mps` or `cpu`.

    Raises:
        SetupError: the named device is not available.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    available = ["cpu"] + [f"cuda:{index}" for index in range(gpus)]
    if torch.backends.mps.is_available():
        available.append("mps")
    wanted = "cuda:0" if name == "cuda" else name
    if wanted not in available:
        raise SetupError(f"There is no device '{name}'; available: {', '.join(available)}")
    return torch.device(name)


def lm_type(device: torch.device, int8_on_cpu: bool) -> torch.dtype:
    """Choose the language model's number type: bf16 on a GPU, int8 if wanted on a CPU, or fp32."""
    if device.type == "cpu" and int8_on_cpu:
        return torch.int8
    return torch.bfloat16 if _is_gpu_with_bf16(device) else torch.float32


def flow_type(device: torch.device, reduced_on_cpu: bool) -> torch.dtype:
    """Choose the flow's number type: bf16 on a GPU; on a CPU, if wanted, bf16 or int8; or fp32."""
    if device.type == "cpu" and reduced_on_cpu:
        if features.FAST_BF16:
            return torch.bfloat16
        return torch.int8 if features.has_vnni() else torch.float32
    return torch.bfloat16 if _is_gpu_with_bf16(device) else torch.float32


def _is_gpu_with_bf16(device: torch.device) -> bool:
    """Tell NVIDIA's Ampere and later from older GPUs, which compute in fp32.

    fp16 is out of range for both networks: the language model gets NaN, the flow silence.
    """
    return device.type == "cuda" and torch.cuda.get_device_capability(device) >= (8, 0)


def held_bytes(device: torch.device) -> int:
    """Return the memory of the device that this process holds; on a CPU, its resident memory."""
    if device.type == "cuda":
        return torch.cuda.memory_reserved(device)
    return torch.mps.driver_allocated_memory() if device.type == "mps" else resident_bytes()


def give_back_memory(device: torch.device) -> None:
    """Return freed memory of the device and of the process to the system."""
    give_back_freed_memory()
    if device.type == "cuda":
        torch.cuda.empty_cache()
    elif device.type == "mps":
        torch.mps.empty_cache()


@contextmanager
def out_of_memory_ends_the_request(device: torch.device) -> Iterator[None]:
    """When the device is out of memory, fail only this request, and free its memory."""
    try:
        yield
    except RuntimeError as error:
        if not (isinstance(error, torch.OutOfMemoryError) or _NO_MEMORY in str(error)):
            raise
        give_back_memory(device)
        where = "server" if device.type == "cpu" else "GPU"
        raise SynthesisError(
            f"The {where} is out of memory; send shorter sentences or fewer at a time"
        ) from error
