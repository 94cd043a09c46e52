"""
The book as a reader gets it: built once, then looked at in a browser. Every page from disk, which
forbids more than a server does, and one of each folder over http.

`rendered.py` looks; here the book must pass, and pages broken on purpose must not.
"""

import re
from pathlib import Path
from typing import Any

import pytest
from book_page import ROOT, read_page
from page_rules import RESULT
from playwright.sync_api import BrowserContext
from rendered import (
    AXE,
    COMMANDS,
    KINDS,
    SCHEMES,
    Look,
    broken_links,
    find_browser,
    look,
    read_axe,
    weight,
)

PAGE_BYTES = 1_000_000
FRAMEWORKS = ("numpy", "tensorflow", "keras", "pytorch")
TASKS = ("sine", "counting", "words", "text")
TERM, PAGE_OF_TERM = "sunspot", "book/numpy/sine.html"
CLINIC = "book/appendix/errors.html"
# As readers paste them: with the exception, numbers and names of their own, from older releases.
MESSAGES = {
    "RuntimeError: 'lengths' argument should be a 1D CPU int64 tensor, but got 1D cuda:0 Long "
    "tensor": "err-lengths-cpu",
    "RuntimeError: Expected hidden[0] size (2, 20, 256), got [2, 64, 256]": "err-hidden-size",
    "RuntimeError: stack expects each tensor to be equal size, but got [7] at entry 0 and [9] at "
    "entry 1": "err-ragged",
    "RuntimeError: Trying to backward through the graph a second time, but the saved intermediate "
    "results have already been freed.": "err-backward-twice",
    "RuntimeError: expected scalar type Double but found Float": "err-dtype",
    'Error(s) in loading state_dict for Net: Missing key(s) in state_dict: "gru.bias"': (
        "err-state-dict"
    ),
    "AttributeError: module 'tensorflow' has no attribute 'Session'": "err-placeholder",
    'ValueError: Input 0 of layer "lstm_1" is incompatible with the layer: expected ndim=3, found '
    "ndim=2. Full shape received: (None, 64)": "err-ndim",
    "Unrecognized keyword arguments passed to LSTM: {'batch_input_shape': (1, 1, 7)}": (
        "err-time-major"
    ),
    "AttributeError: 'Functional' object has no attribute 'reset_states'": "err-reset-states",
    "help: loss becomes NaN": "err-nan",
}


@pytest.fixture(scope="module")
def looks(context: BrowserContext, html: Path, site: str, pages: list[str]) -> list[Look]:
    axe = AXE.read_text("utf-8") if AXE.exists() else None
    first_of_folder = {page.rpartition("/")[0]: page for page in reversed(pages)}.values()
    from_disk = [look(context, html.as_uri(), page, axe) for page in pages]
    return from_disk + [look(context, site, page) for page in first_of_folder]


def test_book_builds_without_a_complaint(built: tuple[Path, str]) -> None:
    _, wrong = built
    assert not wrong, wrong


# ------------------------------------------------------------------------------ from its files


def test_links_lead_somewhere_and_parts_are_local(html: Path) -> None:
    found = broken_links(html)
    assert not found, "\n".join(found)


def test_every_task_is_one_click_from_the_other_frameworks(html: Path) -> None:
    for task in TASKS:
        for own in FRAMEWORKS:
            text = (html / "book" / own / f"{task}.html").read_text("utf-8")
            row = re.search(r'<p class="task-row">(.*?)</p>', text, re.DOTALL)
            assert row, f"{own}/{task} has no row of links"
            links = re.findall(r'href="\.\./(\w+)/(\w+)\.html"', row[1])
            assert links == [(other, task) for other in FRAMEWORKS if other != own]


def test_first_page_links_every_task_with_what_its_page_found(html: Path) -> None:
    text = (html / "book" / "index.html").read_text("utf-8")
    table = re.search(r'<table class="[^"]*task-matrix.*?</table>', text, re.DOTALL)
    assert table
    links = re.findall(r'href="(\w+)/(\w+)\.html"', table[0])
    assert links == [(framework, task) for task in TASKS for framework in FRAMEWORKS]
    found = re.findall(r'class="matrix-result">([^<]*)<', table[0])
    stored = [stored_result(f"book/{framework}/{task}.ipynb") for framework, task in links]
    for said, result in zip(found, stored, strict=True):
        assert said.startswith(f"{result['metric']} {result['test']:.3g}")
        assert ("gap" in said) == (result["gap"] is not None)


def stored_result(name: str) -> dict[str, Any]:
    outputs = [out for cell in read_page(ROOT / name).code for out in cell.outputs]
    (result,) = [out["metadata"][RESULT] for out in outputs if RESULT in out.get("metadata", {})]
    return dict(result)


def test_pages_are_light(html: Path, pages: list[str]) -> None:
    weights = {name: weight(html, name) for name in pages}
    found = [f"{name}: {size:,} bytes" for name, size in weights.items() if size > PAGE_BYTES]
    assert not found, "\n".join(found)


def test_search_page_is_among_the_pages(pages: list[str]) -> None:
    assert {"search.html", "book/index.html", PAGE_OF_TERM} <= set(pages)


# ------------------------------------------------------------------------------- in a browser


@pytest.mark.parametrize("kind", KINDS)
def test_no_page_has(looks: list[Look], kind: str) -> None:
    found = [fault for look in looks for fault in look.faults.get(kind, [])]
    assert not found, f"{KINDS[kind]}:\n" + "\n".join(found)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_pages_are_accessible(looks: list[Look], scheme: str) -> None:
    read_axe()  # or say that it is missing
    found = [fault for look in looks for fault in look.faults.get(scheme, [])]
    assert not found, "\n".join(found)


def test_every_page_is_looked_at(looks: list[Look], pages: list[str]) -> None:
    assert {look.page for look in looks} >= {f"{page} (file)" for page in pages}
    if AXE.exists():
        assert sum(set(look.faults) >= set(SCHEMES) for look in looks) == len(pages)


@pytest.mark.parametrize("from_disk", [False, True], ids=["http", "file"])
def test_first_page_leads_to_the_index(
    context: BrowserContext, html: Path, site: str, from_disk: bool
) -> None:
    base = html.as_uri() if from_disk else site
    tab = context.new_page()
    tab.goto(f"{base}/index.html")
    tab.wait_for_url(f"{base}/book/index.html", timeout=5000)
    tab.close()


def search(context: BrowserContext, base: str, words: str) -> tuple[list[str], list[str]]:
    """As a reader does, by the search button and the keyboard: links found, errors said."""
    tab = context.new_page()
    errors: list[str] = []
    tab.on("console", lambda message: message.type == "error" and errors.append(message.text))
    tab.goto(f"{base}/book/index.html")
    tab.locator("button.search-button__button:visible").first.click()
    tab.locator("input[type=search]:visible").fill(words)
    tab.keyboard.press("Enter")
    tab.wait_for_url(f"{base}/search.html*")
    tab.wait_for_function(
        "document.querySelector('#search-results p')?.textContent.includes('found')"
    )
    links = tab.locator("#search-results li a").evaluate_all("all => all.map(e => e.href)")
    tab.close()
    return links, errors


@pytest.mark.parametrize("from_disk", [False, True], ids=["http", "file"])
def test_search_finds_a_word(
    context: BrowserContext, html: Path, site: str, from_disk: bool
) -> None:
    links, errors = search(context, html.as_uri() if from_disk else site, TERM)
    assert any(PAGE_OF_TERM in link for link in links), f"{TERM!r} finds {links}"
    assert errors == []


@pytest.mark.parametrize(("message", "entry"), MESSAGES.items(), ids=MESSAGES.values())
def test_search_leads_from_a_message_to_its_entry(
    context: BrowserContext, html: Path, site: str, message: str, entry: str
) -> None:
    links, errors = search(context, site, message)
    page, _, anchor = links[0].partition("#")
    assert page.split("?")[0] == f"{site}/{CLINIC}", f"{message!r} finds {links}"
    assert anchor in ids_of_heading(html / CLINIC, entry)
    assert errors == []


@pytest.mark.parametrize("words", ["sunspot", "gru cell"])
def test_words_that_hold_no_entry_are_searched_as_before(
    context: BrowserContext, site: str, words: str
) -> None:
    links, errors = search(context, site, words)
    assert len(links) > 1
    assert not any("#index-" in link for link in links)
    assert errors == []


def ids_of_heading(path: Path, label: str) -> list[str]:
    """A label, and what else stands before the same heading."""
    before = re.findall(r'((?:<span id="[^"]+"></span>)+)<h3>', path.read_text("utf-8"))
    (spans,) = [each for each in before if f'id="{label}"' in each]
    return re.findall(r'id="([^"]+)"', spans)


# --------------------------------------------------------- that the looks see what they look for


@pytest.fixture(scope="module")
def broken_look(context: BrowserContext, broken: tuple[str, Path]) -> Look:
    return look(context, broken[0], "page.html")


@pytest.mark.parametrize(
    ("kind", "fault"),
    [
        ("console", "careful"),
        ("elsewhere", "http://127.0.0.1:9/a.png"),
        ("failed", "gone.png 404"),
        ("raw_math", "x^2"),
        ("wrong_math", "Missing }"),
        ("no_alt", "gone.png"),
        ("no_image", "a.png"),
        ("no_caption", "fig-bare"),
        ("scrolling_code", "one_very_long_line"),
        ("over_768", "div#wide"),
        ("over_360", "div#wide"),
    ],
)
def test_look_sees(broken_look: Look, kind: str, fault: str) -> None:
    found = broken_look.faults[kind]
    assert any(fault in what for what in found), found
    assert all(what.startswith("page.html (http): ") for what in found)


def test_image_beside_the_words_of_a_link_needs_none(broken_look: Look) -> None:
    (fault,) = broken_look.faults["no_alt"]
    assert fault.endswith("gone.png")


def test_every_kind_of_fault_is_shown_to_be_seen(broken_look: Look) -> None:
    assert set(broken_look.faults) == set(KINDS)


def test_audit_sees_each_scheme(context: BrowserContext, broken: tuple[str, Path]) -> None:
    faults = look(context, broken[0], "page.html", read_axe()).faults
    assert "page.html (http): serious html-has-lang at html" in faults["light"]
    assert "page.html (http): serious color-contrast at p" not in faults["light"]
    assert "page.html (http): serious color-contrast at p" in faults["dark"]


def test_links_that_lead_nowhere_and_foreign_parts_are_named(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text(
        '<h1 id="here"></h1> <a href="#here"></a> <a href="b.html#there"></a>'
        '<a href="https://a.org"></a> <a href="#gone"></a> <a href="c.html"></a>'
        '<script src="https://cdn.org/x.js"></script> <img src="gone.png?v=1">'
        '<style>@import "https://fonts.org/f.css"; p { background: url(//cdn.org/i.png) }</style>'
    )
    (tmp_path / "b.html").write_text('<h2 id="there"></h2> <a href="/a.html#no"></a>')
    (tmp_path / "s.css").write_text("p { background: url('http://cdn.org/j.png') }")
    assert broken_links(tmp_path) == [
        "a.html: takes https://cdn.org/x.js from elsewhere",
        "a.html: takes https://fonts.org/f.css from elsewhere",
        "a.html: takes //cdn.org/i.png from elsewhere",
        "a.html: #gone leads to no place in a.html",
        "a.html: c.html leads to no file",
        "a.html: gone.png?v=1 leads to no file",
        "b.html: /a.html#no leads to no place in a.html",
        "s.css: takes http://cdn.org/j.png from elsewhere",
    ]


def test_weight_counts_page_and_own_images(tmp_path: Path) -> None:
    (tmp_path / "_static").mkdir()
    (tmp_path / "_static" / "logo.svg").write_text(9 * "x")
    (tmp_path / "a.png").write_text(50 * "x")
    (tmp_path / "b.html").write_text(70 * "x")
    page = '<img src="a.png?v=1"><img src="a.png"><img src="_static/logo.svg">'
    page += '<link rel="next" href="b.html">'  # a neighbour is no part of the page
    (tmp_path / "a.html").write_text(page)
    assert weight(tmp_path, "a.html") == len(page) + 50


# ------------------------------------------------------------------------- what is not installed


@pytest.mark.parametrize("command", COMMANDS)
def test_browser_on_path_is_found(tmp_path: Path, command: str) -> None:
    program = tmp_path / command
    program.touch(mode=0o755)
    assert find_browser({"PATH": str(tmp_path)}) == str(program)
    assert find_browser({"PATH": str(tmp_path), "CHROMIUM": "/mine"}) == "/mine"


@pytest.mark.parametrize(
    ("required", "outcome"), [("0", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_missing_browser_and_axe_skip_or_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, required: str, outcome: type[BaseException]
) -> None:
    monkeypatch.setattr("rendered.APPLICATIONS", [])
    (tmp_path / "npm").touch(mode=0o755)
    environ = {"PATH": str(tmp_path), "RNNBOOK_REQUIRE_BROWSER": required}
    with pytest.raises(outcome, match="install chromium"):
        find_browser(environ)
    with pytest.raises(outcome, match="install npm"):
        read_axe(tmp_path / "axe.min.js", environ)
