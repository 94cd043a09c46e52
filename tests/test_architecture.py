"""
The package's floors: a module imports only from the floors below it, and from the rooms of its
own floor that stand to its left, so that there is no circle. Floor 3 imports nothing of its own.

A module that is not in `FLOORS` fails: enter it there, and in the table of rnnbook/__init__.py.
"""

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
FLOORS = {
    0: "environment arrays cells initializers losses metrics optim gradcheck training config "
    "convert sampling storage",
    1: "baselines layers network inputs tasks",
    2: "models_numpy",
    3: "models_tf models_keras models_torch",
    4: "plotting notebook exercises bench",
}
PLACE = {
    name: (floor, 0 if floor == 3 else left)
    for floor, names in FLOORS.items()
    for left, name in enumerate(names.split())
}
# What a module may import besides NumPy and the standard library.
EVERYWHERE = {
    "models_tf": {"tensorflow"},
    "models_keras": {"keras"},
    "models_torch": {"torch"},
    "bench": {"tensorflow", "keras", "torch", "matplotlib"},
    "plotting": {"matplotlib"},
    "notebook": {"IPython", "matplotlib", "matplotlib_inline"},
}
INSIDE_FUNCTIONS = {
    "tasks": {"statsmodels", "babel", "pooch", "sklearn"},
    "training": {"tqdm"},
}
TAKEN = {"numpy", "torch", "keras", "tensorflow", "sklearn", "matplotlib", "scipy"}

PACKAGE = ROOT / "rnnbook"
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def room(path: Path) -> str:
    """The name by which `FLOORS` knows a module: all of a package live in one room."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def imports(tree: ast.AST, top: bool = True) -> Iterator[tuple[str, bool]]:
    """Each dotted name that is imported, and whether at module level."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name, top) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            module = "rnnbook" if node.level else node.module or ""
            if node.level and node.module:
                module += f".{node.module}"
            own = module == "rnnbook"
            yield from ((f"{module}.{a.name}" if own else module, top) for a in node.names)
        else:
            function = isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda)
            yield from imports(node, top and not function)


def faults(name: str, source: str) -> list[str]:
    """What the module `name` of the package imports and should not."""
    found = []
    for imported, top in imports(ast.parse(source)):
        package, *rest = imported.split(".")
        if package == "rnnbook" and rest:
            if rest[0] == name:
                continue  # a package's modules share a room
            if PLACE.get(rest[0], (0, -1)) >= PLACE[name]:
                found.append(f"{name} imports {rest[0]}, which is not below it, nor to its left")
        elif package not in {"rnnbook", "numpy", *sys.stdlib_module_names}:
            allowed = EVERYWHERE.get(name, set())
            if not top:
                allowed = allowed | INSIDE_FUNCTIONS.get(name, set())
            if package not in allowed:
                found.append(f"{name} imports {package}" + " at module level" * top)
    return found


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_module_imports_only_from_below(path: Path) -> None:
    name = room(path)
    assert name in PLACE, f"{path.name}: enter {name!r} in FLOORS of tests/test_architecture.py"
    found = faults(name, path.read_text("utf-8"))
    assert not found, "\n".join(found)


@pytest.mark.parametrize("path", MODULES, ids=lambda p: p.relative_to(ROOT).as_posix())
def test_module_hides_no_package(path: Path) -> None:
    assert path.stem not in TAKEN, f"{path.relative_to(ROOT)} has the name of a package"


@pytest.mark.parametrize(
    ("name", "source", "fault"),
    [
        ("cells", "from rnnbook import layers", "cells imports layers"),
        ("cells", "from . import layers", "cells imports layers"),
        ("cells", "from .layers import RNN", "cells imports layers"),
        ("cells", "def f():\n    import rnnbook.layers", "cells imports layers"),
        ("cells", "from rnnbook.losses import mse", "cells imports losses"),
        ("layers", "import scipy", "layers imports scipy at module level"),
        ("layers", "def f():\n    import scipy.special", "layers imports scipy"),
        ("tasks", "import statsmodels", "tasks imports statsmodels at module level"),
        (
            "models_torch",
            "from rnnbook import models_tf",
            "models_torch imports models_tf",
        ),
        ("models_torch", "import keras", "models_torch imports keras at module level"),
        ("bench", "from rnnbook import surprise", ""),
    ],
)
def test_wrong_import_is_caught(name: str, source: str, fault: str) -> None:
    found = faults(name, source)
    assert len(found) == bool(fault)
    assert fault in "".join(found)


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("layers", "import json\nimport numpy as np\nfrom rnnbook import cells"),
        ("tasks", "def f():\n    import statsmodels.api as sm\nfrom .series import windows"),
        ("tasks", "from rnnbook.tasks.series import windows\nfrom rnnbook import metrics"),
        ("models_torch", "import torch\nfrom rnnbook.models_numpy import build"),
        ("losses", "from rnnbook.cells import relu"),
        ("bench", "from rnnbook import models_tf, models_torch, notebook"),
    ],
)
def test_right_import_is_no_fault(name: str, source: str) -> None:
    assert faults(name, source) == []


def test_importing_the_package_loads_numpy_at_most() -> None:
    program = (
        "import sys; before = set(sys.modules); import rnnbook;"
        "print(*{m.split('.')[0] for m in set(sys.modules) - before})"
    )
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
    assert set(loaded) - sys.stdlib_module_names <= {"rnnbook", "numpy"}
