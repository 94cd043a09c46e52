"""A page of the book, notebook or Markdown file, read into cells, and its Markdown into tokens."""

import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.token import Token
from myst_parser.config.main import MdParserConfig
from myst_parser.parsers.mdit import create_md_parser

ROOT = Path(__file__).resolve().parent.parent


@dataclass(frozen=True)
class Cell:
    """One cell of a notebook, or a Markdown file as a whole."""

    where: str  # "code cell 3", "text cell 5"; empty for a Markdown file
    kind: str  # "code", "markdown", "raw"
    source: str
    node: dict[str, Any]

    @property
    def tags(self) -> list[str]:
        return list(self.node.get("metadata", {}).get("tags", []))

    @property
    def outputs(self) -> list[dict[str, Any]]:
        return list(self.node.get("outputs", []))


@dataclass(frozen=True)
class Page:
    name: str  # its path from the repository's root
    cells: list[Cell]
    notebook: dict[str, Any] | None = None  # None: a Markdown file

    @property
    def code(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "code"]

    @property
    def text(self) -> list[Cell]:
        return [cell for cell in self.cells if cell.kind == "markdown"]


def joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def notebook_page(name: str, notebook: dict[str, Any]) -> Page:
    count: Counter[str] = Counter()
    cells = []
    for node in notebook["cells"]:
        kind = node["cell_type"]
        count[kind] += 1
        where = f"{'text' if kind == 'markdown' else kind} cell {count[kind]}"
        cells.append(Cell(where, kind, joined(node["source"]), node))
    return Page(name, cells, notebook)


def markdown_page(name: str, text: str) -> Page:
    return Page(name, [Cell("", "markdown", text, {})])


def read_page(path: Path) -> Page:
    name, text = path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8")
    return (
        notebook_page(name, json.loads(text))
        if path.suffix == ".ipynb"
        else markdown_page(name, text)
    )


@cache
def parser() -> MarkdownIt:
    extensions = {
        "amsmath", "attrs_inline", "attrs_block", "colon_fence", "deflist", "dollarmath",
        "fieldlist", "substitution", "tasklist",
    }  # fmt: skip
    return create_md_parser(MdParserConfig(enable_extensions=extensions), RendererHTML)


@dataclass(frozen=True)
class Directive:
    """```{name} argument, its `:key: value` options and its content."""

    name: str
    argument: str
    options: dict[str, str]
    content: str


VERBATIM = {"code", "code-block", "code-cell", "literalinclude", "math", "raw"}


def directive(token: Token) -> Directive | None:
    found = re.match(r"\{([\w:-]+)\}\s*(.*)", token.info)
    if token.type not in ("fence", "colon_fence") or not found:
        return None
    options, lines = {}, token.content.splitlines()
    while lines and (option := re.match(r":([\w-]+):\s*(.*)", lines[0])):
        options[option[1]] = option[2].strip()
        lines.pop(0)
    return Directive(found[1], found[2].strip(), options, "\n".join(lines))


@cache
def tokens(source: str) -> tuple[Token, ...]:
    """Every token of a Markdown text, those inside its directives included."""
    found = []
    pending = parser().parse(source)
    while pending:
        token = pending.pop(0)
        found.append(token)
        inner = directive(token)
        below = parser().parse(inner.content) if inner and inner.name not in VERBATIM else []
        pending = [*below, *(token.children or []), *pending]
    return tuple(found)


def directives(cell: Cell) -> Iterator[Directive]:
    return (found for token in tokens(cell.source) if (found := directive(token)))


def roles(source: str, name: str) -> Iterator[str]:
    """The contents of the roles `name` and `name:...`."""
    for token in tokens(source):
        if token.type == "myst_role" and token.meta["name"].split(":")[0] == name:
            yield token.content


def texts_in(page: Page, *kinds: str) -> list[str]:
    """The texts of a page's headings ("heading") or of its tables' cells ("th", "td")."""
    opening = {f"{kind}_open" for kind in kinds}
    return [
        token.content
        for cell in page.text
        for before, token in pairwise(tokens(cell.source))
        if before.type in opening
    ]


def output_texts(output: dict[str, Any]) -> Iterator[str]:
    """What an output says in words: a stream, an error, a value as text, Markdown or HTML."""
    yield joined(output.get("text", ""))
    yield "\n".join(output.get("traceback", []))
    for mime, value in output.get("data", {}).items():
        if mime.startswith("text/"):
            yield joined(value)
