"""Matrix products of a text tower: one interface, the fastest product the machine has.

On x86 PyTorch's float32 products go through MKL, which on AMD processors leaves more than half of
the speed unused; oneDNN, which PyTorch carries as well, does not, and it adds the residual or
applies the activation while the result is still in cache. PyTorch's own compiler calls it through
the operators used here. Where they are missing, or differ from the plain product on a small
example, the plain product is used.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Protocol

from namebasis.encoders.towers.weights import Matrix

if TYPE_CHECKING:
    from torch import Tensor

_ONEDNN = {"": ("none", ""), "gelu": ("gelu", "none"), "gelu_tanh": ("gelu", "tanh"),
           "silu": ("swish", "")}  # fmt: skip


class Dense(Protocol):
    """A matrix with its bias and, perhaps, an activation behind it."""

    def __call__(self, x: Tensor) -> Tensor:
        """The activation of ``x @ weight.T + bias``; x of shape (n_rows, n_in)."""

    def onto(self, residual: Tensor, x: Tensor) -> Tensor:
        """``residual + x @ weight.T + bias``."""


def dense(matrix: Matrix, activation: str = "") -> Dense:
    """Prepare a matrix for the device it is on."""
    import torch

    weight = matrix.weight
    if weight.device.type == "cpu" and weight.dtype == torch.float32 and _has_onednn():
        return _OneDnn(matrix, activation)
    return _Plain(matrix, activation)


def activate(x: Tensor, kind: str) -> Tensor:
    """Apply "gelu", "gelu_tanh" or "silu"; "" leaves `x` as it is."""
    from torch.nn import functional

    if kind == "silu":
        return functional.silu(x)
    if kind:
        return functional.gelu(x, approximate="tanh" if kind == "gelu_tanh" else "none")
    return x


class _Plain:
    def __init__(self, matrix: Matrix, activation: str) -> None:
        self.weight, self.bias, self.activation = matrix.weight, matrix.bias, activation

    def __call__(self, x: Tensor) -> Tensor:
        from torch.nn import functional

        return activate(functional.linear(x, self.weight, self.bias), self.activation)

    def onto(self, residual: Tensor, x: Tensor) -> Tensor:
        from torch.nn import functional

        return functional.linear(x, self.weight, self.bias).add_(residual)


class _OneDnn:
    def __init__(self, matrix: Matrix, activation: str) -> None:
        import torch

        self.weight = torch.ops.mkldnn._reorder_linear_weight(matrix.weight)
        self.bias = matrix.bias
        self.kind, self.algorithm = _ONEDNN[activation]

    def __call__(self, x: Tensor) -> Tensor:
        import torch

        product = torch.ops.mkldnn._linear_pointwise
        return product(x, self.weight, self.bias, self.kind, [], self.algorithm)

    def onto(self, residual: Tensor, x: Tensor) -> Tensor:
        import torch

        product = torch.ops.mkldnn._linear_pointwise.binary
        return product(x, residual, self.weight, self.bias, "add")


@cache
def _has_onednn() -> bool:
    """Whether the operators are there and give what the plain product gives."""
    import torch

    generator = torch.Generator().manual_seed(0)
    x, residual = torch.randn(2, 3, 32, generator=generator)
    matrix = Matrix(torch.randn(32, 32, generator=generator), torch.randn(32, generator=generator))
    try:
        with torch.inference_mode():
            for activation in _ONEDNN:
                fast, plain = _OneDnn(matrix, activation), _Plain(matrix, activation)
                # torch.testing would say more, and imports sympy: 0.4 s of every start.
                pairs = (
                    (fast(x), plain(x)),
                    (fast.onto(residual, x), plain.onto(residual, x)),
                )
                if not all(torch.allclose(a, b, rtol=1e-5, atol=1e-5) for a, b in pairs):
                    return False
    except (AttributeError, RuntimeError):
        return False
    return True
