"""
The rules that every page of the book keeps.

A rule takes a `Page` and yields what is wrong on it, naming the cell; `complaints` runs rules over
pages. `test_pages.py` holds the book to them, `test_page_rules.py` shows that each catches its
fault, `model_page.py` is a page that keeps them all. Rules on the whole book: `book_rules.py`.
"""

import re
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import pairwise
from pathlib import Path

from book_page import ROOT, Page, directive, directives, output_texts, roles, texts_in, tokens

COLUMNS = 78  # wider code is cut off on the page
CELL_LINES = 45
SECONDS = 60  # a notebook's budget, `notebook_seconds` in conftest.py
COMPARED_SHARE = 0.6
ALT_LENGTH, CAPTION_LENGTH = 30, 15
EXERCISES, CHECKED_EXERCISES, MATCHED_EXERCISES = 3, 8, 4
FRAMEWORKS = ("tensorflow", "keras", "pytorch")
MATCHING = (*FRAMEWORKS, "comparison")  # folders whose exercises stand beside a reference
RESULT = "rnnbook"  # rnnbook.notebook.RESULT
NOTEBOOK_BYTES = 1_000_000
TAGS = {
    "nbval-ignore-output", "raises-exception",
    "hide-input", "hide-output", "hide-cell", "remove-input", "remove-output",
}  # fmt: skip
OPENER = ("You will be able to", "You need", "It runs in")
HERE = [f"{folder}/" for folder in (ROOT, Path.home(), tempfile.gettempdir())]
# Folders of this machine and of any; a web address that holds such a word is none.
MACHINE_PATH = re.compile(
    "|".join(
        [
            r"(?<![\w.:/-])(/home/\w|/Users/\w|/root/|/tmp/\w|/var/folders/)",
            r"\b[A-Z]:\\+Users",
            *(re.escape(folder) for folder in HERE if len(folder) > 2),
        ]
    )
)
ANSI = re.compile(r"\x1b\[")
ADDRESS = re.compile(r"\b0x[0-9a-fA-F]{6,}")
WARNING = re.compile(r"\b[A-Z]\w*Warning\b|^\s*WARNING\b", re.MULTILINE)
UNFINISHED = re.compile(
    r"\b(T[O]DO|F[I]XME|X{3}|T[B]D|lorem\s+ipsum|coming\s+soon)\b", re.IGNORECASE
)
REMOTE = re.compile(r"^(https?:)?//")


Rule = Callable[[Page], Iterator[tuple[str, str]]]  # yields where and what


def named(*parts: str) -> str:
    """Page, cell and fault; a fault of the whole page has no cell."""
    return ": ".join(filter(None, parts))


def complaints(pages: Iterable[Page], rules: Iterable[Rule]) -> list[str]:
    rules = list(rules)
    return [
        named(page.name, where, what)
        for page in pages
        for rule in rules
        for where, what in rule(page)
    ]


# ------------------------------------------------------------------------- rules on notebooks


def counted_in_order(page: Page) -> Iterator[tuple[str, str]]:
    """nbval compares no cell without a count; another order is another program."""
    for number, cell in enumerate(page.code, 1):
        count = cell.node.get("execution_count")
        if not cell.source.strip():
            yield cell.where, "is empty"
        elif count is None:
            yield cell.where, "was never executed: run 'make notebooks'"
        elif count != number:
            yield cell.where, f"has the count {count}: run 'make notebooks'"


def no_stored_error(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.code:
        for output in cell.outputs:
            if output["output_type"] == "error" and "raises-exception" not in cell.tags:
                yield cell.where, f"{output['ename']} is stored as its output"


def no_stderr(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.code:
        if any(output.get("name") == "stderr" for output in cell.outputs):
            yield cell.where, "has stderr in its output"


def same_on_every_machine(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.code:
        said = "\n".join(text for output in cell.outputs for text in output_texts(output))
        for pattern, what in (
            (ADDRESS, "a memory address"), (ANSI, "an ANSI code"), (WARNING, "a warning"),
        ):  # fmt: skip
            if found := pattern.search(said):
                yield cell.where, f"{what} is in its output: {found[0].strip()!r}"


def no_path_of_a_machine(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.cells:
        texts = [cell.source, *(text for output in cell.outputs for text in output_texts(output))]
        if found := MACHINE_PATH.search("\n".join(texts)):
            yield cell.where, f"holds a path of one machine: {found[0]!r}"


def known_tags(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.cells:
        for tag in sorted(set(cell.tags) - TAGS):
            yield cell.where, f"has the tag {tag!r}; known are {', '.join(sorted(TAGS))}"
        if cell.kind == "code" and (
            found := re.search(r"#\s*(NBVAL|PYTEST_VALIDATE)_\w+", cell.source)
        ):
            yield cell.where, f"says {found[0]!r} in a comment: use a tag"


def mostly_compared(page: Page) -> Iterator[tuple[str, str]]:
    shown = [cell for cell in page.code if cell.outputs]
    compared = [cell for cell in shown if "nbval-ignore-output" not in cell.tags]
    if len(compared) < COMPARED_SHARE * len(shown):
        yield (
            "",
            (f"{len(compared)} of {len(shown)} outputs are compared; {COMPARED_SHARE:.0%} must be"),
        )


def short_code(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.code:
        lines = cell.source.splitlines()
        if len(lines) > CELL_LINES:
            yield cell.where, f"has {len(lines)} lines, over {CELL_LINES}: too long to read aloud"
        for number, line in enumerate(lines, 1):
            if len(line) > COLUMNS:
                yield cell.where, f"line {number} has {len(line)} columns, over {COLUMNS}"


def described_figures(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.code:
        if not any(m.startswith("image/") for out in cell.outputs for m in out.get("data", {})):
            continue
        mystnb = cell.node["metadata"].get("mystnb", {})
        figure, alt = mystnb.get("figure", {}), mystnb.get("image", {}).get("alt", "")
        caption, name = figure.get("caption", ""), figure.get("name", "")
        if len(caption) < CAPTION_LENGTH:
            yield cell.where, "its figure has no caption (mystnb.figure.caption)"
        if not re.fullmatch(r"fig-[a-z0-9-]+", name):
            yield cell.where, f"its figure's name (mystnb.figure.name) is {name!r}, not 'fig-...'"
        if len(alt) < ALT_LENGTH:
            yield (
                cell.where,
                (
                    f"its figure's alternative text (mystnb.image.alt) has {len(alt)} characters; "
                    f"saying what it shows takes {ALT_LENGTH}"
                ),
            )
        elif alt == caption:
            yield cell.where, "its figure's alternative text only repeats the caption"


def clean_metadata(page: Page) -> Iterator[tuple[str, str]]:
    notebook = page.notebook or {}
    metadata = notebook.get("metadata", {})
    seconds = metadata.get("rnnbook", {}).get("seconds")
    if metadata.get("kernelspec", {}).get("name") != "python3":
        yield "", "its kernel is not python3"
    if extra := sorted(set(metadata) - {"kernelspec", "rnnbook"}):
        yield "", f"its metadata holds {', '.join(extra)}: run 'make notebooks'"
    if seconds is None:
        yield "", "its running time is not recorded: run 'make notebooks'"
    elif seconds > SECONDS:
        yield "", f"it runs for {seconds} s, over {SECONDS}"
    for cell in page.cells:
        if not cell.node.get("id"):
            yield cell.where, "has no id"
        if cell.node.get("attachments"):
            yield cell.where, "has an attachment"


# --------------------------------------------------------------------------- rules on Markdown


def no_raw_html(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.text:
        for token in tokens(cell.source):
            found, html = directive(token), token.content.strip()
            tag = token.type in ("html_inline", "html_block") and not html.startswith("</")
            if tag or (found and found.name == "raw"):
                yield cell.where, f"has raw HTML: {html!r}"


def local_described_images(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.text:
        images = [
            (str(token.attrs["src"]), token.content)
            for token in tokens(cell.source)
            if token.type == "image"
        ]
        images += [
            (found.argument, found.options.get("alt", ""))
            for found in directives(cell)
            if found.name in ("figure", "image")
        ]
        for source, alt in images:
            if REMOTE.match(source):
                yield cell.where, f"shows a remote image: {source}"
            elif len(alt) < ALT_LENGTH:
                yield cell.where, f"{source} has no alternative text of {ALT_LENGTH} characters"


def short_listings(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.text:
        for token in tokens(cell.source):
            found = directive(token)
            listing = found.name in ("code", "code-block") if found else token.type == "fence"
            if listing and max(map(len, token.content.splitlines()), default=0) > COLUMNS:
                yield cell.where, f"has a listing wider than {COLUMNS} columns"


def finished(page: Page) -> Iterator[tuple[str, str]]:
    for cell in page.cells:
        if found := UNFINISHED.search(cell.source):
            yield cell.where, f"{found[0]!r} is left in it"


# --------------------------------------------------------------------------- rules on chapters


def opens_with_promises(page: Page) -> Iterator[tuple[str, str]]:
    openers = [
        found
        for cell in page.text
        for found in directives(cell)
        if found.name == "admonition" and "opener" in found.options.get("class", "").split()
    ]
    if len(openers) != 1:
        yield "", f"has {len(openers)} admonitions with ':class: opener'; a chapter has one"
        return
    for term in OPENER:
        if term not in openers[0].content:
            yield "", f"its opener does not say {term!r}"
    if not list(roles(openers[0].content, "run-time")):
        yield "", "its opener has no {run-time} role"


def names_a_baseline(page: Page) -> Iterator[tuple[str, str]]:
    printed = [text for cell in page.code for out in cell.outputs for text in output_texts(out)]
    places = "\n".join([*texts_in(page, "heading", "th", "td"), *printed])
    if not re.search(r"baseline|naive", places, re.IGNORECASE):
        yield "", "no heading and no row of a table names a baseline"


def has_sections(page: Page) -> Iterator[tuple[str, str]]:
    for section in ("What can go wrong", "Exercises", "Where it comes from"):
        if section not in texts_in(page, "heading"):
            yield "", f"has no section {section!r}"


def exercises_with_solutions(page: Page) -> Iterator[tuple[str, str]]:
    """Each exercise has a solution, and each gated solution holds code that runs."""
    exercises: list[str] = []
    solved: dict[str, int] = {}  # label -> code cells in its solution
    gate = None
    for cell in page.cells:
        if cell.kind == "code" and gate is not None:
            solved[gate] += 1
        for found in directives(cell) if cell.kind == "markdown" else ():
            if found.name in ("exercise", "exercise-start"):
                exercises.append(found.options.get("label", ""))
            elif found.name == "solution":
                solved[found.argument] = 1
            elif found.name == "solution-start":
                gate = found.argument
                solved[gate] = 0
            elif found.name == "solution-end":
                gate = None
    if gate is not None:
        yield "", f"the solution of {gate!r} is not ended"
    if len(exercises) < EXERCISES:
        yield "", f"has {len(exercises)} exercises; a chapter has {EXERCISES}"
    for label in exercises:
        if label not in solved:
            yield "", f"the exercise {label!r} has no solution"
    for label, code in solved.items():
        if label not in exercises:
            yield "", f"there is a solution, but no exercise {label!r}"
        if not code:
            yield "", f"the solution of {label!r} has no code cell that runs"


def exercises_are_checked(page: Page) -> Iterator[tuple[str, str]]:
    """
    In the foundations and the tasks in NumPy: eight exercises, the k-th with a hint, a cell of the
    reader's that calls `check("page-k", ...)` and has no answer yet, and a solution that calls it
    and is right. With a framework, and in the comparison: four, that call `matches(...)`.
    """
    name = Path(page.name).stem
    beside = Path(page.name).parent.name in MATCHING
    wanted = MATCHED_EXERCISES if beside else CHECKED_EXERCISES
    call = "matches(...)" if beside else f'check("{name}-%d", ...)'
    number, solving = 0, False
    seen: list[dict[str, bool]] = []
    for cell in page.cells:
        if cell.kind == "code" and seen:
            said = "".join(text for out in cell.outputs for text in output_texts(out))
            checked = rf'check\(\s*"{name}-{number}",'
            if re.search(r"\bmatches\(" if beside else checked, cell.source):
                part = "solution" if solving else "question"
                seen[-1][part] |= ("Right." if solving else "No answer yet.") in said
        for found in directives(cell) if cell.kind == "markdown" else ():
            if found.name in ("exercise", "exercise-start"):
                number, solving = number + 1, False
                seen.append(dict.fromkeys(("hint", "question", "solution"), False))
            elif found.name == "hint" and seen:
                seen[-1]["hint"] = True
            elif found.name == "solution-start":
                solving = True
    if number < wanted:
        yield "", f"has {number} checked exercises; a page of this part has {wanted}"
    missing = {
        "hint": "has no {hint}",
        "question": f"has no cell that calls {call} without an answer",
        "solution": f"has no solution that {call} calls right",
    }
    for k, parts in enumerate(seen, 1):
        for part, there in parts.items():
            if not there:
                yield f"exercise {k}", missing[part].replace("%d", str(k))


def ends_with_a_result(page: Page) -> Iterator[tuple[str, str]]:
    """A page of the matrix task x framework stores one result, with its gap to NumPy beside it."""
    outputs = [out for cell in page.code for out in cell.outputs]
    results = [out["metadata"][RESULT] for out in outputs if RESULT in out.get("metadata", {})]
    if len(results) != 1:
        yield "", f"stores {len(results)} results (notebook.result); a page of the matrix has one"
    elif Path(page.name).parent.name in FRAMEWORKS and results[0]["gap"] is None:
        yield "", "its result has no gap to the loss curve of NumPy"


def cites_its_sources(page: Page) -> Iterator[tuple[str, str]]:
    inside = False
    for cell in page.text:
        for before, token in pairwise(tokens(cell.source)):
            if before.type == "heading_open" and before.tag in ("h1", "h2"):
                inside = token.content == "Where it comes from"
            if inside and token.type == "myst_role" and token.meta["name"].startswith("cite"):
                return
    yield "", "cites nothing where it comes from"


MARKDOWN_RULES: tuple[Rule, ...] = (
    no_raw_html,
    local_described_images,
    short_listings,
    finished,
    no_path_of_a_machine,
)
NOTEBOOK_RULES: tuple[Rule, ...] = (
    counted_in_order,
    no_stored_error,
    no_stderr,
    same_on_every_machine,
    known_tags,
    mostly_compared,
    short_code,
    described_figures,
    clean_metadata,
)
CHAPTER_RULES: tuple[Rule, ...] = (
    opens_with_promises,
    names_a_baseline,
    has_sections,
    exercises_with_solutions,
    cites_its_sources,
)
# A page to look things up in, that runs: no baseline, no exercises.
APPENDIX_RULES: tuple[Rule, ...] = (opens_with_promises, cites_its_sources)
CHECKED_RULES: tuple[Rule, ...] = (exercises_are_checked,)
MATRIX_RULES: tuple[Rule, ...] = (ends_with_a_result,)
