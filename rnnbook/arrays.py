"""The words that every module's signatures are written in, and the check they share."""

from typing import Any

import numpy as np

Array = np.ndarray[Any, np.dtype[Any]]
#: What a recurrent layer carries from step to step, always a tuple: `(h,)` or `(h, c)`.
State = tuple[Array, ...]
#: Parameters, or their gradients, by name.
Params = dict[str, Array]


def check_names(params: Params, grads: Params) -> None:
    """Raise ValueError unless both name the same arrays of the same shapes."""
    if params.keys() != grads.keys():
        raise ValueError(f"gradients are for {sorted(grads)}, but parameters are {sorted(params)}")
    for name, p in params.items():
        if grads[name].shape != p.shape:
            raise ValueError(f"gradient of {name} is {grads[name].shape}, but {name} is {p.shape}")
