"""The rules that the pages keep together: each takes what it needs of all, and lists the faults."""

from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

from book_page import Page, directive, roles, tokens
from page_rules import named


def labels(page: Page) -> Iterator[tuple[str, str]]:
    """Where and which: every label that the page defines."""
    for cell in page.cells:
        name = cell.node.get("metadata", {}).get("mystnb", {}).get("figure", {}).get("name")
        if name:
            yield cell.where, name
        for token in tokens(cell.source) if cell.kind == "markdown" else ():
            if token.type == "myst_target":
                yield cell.where, token.content
            elif token.type in ("math_block_label", "amsmath_label"):
                yield cell.where, token.info
            elif found := directive(token):
                for option in ("label", "name"):
                    if option in found.options:
                        yield cell.where, found.options[option]


def unique_labels(pages: Iterable[Page]) -> list[str]:
    first: dict[str, str] = {}
    found = []
    for page in pages:
        for where, label in labels(page):
            place = named(page.name, where)
            if label in first:
                found.append(f"{place}: the label {label!r} is taken by {first[label]}")
            first.setdefault(label, place)
    return found


def citations(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.text:
        for content in roles(cell.source, "cite"):
            yield from ((cell.where, key.strip()) for key in content.split(","))


def known_citations(pages: Iterable[Page], bibliography: dict[str, set[str]]) -> list[str]:
    """`bibliography`: each entry's key and the fields that it has."""
    cited = {key: named(page.name, where) for page in pages for where, key in citations(page)}
    found = [
        f"{place}: cites {key!r}, which references.bib has not"
        for key, place in cited.items()
        if key not in bibliography
    ]
    for key, fields in bibliography.items():
        found += [f"references.bib: {key} has no {f}" for f in ("title", "year") if f not in fields]
        if not fields & {"author", "editor"}:
            found.append(f"references.bib: {key} has no author")
        if key not in cited:
            found.append(f"references.bib: {key} is cited nowhere")
    return found


def listed_once(files: Iterable[str], listed: list[str]) -> list[str]:
    """Pages are files and files are pages; `listed` holds what _toc.yml names, without suffix."""
    stems = {Path(name).with_suffix("").as_posix() for name in files}
    found = [f"{name}: is not in _toc.yml" for name in stems if name not in listed]
    found += [
        f"{name}: is in _toc.yml, and there is no such page"
        for name in dict.fromkeys(listed)
        if name not in stems
    ]
    found += [f"{name}: is {n} times in _toc.yml" for name, n in Counter(listed).items() if n > 1]
    return found


def sources_only(files: Iterable[str]) -> list[str]:
    """Nothing that a tool made from a notebook stands beside it."""
    found, first = [], {}
    for name in map(Path, files):
        if name.suffix not in (".ipynb", ".md"):
            found.append(f"{name.as_posix()}: is not a page")
        elif (other := first.setdefault(name.with_suffix(""), name)) != name:
            found.append(f"{name.as_posix()}: is a copy of {other.name}")
    return found
