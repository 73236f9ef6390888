"""Features of this processor."""

import platform

import torch

ONEDNN: bool = (
    platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)
"""Whether matrices go through oneDNN; measured on x86 only."""

FAST_BF16: bool = torch.cpu.get_capabilities().get("avx512_bf16", False)
"""Whether bf16 is multiplied faster than fp32; other processors convert it first."""

AMX: bool = torch.cpu.get_capabilities().get("amx_bf16", False)
"""Whether bf16 is multiplied in tiles; measured on Intel."""

AVX512: bool = torch.backends.cpu.get_cpu_capability() == "AVX512"
