"""Every page of the book keeps the rules of `page_rules.py`, and all together `book_rules.py`."""

from pathlib import Path
from typing import Any

import nbformat
import pytest
import yaml
from book_page import ROOT, Page, read_page
from book_rules import known_citations, listed_once, sources_only, unique_labels
from page_rules import (
    APPENDIX_RULES,
    CHAPTER_RULES,
    CHECKED_RULES,
    FRAMEWORKS,
    MARKDOWN_RULES,
    MATCHING,
    MATRIX_RULES,
    NOTEBOOK_BYTES,
    NOTEBOOK_RULES,
    SECONDS,
    complaints,
)
from pybtex.database import parse_file

from tools.execute import is_stale

NOT_PAGES = {"references.bib", "ruff.toml"}


def book_files() -> list[Path]:
    """What stands in the book, less what Sphinx uses (_static) and what tools leave (.cache)."""
    book = ROOT / "book"
    found = sorted(path.relative_to(book) for path in book.rglob("*") if path.is_file())
    hidden = [path for path in found if any(part.startswith((".", "_")) for part in path.parts)]
    return [book / p for p in found if p not in hidden and p.name not in NOT_PAGES]


FILES = book_files()
NAMES = [path.relative_to(ROOT).as_posix() for path in FILES]
NOTEBOOKS = [name for name in NAMES if name.endswith(".ipynb")]
MATRIX = [name for name in NOTEBOOKS if name.split("/")[1] in ("numpy", *FRAMEWORKS)]
CHECKED = [name for name in NOTEBOOKS if name.split("/")[1] in ("foundations", "numpy", *MATCHING)]
APPENDIX = [name for name in NOTEBOOKS if name.startswith("book/appendix/")]
CHAPTERS = [name for name in NOTEBOOKS if name not in APPENDIX]
PAGES = [name for name in NAMES if name.endswith((".ipynb", ".md"))]


@pytest.fixture(scope="module")
def pages() -> dict[str, Page]:
    return {name: read_page(ROOT / name) for name in PAGES}


def listed_in_toc() -> list[str]:
    def files(node: Any) -> list[str]:
        if isinstance(node, list):
            return [name for item in node for name in files(item)]
        if not isinstance(node, dict):
            return []
        own = [node[key] for key in ("root", "file") if key in node]
        return own + files(list(node.values()))

    return files(yaml.safe_load((ROOT / "_toc.yml").read_text("utf-8")))


@pytest.mark.parametrize("name", PAGES)
def test_text_keeps_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], MARKDOWN_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_keeps_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], NOTEBOOK_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", APPENDIX)
def test_appendix_keeps_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], APPENDIX_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", CHAPTERS)
def test_chapter_keeps_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], CHAPTER_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", MATRIX)
def test_page_of_the_matrix_keeps_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], MATRIX_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", CHECKED)
def test_exercises_keep_the_rules(pages: dict[str, Page], name: str) -> None:
    found = complaints([pages[name]], CHECKED_RULES)
    assert not found, "\n".join(found)


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_outputs_are_those_of_the_code(name: str) -> None:
    """nbval sees most differences; not a changed cell whose output is not compared."""
    stale = is_stale(nbformat.read(ROOT / name, as_version=4))
    assert not stale, f"{name}: its code changed since it was executed: run 'make notebooks'"


@pytest.mark.parametrize("name", NOTEBOOKS)
def test_notebook_is_small(name: str) -> None:
    size = (ROOT / name).stat().st_size
    assert size <= NOTEBOOK_BYTES, f"{name}: has {size:,} bytes, over {NOTEBOOK_BYTES:,}"


def test_table_of_contents_lists_every_page_once() -> None:
    found = listed_once(PAGES, listed_in_toc())
    assert not found, "\n".join(found)


def test_nothing_stands_beside_the_pages() -> None:
    found = sources_only(NAMES)
    assert not found, "\n".join(found)


def test_labels_are_unique(pages: dict[str, Page]) -> None:
    found = unique_labels(pages.values())
    assert not found, "\n".join(found)


def test_citations_and_bibliography_agree(pages: dict[str, Page]) -> None:
    entries = parse_file(str(ROOT / "book" / "references.bib")).entries
    fields = {key: {*entry.fields, *entry.persons} for key, entry in entries.items()}
    found = known_citations(pages.values(), fields)
    assert not found, "\n".join(found)


def test_stored_and_tested_running_times_have_one_budget(pytestconfig: pytest.Config) -> None:
    assert float(pytestconfig.getini("notebook_seconds")) == SECONDS
