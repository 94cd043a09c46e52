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


PAGES = (
    *("foundations/lstm", "numpy/sine", "tensorflow/sine", "keras/sine", "pytorch/sine"),
    *("comparison/parity", "comparison/speed", "comparison/gpu"),
    *("appendix/errors", "appendix/article"),
)
FREE = ["foundations/lstm", "numpy/sine"]
MODULES = {"keras": "models_keras", "pytorch": "models_torch", "tensorflow": "models_tf"}


@pytest.mark.parametrize(
    ("installed", "runs"),
    [
        ([], []),
        (["torch"], ["pytorch/sine", "comparison/gpu"]),
        (["tensorflow"], ["tensorflow/sine"]),
        (["keras"], []),
        (["keras", "torch"], ["keras/sine", "pytorch/sine", "comparison/gpu"]),
        (["keras", "jax"], ["keras/sine"]),
        (["keras", "torch", "tensorflow"], [page for page in PAGES if page not in FREE]),
    ],
)
def test_pages_of_what_is_installed_run_and_others_are_skipped(monkeypatch, installed, runs):
    found = conftest(monkeypatch, installed)
    marked = {page: [] for page in PAGES}
    items = [
        SimpleNamespace(path=ROOT / "book" / f"{page}.{kind}", add_marker=marked[page].append)
        for page in PAGES
        for kind in ("ipynb", "py")
    ]
    found["pytest_collection_modifyitems"](items)
    skipped = [page for page in PAGES if marked[page]]
    assert skipped == [page for page in PAGES if page not in (*runs, *FREE)]
    for page in skipped:
        (mark,) = marked[page]
        assert mark.name == "skip"
        assert 'pip install "rnnbook[' in mark.kwargs["reason"]
    ignored = [name for page, name in MODULES.items() if f"{page}/sine" in skipped]
    assert sorted(found["collect_ignore"]) == sorted(f"rnnbook/{name}.py" for name in ignored)
