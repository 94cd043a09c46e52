"""
The tests' one environment, and a notebook's budget of time.

The notebooks are compared with what `tools/execute.py` stored, so both run in the environment of
`rnnbook/environment.py`: set here, before pytest starts a notebook's kernel or an xdist worker.
"""

import runpy
from collections.abc import Generator
from pathlib import Path

import pytest

# By its path: importing it would import the package, and with it NumPy, before its threads are set.
runpy.run_path(str(Path(__file__).parent / "rnnbook" / "environment.py"))["apply"]()

SPENT = pytest.StashKey[float]()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addini("notebook_seconds", "how long the cells of one notebook may run", default="60")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Fail the cell with which its notebook goes over the budget."""
    report = yield
    if item.path.suffix != ".ipynb" or call.when != "call" or item.parent is None:
        return report
    budget = float(item.config.getini("notebook_seconds"))
    before = item.parent.stash.get(SPENT, 0.0)
    item.parent.stash[SPENT] = spent = before + call.duration
    if before <= budget < spent and report.passed:
        report.outcome = "failed"
        report.longrepr = (
            f"{item.parent.nodeid} has run for {spent:.0f} s; a notebook may run for {budget:g} s"
        )
    return report
