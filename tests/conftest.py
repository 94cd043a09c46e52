"""
What the tests of the rendered book share: the book, built once, and a browser.
"""

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, BrowserContext, sync_playwright
from rendered import ARGUMENTS, find_browser, html_pages

from tools import build, read


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of the rendered book, and what is wrong with it."""
    out = tmp_path_factory.mktemp("rendered")
    status, log = build.build(out)
    wrong = "\n".join(build.complaints(log)) or log
    return out / "_build" / "html", wrong if status else ""


@pytest.fixture(scope="module")
def html(built: tuple[Path, str]) -> Path:
    folder, wrong = built
    if wrong:
        pytest.skip("the book does not build: test_book_builds_without_a_complaint says why")
    return folder


@pytest.fixture(scope="module")
def pages(html: Path) -> list[str]:
    """Every page but the first, which only leads to the book's index."""
    return [name for name in html_pages(html) if name != "index.html"]


def serve(folder: Path) -> Iterator[str]:
    with read.serve(folder) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def site(html: Path) -> Iterator[str]:
    """The book's address, served to this machine alone."""
    yield from serve(html)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    path = find_browser()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = browser.new_context(viewport={"width": 1280, "height": 900})
    yield context
    context.close()


# --------------------------------------------------- a page that has every fault looked for

BROKEN = """
<style>
  main { background: white; color: black }
  @media (prefers-color-scheme: dark) { main p { color: #eee } }
</style>
<main><p>Pale in the dark.</p>
<script>console.warn('careful')</script>
<img src="gone.png">
<a href="#wide">On
<img src="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg'/>" alt=""></a>
<img src="http://127.0.0.1:9/a.png" alt="From elsewhere">
<span class="math">x^2</span>
<mjx-merror title="Missing }">?</mjx-merror>
<figure id="fig-bare"><figcaption> </figcaption></figure>
<details><summary>Solution</summary><div class="cell_input">
<pre style="width: 200px; overflow: auto">one_very_long_line_of_code_that_goes_on_and_on</pre>
</div></details>
<div id="wide" style="width: 1000px">Wide</div>
</main>
"""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    folder = tmp_path_factory.mktemp("broken")
    (folder / "page.html").write_text(BROKEN)
    for address in serve(folder):
        yield address, folder
