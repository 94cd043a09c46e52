"""
What the book's pages need beyond Jupyter Book: three small things.

1. MathJax as one local file, copied from the installed package `sphinx-mathjax-offline`.
2. `{task-matrix}`: the table of tasks and frameworks, linked where a page exists.
3. `{run-time}`: how long a page's notebook ran when its outputs were stored.
"""

from __future__ import annotations

import json
import shutil
from importlib.metadata import files
from pathlib import Path
from typing import Any

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.util.docutils import SphinxDirective, SphinxRole

MATHJAX = "tex-svg-full.js"
TASKS = {
    "sine": "Sine wave",
    "counting": "Counting",
    "words": "Words",
    "text": "Text",
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


def cell(child: nodes.Node, header: bool = False) -> nodes.entry:
    paragraph = nodes.paragraph("", "", child)
    return nodes.entry("", paragraph, classes=["matrix-head" if header else "matrix-cell"])


class TaskMatrix(SphinxDirective):
    """One row a task, one column a framework; a link where that page is in the book."""

    def run(self) -> list[nodes.Node]:
        table = nodes.table(classes=["task-matrix"])
        group = nodes.tgroup(cols=1 + len(FRAMEWORKS))
        group += [nodes.colspec(colwidth=1) for _ in range(1 + len(FRAMEWORKS))]
        head = nodes.row("", *[cell(nodes.Text(t), True) for t in ("Task", *FRAMEWORKS.values())])
        rows = [
            nodes.row("", cell(nodes.Text(title), True), *[self.link(f, task) for f in FRAMEWORKS])
            for task, title in TASKS.items()
        ]
        group += [nodes.thead("", head), nodes.tbody("", *rows)]
        table += group
        return [table]

    def link(self, framework: str, task: str) -> nodes.entry:
        page = f"book/{framework}/{task}"
        label = f"{TASKS[task]} in {FRAMEWORKS[framework]}"
        if page not in self.env.found_docs:
            return cell(nodes.inline("", "not written yet", classes=["matrix-absent"]))
        text = nodes.inline("", label)
        reference = addnodes.pending_xref(
            "", text, refdomain="std", reftype="doc", reftarget=f"/{page}", refexplicit=True,
            refdoc=self.env.docname, refwarn=True,
        )  # fmt: skip
        return cell(reference)


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
        return [nodes.Text(f"{seconds} s")], []


def setup(app: Sphinx) -> dict[str, Any]:
    app.add_directive("task-matrix", TaskMatrix)
    app.add_role("run-time", RunTime())
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}


