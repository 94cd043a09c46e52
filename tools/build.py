"""
Render the stored notebooks with Jupyter Book: every warning is an error, nothing is executed.

    python tools/build.py [--out FOLDER]      FOLDER/html holds the book; default _build
"""

import argparse
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# MyST-NB counts 10,000 lines a cell.
CELL_LINE = re.compile(r"(\.ipynb):(\d+)(\d{4}):")
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def build(out: Path, root: Path = ROOT) -> tuple[int, str]:
    """Build the book in `root` into `out`/_build; return the status and what Jupyter Book said."""
    command = [sys.executable, "-c", "from jupyter_book.cli.main import main; main()", "build", "."]
    options = ["-W", "-n", "--keep-going", "--path-output", str(out)]
    # A debugger's remark on frozen modules would be the only line of a clean build.
    environment = {**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1"}
    result = subprocess.run(
        [*command, *options], cwd=root, env=environment, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    return result.returncode, ANSI.sub("", result.stdout)


def complaints(log: str, root: Path = ROOT) -> list[str]:
    """The lines of a build's log that name a page and what is wrong with it, cells by number."""
    wrong = re.compile(r"\b(WARNING|ERROR|SEVERE|CRITICAL)\b|Error:")
    lines = [line.replace(f"{root}{os.sep}", "") for line in log.splitlines() if wrong.search(line)]
    return [CELL_LINE.sub(lambda m: f"{m[1]}: cell {m[2]}, line {int(m[3])}:", x) for x in lines]


def main() -> None:
    parser = argparse.ArgumentParser(description="Render the stored notebooks.")
    parser.add_argument("--out", type=Path, default=ROOT, help="where _build goes")
    out = parser.parse_args().out
    status, log = build(out)
    if status:
        # What was read is kept, and would not complain again: read it all the next time.
        shutil.rmtree(out / "_build" / ".doctrees", ignore_errors=True)
        print("\n".join(complaints(log)) or log)
        sys.exit("The book was not built without a complaint: see above.")


if __name__ == "__main__":
    main()
