"""tools/install.py says in one sentence what is missing, and installs what is missing, once."""

import ast
import shutil
import subprocess
import sys
from collections import namedtuple
from pathlib import Path
from typing import Any

import pytest

from tools import install

Disk = namedtuple("Disk", "total used free")


class Machine:
    """Stands for the commands that install.py runs; notes them, and makes what they would make."""

    def __init__(self) -> None:
        self.commands: list[str] = []
        self.pip_works = True
        self.pip_says: str | None = None  # what a failing pip says

    def run(self, command: list[str], stdout: Any = None, **_: Any) -> Any:
        line = " ".join(command[1:])
        if "-c" in command:
            works = self.pip_works and Path(command[0]).exists()
            return subprocess.CompletedProcess(command, 0 if works else 1)
        self.commands.append(line)
        if "-m venv" in line:
            python = install.venv_python(Path(command[-1]))
            shutil.rmtree(command[-1], ignore_errors=True)
            python.parent.mkdir(parents=True)
            python.touch()
            self.pip_works = True
        elif self.pip_says is not None:
            stdout.write(self.pip_says)
            stdout.flush()
            return subprocess.CompletedProcess(command, 1)
        return subprocess.CompletedProcess(command, 0)


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> Machine:
    machine = Machine()
    monkeypatch.setattr(install.subprocess, "run", machine.run)
    monkeypatch.setattr(install.shutil, "which", lambda name: None)
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: Disk(9e9, 0, 9e9))
    return machine


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text("[project]\n")
    (tmp_path / "constraints.txt").write_text("numpy==2.0\n")
    return tmp_path


# ------------------------------------------------------------------------------- its sentences


def test_old_python_is_named(root: Path) -> None:
    with pytest.raises(install.CannotInstall, match=r"3\.11 or later; this is Python 3\.9\. Inst"):
        install.check_machine("book", root, version=(3, 9))


def test_old_python_gets_as_far_as_the_sentence() -> None:
    """Newer syntax would be an error before anything is said."""
    ast.parse(Path(install.__file__).read_text("utf-8"), feature_version=(3, 6))


def test_missing_venv_module_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ensurepip", None)
    with pytest.raises(
        install.CannotInstall, match=r"no venv module.*apt install python3\.12-venv"
    ):
        install.check_machine("book", root, version=(3, 12))


def test_full_disk_is_named(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(install.shutil, "disk_usage", lambda path: Disk(9e9, 8.8e9, 0.2e9))
    with pytest.raises(
        install.CannotInstall, match=r"'test' needs about 6 GB .*; 0\.2 GB are free"
    ):
        install.check_machine("test", root)


HERE = "{}.{}".format(*sys.version_info)


@pytest.mark.parametrize(
    ("log", "sentence"),
    [
        (
            "WARNING: Retrying after connection broken by 'NewConnectionError(...)'\n"
            "ERROR: No matching distribution found for numpy>=2.0",
            "The Python package index could not be reached: is there a network, or a proxy to set?",
        ),
        (
            "ERROR: Could not find a version that satisfies the requirement tensorflow>=2.18\n"
            'ERROR: No matching distribution found for tensorflow>=2.18; extra == "tensorflow"',
            f"There is no build of tensorflow>=2.18 for this machine and Python {HERE}.",
        ),
        ("OSError: [Errno 28] No space left on device", "The disk is full."),
        ("PermissionError: [Errno 13]", "This folder may not be written to."),
        ("Collecting a\nERROR: Cannot install a and b\n", "ERROR: Cannot install a and b"),
        ("", "pip failed."),
    ],
)
def test_pip_failure_is_explained(log: str, sentence: str) -> None:
    assert install.explain(log) == sentence


def test_failure_points_to_the_log_and_is_tried_again(machine: Machine, root: Path) -> None:
    machine.pip_says = "OSError: [Errno 28]"
    for _ in range(2):
        with pytest.raises(
            install.CannotInstall, match=r"disk is full\. .* in \.venv.install\.log"
        ):
            install.install("book", root)
    assert [line.startswith("-m pip install") for line in machine.commands] == [False, True, True]


def test_command_ends_with_the_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(target: str) -> None:
        raise install.CannotInstall(f"no {target} today")

    monkeypatch.setattr(install, "install", refuse)
    monkeypatch.setattr(sys, "argv", ["install.py", "book"])
    with pytest.raises(SystemExit, match="Cannot install: no book today"):
        install.main()


# --------------------------------------------------------------------------- what it does, once


def test_fresh_folder_gets_venv_and_pinned_packages(machine: Machine, root: Path) -> None:
    install.install("book", root)
    made, installed = machine.commands
    assert made == f"-m venv --clear {root / '.venv'}"
    assert installed.endswith("--editable .[book] --constraint constraints.txt")


def test_complete_target_runs_nothing(machine: Machine, root: Path) -> None:
    install.install("book", root)
    machine.commands.clear()
    install.install("book", root)
    assert machine.commands == []


def test_larger_target_covers_the_smaller_only(machine: Machine, root: Path) -> None:
    install.install("test", root)
    machine.commands.clear()
    install.install("book", root)
    assert machine.commands == []
    install.install("dev", root)
    assert len(machine.commands) == 1


@pytest.mark.parametrize("name", ["pyproject.toml", "constraints.txt"])
def test_change_of_requirements_installs_again(machine: Machine, root: Path, name: str) -> None:
    install.install("book", root)
    machine.commands.clear()
    (root / name).write_text("# changed\n")
    install.install("book", root)
    (command,) = machine.commands
    assert command.startswith("-m pip install")


def test_half_made_venv_is_made_again(machine: Machine, root: Path) -> None:
    (root / ".venv" / "lib").mkdir(parents=True)
    install.install("book", root)
    assert machine.commands[0].startswith("-m venv --clear")
    assert not (root / ".venv" / "lib").exists()


def test_dead_venv_is_made_again_in_spite_of_its_stamp(machine: Machine, root: Path) -> None:
    install.install("book", root)
    machine.commands.clear()
    machine.pip_works = False
    install.install("book", root)
    assert [line[:7] for line in machine.commands] == ["-m venv", "-m pip "]


def test_interpreter_that_is_gone_does_not_work(tmp_path: Path) -> None:
    assert install.works(Path(sys.executable))
    assert not install.works(tmp_path / "python")


def test_refusing_npm_stops_nothing(
    machine: Machine,
    root: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    install.make_venv(root / ".venv")
    machine.pip_says = "npm error code ENOTFOUND"
    monkeypatch.setattr(install.shutil, "which", lambda name: "npm")
    install.install_axe(root / ".venv", root / ".venv" / "install.log", root)
    assert install.AXE in machine.commands[-1]
    assert "the tests will not check accessibility" in capsys.readouterr().out
