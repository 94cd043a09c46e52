"""
nbval, under this repository's own options, executes every cell and compares what it says.

One run over a folder of small notebooks; each test looks at what became of one of them.
"""

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from book_page import ROOT
from model_page import code, error, model_notebook, printed

BUDGET = 2  # seconds of a notebook, in this run


def notebook(*cells: dict[str, Any]) -> dict[str, Any]:
    for count, cell in enumerate(cells, 1):
        cell.update(execution_count=count, id=f"cell-{count}")
    return {**model_notebook(), "cells": list(cells)}


NOTEBOOKS = {
    "right": notebook(code("print(1 + 1)", printed("2\n"))),
    "wrong": notebook(code("print(1 + 1)", printed("3\n"))),
    "raises": notebook(code("1 / 0")),
    "lesson": notebook(
        code("1 / 0", error("ZeroDivisionError", "division by zero"), tags=["raises-exception"])
    ),
    "mended": notebook(
        code("1 / 1", error("ZeroDivisionError", "division by zero"), tags=["raises-exception"])
    ),
    "warns": notebook(code("import warnings\nwarnings.warn('slow')")),
    "ignored": notebook(code("print(id(1))", printed("1\n"), tags=["nbval-ignore-output"])),
    "threads": notebook(
        code("import os\nprint(os.environ['OMP_NUM_THREADS'])", printed("1\n")),
    ),
    "slow": notebook(*[code("import time\ntime.sleep(1.2)") for _ in range(3)]),
}


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What pytest said of `NOTEBOOKS`."""
    folder = tmp_path_factory.mktemp("notebooks")
    for name, content in NOTEBOOKS.items():
        (folder / f"{name}.ipynb").write_text(json.dumps(content), encoding="utf-8")
    options = ["-c", "pyproject.toml", "-p", "conftest", "-p", "no:cacheprovider", "-rA", "-n", "2"]
    budget = ["--dist", "loadfile", "-o", f"notebook_seconds={BUDGET}"]
    command = [sys.executable, "-m", "pytest", *options, *budget, "--color", "no", str(folder)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True).stdout


def outcomes(report: str, name: str) -> list[str]:
    """What became of each cell of the notebook `name`."""
    return re.findall(rf"^([A-Z]+) \S*{name}\.ipynb::Cell \d+", report, re.MULTILINE)


@pytest.mark.parametrize("name", ["right", "lesson", "ignored", "threads"])
def test_true_notebook_passes(report: str, name: str) -> None:
    assert outcomes(report, name) == ["PASSED"], report


@pytest.mark.parametrize("name", ["wrong", "raises", "mended", "warns"])
def test_untrue_notebook_fails(report: str, name: str) -> None:
    assert outcomes(report, name) == ["FAILED"], report


def test_slow_notebook_passes_and_is_named_once(report: str) -> None:
    assert outcomes(report, "slow") == ["PASSED"] * 3, report
    named = re.findall(r"^SLOW (\S+): over (\d+) s here$", report, re.MULTILINE)
    assert [(name.split("/")[-1], int(budget)) for name, budget in named] == [
        ("slow.ipynb", BUDGET)
    ]


def test_report_names_the_number_that_differs(report: str) -> None:
    assert "'3\\n' == '2\\n'" in report, report
