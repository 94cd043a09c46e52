"""tools/execute.py executes what changed, stores clean outputs, and spoils nothing."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from book_page import ROOT
from model_page import code, model_notebook, text

from tools import execute

LESSON = "def halve(x):\n    return x / 0\n\nhalve(1)"


def notebook(*cells: dict[str, Any], **metadata: Any) -> dict[str, Any]:
    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"
        if cell["cell_type"] == "code":
            cell["execution_count"] = None
    return {"cells": [*cells], "metadata": metadata, "nbformat": 4, "nbformat_minor": 5}


def save(path: Path, content: dict[str, Any]) -> Path:
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def load(path: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return loaded


def run(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "tools/execute.py", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


@pytest.fixture(scope="module")
def executed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A notebook with every kind of cell, executed."""
    cells = [
        text("# Größe"),
        code("import os, sys\nprint('a')\nprint('b', flush=True)\nprint('ü')"),
        code(f"assert os.path.samefile(sys.executable, {sys.executable!r})"),
        code("os.environ['PYTHONHASHSEED'], os.path.basename(os.getcwd())"),
        code(LESSON, tags=["raises-exception"], collapsed=True, execution={"a": "2026"}),
        code("os.write(2, b'noise from C')", tags=["hide-input"]),
    ]
    folder = tmp_path_factory.mktemp("folder")
    path = save(folder / "page.ipynb", notebook(*cells, widgets={}, language_info={"a": 1}))
    result = run(path)
    assert result.returncode == 0, result.stderr
    assert (result.stdout.count("\n"), result.stderr) == (1, "")
    assert "page.ipynb: executed in " in result.stdout
    return path


def outputs(path: Path, number: int) -> list[dict[str, Any]]:
    cells = [cell for cell in load(path)["cells"] if cell["cell_type"] == "code"]
    found: list[dict[str, Any]] = cells[number - 1]["outputs"]
    return found


def test_cells_are_counted_and_keep_their_ids(executed: Path) -> None:
    cells = load(executed)["cells"]
    assert [cell.get("execution_count") for cell in cells] == [None, 1, 2, 3, 4, 5]
    assert [cell["id"] for cell in cells] == [f"cell-{n}" for n in range(6)]


def test_streams_are_merged(executed: Path) -> None:
    (output,) = outputs(executed, 1)
    assert "".join(output["text"]) == "a\nb\nü\n"


def test_cells_run_in_the_tests_environment_and_the_notebooks_folder(executed: Path) -> None:
    (output,) = outputs(executed, 3)
    assert output["data"]["text/plain"] == [f"('0', '{executed.parent.name}')"]


def test_lesson_in_an_error_keeps_its_own_frames_without_colours(executed: Path) -> None:
    (output,) = outputs(executed, 4)
    *frames, last = output["traceback"]
    assert last == "ZeroDivisionError: division by zero"
    assert [frame.split(",")[0] for frame in frames] == ["Cell In[4]", "Cell In[4]"]
    assert "\x1b" not in "".join(frames)


def test_noise_from_c_is_not_stored(executed: Path) -> None:
    assert [output["output_type"] for output in outputs(executed, 5)] == ["execute_result"]


def test_only_metadata_that_a_page_needs_is_kept(executed: Path) -> None:
    stored = load(executed)
    assert set(stored["metadata"]) == {"kernelspec", "rnnbook"}
    assert stored["metadata"]["kernelspec"] == model_notebook()["metadata"]["kernelspec"]
    assert stored["metadata"]["rnnbook"]["seconds"] % execute.STEP == 0
    assert [cell["metadata"] for cell in stored["cells"][4:]] == [
        {"tags": ["raises-exception"]},
        {"tags": ["hide-input"]},
    ]


def test_file_is_written_for_small_differences(executed: Path) -> None:
    written = executed.read_text("utf-8")
    assert written.startswith('{\n "cells": [\n  {\n')
    assert written.endswith("}\n")
    assert "Größe" in written
    assert list(executed.parent.iterdir()) == [executed]


def test_unchanged_notebook_is_left_alone_and_all_repeats_it_exactly(executed: Path) -> None:
    before = executed.read_bytes()
    assert run(executed).stdout.endswith("page.ipynb: unchanged\n")
    assert ": executed in " in run(executed, "--all").stdout
    assert executed.read_bytes() == before


@pytest.mark.parametrize("change", ["code", "count"])
def test_changed_code_or_missing_count_is_stale(executed: Path, change: str) -> None:
    stored = execute.nbformat.read(executed, as_version=4)
    assert not execute.is_stale(stored)
    stored.cells[0].source = "# Other words"
    assert not execute.is_stale(stored), "words are not code"
    if change == "code":
        stored.cells[1].source += "\n"
    else:
        stored.cells[1].execution_count = None
    assert execute.is_stale(stored)


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("raise ValueError('x has 7\\nfeatures')", "code cell 2: ValueError: x has 7;"),
        ("import os\nos._exit(1)", "code cell 2: the kernel died;"),
    ],
)
def test_failing_cell_is_named_and_the_file_stays(tmp_path: Path, source: str, reason: str) -> None:
    first = save(tmp_path / "a.ipynb", notebook(code("1"), code(source), code("2")))
    second = save(tmp_path / "b.ipynb", notebook(code("3")))
    before = first.read_bytes(), second.read_bytes()
    result = run(first, second)
    assert result.returncode == 1
    assert result.stderr == f"{first}: {reason} the file is as it was\n"
    assert (first.read_bytes(), second.read_bytes()) == before
    assert len(list(tmp_path.iterdir())) == 2


def test_missing_notebook_is_named(tmp_path: Path) -> None:
    result = run(tmp_path / "gone.ipynb")
    assert result.returncode == 1
    assert "gone.ipynb" in result.stderr
    assert "Traceback" not in result.stderr


@pytest.mark.parametrize(
    ("measured", "stored", "seconds"),
    [(0.8, None, 5), (5.1, None, 10), (5.1, 5, 5), (4.9, 10, 10), (10.1, 5, 15), (2.0, 15, 5)],
)
def test_running_time_moves_by_more_than_a_step_only(
    measured: float, stored: int | None, seconds: int
) -> None:
    assert execute.rounded_seconds(measured, stored) == seconds


def test_a_cell_has_as_long_here_as_in_the_tests(pytestconfig: pytest.Config) -> None:
    assert pytestconfig.getoption("nbval_cell_timeout") == execute.CELL_SECONDS
