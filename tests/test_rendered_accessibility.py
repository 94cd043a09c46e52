"""
The rendered book as axe-core sees it, light and dark; and that it sees what it looks for.
"""

from pathlib import Path

import pytest
from playwright.sync_api import BrowserContext
from rendered import SCHEMES, Look, audit, read_axe


@pytest.fixture(scope="module")
def audits(context: BrowserContext, site: str, pages: list[str]) -> list[Look]:
    axe = read_axe()
    return [audit(context, site, page, axe) for page in pages]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_accessible(audits: list[Look], scheme: str) -> None:
    found = [fault for look in audits for fault in look.faults[scheme]]
    assert not found, "\n".join(found)


def test_audit_sees_each_scheme(context: BrowserContext, broken: tuple[str, Path]) -> None:
    faults = audit(context, broken[0], "page.html", read_axe()).faults
    assert "page.html: serious html-has-lang at html" in faults["light"]
    assert "page.html: serious color-contrast at p" not in faults["light"]
    assert "page.html: serious color-contrast at p" in faults["dark"]
