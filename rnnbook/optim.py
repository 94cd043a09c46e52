"""Optimisers: they change a dictionary of parameters in place, given one of gradients."""

import numpy as np

from rnnbook.arrays import Params, check_names


class Adam:
    """
    Adam (Kingma and Ba 2015, algorithm 1), for update t = 1, 2, ... with gradient g:

        m = beta1 m + (1 - beta1) g
        v = beta2 v + (1 - beta2) g^2
        p = p - lr * m_hat / (sqrt(v_hat) + eps),
        m_hat = m / (1 - beta1^t),  v_hat = v / (1 - beta2^t)

    >>> p = {"w": np.array([1.0])}
    >>> Adam(lr=0.1).update(p, {"w": np.array([5.0])})
    >>> round(float(p["w"][0]), 6)     # the first step has length lr, whatever the gradient's
    0.9
    """

    def __init__(
        self, lr: float = 1e-3, beta1: float = 0.9, beta2: float = 0.999, eps: float = 1e-8
    ) -> None:
        if not lr > 0:
            raise ValueError(f"lr is {lr}, but must be above 0")
        self.lr, self.beta1, self.beta2, self.eps = lr, beta1, beta2, eps
        self.t = 0
        self.m: Params = {}
        self.v: Params = {}

    def update(self, params: Params, grads: Params) -> None:
        """Change every array of `params` in place; the dtype of each is kept."""
        check_names(params, grads)
        self.t += 1
        correct1, correct2 = 1 - self.beta1**self.t, 1 - self.beta2**self.t
        for name, p in params.items():
            if name not in self.m:
                self.m[name], self.v[name] = np.zeros_like(p), np.zeros_like(p)
            g, m, v = grads[name], self.m[name], self.v[name]
            m += (1 - self.beta1) * (g - m)
            v += (1 - self.beta2) * (g * g - v)
            p -= self.lr * (m / correct1) / (np.sqrt(v / correct2) + self.eps)


def clip_grad_norm(grads: Params, max_norm: float) -> float:
    """
    Scale all gradients by one factor, in place, so that their global norm is at most `max_norm`.

        g <- g * min(1, max_norm / |g|),    |g| = sqrt of the sum of squares over every array

    Returns the norm before clipping (Pascanu, Mikolov and Bengio 2013, algorithm 1).

    >>> g = {"w": np.array([3.0, 4.0])}
    >>> clip_grad_norm(g, 1.0), g["w"].round(9).tolist()
    (5.0, [0.6, 0.8])
    """
    if not max_norm > 0:
        raise ValueError(f"max_norm is {max_norm}, but must be above 0")
    norm = float(np.sqrt(sum(np.vdot(g, g) for g in grads.values())))
    if norm > max_norm:
        for g in grads.values():
            g *= max_norm / norm
    return norm
