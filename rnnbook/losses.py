"""
Losses: each returns the loss and its gradient with respect to the prediction.

Shapes: B batch, T steps, K outputs or classes. A padded batch comes with `lengths` (B,), the number
of steps of each sequence: what stands behind them counts neither in the loss nor in the mean's
divisor, and its gradient is exactly 0, even where it is NaN. Predictions are then (B, T, K).
"""

from typing import Final, Protocol

import numpy as np

from rnnbook.arrays import Array, Lengths, check_array, check_lengths


def mse(y: Array, target: Array, lengths: Lengths | None = None) -> tuple[float, Array]:
    """
    Mean squared error over every element, and its gradient:

        L = sum (y - target)^2 / n,     dL/dy = 2 (y - target) / n,     n = y.size

    where y and target have one shape, (B, T, K) for instance. With `lengths`, n counts the elements
    of real steps alone. Raises ValueError where the shapes differ: NumPy would broadcast (B, T, 1)
    against (B, T) to (B, T, T) and report a loss of something else.

    >>> import numpy as np
    >>> loss, dy = mse(np.array([1.0, 3.0]), np.array([1.0, 1.0]))
    >>> loss, dy.tolist()
    (2.0, [0.0, 2.0])
    """
    _check_same_shape(y, target)
    if lengths is not None:
        return _at_real_steps(mse, y, target, lengths)
    difference = y - target
    if y.dtype.kind == "f":  # a float64 target would promote a float32 prediction
        difference = difference.astype(y.dtype, copy=False)
    return float((difference * difference).mean()), difference * (2 / y.size)


def softmax_cross_entropy(
    logits: Array, target: Array, lengths: Lengths | None = None
) -> tuple[float, Array]:
    """
    Mean negative log probability, in nats, that a softmax gives to the true classes:

        L = sum (log sum_k exp z_k - z_target) / n,     dL/dz = (softmax(z) - 1_target) / n

    where z are the logits (..., K), target holds n class ids (...), each 0 to K - 1, and 1_target
    is 1 at the true class, 0 elsewhere. With `lengths`, n counts real steps alone, and padding may
    hold any id. The largest z is subtracted first (Goodfellow, Bengio and Courville 2016, section
    4.1), so that nothing overflows.

    Raises TypeError where the logits are not float or the target not integer, ValueError where the
    shapes do not fit or a class is not there.

    >>> logits = np.array([[0.0, 0.0], [1e4, -1e4]])
    >>> loss, dz = softmax_cross_entropy(logits, np.array([1, 0]))
    >>> round(loss, 6), dz.tolist()     # (ln 2 + 0) / 2
    (0.346574, [[0.25, -0.25], [0.0, 0.0]])
    """
    check_array(logits, "logits")
    check_array(target, "target")
    if not logits.ndim:
        raise ValueError("logits have no axes, but must be (..., K)")
    if target.shape != logits.shape[:-1]:
        raise ValueError(
            f"logits have shape {logits.shape}, so that target must have "
            f"{logits.shape[:-1]}, but it has {target.shape}"
        )
    if target.dtype.kind not in "iu":
        raise TypeError(f"target is {target.dtype}, but must be integer: the ids of classes")
    if lengths is not None:
        return _at_real_steps(softmax_cross_entropy, logits, target, lengths)
    _check_float(logits)
    K = logits.shape[-1]
    _check_range(target, K - 1)
    z = logits.reshape(-1, K)
    n = len(z)
    true = np.arange(n), target.reshape(-1)

    z = z - z.max(axis=1, keepdims=True)
    exp_z = np.exp(z)
    total = exp_z.sum(axis=1)
    nats = np.log(total) - z[true]

    dz = exp_z / total[:, None]
    dz[true] -= 1
    dz /= n
    return float(nats.mean(dtype=np.float64)), dz.reshape(logits.shape)


def sigmoid_cross_entropy(
    logits: Array, target: Array, lengths: Lengths | None = None
) -> tuple[float, Array]:
    """
    Mean cross entropy, in nats, of independent yes-or-no answers, each with its own logit z:

        L = sum (log(1 + exp z) - target z) / n,     dL/dz = (sigmoid(z) - target) / n

    where target has the shape of the logits and holds probabilities, 0 to 1; n = z.size, or with
    `lengths` the elements of real steps alone. log(1 + exp z) is computed as
    max(z, 0) + log(1 + exp -|z|), which cannot overflow.

    Raises TypeError where the logits are not float, ValueError where the shapes differ or a target
    is not a probability.

    >>> loss, dz = sigmoid_cross_entropy(np.array([0.0, 1e4]), np.array([1.0, 0.0]))
    >>> round(loss, 4), dz.tolist()     # (ln 2 + 10^4) / 2
    (5000.3466, [-0.25, 0.5])
    """
    _check_same_shape(logits, target)
    if lengths is not None:
        return _at_real_steps(sigmoid_cross_entropy, logits, target, lengths)
    _check_float(logits)
    _check_range(target, 1)
    z, target = logits, target.astype(logits.dtype, copy=False)
    e = np.exp(-np.abs(z))  # in (0, 1]
    nats = np.maximum(z, 0) + np.log1p(e) - target * z
    sigmoid = np.where(z >= 0, 1, e) / (1 + e)
    return float(nats.mean(dtype=np.float64)), (sigmoid - target) / z.size


class Loss(Protocol):
    def __call__(
        self, y: Array, target: Array, /, lengths: Lengths | None = None
    ) -> tuple[float, Array]: ...


LOSSES: Final[dict[str, Loss]] = {
    "mse": mse,
    "softmax_cross_entropy": softmax_cross_entropy,
    "sigmoid_cross_entropy": sigmoid_cross_entropy,
}


def _at_real_steps(loss: Loss, y: Array, target: Array, lengths: Lengths) -> tuple[float, Array]:
    """`loss` of the steps before each sequence's end, as if there were no others."""
    if y.ndim != 3:
        raise ValueError(f"prediction has shape {y.shape}, but with lengths it must be (B, T, K)")
    B, T, _ = y.shape
    real = np.arange(T) < check_lengths(lengths, B, T)[:, None]  # (B, T)
    value, d_real = loss(y[real], target[real])
    dy = np.zeros_like(y, dtype=d_real.dtype)
    dy[real] = d_real
    return value, dy


def _check_same_shape(y: Array, target: Array) -> None:
    check_array(y, "prediction")
    check_array(target, "target")
    if y.shape != target.shape:
        raise ValueError(f"prediction has shape {y.shape}, but target has {target.shape}")
    if not y.size:
        raise ValueError(f"prediction has shape {y.shape}: there is nothing to take a mean of")


def _check_float(logits: Array) -> None:
    if logits.dtype.kind != "f":
        raise TypeError(f"logits are {logits.dtype}, but must be float")
    if not logits.size:
        raise ValueError(f"logits have shape {logits.shape}: there is nothing to take a mean of")


def _check_range(target: Array, largest: int) -> None:
    """Refuse a target that is not 0 to `largest`; NaN is not."""
    wrong = target[~((target >= 0) & (target <= largest))]
    if wrong.size:
        raise ValueError(f"target holds {wrong[0]}, but must be 0 to {largest}")
