"""
The rendered book, looked at: each function returns what is wrong, in words that name the page.

`look` opens one page in a browser and lets axe-core audit it; `broken_links` reads files alone.
"""

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

import pytest
from book_page import ROOT
from playwright.sync_api import BrowserContext, Page

ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
COMMANDS = [
    "chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome", "msedge",
]  # fmt: skip
APPLICATIONS = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    r"C:\Program Files\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Google\Chrome\Application\chrome.exe",
    r"C:\Program Files (x86)\Microsoft\Edge\Application\msedge.exe",
]
AXE = ROOT / ".venv" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
NARROW = (768, 360)


# -------------------------------------------------------------------------- what is installed


def missing(what: str, fails: bool) -> None:
    """Skip with a sentence; fail where someone asked for the whole of the checks."""
    (pytest.fail if fails else pytest.skip)(what)


def is_required(environ: Mapping[str, str] = os.environ) -> bool:
    return environ.get("RNNBOOK_REQUIRE_BROWSER") == "1"


def find_browser(environ: Mapping[str, str] = os.environ) -> str:
    """A Chromium: the one that CHROMIUM names, one on PATH, one in its usual place."""
    named = environ.get("CHROMIUM")
    on_path = [shutil.which(command, path=environ.get("PATH", "")) for command in COMMANDS]
    installed = [place for place in APPLICATIONS if Path(place).exists()]
    for found in (named, *on_path, *installed):
        if found:
            return found
    missing(
        "No Chromium to look at the pages with: install chromium or Google Chrome, "
        "or name one: CHROMIUM=/path/to/it make test",
        fails=is_required(environ),
    )
    raise AssertionError


def read_axe(path: Path = AXE, environ: Mapping[str, str] = os.environ) -> str:
    """The script that checks accessibility."""
    if not path.exists():
        npm = shutil.which("npm", path=environ.get("PATH", ""))
        missing(
            "axe-core is not installed, so accessibility is not checked: "
            "install npm, delete .venv/installed-*.txt, run 'make test'",
            fails=is_required(environ) and npm is not None,
        )
    return path.read_text("utf-8")


# ------------------------------------------------------------------------------- in a browser

KINDS = {
    "console": "an error or a warning in the console",
    "elsewhere": "a request that leaves the book",
    "failed": "a request that fails",
    "raw_math": "mathematics that is not typeset",
    "wrong_math": "mathematics that MathJax cannot read",
    "no_alt": "an image without alternative text",
    "no_image": "an image that does not load",
    "no_caption": "a figure without a caption",
    "scrolling_code": "a code cell that must be scrolled at 1280 px",
    **{f"over_{width}": f"a page wider than a screen of {width} px" for width in NARROW},
}
SCHEMES = ("light", "dark")
UNFOLD = """() => {
  document.querySelectorAll('details:not([open])').forEach(e => e.open = true);
  document.querySelectorAll('.toggle-button-hidden').forEach(e => e.click());
}"""
EXAMINE = """async () => {
  await window.MathJax?.startup?.promise;
  const all = selector => [...document.querySelectorAll(selector)];
  const words = e => e.textContent.trim().replace(/\\s+/g, ' ').slice(0, 60);
  const decorates = e => e.hasAttribute('alt') && e.closest('a')?.textContent.trim();
  const images = all('img');
  images.forEach(e => { e.loading = 'eager'; });
  await Promise.all(images.map(e => e.decode().catch(() => {})));
  const figures = all('figure').filter(e => !e.querySelector('figcaption')?.textContent.trim());
  const loose = all('.cell_output img').filter(e => !e.closest('figure'));
  return {
    raw_math: all('.math').filter(e => !e.querySelector('mjx-container')).map(words),
    wrong_math: all('mjx-merror, [data-mjx-error]').map(
      e => e.dataset.mjxError || e.getAttribute('title') || words(e)),
    no_alt: images.filter(e => !e.alt.trim() && !decorates(e)).map(e => e.src),
    no_image: images.filter(e => !e.naturalWidth).map(e => e.src),
    no_caption: figures.map(e => e.id || e.outerHTML.slice(0, 60)).concat(loose.map(e => e.src)),
    scrolling_code: all('.cell_input pre').filter(e => e.scrollWidth > e.clientWidth).map(words),
  };
}"""
# axe-core looks at each path of a formula, though it judges none, and at each word of code; one of
# each colour and place will do.
FEWER_PARTS = """() => {
  document.querySelectorAll('mjx-container > svg').forEach(e => e.replaceChildren());
  const seen = new Set();
  document.querySelectorAll('.highlight pre span[class]').forEach(e => {
    const place = e.closest('.admonition, details, .cell_output')?.className;
    const kind = `${e.className} in ${place}`;
    if (seen.has(kind) && !e.children.length) e.replaceWith(e.textContent);
    seen.add(kind);
  });
}"""
# The page's width, and which elements stand out of the screen without a scroll bar of their own.
OVERFLOW = """width => {
  if (document.scrollingElement.scrollWidth <= width) return [];
  const scrolls = e => e && e !== document.body
    && (getComputedStyle(e).overflowX !== 'visible' || scrolls(e.parentElement));
  const out = [...document.body.querySelectorAll('*')].filter(
    e => e.getBoundingClientRect().right > width + 1 && !scrolls(e.parentElement));
  const name = e => e.tagName.toLowerCase() + (e.id ? '#' + e.id : '')
    + [...e.classList].map(c => '.' + c).join('');
  return [`is ${document.scrollingElement.scrollWidth} px wide: `
    + out.slice(0, 3).map(name).join(', ')];
}"""
VIOLATIONS = """async ([where, which]) => {
  const options = {...which, resultTypes: ['violations'], preload: false};
  const found = await axe.run(where ? window[where] : document, options);
  return found.violations.filter(v => ['serious', 'critical'].includes(v.impact)).flatMap(
    v => v.nodes.map(n => `${v.impact} ${v.id} at ${n.target.join(' ')}`));
}"""
# What decides the contrast of words: one of each kind is looked at, in `window.kinds`.
KINDS_OF_WORDS = """() => {
  const ground = e => {
    for (; e; e = e.parentElement) {
      const {backgroundColor, backgroundImage} = getComputedStyle(e);
      if (backgroundColor !== 'rgba(0, 0, 0, 0)' || backgroundImage !== 'none')
        return backgroundColor + backgroundImage;
    }
  };
  const faint = e => e ? getComputedStyle(e).opacity * faint(e.parentElement) : 1;
  const kinds = new Map();
  for (const e of document.querySelectorAll('body *')) {
    const says = [...e.childNodes].some(n => n.nodeType === Node.TEXT_NODE && n.data.trim());
    if (!says && !e.matches('input, textarea')) continue;
    if (!e.checkVisibility() || e.closest('mjx-container')) continue;
    const {color, fontSize, fontWeight, textShadow} = getComputedStyle(e);
    const kind = [color, fontSize, fontWeight, textShadow, faint(e), ground(e)].join();
    if (!kinds.has(kind)) kinds.set(kind, e);
  }
  window.kinds = [...kinds.values()];
}"""


@dataclass
class Look:
    """What one look at one page found."""

    page: str
    faults: dict[str, list[str]] = field(default_factory=dict)

    def add(self, kind: str, *what: str) -> None:
        self.faults.setdefault(kind, []).extend(f"{self.page}: {w}" for w in what)


def listen(tab: Page, look: Look, base: str) -> None:
    """Note what the page says and asks for; `base` is the address that it may ask."""
    tab.on("console", lambda m: m.type in ("error", "warning") and look.add("console", m.text))
    tab.on("pageerror", lambda error: look.add("console", str(error)))
    tab.on("requestfailed", lambda r: look.add("failed", f"{r.url} {r.failure}"))
    tab.on("response", lambda r: r.status >= 400 and look.add("failed", f"{r.url} {r.status}"))
    tab.on(
        "request",
        lambda r: r.url.startswith((base, "data:", "blob:")) or look.add("elsewhere", r.url),
    )


def look(context: BrowserContext, base: str, page: str, axe: str | None = None) -> Look:
    """
    Open `page` below the address `base` as a reader at a desk, then on narrower screens. With the
    script `axe`, what axe-core finds is there, too, by colour scheme.
    """
    found = Look(f"{page} ({urlsplit(base).scheme})")
    tab = context.new_page()
    tab.emulate_media(reduced_motion="reduce")  # half faded in, words have little contrast
    listen(tab, found, base)
    tab.goto(f"{base}/{page}")
    tab.evaluate(UNFOLD)
    for kind, what in tab.evaluate(EXAMINE).items():
        found.add(kind, *what)
    desk = tab.viewport_size
    for width in NARROW:
        tab.set_viewport_size({"width": width, "height": 800})
        found.add(f"over_{width}", *tab.evaluate(OVERFLOW, width))
    if axe is not None:
        assert desk is not None
        tab.set_viewport_size(desk)
        audit(tab, found, axe)
    tab.close()
    return found


def audit(tab: Page, found: Look, axe: str) -> None:
    """What axe-core finds on the page, in each colour scheme. Leaves the page with fewer parts."""
    tab.evaluate(FEWER_PARTS)
    tab.evaluate(axe)
    for scheme in SCHEMES:
        tab.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        tab.evaluate(KINDS_OF_WORDS)
        contrast = {"runOnly": ["color-contrast"]}
        found.add(scheme, *tab.evaluate(VIOLATIONS, ["kinds", contrast]))
    # All but the colours is the same in the dark.
    others = {"rules": {"color-contrast": {"enabled": False}}}
    found.add("light", *tab.evaluate(VIOLATIONS, [None, others]))


# ----------------------------------------------------------------------------- from the files


class References(HTMLParser):
    """The ids of an HTML page, and what it links to (`links`) or shows and runs (`parts`)."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.ids: set[str] = set()
        self.links: list[str] = []
        self.parts: list[str] = []
        self.styles = ""
        self.in_style = False
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.in_style = tag == "style"
        self.ids |= {values[name] for name in ("id", "name") if name in values}
        self.styles += values.get("style", "") + "\n"
        if "href" in values and tag != "use":
            leads = tag == "a" or values.get("rel") in ("next", "prev", "search")
            (self.links if leads else self.parts).append(values["href"])
        self.parts += [values[name] for name in ("src", "data", "poster") if name in values]
        if tag == "meta" and "url=" in values.get("content", ""):
            self.parts.append(values["content"].split("url=")[1])

    def handle_data(self, data: str) -> None:
        if self.in_style:
            self.styles += data

    def handle_endtag(self, tag: str) -> None:
        self.in_style = False


FOREIGN_STYLE = re.compile(r"(?:url\(\s*|@import\s+)[\"']?((?:https?:)?//[^\"')\s]+)")
EXTERNAL = re.compile(r"(https?:|mailto:|//)")


def html_pages(html: Path) -> list[str]:
    """The book's pages; below _static are a theme's templates."""
    found = sorted(path.relative_to(html) for path in html.rglob("*.html"))
    return [path.as_posix() for path in found if path.parts[0] != "_static"]


def broken_links(html: Path) -> list[str]:
    """Links and anchors that lead nowhere, and parts that are not the book's own."""
    pages = {name: References((html / name).read_text("utf-8")) for name in html_pages(html)}
    found = []
    for name, page in pages.items():
        found += [
            f"{name}: takes {part} from elsewhere"
            for part in [*page.parts, *FOREIGN_STYLE.findall(page.styles)]
            if EXTERNAL.match(part)
        ]
        for link in [*page.links, *page.parts]:
            if EXTERNAL.match(link) or link.startswith("data:"):
                continue
            target = urlsplit(urljoin(f"/{name}", link))
            file, anchor = unquote(target.path).lstrip("/"), unquote(target.fragment)
            if target.scheme or not (html / file).is_file():
                found.append(f"{name}: {link} leads to no file")
            elif anchor and file in pages and anchor not in pages[file].ids | {"top"}:
                found.append(f"{name}: {link} leads to no place in {file}")
    for path in sorted(html.rglob("*.css")):
        foreign = FOREIGN_STYLE.findall(path.read_text("utf-8"))
        found += [f"{path.relative_to(html).as_posix()}: takes {f} from elsewhere" for f in foreign]
    return found


def weight(html: Path, name: str) -> int:
    """Bytes of a page and of its own images; scripts and styles are shared and kept."""
    parts = set(References((html / name).read_text("utf-8")).parts)
    files = {html / unquote(urljoin(f"/{name}", p).split("?")[0]).lstrip("/") for p in parts}
    own = [
        path for path in files if path.is_file() and path.relative_to(html).parts[0] != "_static"
    ]
    return (html / name).stat().st_size + sum(path.stat().st_size for path in own)
