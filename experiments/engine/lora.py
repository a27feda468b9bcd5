"""peft's LoRA layer with fewer passes over memory: same parameters, same function, same files.

In peft's layer, dropout and element-wise products cost a CPU nearly as much as the low-rank
products. Here the matrix product adds the low-rank part to the output itself, and dropout takes
16 random bits per activation and keeps one byte of it for the backward pass.
"""

from __future__ import annotations

import torch
from peft.tuners import lora
from torch.autograd.function import once_differentiable

from experiments.engine.matmul import RoundedLinear, product

DRAWS = 1 << 16  # values of 16 random bits: dropout is exact to 1/65536


def draw_kept(shape: torch.Size, drops: int, device: torch.device) -> torch.Tensor:
    """uint8 of `shape`: 0 with probability drops / DRAWS, otherwise 1; from torch's generator."""
    count = shape.numel()
    draws = torch.empty(-(-count // 4), dtype=torch.int64, device=device).random_(-(2**63), None)
    kept = draws.view(torch.int16)[:count].to(torch.float32).ge_(drops - DRAWS // 2)
    return kept.to(torch.uint8).view(shape)


class LowRankLinear(torch.autograd.Function):
    """x W' + bias + scaling · dropout(x) A' B' of x (T, in), W (out, in), A (r, in), B (out, r)."""

    @staticmethod
    def forward(ctx, x, weight, bias, a, b, scaling, dropout):
        drops = round(dropout * DRAWS)
        kept = draw_kept(x.shape, drops, x.device) if drops else None
        ctx.scaling = scaling * DRAWS / (DRAWS - drops)
        low = (x if kept is None else x * kept.to(x.dtype)) @ a.T
        ctx.save_for_backward(x, weight, a, b, low, kept)
        return product(x, weight, bias).addmm_(low, b.T, alpha=ctx.scaling)

    @staticmethod
    @once_differentiable
    def backward(ctx, gradient):
        x, weight, a, b, low, kept = ctx.saved_tensors
        mask = None if kept is None else kept.to(x.dtype)
        gradient_low = (gradient @ b).mul_(ctx.scaling)
        gradient_a = gradient_low.T @ (x if mask is None else x * mask)
        gradient_b = (gradient.T @ low).mul_(ctx.scaling)
        gradient_x = None
        if ctx.needs_input_grad[0]:
            gradient_x = product(gradient, weight.T, None)
            if mask is None:
                gradient_x.addmm_(gradient_low, a)
            else:
                gradient_x.addcmul_(gradient_low @ a, mask)
        return gradient_x, None, None, gradient_a, gradient_b, None, None


class FastLinear(lora.Linear):
    """peft's layer with a forward of its own."""

    def forward(self, x, *args, **kwargs):
        if self.disable_adapters or self.merged:
            return super().forward(x, *args, **kwargs)
        (name,) = self.active_adapters
        base = self.get_base_layer()
        a, b = self.lora_A[name].weight, self.lora_B[name].weight
        # Identity without dropout
        dropout = getattr(self.lora_dropout[name], "p", 0.0) if self.training else 0.0
        rows = LowRankLinear.apply(
            x.flatten(0, -2), base.weight, base.bias, a, b, self.scaling[name], dropout
        )
        return rows.unflatten(0, x.shape[:-1])


def quicken(model: torch.nn.Module) -> None:
    """Have the LoRA layers compute the fast way on a CPU, where they take and give float32."""
    for module in model.modules():
        if type(module) is lora.Linear:
            base = module.get_base_layer()
            exact = isinstance(base, RoundedLinear) or base.weight.dtype == torch.float32
            if exact and base.weight.device.type == "cpu":
                module.__class__ = FastLinear
