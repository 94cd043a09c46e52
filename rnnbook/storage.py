"""
Arrays in a file: `.npz` without pickle, so that reading one runs nobody's code; written whole.

A file holds named arrays and a line of JSON with what they belong to.
"""

import io
import json
import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, BinaryIO, Final

import numpy as np

from rnnbook.arrays import Params

ABOUT: Final = "about.json"  # no parameter has this name


def replace_whole(path: str | os.PathLike[str], write: Callable[[BinaryIO], None]) -> None:
    """
    Write a file beside `path` and put it in its place: `path` holds the old or the new, never half.

    Whatever `write` raises is raised, and `path` is left as it was.
    """
    path = Path(path)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")
    try:
        with os.fdopen(handle, "wb") as file:
            write(file)
            file.flush()
            os.fsync(file.fileno())
        umask = os.umask(0)
        os.umask(umask)
        os.chmod(name, 0o666 & ~umask)  # as any new file's: mkstemp's is its owner's alone
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise


def save_arrays(path: str | os.PathLike[str], arrays: Params, about: dict[str, Any]) -> None:
    """Write the arrays, and `about` (what JSON can say), to one `.npz` file."""
    for name, a in arrays.items():
        if not isinstance(a, np.ndarray) or a.dtype.kind not in "fiu":
            raise TypeError(
                f"{name} is {getattr(a, 'dtype', type(a).__name__)}, not an array of numbers"
            )
    line = np.frombuffer(json.dumps(about).encode(), np.uint8)
    replace_whole(path, lambda file: np.savez(file, **arrays, **{ABOUT: line}))  # type: ignore[arg-type]


def load_arrays(path: str | os.PathLike[str]) -> tuple[Params, dict[str, Any]]:
    """
    Read the arrays and what was said about them.

    Raises FileNotFoundError where there is no file, ValueError where it is no such file or not
    a whole one.
    """
    content = Path(path).read_bytes()
    try:
        with np.load(io.BytesIO(content), allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        line = arrays.pop(ABOUT, None)
        about = None if line is None else json.loads(line.tobytes())
    except Exception as error:  # a damaged file fails in a dozen ways inside of zip and npy
        raise ValueError(f"{os.fspath(path)} is not a whole .npz file: {error}") from error
    if not isinstance(about, dict):
        raise ValueError(f"{os.fspath(path)} holds no {ABOUT}: not a file of this package")
    return arrays, about
