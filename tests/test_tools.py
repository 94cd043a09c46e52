"""The commands that the README names, and what they need."""

import re
import shutil
import subprocess
import sys
import threading
import tomllib
import urllib.request
from collections import Counter
from pathlib import Path

import pytest
import yaml
from book_page import ROOT
from packaging.requirements import Requirement

from tools import build, read

PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
needs_sh = pytest.mark.skipif(not Path("/bin/sh").exists(), reason="no /bin/sh on this machine")
needs_make = pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")


# --------------------------------------------------------------------------------- find-python


def find_python(folder: Path, **versions: str) -> subprocess.CompletedProcess[str]:
    """Run tools/find-python where these and no other commands exist; python3_12="3.12"."""
    for name, version in versions.items():
        command = folder / name.replace("_", ".")
        # Answers -c with the program that it is given, run as if it were this version.
        numbers = tuple(int(part) for part in version.split("."))
        pretend = f"import sys; sys.version_info = {numbers}; exec(sys.argv[1])"
        command.write_text(
            f"#!/bin/sh\nif [ $1 = --version ]; then echo Python {version}; exit; fi\n"
            f'exec "{sys.executable}" -c "{pretend}" "$2"\n'
        )
        command.chmod(0o755)
    return subprocess.run(
        ["/bin/sh", str(ROOT / "tools" / "find-python")],
        env={"PATH": str(folder)}, capture_output=True, text=True,
    )  # fmt: skip


@needs_sh
@pytest.mark.parametrize(
    ("versions", "found"),
    [
        ({"python3": "3.11"}, "python3"),
        ({"python": "3.13"}, "python"),
        ({"python3_14": "3.14"}, "python3.14"),
        ({"python3": "3.9", "python3_12": "3.12"}, "python3.12"),
        ({"python3": "3.14", "python3_12": "3.12"}, "python3.12"),
    ],
)
def test_newest_python_that_every_framework_supports_is_found(
    tmp_path: Path, versions: dict[str, str], found: str
) -> None:
    result = find_python(tmp_path, **versions)
    assert (result.stdout, result.stderr, result.returncode) == (f"{found}\n", "", 0)


@needs_sh
@pytest.mark.parametrize(
    ("versions", "what"),
    [({}, "no python3"), ({"python3": "3.9"}, "Python 3.9"), ({"python3": "2.7"}, "Python 2.7")],
)
def test_no_python_is_said_in_one_line(tmp_path: Path, versions: dict[str, str], what: str) -> None:
    result = find_python(tmp_path, **versions)
    assert (result.stdout, result.returncode) == ("", 1)
    assert result.stderr.startswith(f"The book needs Python 3.11 or later; found here: {what}. ")
    assert result.stderr.count("\n") == 1


# ------------------------------------------------------------------------- make, CI, the README


@needs_make
def test_make_lists_every_target() -> None:
    makefile = (ROOT / "Makefile").read_text()
    (targets,) = re.findall(r"^\.PHONY: (.*)$", makefile, re.MULTILINE)
    shown = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert re.findall(r"^  make (\w+) +\S", shown, re.MULTILINE) == targets.split()


@needs_make
@needs_sh
def test_make_without_python_says_so(tmp_path: Path) -> None:
    for tool in ("sh", "make"):
        (tmp_path / tool).symlink_to(shutil.which(tool) or tool)
    result = subprocess.run(
        ["make", "book"], cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert result.returncode != 0
    sentence = "The book needs Python 3.11 or later; found here: no python3."
    assert result.stderr.count(sentence) == 1, result.stderr


def test_ci_runs_the_test_command_of_the_readme() -> None:
    readme = (ROOT / "README.md").read_text("utf-8")
    assert re.search(r"^\s*make test\b", readme, re.MULTILINE), "README.md: no line 'make test'"
    assert re.search(r"^RNNBOOK_REQUIRE_BROWSER=1 make test$", (ROOT / ".ci/run").read_text(), re.M)


# ------------------------------------------------------------------------------------- packages


def wanted() -> list[Requirement]:
    project = PYPROJECT["project"]
    extras = project["optional-dependencies"].values()
    return [Requirement(r) for group in (project["dependencies"], *extras) for r in group]


def pins() -> list[tuple[str, str]]:
    lines = (ROOT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [Requirement(line) for line in lines if line.strip() and not line.startswith("#")]
    return [(canonical(r.name), str(r.specifier).removeprefix("==")) for r in pinned]


def canonical(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


@pytest.mark.parametrize("requirement", wanted(), ids=lambda r: r.name)
def test_named_package_is_pinned_within_its_bounds(requirement: Requirement) -> None:
    version = dict(pins()).get(canonical(requirement.name))
    assert version, f"constraints.txt has no pin of {requirement.name}"
    assert requirement.specifier.contains(version), f"the pin {version} breaks {requirement}"


def test_each_package_is_pinned_once() -> None:
    twice = [name for name, n in Counter(name for name, _ in pins()).items() if n > 1]
    assert not twice, f"constraints.txt pins more than once: {twice}"


def test_no_package_host_is_named() -> None:
    """Whoever installs the book may use a mirror; no file of ours knows better."""
    ends = {
        "org": ["pypi", "pythonhosted", "npmjs", "anaconda", "download.pytorch"],
        "com": ["npmjs"],
    }
    hosts = [f"{name}.{end}" for end, names in ends.items() for name in names]
    listing = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    found = [
        f"{name}: names {host}"
        for name in listing.stdout.splitlines()
        if (ROOT / name).is_file()
        for host in hosts
        if host in (ROOT / name).read_text(encoding="utf-8", errors="ignore")
    ]
    assert not found, "\n".join(found)


# ------------------------------------------------------------------------------- build and read


def test_reader_is_served_on_this_machine_alone(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.html").write_text("hello")
    with read.serve(tmp_path) as server:
        assert server.server_address[0] == "127.0.0.1"
        threading.Thread(target=server.serve_forever).start()
        address = f"http://127.0.0.1:{server.server_port}/a.html"
        with urllib.request.urlopen(address) as response:
            assert response.read() == b"hello"
        server.shutdown()
    assert capfd.readouterr() == ("", "")


def test_reading_before_building_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(read, "HTML", tmp_path / "html")
    with pytest.raises(SystemExit, match="run 'make book'"):
        read.main()


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("a.ipynb:250004: WARNING: x", "a.ipynb: cell 25, line 4: WARNING: x"),
        ("a.ipynb:10120: WARNING: x", "a.ipynb: cell 1, line 120: WARNING: x"),
        ("a.ipynb:100010: ERROR: x", "a.ipynb: cell 10, line 10: ERROR: x"),
        ("a.md:12: WARNING: x", "a.md:12: WARNING: x"),
    ],
)
def test_complaint_names_the_cell(line: str, place: str) -> None:
    log = f"reading sources...\n{build.ROOT}/{line}\ndone"
    assert build.complaints(log) == [place]


def small_book(folder: Path, text: str) -> Path:
    """A book of one page under this book's own rules of what is a page."""
    own = yaml.safe_load((ROOT / "_config.yml").read_text("utf-8"))
    kept = ("title", "author", "only_build_toc_files", "exclude_patterns", "execute")
    (folder / "_config.yml").write_text(yaml.safe_dump({key: own[key] for key in kept}))
    (folder / "_toc.yml").write_text("format: jb-book\nroot: first\n")
    (folder / "first.md").write_text(text)
    return folder


def test_warning_fails_the_build_and_names_the_page(tmp_path: Path) -> None:
    root = small_book(tmp_path, "# First\n\nSee {ref}`nowhere`.\n")
    status, log = build.build(tmp_path / "_build", root)
    assert status != 0, log
    (complaint, *_) = build.complaints(log, root)
    assert re.match(r"first\.md:3: WARNING: undefined label: 'nowhere'", complaint), log


def test_what_tools_leave_in_the_repository_is_no_page(tmp_path: Path) -> None:
    root = small_book(tmp_path, "# First\n")
    for name in (".venv/README.md", ".pytest_cache/README.md", "book/.cache/a.md", "README.md"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text("# Not a page\n")
    status, log = build.build(tmp_path / "_build", root)
    assert status == 0, "\n".join(build.complaints(log, root)) or log
