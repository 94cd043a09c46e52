"""
Optimisers: they change a dictionary of parameters in place, given one of gradients.

All n numbers of all gradients are laid end to end in one vector g (n,), and each optimiser says
what step (n,) follows from it. For a small network this costs half of what a loop over its arrays
does: every NumPy call takes about a microsecond, however short the array.
"""

from typing import ClassVar, Final

import numpy as np

from rnnbook.arrays import Array, Params, check_names


class Optimizer:
    """
    What all optimisers share; `step` is the equation that each adds.

    `lr` may be changed between updates. Raises ValueError where a setting is out of its range.
    """

    ROWS: ClassVar[int]  # how many vectors (n,) a step needs: what it remembers, then its workspace

    def __init__(self, lr: float, **below_one: float) -> None:
        if not 0 < lr < np.inf:
            raise ValueError(f"lr is {lr}, but must be above 0")
        for name, value in below_one.items():
            if not 0 <= value < 1:
                raise ValueError(f"{name} is {value}, but must be at least 0 and below 1")
        self.lr = lr
        self.shapes: dict[str, tuple[int, ...]] = {}

    def update(self, params: Params, grads: Params) -> None:
        """
        Change every array of `params` in place; the dtype of each is kept.

        Raises ValueError where the gradients do not fit the parameters, or these not the ones of
        the first update, and TypeError where a parameter is not float; nothing is changed then.
        """
        check_names(params, grads)
        if not self.shapes:
            self._start(params)
        elif self.shapes != {name: p.shape for name, p in params.items()}:
            raise ValueError("these are not the parameters of the first update: take a new one")
        np.concatenate([grads[name].ravel() for name in self.shapes], out=self.g)
        step, start = self.step(self.g, self.rows), 0
        for name in self.shapes:
            p = params[name]
            p -= step[start : start + p.size].reshape(p.shape)
            start += p.size

    def _start(self, params: Params) -> None:
        if not params:
            raise ValueError("there are no parameters to change")
        for name, p in params.items():
            if p.dtype.kind != "f":
                raise TypeError(f"{name} is {p.dtype}, but must be float")
        self.shapes = {name: p.shape for name, p in params.items()}
        self.g = np.concatenate([p.ravel() for p in params.values()])
        self.rows = np.zeros((self.ROWS, self.g.size), self.g.dtype)

    def named(self, row: int) -> Params:
        """One of the rows as arrays of the parameters' shapes, copied; {} before any update."""
        found, start = {}, 0
        for name, shape in self.shapes.items():
            size = int(np.prod(shape))
            found[name] = self.rows[row, start : start + size].reshape(shape).copy()
            start += size
        return found

    def step(self, g: Array, rows: Array) -> Array:
        """What gradient g (n,), which may be overwritten, subtracts from the parameters: (n,)."""
        raise NotImplementedError


class SGD(Optimizer):
    """
    Stochastic gradient descent, with momentum (Polyak 1964) as PyTorch writes it:

        v = momentum v + g
        p = p - lr v

    where v starts at 0. Sutskever et al. (2013) and Keras have lr inside, v = momentum v - lr g and
    p = p + v: the same as long as lr does not change.

    >>> p, sgd = {"w": np.array([1.0])}, SGD(lr=0.1, momentum=0.5)
    >>> for _ in range(2):
    ...     sgd.update(p, {"w": np.array([2.0])})
    >>> round(float(p["w"][0]), 6)     # 1 - 0.1 * 2 - 0.1 * 3
    0.5
    """

    ROWS = 1

    def __init__(self, lr: float, momentum: float = 0.0) -> None:
        super().__init__(lr, momentum=momentum)
        self.momentum = momentum

    def step(self, g: Array, rows: Array) -> Array:
        (v,) = rows
        if self.momentum:
            v *= self.momentum
            v += g
            g[:] = v
        g *= self.lr
        return g


class RMSprop(Optimizer):
    """
    RMSprop (Tieleman and Hinton 2012, lecture 6.5), with epsilon outside the root, as in PyTorch:

        v = alpha v + (1 - alpha) g^2
        p = p - lr * g / (sqrt(v) + eps)

    where v starts at 0. Keras has another alpha (0.9), and epsilon (1e-7) inside the root.

    >>> p = {"w": np.array([1.0])}
    >>> RMSprop(lr=0.1).update(p, {"w": np.array([5.0])})
    >>> round(float(p["w"][0]), 6)     # the first step has length lr / sqrt(1 - alpha)
    0.0
    """

    ROWS = 2

    def __init__(self, lr: float, alpha: float = 0.99, eps: float = 1e-8) -> None:
        super().__init__(lr, alpha=alpha)
        self.alpha, self.eps = alpha, eps

    def step(self, g: Array, rows: Array) -> Array:
        v, a = rows
        np.multiply(g, g, out=a)
        a *= 1 - self.alpha
        v *= self.alpha
        v += a
        np.sqrt(v, out=a)
        a += self.eps
        g *= self.lr
        g /= a
        return g


class Adam(Optimizer):
    """
    Adam (Kingma and Ba 2015, algorithm 1), for update t = 1, 2, ... with gradient g:

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        p = p - lr * m_hat / (sqrt(v_hat) + eps),
        m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)

    where `m` and `v` start at 0; both can be read, by name, after the first update, and `resume`
    goes on from those of an earlier training.

    >>> p, adam = {"w": np.array([1.0])}, Adam(lr=0.1)
    >>> adam.update(p, {"w": np.array([5.0])})
    >>> round(float(p["w"][0]), 6)     # the first step has length lr, whatever the gradient's
    0.9
    >>> adam.t, adam.m["w"].round(6).tolist()
    (1, [0.5])
    """

    ROWS = 3

    def __init__(
        self, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        super().__init__(lr, beta1=beta1, beta2=beta2)
        self.beta1, self.beta2, self.eps = beta1, beta2, eps
        self.t = 0

    @property
    def m(self) -> Params:
        """A copy of the first moments, by name: the average of g."""
        return self.named(0)

    @property
    def v(self) -> Params:
        """A copy of the second moments, by name: the average of g^2."""
        return self.named(1)

    def resume(self, m: Params, v: Params, t: int) -> None:
        """
        Go on after t updates with these moments, whoever made them (see `convert`).

        Raises ValueError where m and v are not of the same arrays or t is negative.
        """
        mine, others = ({name: a.shape for name, a in each.items()} for each in (m, v))
        if mine != others:
            raise ValueError(f"first moments are of {mine}, but second moments of {others}")
        if t < 0:
            raise ValueError(f"t is {t}, but must be at least 0")
        self._start(m)
        for row, moments in zip(self.rows, (m, v), strict=False):
            np.concatenate([moments[name].ravel() for name in self.shapes], out=row)
        self.t = t

    def step(self, g: Array, rows: Array) -> Array:
        m, v, a = rows
        self.t += 1
        np.subtract(g, m, out=a)
        a *= 1 - self.beta1
        m += a  # m + (1 - beta1) (g - m)
        np.multiply(g, g, out=a)
        a -= v
        a *= 1 - self.beta2
        v += a  # v + (1 - beta2) (g^2 - v)
        np.divide(m, 1 - self.beta1**self.t, out=g)  # m_hat
        np.divide(v, 1 - self.beta2**self.t, out=a)  # v_hat
        np.sqrt(a, out=a)
        a += self.eps
        g *= self.lr
        g /= a
        return g


OPTIMIZERS: Final[dict[str, type[Optimizer]]] = {"sgd": SGD, "rmsprop": RMSprop, "adam": Adam}


def clip_grad_norm(grads: Params, max_norm: float) -> float:
    """
    Scale all gradients by one factor, in place, so that their global norm is at most `max_norm`.

        g <- g * min(1, max_norm / |g|),    |g| = sqrt of the sum of squares over every array

    Returns the norm before clipping (Pascanu, Mikolov and Bengio 2013, algorithm 1), summed in
    float64: in float32 the square of a gradient of 1e20 is infinite. Raises FloatingPointError
    where the norm is NaN or infinite, as no factor would mend that; nothing is changed then.

    >>> g = {"w": np.array([3.0, 4.0])}
    >>> clip_grad_norm(g, 1.0), g["w"].round(9).tolist()
    (5.0, [0.6, 0.8])
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}, but must be above 0")
    flat = (g.astype(np.float64, copy=False).ravel() for g in grads.values())
    norm = float(np.sqrt(sum(np.dot(g, g) for g in flat)))
    if not np.isfinite(norm):
        raise FloatingPointError(f"the norm of the gradients is {norm}: they have exploded")
    if norm > max_norm:
        for g in grads.values():
            g *= max_norm / norm
    return norm


def clip_grad_value(grads: Params, limit: float) -> None:
    """
    Bound every single number of the gradients to +-`limit`, in place; the direction may change.

    This is what Mikolov (2012) did. NaN stays NaN.

    >>> g = {"w": np.array([3.0, -0.5])}
    >>> clip_grad_value(g, 1.0)
    >>> g["w"].tolist()
    [1.0, -0.5]
    """
    if not limit > 0:
        raise ValueError(f"limit is {limit}, but must be above 0")
    for g in grads.values():
        np.clip(g, -limit, limit, out=g)
