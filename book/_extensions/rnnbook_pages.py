"""
What the book's pages need beyond Jupyter Book: seven small things.

1. MathJax as one local file, copied from the installed package `sphinx-mathjax-offline`.
2. `{task-matrix}`: the table of tasks and frameworks, linked where a page exists, with the result
   that the page's notebook stored; and on each of those pages a row of links to the others.
3. `{run-time}`: how long a page's notebook ran when its outputs were stored.
4. A bibliography without roles that mislead a screen reader.
5. A formula and the full stop behind it stay on one line.
6. The theme's scripts and icons that no page uses are left out of the built book.
"""

from __future__ import annotations

import json
import re
import shutil
from importlib.metadata import files
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.transforms.post_transforms import SphinxPostTransform
from sphinx.util.docutils import SphinxDirective, SphinxRole

RESULT = "rnnbook"  # rnnbook.notebook.RESULT
MATHJAX = "tex-svg-full.js"
# A task's name, and what its network has to find.
TASKS = {
    "sine": ("Sine wave", "the next value of a wave"),
    "counting": ("Counting", "the next numbers of a sequence"),
    "words": ("Words", "the language of a name"),
    "text": ("Text", "the next character"),
}
FRAMEWORKS = {
    "numpy": "NumPy",
    "tensorflow": "TensorFlow",
    "keras": "Keras",
    "pytorch": "PyTorch",
}


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Put MathJax's self-contained file into the built book."""
    if error or app.builder.format != "html":
        return
    found = [f for f in files("sphinx-mathjax-offline") or [] if f.name == MATHJAX]
    if not found:
        raise ExtensionError(f"sphinx-mathjax-offline is installed without its {MATHJAX}")
    target = Path(app.outdir) / "_static" / "mathjax" / MATHJAX
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(str(found[0].locate()), target)


def drop_unused(app: Sphinx, error: Exception | None) -> None:
    """Leave out what templates/static/webpack-macros.html does not load, and its style sheet."""
    if error or app.builder.format != "html":
        return
    static = Path(app.outdir) / "_static"
    for pattern in ("fontawesome*", "bootstrap*"):
        for unused in (static / "scripts").glob(pattern):
            unused.unlink()
    # Font Awesome is one block of the theme's style sheet, a quarter of it.
    sheet = static / "styles" / "pydata-sphinx-theme.css"
    block = r"/\*!\s+\* Font Awesome Free.*?(?=html\{--pst-header-height)"
    sheet.write_text(re.sub(block, "", sheet.read_text("utf-8"), flags=re.DOTALL), "utf-8")


def mend_citations(
    app: Sphinx, pagename: str, templatename: str, context: dict[str, Any], doctree: object
) -> None:
    """Docutils marks a bibliography with roles that screen readers cannot make a list of."""
    if "citation-list" in context.get("body", ""):
        body = context["body"].replace(' role="doc-biblioentry"', "")
        context["body"] = body.replace('<div role="list" class="citation-list">', "<div>")


def cell(*children: nodes.Node) -> nodes.entry:
    return nodes.entry("", nodes.paragraph("", "", *children))


class KeepPunctuation(SphinxPostTransform):
    """
    Keep a formula and the punctuation behind it on one line.

    To a browser a rendered formula is an image, and a line may break behind an image.
    """

    default_priority = 400

    def run(self, **kwargs: Any) -> None:
        for formula in list(self.document.findall(nodes.math)):
            after = formula.next_node(descend=False, siblings=True)
            mark = (
                re.match(r"[.,;:!?)\]]+", after.astext()) if isinstance(after, nodes.Text) else None
            )
            if mark is None:
                continue
            parent = formula.parent
            parent.replace(after, nodes.Text(after.astext()[mark.end() :]))
            kept = nodes.inline(classes=["no-break"])
            parent.replace(formula, kept)
            kept += [formula, nodes.Text(mark[0])]


class TaskMatrix(SphinxDirective):
    """One row a task, one column a framework; a link where that page is in the book."""

    def run(self) -> list[nodes.Node]:
        self.env.note_reread()  # a page written later must appear here
        table = nodes.table(classes=["task-matrix"])
        group = nodes.tgroup(cols=1 + len(FRAMEWORKS))
        group += nodes.colspec(colwidth=1, stub=1)
        group += [nodes.colspec(colwidth=1) for _ in FRAMEWORKS]
        head = nodes.row("", *[cell(nodes.Text(t)) for t in ("Task", *FRAMEWORKS.values())])
        rows = [
            nodes.row("", self.title(task), *[self.link(f, task) for f in FRAMEWORKS])
            for task in TASKS
        ]
        group += [nodes.thead("", head), nodes.tbody("", *rows)]
        table += group
        return [table]

    def title(self, task: str) -> nodes.entry:
        name, wanted = TASKS[task]
        return cell(nodes.Text(f"{name} "), nodes.inline("", wanted, classes=["matrix-wanted"]))

    def link(self, framework: str, task: str) -> nodes.entry:
        """A link to the page, and below it what the page found."""
        page = f"book/{framework}/{task}"
        if page not in self.env.found_docs:
            # The framework's name is for narrow screens, where the column heads are gone.
            name = nodes.inline("", f"{FRAMEWORKS[framework]}: ", classes=["matrix-framework"])
            return cell(name, nodes.inline("", "not written yet", classes=["matrix-absent"]))
        name = f"{TASKS[task][0]} in {FRAMEWORKS[framework]}"
        found = nodes.inline("", result(self.env.doc2path(page)), classes=["matrix-result"])
        return cell(page_link(page, name, self.env.docname), found)


def page_link(page: str, text: str, source: str) -> addnodes.pending_xref:
    return addnodes.pending_xref(
        "", nodes.inline("", text), refdomain="std", reftype="doc", reftarget=f"/{page}",
        refexplicit=True, refdoc=source, refwarn=True,
    )  # fmt: skip


def result(path: str) -> str:
    """What `rnnbook.notebook.result` stored in a notebook, in a few words; "" without one."""
    cells = json.loads(Path(path).read_text("utf-8"))["cells"]
    outputs = [out for each in cells for out in each.get("outputs", [])]
    stored = [out["metadata"][RESULT] for out in outputs if RESULT in out.get("metadata", {})]
    if not stored:
        return ""
    found = stored[-1]
    said = f"{found['metric']} {found['test']:.3g}"
    return said if found["gap"] is None else f"{said}, gap {found['gap']:.0e}"


def link_frameworks(app: Sphinx, doctree: nodes.document) -> None:
    """Below the title of a page of the matrix, the same task in the other frameworks."""
    _, _, place = app.env.docname.partition("book/")
    own, _, task = place.partition("/")
    section = next(iter(doctree.findall(nodes.section)), None)
    if own not in FRAMEWORKS or task not in TASKS or section is None:
        return
    row = nodes.paragraph("", "The same task in ", classes=["task-row"])
    others = [f for f in FRAMEWORKS if f != own and f"book/{f}/{task}" in app.env.found_docs]
    for framework in others:
        row += page_link(f"book/{framework}/{task}", FRAMEWORKS[framework], app.env.docname)
        row += nodes.Text(" \N{MIDDLE DOT} " if framework != others[-1] else "")
    if others:
        section.insert(1, row)


class RunTime(SphinxRole):
    """{run-time}`seconds` -> the seconds that `make notebooks` recorded for this page."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        notebook = json.loads(Path(self.env.doc2path(self.env.docname)).read_text("utf-8"))
        seconds = notebook["metadata"].get("rnnbook", {}).get("seconds")
        if seconds is None:
            message = self.inliner.reporter.error(
                f"{self.env.docname} has no recorded running time: run 'make notebooks'",
                line=self.lineno,
            )
            return [nodes.Text("")], [message]
        return [nodes.Text(f"{seconds}\N{NO-BREAK SPACE}s")], []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("task-matrix", TaskMatrix)
    app.add_post_transform(KeepPunctuation)
    app.add_role("run-time", RunTime())
    app.connect("doctree-read", link_frameworks)
    app.connect("html-page-context", mend_citations)
    app.connect("build-finished", copy_mathjax)
    app.connect("build-finished", drop_unused)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
