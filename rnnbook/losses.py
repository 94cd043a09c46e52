"""
Losses: each returns the loss and its gradient with respect to the prediction.

Shapes: B batch, T steps, K outputs.
"""

from rnnbook.arrays import Array


def mse(y: Array, target: Array) -> tuple[float, Array]:
    """
    Mean squared error over every element, and its gradient:

        L = sum (y - target)^2 / n,     dL/dy = 2 (y - target) / n,     n = y.size

    where y and target have one shape, (B, T, K) for instance. Raises ValueError if not: NumPy
    would broadcast (B, T, 1) against (B, T) to (B, T, T) and report a loss of something else.

    >>> import numpy as np
    >>> loss, dy = mse(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> loss, dy.tolist()
    (2.0, [0.0, 2.0])
    """
    if y.shape != target.shape:
        raise ValueError(f"prediction has shape {y.shape}, but target has {target.shape}")
    difference = y - target
    return float((difference * difference).mean()), difference * (2 / y.size)
