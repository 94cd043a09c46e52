"""
The one environment in which the notebooks are executed, by author and by test alike.

Training is chaotic: another number of threads, or oneDNN's other order of summation, changes
the last bit of a sum and, a few hundred updates later, the third digit of a loss. So whoever
stores a notebook's outputs and whoever compares them set the same variables, from here.

A reader's own JupyterLab is not bound by them; a cell that compares exact digits after
training would be wrong on the reader's machine, which is why none does.
"""

import os

#: What must be in a process's environment before NumPy or a framework is imported in it.
VARIABLES = {
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "VECLIB_MAXIMUM_THREADS": "1",
    "TF_NUM_INTRAOP_THREADS": "1",
    "TF_NUM_INTEROP_THREADS": "1",
    "TF_ENABLE_ONEDNN_OPTS": "0",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "PYTHONHASHSEED": "0",
    "PYDEVD_DISABLE_FILE_VALIDATION": "1",
    "TQDM_DISABLE": "1",
    # ipykernel copies what C code writes to stderr into the notebook unless this is set. pytest
    # sets it for every test, so the author's executor must, too, or the outputs differ.
    "PYTEST_CURRENT_TEST": "book",
}


def apply() -> None:
    """Set `VARIABLES` in this process, for the notebook kernels that it starts."""
    os.environ.update(VARIABLES)
