"""Where a framework is missing, its pages are skipped with a sentence that says what to install."""

import importlib.util
import runpy
from types import SimpleNamespace

import pytest
from book_page import ROOT


def conftest(monkeypatch, installed):
    """The root's conftest.py on a machine that has these packages alone."""
    monkeypatch.setattr(
        importlib.util, "find_spec", lambda name: object() if name in installed else None
    )
    return runpy.run_path(str(ROOT / "conftest.py"))


@pytest.mark.parametrize(
    ("installed", "runs"),
    [
        ([], []),
        (["torch"], ["pytorch"]),
        (["tensorflow"], ["tensorflow"]),
        (["keras"], []),
        (["keras", "torch"], ["keras", "pytorch"]),
        (["keras", "jax"], ["keras"]),
        (["keras", "torch", "tensorflow"], ["keras", "pytorch", "tensorflow"]),
    ],
)
def test_pages_of_what_is_installed_run_and_others_are_skipped(monkeypatch, installed, runs):
    found = conftest(monkeypatch, installed)
    folders = ("foundations", "keras", "numpy", "pytorch", "tensorflow")
    marked = {folder: [] for folder in folders}
    items = [
        SimpleNamespace(
            path=ROOT / "book" / folder / f"sine.{kind}", add_marker=marked[folder].append
        )
        for folder in folders
        for kind in ("ipynb", "py")
    ]
    found["pytest_collection_modifyitems"](items)
    skipped = [folder for folder in folders if marked[folder]]
    assert skipped == [f for f in folders if f not in (*runs, "foundations", "numpy")]
    for folder in skipped:
        (mark,) = marked[folder]
        assert mark.name == "skip"
        assert 'pip install "rnnbook[' in mark.kwargs["reason"]
    modules = {"keras": "models_keras", "pytorch": "models_torch", "tensorflow": "models_tf"}
    assert sorted(found["collect_ignore"]) == sorted(f"rnnbook/{modules[f]}.py" for f in skipped)
