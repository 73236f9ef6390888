"""The linear layer that every network here uses."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class Linear(nn.Linear):
    """y = x W^T + b, on a CPU through oneDNN.

    torch's own path goes through MKL, which runs at half of the speed on AMD processors (measured:
    708 MB of weights in 34 ms against 20 ms for one row, 207 against 430 GFLOPS for many) and is
    not faster on Intel's.
    """

    def forward(self, input: Tensor) -> Tensor:
        if input.device.type == "cpu" and torch.backends.mkldnn.is_available():
            linear = torch.ops.mkldnn._linear_pointwise
            output: Tensor = linear(input, self.weight, self.bias, "none", [], "")
            return output
        return F.linear(input, self.weight, self.bias)
