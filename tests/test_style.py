"""
One style for package, tools, tests, build extension and notebooks.

ruff knows no line length for one kind of file, so book/ruff.toml sets the 78 columns of the pages'
code; `page_rules.short_code` holds the notebooks to them even where ruff may not.
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from book_page import ROOT

from rnnbook import plotting


def program(name: str) -> str:
    """The command of this environment, activated or not."""
    return shutil.which(name, path=str(Path(sys.executable).parent)) or name


@pytest.mark.parametrize("command", ["ruff check .", "ruff format --check .", "mypy"])
def test_style_is_kept(command: str) -> None:
    name, *arguments = command.split()
    result = subprocess.run([program(name), *arguments], cwd=ROOT, capture_output=True, text=True)
    assert result.returncode == 0, f"{command}\n{result.stdout}{result.stderr}"


@pytest.mark.parametrize(("folder", "columns"), [("book/numpy", 78), ("rnnbook", 100)])
def test_code_of_a_page_is_narrower_than_that_of_a_module(folder: str, columns: int) -> None:
    def check(width: int) -> int:
        file = f"{folder}/new.py"
        command = [
            program("ruff"),
            "check",
            "--quiet",
            "--select=E501",
            "--stdin-filename",
            file,
            "-",
        ]
        line = f"x = '{'a' * (width - 6)}'\n"
        return subprocess.run(
            command, cwd=ROOT, input=line, text=True, capture_output=True
        ).returncode

    assert (check(columns), check(columns + 1)) == (0, 1)


def test_figures_and_style_sheet_have_the_same_colours() -> None:
    sheet = (ROOT / "book" / "_static" / "book.css").read_text("utf-8")
    light = sheet.partition('html[data-theme="dark"]')[0]
    frameworks = {name: color for name, (color, _) in plotting.FRAMEWORKS.items()}
    for letter, colors in (("q", plotting.QUANTITIES), ("f", frameworks)):
        assert dict(re.findall(rf"--{letter}-(\w+): (#\w+);", light)) == colors
