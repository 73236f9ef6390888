"""A GPU that computes nothing, and only follows the device, type and shape of every tensor.

PyTorch's fake tensors refuse to mix devices. This refuses to mix number types, too, and counts
what makes the program wait for the GPU.
"""

from collections import Counter
from typing import Any

import torch
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensor, FakeTensorMode, unset_fake_temporarily
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_iter, tree_map

READ, TO_CPU, TO_GPU = "value read", "copied to the CPU", "copied to the GPU"

# Operations by name, without overloads.
_READS = {
    "_local_scalar_dense",  # .item(), int(), bool()
    "multinomial",  # checks the probabilities
    "istft",  # checks the window
}
_NEED_ONE_TYPE = {
    *("mm", "bmm", "addmm", "baddbmm", "convolution", "native_layer_norm", "native_group_norm"),
    *("_scaled_dot_product_attention_math", "_scaled_dot_product_efficient_attention"),
    *("_scaled_dot_product_flash_attention", "_scaled_dot_product_cudnn_attention"),
}
_ON_GPU = 1 << 62  # in seeds: the generator itself is another object after a call of PyTorch


class FakeGPU(TorchDispatchMode):
    """Computes with CPU tensors as usual, and not with those on `cuda`: reading one gives 0."""

    def __init__(self) -> None:
        super().__init__()
        self.waits: Counter[str] = Counter()
        """How often the program has waited for the GPU, by reason."""
        self._fakes = FakeTensorMode()

    def __enter__(self) -> "FakeGPU":
        self._fakes.__enter__()
        return super().__enter__()  # type: ignore[no-any-return]

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)
        self._fakes.__exit__(*error)

    def __torch_dispatch__(
        self, function: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> Any:
        kwargs = kwargs or {}
        leaves = [*tree_iter((args, kwargs))]
        tensors = [leaf for leaf in leaves if isinstance(leaf, Tensor)]
        has_fakes = any(isinstance(tensor, FakeTensor) for tensor in tensors)
        to = next((leaf.type for leaf in leaves if isinstance(leaf, torch.device)), None)
        if not has_fakes and to != "cuda":
            with unset_fake_temporarily():
                return function(*args, **kwargs)
        name = function.overloadpacket.__name__
        if name in _READS:
            self.waits[READ] += 1
        if function.namespace == "aten" and function._can_decompose():
            with self:  # in inference mode, nobody else takes it apart
                return function.decompose(*args, **kwargs)
        if name in _NEED_ONE_TYPE:
            numbers = {tensor.dtype for tensor in tensors if tensor.is_floating_point()}
            assert len(numbers) == 1, f"{function} of {numbers}"
        if name == "_local_scalar_dense":
            with unset_fake_temporarily():
                return _zeros(args[0]).item()
        if name == "_to_copy" and has_fakes and to == "cpu":
            self.waits[TO_CPU] += 1
            return _zeros(args[0], kwargs.get("dtype"))
        if name == "_to_copy" and not has_fakes:
            self.waits[TO_GPU] += 1
            return torch.empty(args[0].shape, dtype=kwargs.get("dtype") or args[0].dtype, device=to)
        if name == "copy_" and len({tensor.device for tensor in tensors}) > 1:
            self.waits[TO_GPU if args[0].is_cuda else TO_CPU] += 1
        if (generator := kwargs.get("generator")) is not None:
            assert generator.initial_seed() & _ON_GPU, f"{function} with a generator of the CPU"
            kwargs = {**kwargs, "generator": None}  # fake tensors take none
        args, kwargs = tree_map(self._fake, (args, kwargs))
        return function(*args, **kwargs)

    def _fake(self, x: Any) -> Any:
        is_real = isinstance(x, Tensor) and not isinstance(x, FakeTensor)
        return self._fakes.from_tensor(x) if is_real else x


def _zeros(tensor: Tensor, dtype: torch.dtype | None = None) -> Tensor:
    with unset_fake_temporarily():
        return torch.zeros(tensor.shape, dtype=dtype or tensor.dtype)


class FakeGenerator(torch.Generator):
    """Stands in for `torch.Generator` on a GPU, which needs a driver."""

    def __new__(cls, device: torch.device) -> "FakeGenerator":
        assert device.type == "cuda"
        return super().__new__(cls)

    def manual_seed(self, seed: int) -> torch.Generator:
        return super().manual_seed(seed | _ON_GPU)
