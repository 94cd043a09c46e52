"""What every layer refuses, and in which words: what came, and what was wanted."""

from typing import Any

import numpy as np

from rnnbook.arrays import Array, Params, check_array, check_arrays


def check_input(x: Array, features: int, dtype: Any, who: str) -> None:
    """Raise TypeError or ValueError unless x is (B, T, features) of this dtype."""
    check_array(x, "x")
    if x.dtype != dtype:
        raise TypeError(f"x is {x.dtype}, but this {who} computes in {np.dtype(dtype)}")
    if x.ndim != 3:
        raise ValueError(f"x has shape {x.shape}, but this {who} wants the axes (B, T, D)")
    if 0 in x.shape:
        raise ValueError(f"x has shape {x.shape}, with nothing in it")
    if x.shape[-1] != features:
        raise ValueError(f"x has {x.shape[-1]} features, but this {who} was built for {features}")


def check_params(params: Params, shapes: dict[str, tuple[int, ...]], who: str) -> Any:
    """Raise unless `params` are these arrays, all float32 or all float64; return their dtype."""
    check_arrays(params, "parameters")
    if params.keys() != shapes.keys():
        raise ValueError(f"got {sorted(params)}, but this {who} wants {sorted(shapes)}")
    for name, shape in shapes.items():
        if params[name].shape != shape:
            raise ValueError(f"{name} has shape {params[name].shape}, but must be {shape}")
    dtypes = {str(p.dtype) for p in params.values()}
    if len(dtypes) > 1 or not dtypes <= {"float32", "float64"}:
        raise TypeError(f"parameters are {sorted(dtypes)}, but must be all float32 or all float64")
    return np.dtype(dtypes.pop())


def rows_and_columns(params: Params, name: str, who: str) -> tuple[int, int]:
    """The shape of the matrix `name`, from which the other shapes follow."""
    check_arrays(params, "parameters")
    if name not in params or params[name].ndim != 2:
        raise ValueError(f"this {who} wants a matrix {name} among its parameters")
    rows, columns = params[name].shape
    return rows, columns


def check_gradient(dy: Array, shape: tuple[int, ...] | None, dtype: Any, who: str) -> None:
    """Raise unless the gradient that arrives has shape and dtype of what `forward` returned."""
    if shape is None:
        raise RuntimeError(f"{who}.backward needs what forward keeps: call forward first")
    check_array(dy, "the gradient")
    if dy.shape != shape:
        raise ValueError(f"the gradient has shape {dy.shape}, but forward returned {shape}")
    if dy.dtype != dtype:
        raise TypeError(f"the gradient is {dy.dtype}, but this {who} computes in {dtype}")


def check_state(state: object, shapes: list[tuple[int, int]], dtype: Any) -> None:
    """Raise unless `state` is a tuple of arrays of these shapes and this dtype."""
    came = type(state).__name__
    if isinstance(state, tuple):
        came = f"a tuple of arrays of shapes {[np.shape(a) for a in state]}"
        if [np.shape(a) for a in state] == shapes:
            dtypes = {str(np.asarray(a).dtype) for a in state}
            if dtypes == {str(dtype)}:
                return
            raise TypeError(f"the state is {sorted(dtypes)}, but this layer computes in {dtype}")
    wanted = f"{'one' if len(shapes) == 1 else len(shapes)} {shapes[0]} array"
    raise ValueError(f"state is {came}, but must be a tuple of {wanted}{'s' * (len(shapes) > 1)}")
