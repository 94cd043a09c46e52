"""Which frameworks' models are tested, and what to install where one is missing."""

import importlib
from importlib.util import find_spec
from typing import Any

import pytest

INSTALL = {
    "torch": ("torch", 'needs PyTorch: pip install "rnnbook[torch]"'),
    "tf": ("tensorflow", 'needs TensorFlow: pip install "rnnbook[tensorflow]"'),
    "keras": ("keras", 'needs Keras and a backend: pip install "rnnbook[keras,torch]"'),
}


def models(name: str) -> Any:
    """A framework's module; the test is skipped, saying what to install, where it is missing."""
    package, reason = INSTALL[name]
    if package == "keras" and not any(map(find_spec, ("tensorflow", "torch", "jax"))):
        pytest.skip(reason)
    pytest.importorskip(package, reason=reason)
    return importlib.import_module(f"rnnbook.models_{name}")
