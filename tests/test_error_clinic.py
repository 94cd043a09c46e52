"""
The error clinic: every entry has its parts, and says what its own output says.

An entry is a heading, a cause with its source, a cell that fails, a mend, a cell that does not, and
what guards it. A heading in code is a message: it must stand in the failing cell's output, which
`pytest --nbval` compares, so a framework that words it anew is noticed. The search leads readers to
one entry: its cells use what the set-up makes, and nothing of another entry.
"""

import ast
import builtins
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import pytest
from book_page import ROOT, Cell, Page, notebook_page, output_texts, read_page, roles, tokens

CLINIC = "book/appendix/errors.ipynb"
RAISES, RUNS = "It raises", "It runs"
HEADING = re.compile(
    r"(?P<index>(?:^:::\{index\} .+\n:::\n\n)*)"
    r"^(?:\((?P<label>[\w-]+)\)=\n)?(?P<level>##|###) (?P<title>.+)$",
    re.MULTILINE,
)
INDEXED = re.compile(r"^:::\{index\} ! single: (.+)$", re.MULTILINE)  # the search puts it first
PARTS = ("**Cause.**", None, "**Fix.**", None, "{.guard}\n**Guarded by**")  # None: a cell of code
TEST = re.compile(r"`(tests/\w+\.py)::(test_\w+)`")
PAGE_GUARDS = "this page"  # its cells are run and compared


@dataclass
class Entry:
    group: str
    label: str
    title: str
    indexed: list[str]
    given: frozenset[str]  # the names that the page makes before its first entry
    parts: list[str | Cell] = field(default_factory=list)

    @property
    def message(self) -> str | None:
        """The heading, where the whole of it is code."""
        (inline,) = [token for token in tokens(f"# {self.title}") if token.type == "inline"]
        found = inline.children or []
        return found[0].content if [token.type for token in found] == ["code_inline"] else None


def entries(page: Page) -> list[Entry]:
    """What stands under each heading of the third level, below one of the two groups' headings."""
    found: list[Entry] = []
    group, inside = "", False
    given: frozenset[str] = frozenset(dir(builtins))
    for cell in page.cells:
        if cell.kind == "code":
            if inside:
                found[-1].parts.append(cell)
            elif not found:
                given |= names(cell)[0]
            continue
        before = 0
        for heading in [*HEADING.finditer(cell.source), None]:
            text = cell.source[before : heading.start() if heading else None].strip()
            if inside and text:
                found[-1].parts.append(text)
            if heading is None:
                continue
            before, inside = heading.end(), False
            if heading["level"] == "##":
                group = heading["title"]
            elif group.startswith((RAISES, RUNS)):
                indexed = INDEXED.findall(heading["index"])
                label, title = heading["label"] or "", heading["title"]
                found.append(Entry(group, label, title, indexed, given))
                inside = True
    return found


def names(cell: Cell) -> tuple[set[str], set[str]]:
    """Those that a cell's code makes, and those that it reads."""
    made, read = set(), set()
    for node in ast.walk(ast.parse(cell.source)):
        if isinstance(node, ast.Name):
            (read if isinstance(node.ctx, ast.Load) else made).add(node.id)
        elif isinstance(node, ast.FunctionDef | ast.ClassDef):
            made.add(node.name)
        elif isinstance(node, ast.arg):
            made.add(node.arg)
        elif isinstance(node, ast.alias):
            made.add((node.asname or node.name).partition(".")[0])
    return made, read


def borrowed(entry: Entry) -> list[str]:
    """The names that an entry's cells read, and that neither they nor the set-up make."""
    known, found = set(entry.given), set()
    for part in entry.parts:
        if isinstance(part, Cell):
            made, read = names(part)
            known |= made
            found |= read - known
    return sorted(found)


def said(cell: Cell) -> str:
    """A cell's output in one line, as a message was before it was folded."""
    return " ".join(" ".join(text for out in cell.outputs for text in output_texts(out)).split())


@cache
def names_of_tests(name: str) -> set[str]:
    path = ROOT / name
    if not path.exists():
        return set()
    tree = ast.parse(path.read_text("utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def has_parts(entry: Entry) -> bool:
    return len(entry.parts) == len(PARTS) and all(
        isinstance(part, Cell)
        if start is None
        else isinstance(part, str) and part.startswith(start)
        for part, start in zip(entry.parts, PARTS, strict=True)
    )


def faults(entry: Entry) -> Iterator[str]:
    if not entry.label.startswith("err-"):
        yield "has no label (err-...)="
    if not has_parts(entry):
        yield f"its parts are {entry.parts}, not {PARTS}"
        return
    cause, failing, _, mended, guard = entry.parts
    assert isinstance(cause, str)
    assert isinstance(guard, str)
    if not ("https://" in cause or list(roles(cause, "cite")) or " Ours." in cause):
        yield "its cause cites nothing, and does not say that it is ours"
    for name, cell in (("failing", failing), ("mended", mended)):
        assert isinstance(cell, Cell)
        if not said(cell):
            yield f"its {name} cell prints nothing"
        if {"nbval-ignore-output", "raises-exception"} & set(cell.tags):
            yield f"the output of its {name} cell is not compared"
    assert isinstance(failing, Cell)
    if borrowed(entry):
        yield f"its cells use {borrowed(entry)} of another entry"
    if entry.message is None and entry.group.startswith(RAISES):
        yield "its heading is no message in code"
    wanted = entry.message or entry.title.replace("`", "")
    if wanted not in entry.indexed:
        yield f"{wanted!r} is not in its index"
    for message in entry.indexed if entry.message else []:
        if message not in said(failing) and f"`{message}" not in cause:  # a relative, or an old one
            yield f"its failing cell does not say {message!r}, but {said(failing)!r}"
    named = TEST.findall(guard)
    if not named and PAGE_GUARDS not in guard:
        yield "names no test that guards it"
    for path, test in named:
        if test not in names_of_tests(path):
            yield f"names {path}::{test}, which is not there"


def contents(page: Page) -> list[tuple[str, str]]:
    """The links to entries that stand in lists: label and words."""
    return [
        (found[2], found[1])
        for cell in page.text
        for found in re.finditer(r"^- \[(.+)\]\(#(err-[\w-]+)\)$", cell.source, re.MULTILINE)
    ]


CLINIC_PAGE = read_page(ROOT / CLINIC)
ENTRIES = entries(CLINIC_PAGE)


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.label)
def test_entry_is_whole_and_true(entry: Entry) -> None:
    assert list(faults(entry)) == []


def test_contents_lead_to_every_entry_in_its_order() -> None:
    assert contents(CLINIC_PAGE) == [(entry.label, entry.title) for entry in ENTRIES]


def test_clinic_treats_messages_and_symptoms() -> None:
    messages = [entry.message for entry in ENTRIES if entry.message]
    assert len(messages) >= 15
    assert len(ENTRIES) - len(messages) >= 10
    assert len({entry.title for entry in ENTRIES}) == len(ENTRIES)


# ------------------------------------------------------------- that the faults of an entry are seen

WHOLE = {
    "heading": "## It raises: PyTorch\n\nWords.",
    "index": ":::{index} ! single: a is not b\n:::",
    "title": "(err-a)=\n### `a is not b`",
    "cause": "**Cause.** It is [so](https://a.org/1).",
    "code": "print(a)",
    "failing": "ValueError: a is\nnot b",
    "fix": "**Fix.** Make it b.",
    "mended": "b: True",
    "guard": "{.guard}\n**Guarded by** `tests/test_error_clinic.py::test_sound_entry_has_none`.",
}


def made(changed: dict[str, str], tags: tuple[str, ...] = ()) -> Entry:
    part = WHOLE | changed

    def code(text: str, source: str = part["code"]) -> dict[str, Any]:
        outputs = [{"output_type": "stream", "name": "stdout", "text": text}] if text else []
        metadata = {"tags": tags}
        return {"cell_type": "code", "source": source, "metadata": metadata, "outputs": outputs}

    def markdown(text: str) -> dict[str, Any]:
        return {"cell_type": "markdown", "source": text, "metadata": {}}

    cells = [
        code("", "import a"),
        markdown("\n\n".join(part[k] for k in ("heading", "index", "title", "cause"))),
        code(part["failing"]),
        markdown(part["fix"]),
        code(part["mended"]),
        markdown(f"{part['guard']}\n\n## Where it comes from\n\nWords."),
    ]
    (entry,) = entries(notebook_page("page", {"cells": cells}))
    return entry


def test_sound_entry_has_none() -> None:
    for changed in (
        {},
        {"cause": "**Cause.** Ours. We wanted it so."},
        {"cause": "**Cause.** It is so {cite:p}`a2020`."},
        {"guard": "{.guard}\n**Guarded by** this page."},
        {"code": "b = a\nprint(b)"},
        {
            "index": WHOLE["index"] + "\n\n:::{index} ! single: a was b\n:::",
            "cause": "**Cause.** Once `a was b`: [so](https://a.org/1).",
        },
        {"title": "(err-a)=\n### `` a is not b ``"},
        {
            "heading": "## It runs, and is wrong",
            "index": ":::{index} ! single: a where b is wanted\n:::",
            "title": "(err-a)=\n### `a` where `b` is wanted",
        },
    ):
        assert list(faults(made(changed))) == [], changed


@pytest.mark.parametrize(
    ("changed", "fault"),
    [
        ({"title": "### `a is not b`"}, "no label"),
        ({"title": "(err-a)=\n### a is not b"}, "no message in code"),
        ({"index": "Words."}, "'a is not b' is not in its index"),
        ({"index": ":::{index} ! single: a is b\n:::"}, "does not say 'a is b'"),
        ({"failing": "ValueError: a must be b"}, "does not say 'a is not b', but 'ValueError: a"),
        ({"failing": ""}, "failing cell prints nothing"),
        ({"code": "print(a, b)"}, "its cells use ['b'] of another entry"),
        ({"mended": ""}, "mended cell prints nothing"),
        ({"cause": "**Cause.** It is so."}, "cites nothing"),
        ({"cause": "It is so."}, "its parts are"),
        ({"guard": "Nothing."}, "its parts are"),
        ({"guard": "{.guard}\n**Guarded by** care."}, "names no test"),
        (
            {"guard": "{.guard}\n**Guarded by** `tests/test_error_clinic.py::test_of_none`."},
            "is not there",
        ),
        ({"guard": "{.guard}\n**Guarded by** `tests/test_of_none.py::test_a`."}, "is not there"),
    ],
)
def test_fault_of_an_entry_is_seen(changed: dict[str, str], fault: str) -> None:
    found = list(faults(made(changed)))
    assert any(fault in what for what in found), found


@pytest.mark.parametrize("tag", ["nbval-ignore-output", "raises-exception"])
def test_output_that_is_not_compared_is_seen(tag: str) -> None:
    assert [what for what in faults(made({}, (tag,))) if "is not compared" in what]
