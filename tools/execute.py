"""
Execute the notebooks whose code changed since their outputs were stored; store clean outputs.

    python tools/execute.py [NOTEBOOK ...] [--all]      default: every notebook under book/

The kernel is the one that `pytest --nbval --nbval-current-env` starts, in the same environment and
folder, so that what is stored here is what the tests compare. A notebook whose code raises is left
on disk as it was, unless the cell carries the tag `raises-exception`.
"""

import argparse
import hashlib
import math
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import nbformat
from jupyter_client.manager import AsyncKernelManager
from nbclient import NotebookClient
from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
from nbformat import NotebookNode
from nbval.kernel import CURRENT_ENV_KERNEL_NAME, NbvalKernelspecManager

from rnnbook import environment

ROOT = Path(__file__).resolve().parent.parent
CELL_SECONDS = 120  # --nbval-cell-timeout in pyproject.toml
STEP = 5  # a page's running time is told in steps of so many seconds
KERNEL = {"display_name": "Python 3", "language": "python", "name": "python3"}
CELL_METADATA = {"tags", "mystnb"}  # what the pages use; all else is an editor's or a clock's
ANSI = re.compile(r"\x1b\[[0-9;]*m")


class CannotExecute(Exception):
    """Says in one line which cell of which notebook failed, and how."""


def code_cells(notebook: NotebookNode) -> list[NotebookNode]:
    return [cell for cell in notebook.cells if cell.cell_type == "code"]


def code_hash(notebook: NotebookNode) -> str:
    code = "\0".join(cell.source for cell in code_cells(notebook))
    return hashlib.sha256(code.encode()).hexdigest()[:16]


def is_stale(notebook: NotebookNode) -> bool:
    """Whether the stored outputs are not those of this code."""
    stored = notebook.metadata.get("rnnbook", {}).get("code")
    unexecuted = any(cell.execution_count is None for cell in code_cells(notebook))
    return unexecuted or stored != code_hash(notebook)


def execute(notebook: NotebookNode, path: Path) -> float:
    """Run every cell in a fresh kernel, outputs into `notebook`; return the seconds it took."""
    manager = AsyncKernelManager(
        kernel_name=CURRENT_ENV_KERNEL_NAME, kernel_spec_manager=NbvalKernelspecManager()
    )
    running = 0  # code cells started so far

    def count(cell: NotebookNode, cell_index: int) -> None:
        nonlocal running
        running += cell.cell_type == "code"

    client = NotebookClient(
        notebook, manager, timeout=CELL_SECONDS, coalesce_streams=True, on_cell_start=count,
        resources={"metadata": {"path": str(path.parent)}},
    )  # fmt: skip
    start = time.perf_counter()
    try:
        client.execute(cleanup_kc=True, stderr=subprocess.DEVNULL)
    except CellExecutionError as error:
        raise CannotExecute(
            f"code cell {running}: {error.ename}: {first_line(error.evalue)}"
        ) from None
    except CellTimeoutError:
        raise CannotExecute(f"code cell {running}: ran for over {CELL_SECONDS} s") from None
    except DeadKernelError:
        raise CannotExecute(f"code cell {running}: the kernel died") from None
    return time.perf_counter() - start


def first_line(text: str) -> str:
    return text.partition("\n")[0]


def rounded_seconds(measured: float, stored: int | None) -> int:
    """`measured` rounded up to the next step; `stored` where that is no more than a step away."""
    seconds = STEP * math.ceil(measured / STEP)
    return stored if stored and abs(seconds - stored) <= STEP else seconds


def clean(notebook: NotebookNode, seconds: float) -> None:
    """Leave nothing that changes from run to run or from machine to machine."""
    stored = notebook.metadata.get("rnnbook", {}).get("seconds")
    own = {"code": code_hash(notebook), "seconds": rounded_seconds(seconds, stored)}
    notebook.metadata = nbformat.from_dict({"kernelspec": KERNEL, "rnnbook": own})
    for cell in notebook.cells:
        cell.metadata = {k: v for k, v in cell.metadata.items() if k in CELL_METADATA}
    for cell in code_cells(notebook):
        for output in cell.outputs:
            if output.output_type == "error":
                output.traceback = own_frames(output.traceback)


def own_frames(traceback: list[str]) -> list[str]:
    """Of a traceback the notebook's own frames and the last line: no colours, no library's path."""
    *frames, last = [ANSI.sub("", frame) for frame in traceback]
    return [*(frame for frame in frames if frame.startswith("Cell In")), last]


def write(notebook: NotebookNode, path: Path) -> None:
    """Replace the file whole: a crash leaves the old one or the new one."""
    text = nbformat.writes(notebook)
    temporary = path.with_name(f".{path.name}.new")
    temporary.write_text(text.rstrip("\n") + "\n", encoding="utf-8", newline="\n")
    os.replace(temporary, path)


def refresh(path: Path, always: bool = False) -> str:
    """Execute the notebook at `path` if it is stale; say in a few words what was done."""
    notebook = nbformat.read(path, as_version=4)
    if not (always or is_stale(notebook)):
        return "unchanged"
    if notebook.nbformat_minor < 5:  # the first with cell ids
        notebook = nbformat.v4.upgrade(notebook)
    seconds = execute(notebook, path)
    clean(notebook, seconds)
    write(notebook, path)
    return f"executed in {seconds:.1f} s"


def shown(path: Path) -> str:
    """The path as the author knows it."""
    path = path.resolve()
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else str(path)


def main() -> None:
    parser = argparse.ArgumentParser(description="Execute the notebooks whose code changed.")
    parser.add_argument("notebooks", nargs="*", type=Path, metavar="NOTEBOOK")
    parser.add_argument("--all", action="store_true", help="also those that did not change")
    arguments = parser.parse_args()
    everything = [
        p for p in (ROOT / "book").rglob("*.ipynb") if ".ipynb_checkpoints" not in p.parts
    ]
    environment.apply()
    for path in arguments.notebooks or sorted(everything):
        try:
            print(f"{shown(path)}: {refresh(path.resolve(), arguments.all)}", flush=True)
        except (CannotExecute, OSError, nbformat.reader.NotJSONError) as reason:
            sys.exit(f"{shown(path)}: {reason}; the file is as it was")


if __name__ == "__main__":
    main()
