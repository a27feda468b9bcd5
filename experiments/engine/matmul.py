"""Products of frozen weights in bfloat16, for processors with units for them (AVX512-BF16, AMX).

The weights of linear layers are rounded once; what a layer is given and what it gives are rounded
at its door, sums within it are float32. What adds up over layers stays float32: residual stream,
norms, attention, adapters beside the weights, and the vocabulary logits, whose steps would be
eighths of a nat.
"""

from __future__ import annotations

import torch
from torch.nn import functional


class RoundedLinear(torch.nn.Linear):
    """A linear layer whose weight (out, in) is bfloat16; float32 in and out, bias float32."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return product(x, self.weight, self.bias)


def round_products(model: torch.nn.Module) -> None:
    """Round every linear layer but the last, in place; the model can then not be tuned in full."""
    logits = model.get_output_embeddings()
    for module in model.modules():
        if type(module) is torch.nn.Linear and module is not logits:
            rounded = module.weight.detach().bfloat16()
            module.weight = torch.nn.Parameter(rounded, requires_grad=False)
            module.__class__ = RoundedLinear


def is_rounded(model: torch.nn.Module) -> bool:
    return any(isinstance(module, RoundedLinear) for module in model.modules())


def product(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """x W' + bias in the precision of `x`, multiplied in that of the weight."""
    if x.dtype == weight.dtype:
        return functional.linear(x, weight, bias)
    rows = functional.linear(x.to(weight.dtype), weight).to(x.dtype)
    return rows if bias is None else rows + bias
