"""Each rule of a page or of the book passes what is valid, catches its own fault, and names it."""

from collections.abc import Callable
from typing import Any

import book_rules
import page_rules as rules
import pytest
from book_page import ROOT, markdown_page, notebook_page
from model_page import code, error, model_notebook, printed, text

Notebook = dict[str, Any]
Break = Callable[[Notebook], None]
ALL_RULES = (*rules.MARKDOWN_RULES, *rules.NOTEBOOK_RULES, *rules.CHAPTER_RULES)


def code_cell(notebook: Notebook, number: int) -> dict[str, Any]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"][number - 1]


def put(number: int, **fields: Any) -> Break:
    """Give code cell `number` these fields."""
    return lambda notebook: code_cell(notebook, number).update(fields)


def prints(words: str) -> Break:
    return put(1, outputs=[printed(words)])


def tag(*numbers: int, tags: list[str]) -> Break:
    def broken(notebook: Notebook) -> None:
        for number in numbers:
            code_cell(notebook, number)["metadata"]["tags"] = tags

    return broken


def figure(part: str, key: str, value: str) -> Break:
    """Set a key of the figure's description in code cell 2."""

    def broken(notebook: Notebook) -> None:
        described = dict(code_cell(notebook, 2)["metadata"]["mystnb"])
        described[part] = {**described[part], key: value}
        code_cell(notebook, 2)["metadata"]["mystnb"] = described

    return broken


def swap(old: str, new: str = "") -> Break:
    """Write `new` for `old`, which one cell holds."""

    def broken(notebook: Notebook) -> None:
        (cell,) = [cell for cell in notebook["cells"] if old in cell["source"]]
        cell["source"] = cell["source"].replace(old, new, 1)

    return broken


def write(source: str) -> Break:
    """One more text cell, the second."""
    return lambda notebook: notebook["cells"].insert(1, {**text(source), "id": "more"})


def drop(words: str) -> Break:
    """Without the cells that hold `words`."""

    def broken(notebook: Notebook) -> None:
        notebook["cells"] = [cell for cell in notebook["cells"] if words not in cell["source"]]

    return broken


def metadata(**fields: Any) -> Break:
    return lambda notebook: notebook["metadata"].update(fields)


ALT = "Four points rise from 1 to 4; a level line crosses them at 2.5."
CASES: list[tuple[rules.Rule, Break, str]] = [
    (rules.counted_in_order, put(1, execution_count=None), "code cell 1: was never executed"),
    (rules.counted_in_order, put(2, execution_count=7), "code cell 2: has the count 7"),
    (rules.counted_in_order, put(1, source="\n"), "code cell 1: is empty"),
    (rules.no_stored_error, put(1, outputs=[error("OSError", "?")]), "code cell 1: OSError is"),
    (rules.no_stored_error, tag(3, tags=[]), "code cell 3: ZeroDivisionError is stored"),
    (rules.no_stderr, put(1, outputs=[{**printed("!"), "name": "stderr"}]), "cell 1: has stderr"),
    (rules.same_on_every_machine, prints("<cell at 0x7f8e0c1d2a90>"), "cell 1: a memory address"),
    (rules.same_on_every_machine, prints("\x1b[31mred\x1b[0m"), "cell 1: an ANSI code"),
    (rules.same_on_every_machine, prints("x.py:3: UserWarning: slow"), "cell 1: a warning"),
    (rules.no_path_of_a_machine, prints("saved /home/ada/a.npz"), "one machine: '/home/a"),
    (rules.no_path_of_a_machine, prints(r"saved C:\Users\ada"), "code cell 1: holds a path"),
    (rules.no_path_of_a_machine, prints("saved /tmp/a.npz"), "code cell 1: holds a path"),
    (rules.no_path_of_a_machine, write(f"In `{ROOT}/book`."), "text cell 2: holds a path"),
    (rules.known_tags, tag(1, tags=["nbval-skip"]), "code cell 1: has the tag 'nbval-skip'"),
    (rules.known_tags, swap("mean = ", "# NBVAL_SKIP\nmean = "), "cell 1: says '# NBVAL_SKIP'"),
    (
        rules.mostly_compared,
        tag(1, 2, 4, tags=["nbval-ignore-output"]),
        "2 of 5 outputs are compared; 60% must be",
    ),
    (rules.short_code, swap("mean = ", f"# {77 * '-'}\nmean = "), "cell 1: line 2 has 79 columns"),
    (rules.short_code, swap("mean = ", 43 * "\n" + "mean = "), "code cell 1: has 46 lines"),
    (rules.described_figures, figure("image", "alt", ""), "cell 2: its figure's alternative text"),
    (rules.described_figures, figure("image", "alt", "A plot"), "has 6 characters"),
    (rules.described_figures, figure("figure", "caption", ALT), "only repeats the caption"),
    (rules.described_figures, figure("figure", "caption", ""), "cell 2: its figure has no caption"),
    (rules.described_figures, figure("figure", "name", "mean"), "is 'mean', not 'fig-...'"),
    (rules.clean_metadata, metadata(kernelspec={"name": "julia"}), "its kernel is not python3"),
    (rules.clean_metadata, metadata(language_info={}), "its metadata holds language_info"),
    (rules.clean_metadata, metadata(rnnbook={}), "its running time is not recorded"),
    (rules.clean_metadata, metadata(rnnbook={"seconds": 65}), "it runs for 65 s, over 60"),
    (rules.clean_metadata, put(3, id=""), "code cell 3: has no id"),
    (rules.clean_metadata, put(3, attachments={"a.png": {}}), "code cell 3: has an attachment"),
    (rules.no_raw_html, write("A <b>bold</b> word"), "text cell 2: has raw HTML: '<b>'"),
    (rules.no_raw_html, write("```{raw} html\n<hr>\n```"), "text cell 2: has raw HTML"),
    (rules.no_raw_html, write(":::{note}\n<hr>\n:::"), "text cell 2: has raw HTML: '<hr>'"),
    (rules.local_described_images, write(f"![{ALT}](https://a.b/c.png)"), "cell 2: shows a remote"),
    (rules.local_described_images, write("![](../a.png)"), "../a.png has no alternative text"),
    (rules.local_described_images, write("```{figure} a.png\nA\n```"), "text cell 2: a.png has"),
    (rules.short_listings, write(f"```python\n{79 * '#'}\n```"), "cell 2: has a listing wider"),
    (rules.finished, write("TO" "DO: more"), "text cell 2: 'TO" "DO' is left in it"),
    (rules.opens_with_promises, swap(":class: opener"), "has 0 admonitions with ':class: opener'"),
    (rules.opens_with_promises, swap("You need", "Bring"), "its opener does not say 'You need'"),
    (rules.opens_with_promises, swap("{run-time}`seconds`", "5 s"), "has no {run-time} role"),
    (rules.names_a_baseline, swap("A baseline first", "First"), "names a baseline"),
    (rules.has_sections, swap("## What can go wrong"), "has no section 'What can go wrong'"),
    (rules.has_sections, swap("## Exercises"), "has no section 'Exercises'"),
    (rules.exercises_with_solutions, drop("ex-model-hand"), "has 2 exercises; a chapter has 3"),
    (
        rules.exercises_with_solutions,
        swap("```{solution} ex-model-hand\n:class: dropdown\n", "```{note}\n"),
        "the exercise 'ex-model-hand' has no solution",
    ),
    (
        rules.exercises_with_solutions,
        write("```{solution} ex-gone\nNo.\n```"),
        "there is a solution, but no exercise 'ex-gone'",
    ),
    (
        rules.exercises_with_solutions,
        drop("abs(v - mean)"),
        "the solution of 'ex-model-error' has no code cell that runs",
    ),
    (
        rules.exercises_with_solutions,
        lambda notebook: notebook["cells"].pop(10),
        "the solution of 'ex-model-error' is not ended",
    ),
    (rules.cites_its_sources, swap("{cite:t}`elman1990`", "Elman"), "cites nothing where it comes"),
]  # fmt: skip


def test_model_page_keeps_every_rule() -> None:
    page = notebook_page("model.ipynb", model_notebook())
    assert rules.complaints([page], ALL_RULES) == []


@pytest.mark.parametrize(
    ("rule", "break_it", "expected"), CASES, ids=[f"{c[0].__name__}-{c[2]}" for c in CASES]
)
def test_fault_is_caught_by_its_rule_alone(
    rule: rules.Rule, break_it: Break, expected: str
) -> None:
    notebook = model_notebook()
    break_it(notebook)
    page = notebook_page("model.ipynb", notebook)
    (complaint,) = rules.complaints([page], [rule])
    assert complaint.startswith("model.ipynb: ")
    assert expected in complaint
    others = [other for other in ALL_RULES if other is not rule]
    if rule not in (rules.counted_in_order, rules.exercises_with_solutions):  # may miss a cell
        assert rules.complaints([page], others) == []


def test_every_rule_has_a_fault_that_it_catches() -> None:
    assert {rule for rule, _, _ in CASES} == set(ALL_RULES)


def test_mathematics_and_addresses_of_the_web_are_no_faults() -> None:
    page = markdown_page("a.md", "For $a<b>c$ see <https://a.org/home/b>, `<b>` and 0x1f.")
    assert rules.complaints([page], rules.MARKDOWN_RULES) == []


def test_markdown_file_is_named() -> None:
    page = markdown_page("book/a.md", "<hr>")
    assert rules.complaints([page], rules.MARKDOWN_RULES) == ["book/a.md: has raw HTML: '<hr>'"]


@pytest.mark.parametrize(
    "again",
    [
        "(ex-model-hand)=\n## Again",
        "```{note}\n:name: fig-model-mean\n```",
        "$$ x $$ (eq-model-mean)",
        "```{math}\n:label: eq-model-mean\nx\n```",
    ],
)
def test_label_defined_twice_is_caught(again: str) -> None:
    model = notebook_page("a.ipynb", model_notebook())
    assert book_rules.unique_labels([model]) == []
    (complaint,) = book_rules.unique_labels([model, markdown_page("b.md", again)])
    assert complaint.startswith("b.md: the label ")
    assert "is taken by a.ipynb: " in complaint


ENTRY = {"author", "title", "year"}


@pytest.mark.parametrize(
    ("bibliography", "expected"),
    [
        ({}, "a.md: cites 'elman1990', which references.bib has not"),
        ({"elman1990": ENTRY - {"year"}}, "references.bib: elman1990 has no year"),
        ({"elman1990": ENTRY - {"title"}}, "references.bib: elman1990 has no title"),
        ({"elman1990": ENTRY - {"author"}}, "references.bib: elman1990 has no author"),
        ({"elman1990": ENTRY, "b": ENTRY}, "references.bib: b is cited nowhere"),
    ],
)
def test_citation_and_bibliography_that_disagree_are_caught(
    bibliography: dict[str, set[str]], expected: str
) -> None:
    page = markdown_page("a.md", "Says {cite:p}`elman1990`.")
    assert book_rules.known_citations([page], {"elman1990": ENTRY}) == []
    assert book_rules.known_citations([page], bibliography) == [expected]


@pytest.mark.parametrize(
    ("listed", "expected"),
    [
        (["book/a"], "book/b: is not in _toc.yml"),
        (["book/a", "book/b", "book/c"], "book/c: is in _toc.yml, and there is no such page"),
        (["book/a", "book/b", "book/a"], "book/a: is 2 times in _toc.yml"),
    ],
)
def test_table_of_contents_that_disagrees_is_caught(listed: list[str], expected: str) -> None:
    files = ["book/a.md", "book/b.ipynb"]
    assert book_rules.listed_once(files, ["book/a", "book/b"]) == []
    assert book_rules.listed_once(files, listed) == [expected]


def test_copies_beside_a_page_are_caught() -> None:
    files = ["book/a.ipynb", "book/a.md", "book/a.py"]
    assert book_rules.sources_only(files) == [
        "book/a.md: is a copy of a.ipynb",
        "book/a.py: is not a page",
    ]


def with_exercises(number: int = 8, hint: str = "```{hint}\nhalve\n```", **said: str) -> Notebook:
    """A page of so many exercises; `said` is what the cells of the last of them print."""
    cells: list[dict[str, Any]] = []
    for k in range(1, number + 1):
        last = said if k == number else {}
        inner = hint if k == number else "```{hint}\nhalve\n```"
        cells += [
            text(f"````{{exercise-start}} Title\n:label: ex-{k}\n````\n{inner}\n"),
            text("```{exercise-end}\n```"),
            code(f'check("page-{k}", None)', printed(last.get("question", "No answer yet.\n"))),
            text(f"```{{solution-start}} ex-{k}\n```"),
            code(f'check(\n    "page-{k}", 1\n)', printed(last.get("solution", "Right.\n"))),
            text("```{solution-end}\n```"),
        ]
    return {"cells": cells, "metadata": {}}


@pytest.mark.parametrize(
    ("notebook", "expected"),
    [
        (with_exercises(), []),
        (with_exercises(7), ["has 7 checked exercises; a page of this part has 8"]),
        (with_exercises(hint=""), ["exercise 8: has no {hint}"]),
        (
            with_exercises(question="Right.\n"),
            ['exercise 8: has no cell that calls check("page-8", ...) without an answer'],
        ),
        (
            with_exercises(solution="Not yet: halve.\n"),
            ['exercise 8: has no solution that check("page-8", ...) calls right'],
        ),
    ],
)
def test_unchecked_exercise_is_caught(notebook: Notebook, expected: list[str]) -> None:
    page = notebook_page("book/foundations/page.ipynb", notebook)
    found = rules.complaints([page], rules.CHECKED_RULES)
    assert found == [f"{page.name}: {words}" for words in expected]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("exercises.matches(", []),
        ("compares(", ["exercise %d: has no cell that calls matches(...) without an answer"]),
    ],
)
def test_unmatched_exercise_of_a_framework_is_caught(call: str, expected: list[str]) -> None:
    notebook = with_exercises(4)
    for cell in notebook["cells"]:
        said = cell.get("outputs") and cell["outputs"][0]["text"]
        if said == "No answer yet.\n":
            cell["source"] = f"{call}None, 1.5)"
        elif said == "Right.\n":
            cell["source"] = "exercises.matches(1.5, 1.5)"
    page = notebook_page("book/pytorch/page.ipynb", notebook)
    found = rules.complaints([page], rules.CHECKED_RULES)
    assert found == [f"{page.name}: {w % k}" for k in range(1, 5) for w in expected]
    few = notebook_page("book/keras/page.ipynb", {"cells": [], "metadata": {}})
    words = "has 0 checked exercises; a page of this part has 4"
    assert rules.complaints([few], rules.CHECKED_RULES) == [f"{few.name}: {words}"]


MATRIX_WORDS = " (notebook.result); a page of the matrix has one"


@pytest.mark.parametrize(
    ("folder", "results", "expected"),
    [
        ("numpy", [{"gap": None}], []),
        ("pytorch", [{"gap": 1e-9}], []),
        ("pytorch", [{"gap": None}], ["its result has no gap to the loss curve of NumPy"]),
        ("keras", [], ["stores 0 results" + MATRIX_WORDS]),
        ("numpy", [{"gap": None}] * 2, ["stores 2 results" + MATRIX_WORDS]),
    ],
)
def test_result_that_is_missing_is_caught(
    folder: str, results: list[dict[str, Any]], expected: list[str]
) -> None:
    outputs = [
        {"output_type": "execute_result", "metadata": {rules.RESULT: each}} for each in results
    ]
    notebook = {"cells": [{**code("result()"), "outputs": outputs}], "metadata": {}}
    page = notebook_page(f"book/{folder}/page.ipynb", notebook)
    found = rules.complaints([page], rules.MATRIX_RULES)
    assert found == [f"{page.name}: {words}" for words in expected]
