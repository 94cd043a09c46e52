"""
The tests' one environment, and a notebook's budget of time.

The notebooks are compared with what `tools/execute.py` stored, so both run in the environment of
`rnnbook/environment.py`: set here, before pytest starts a notebook's kernel or an xdist worker.
"""

import runpy
from collections.abc import Generator
from importlib.util import find_spec
from pathlib import Path

import pytest

# By its path: importing it would import the package, and with it NumPy, before its threads are set.
runpy.run_path(str(Path(__file__).parent / "rnnbook" / "environment.py"))["apply"]()

TENSORFLOW, TORCH, KERAS = ("tensorflow",), ("torch",), ("keras",)
BACKEND = ("tensorflow", "torch", "jax")
EVERY = ((TENSORFLOW, TORCH, KERAS), "tensorflow,keras,torch")
#: What the pages in a folder of book/, or one page, need: of each group one package; and the extras
#: that bring them.
NEEDS = {
    "tensorflow": ((TENSORFLOW,), "tensorflow"),
    "pytorch": ((TORCH,), "torch"),
    "keras": ((KERAS, BACKEND), "keras,torch"),
    "comparison/parity": EVERY,
    "comparison/speed": EVERY,
    "comparison/gpu": ((TORCH,), "torch"),
    "appendix/errors": EVERY,
    "appendix/article": EVERY,
}
MODULES = {"tensorflow": "models_tf", "keras": "models_keras", "pytorch": "models_torch"}


def missing(page: str) -> str | None:
    """What to install for a page, folder/name; None where nothing is missing."""
    groups, extras = NEEDS.get(page) or NEEDS.get(page.partition("/")[0]) or ((), "")
    there = all(any(map(find_spec, group)) for group in groups)
    return None if there else f'needs a framework: pip install "rnnbook[{extras}]"'


collect_ignore = [f"rnnbook/{module}.py" for page, module in MODULES.items() if missing(page)]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the pages whose frameworks are not installed, saying what to install."""
    for item in items:
        page = f"{item.path.parent.name}/{item.path.stem}"
        if item.path.suffix == ".ipynb" and (reason := missing(page)):
            item.add_marker(pytest.mark.skip(reason=reason))


SPENT = pytest.StashKey[float]()
OVER = "over its budget"  # of a cell's report: the page, and what it took


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("notebook_seconds", "how long the cells of one notebook should run", default="60")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """
    Note the cell with which its notebook goes over the budget.

    It does not fail: a reader's machine may be slow or busy. What the author's took is stored, and
    test_pages.py holds that to the budget.
    """
    report = yield
    if item.path.suffix != ".ipynb" or call.when != "call" or item.parent is None:
        return report
    budget = float(item.config.getini("notebook_seconds"))
    before = item.parent.stash.get(SPENT, 0.0)
    item.parent.stash[SPENT] = spent = before + call.duration
    if before <= budget < spent:
        report.user_properties.append((OVER, item.parent.nodeid))
    return report


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Name the notebooks that were slower than they should be."""
    reports = [each for kind in terminalreporter.stats.values() for each in kind]
    slow = [
        page for r in reports for name, page in getattr(r, "user_properties", ()) if name == OVER
    ]
    for page in slow:
        terminalreporter.write_line(f"SLOW {page}: over {config.getini('notebook_seconds')} s here")
