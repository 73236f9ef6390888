"""Features of this processor."""

import platform
from functools import cache

import torch

ONEDNN: bool = (
    platform.machine() in ("x86_64", "AMD64") and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
)
"""Whether matrices go through oneDNN; measured on x86 only."""

_CAPABILITIES = torch.cpu.get_capabilities()

FAST_BF16: bool = (
    _CAPABILITIES.get("avx512_bf16", False) and torch.ops.mkldnn._is_mkldnn_bf16_supported()
)
"""Whether bf16 is multiplied faster than fp32; other processors convert it first."""

AMX: bool = FAST_BF16 and _CAPABILITIES.get("amx_bf16", False)
"""Whether bf16 is multiplied in tiles; measured on Intel."""

AVX512: bool = torch.backends.cpu.get_cpu_capability() == "AVX512"


@cache
def has_vnni() -> bool:
    """Return whether oneDNN adds up products of 8-bit numbers without saturation."""
    if not (ONEDNN and (_CAPABILITIES.get("avx512_vnni") or _CAPABILITIES.get("avx_vnni"))):
        return False
    # oneDNN can be limited by its environment variable.
    largest, weights = torch.full((16, 64), 255).byte(), torch.full((16, 64), 127).char()
    sums = torch.ops.onednn.qlinear_pointwise(
        *(largest, 1.0, 0),
        *(torch.ops.onednn.qlinear_prepack(weights, None), torch.ones(16), torch.zeros(16).int()),
        *(None, 1.0, 0, torch.float32),
        *("none", [], ""),
    )
    return bool((sums == 64 * 255 * 127).all())
