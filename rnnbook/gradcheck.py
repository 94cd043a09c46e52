"""
Gradients against central differences: the proof that a derivation is right.

    dL/dw_i  is compared with  (L(w + eps e_i) - L(w - eps e_i)) / (2 eps),     in float64.

The difference is exact up to O(eps^2) and to rounding O(1e-16 / eps), so at eps = 1e-5 about ten
digits can agree. In float32 it proves nothing, and is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from rnnbook.arrays import Array, Params, check_names


def central_difference(loss: Callable[[], float], w: Array, eps: float = 1e-5) -> Array:
    """The gradient of `loss()` with respect to the array `w`, which is changed and put back.

    >>> w = np.array([2.0, 3.0])
    >>> central_difference(lambda: float(w[0] * w[1]), w).round(6).tolist()
    [3.0, 2.0]
    """
    if w.dtype != np.float64:
        raise TypeError(f"a gradient check needs float64, but the array is {w.dtype}")
    gradient = np.zeros_like(w)
    for i in np.ndindex(w.shape):
        kept = w[i]
        w[i] = kept + eps
        above = loss()
        w[i] = kept - eps
        below = loss()
        w[i] = kept
        gradient[i] = (above - below) / (2 * eps)
    return gradient


def relative_error(a: Array, b: Array) -> float:
    """max|a - b| / max(|a|, |b|), over the whole array; 0 where both are 0.

    The scale is the array's largest entry: an entry of 1e-9 beside one of 1 has no digits left
    in a difference quotient, and to ask for six of them would test the rounding.
    """
    scale = max(np.abs(a).max(initial=0), np.abs(b).max(initial=0))
    return float(np.abs(a - b).max(initial=0) / scale) if scale > 0 else 0.0


@dataclass(frozen=True)
class GradientCheck:
    """One parameter's verdict: where the two gradients differ most, both values, the error."""

    name: str
    index: tuple[int, ...]
    analytic: float
    numeric: float
    relative_error: float

    def __str__(self) -> str:
        where = f"{self.name}[{', '.join(map(str, self.index))}]"
        return (
            f"{where}: analytic {self.analytic:.6e}, numeric {self.numeric:.6e}, "
            f"relative error {self.relative_error:.1e}"
        )


def check_gradients(
    loss: Callable[[], float], params: Params, grads: Params, eps: float = 1e-5
) -> list[GradientCheck]:
    """
    Compare every gradient with central differences; the worst first.

    `loss()` must read the arrays of `params`, which are changed and put back. Raises ValueError
    where `grads` does not match `params`, TypeError where an array is not float64.

    >>> w = {"w": np.array([1.0, 2.0])}
    >>> worst, = check_gradients(lambda: float((w["w"] ** 2).sum()), w, {"w": 2 * w["w"]})
    >>> worst.relative_error < 1e-9
    True
    """
    check_names(params, grads)
    report = []
    for name, w in params.items():
        numeric = central_difference(loss, w, eps)
        index = np.unravel_index(np.abs(grads[name] - numeric).argmax(), w.shape)
        report.append(
            GradientCheck(
                name=name,
                index=tuple(int(i) for i in index),
                analytic=float(grads[name][index]),
                numeric=float(numeric[index]),
                relative_error=relative_error(grads[name], numeric),
            )
        )
    return sorted(report, key=lambda check: -check.relative_error)
