"""
Make `.venv` and install into it what one of the Makefile's targets needs.

    python tools/install.py book      what rendering needs: no framework
    python tools/install.py test      everything that the tests need, the frameworks included
    python tools/install.py dev       the same and JupyterLab

A target that is already complete costs one look at a stamp file. What is missing on the machine
is said in one sentence. Runs on Python 3.6 as far as the sentence that asks for a newer one.
"""

import argparse
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
AXE = "axe-core@4.11.4"  # checks the rendered pages' accessibility; needs npm, not shipped
EXTRAS = {
    "book": "book",
    "test": "book,pages,tensorflow,keras,torch,test",
    "dev": "book,pages,tensorflow,keras,torch,test,dev",
}
COVERED_BY = {"book": ["book", "test", "dev"], "test": ["test", "dev"], "dev": ["dev"]}
GIGABYTES = {"book": 1, "test": 6, "dev": 6}  # measured: 0.4 and 3.9, and room to unpack
HINTS = [  # what pip's output holds -> the sentence that says it
    (r"No space left on device|Errno 28", "The disk is full."),
    (
        r"NewConnectionError|NameResolutionError|Temporary failure in name resolution"
        r"|ConnectTimeoutError|ProxyError|Max retries exceeded",
        "The Python package index could not be reached: is there a network, or a proxy to set?",
    ),
    (
        r"No matching distribution found for ([^\s;]+)",
        r"There is no build of \1 for this machine and Python {version}.",
    ),
    (r"PermissionError|Errno 13", "This folder may not be written to."),
]


class CannotInstall(Exception):
    """Says in one sentence what is missing."""


def venv_python(venv: Path) -> Path:
    return venv / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def check_machine(
    target: str, root: Path = ROOT, version: "tuple[int, ...]" = sys.version_info[:2]
) -> None:
    """Raise `CannotInstall` where Python, the venv module or the disk will not do."""
    if version < (3, 11):
        raise CannotInstall(
            "The book needs Python 3.11 or later; this is Python {}.{}. "
            "Install one, or name it: make PYTHON=/path/to/python".format(*version)
        )
    try:
        import ensurepip  # noqa: F401
        import venv  # noqa: F401
    except ImportError:
        raise CannotInstall(
            "This Python has no venv module. On Debian and Ubuntu: apt install "
            "python{}.{}-venv".format(*version)
        ) from None
    free = shutil.disk_usage(root).free / 1e9
    if free < GIGABYTES[target] and not stamp_path(root / ".venv", "test").exists():
        raise CannotInstall(
            f"'{target}' needs about {GIGABYTES[target]} GB of disk; "
            f"{free:.1f} GB are free in {root}."
        )


def stamp_path(venv: Path, target: str) -> Path:
    return venv / f"installed-{target}.txt"


def fingerprint(root: Path = ROOT) -> str:
    """Changes whenever what is to be installed changes."""
    parts = [(root / name).read_bytes() for name in ("pyproject.toml", "constraints.txt")]
    return hashlib.sha256(b"\0".join([*parts, AXE.encode()])).hexdigest()


def is_complete(target: str, root: Path) -> bool:
    """Whether this target, or one that holds it, was installed as it is wanted now."""
    venv = root / ".venv"
    stamps = [stamp_path(venv, name) for name in COVERED_BY[target]]
    wanted = fingerprint(root)
    return any(s.exists() and s.read_text() == wanted for s in stamps) and works(venv_python(venv))


def explain(log: str) -> str:
    """The sentence for pip's output `log`."""
    for pattern, sentence in HINTS:
        found = re.search(pattern, log)
        if found:
            return found.expand(sentence).format(version="{}.{}".format(*sys.version_info[:2]))
    errors = [line for line in log.splitlines() if line.startswith("ERROR")]
    return errors[-1] if errors else "pip failed."


def run(command: "list[str]", log_path: Path, root: Path) -> None:
    with log_path.open("a") as log:
        result = subprocess.run(command, stdout=log, stderr=subprocess.STDOUT, cwd=root)
    if result.returncode:
        sentence = explain(log_path.read_text(errors="replace"))
        raise CannotInstall(f"{sentence} The whole story is in {log_path.relative_to(root)}")


def works(python: Path) -> bool:
    """Whether this interpreter starts, is new enough and has pip: a venv outlives its Python."""
    check = "import pip, sys; sys.exit(sys.version_info < (3, 11))"
    try:
        return subprocess.run([str(python), "-c", check], capture_output=True).returncode == 0
    except OSError:
        return False


def make_venv(venv: Path) -> None:
    print("Creating .venv ...", flush=True)
    made = subprocess.run(
        [sys.executable, "-m", "venv", "--clear", str(venv)], capture_output=True, text=True
    )
    if made.returncode:
        reason = (made.stderr or made.stdout).strip().splitlines() or ["no reason given"]
        raise CannotInstall(f"Could not create .venv: {reason[-1]}")


def install_axe(venv: Path, log_path: Path, root: Path) -> None:
    """axe-core beside the tests' other tools, where npm can; a test says so where it is not."""
    npm = shutil.which("npm")
    if npm is None:
        return
    folder = venv / "axe"
    folder.mkdir(exist_ok=True)
    (folder / "package.json").write_text('{"private": true}\n')
    quiet = ["--silent", "--no-audit", "--no-fund"]
    try:
        run([npm, "install", *quiet, "--prefix", str(folder), AXE], log_path, root)
    except CannotInstall:
        print("npm could not install axe-core: the tests will not check accessibility.", flush=True)


def install(target: str, root: Path = ROOT) -> None:
    if is_complete(target, root):
        return
    check_machine(target, root)
    venv = root / ".venv"
    python = venv_python(venv)
    if not works(python):
        make_venv(venv)
    log_path = venv / "install.log"
    log_path.write_text("")
    what = "what rendering needs" if target == "book" else "the book's tools and the frameworks"
    print(f"Installing {what} into .venv; pip's words go to .venv/install.log ...", flush=True)
    pip = [str(python), "-m", "pip", "install", "--disable-pip-version-check", "--no-input"]
    package = ["--editable", f".[{EXTRAS[target]}]", "--constraint", "constraints.txt"]
    run([*pip, *package], log_path, root)
    if target != "book":
        install_axe(venv, log_path, root)
    stamp_path(venv, target).write_text(fingerprint(root))


def main() -> None:
    parser = argparse.ArgumentParser(description="Make .venv and install into it.")
    parser.add_argument("target", choices=sorted(EXTRAS))
    try:
        install(parser.parse_args().target)
    except (CannotInstall, OSError) as reason:
        sys.exit(f"Cannot install: {reason}")


if __name__ == "__main__":
    main()
