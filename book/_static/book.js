// The few things that style sheets cannot do. Without it every page can still be read.
(function () {
  "use strict";

  // Browsers refuse fetch() on file://, so a search from disk lists titles without excerpts.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  // A wide equation scrolls in its own box; the keyboard must reach it there.
  function reachEquations() {
    document.querySelectorAll("div.math mjx-container").forEach(function (box) {
      if (box.scrollWidth > box.clientWidth) box.tabIndex = 0;
      else box.removeAttribute("tabindex");
    });
  }
  // Whenever one changes its size: with the window, or as a solution opens.
  window.addEventListener("load", function () {
    if (!window.MathJax || !MathJax.startup) return;
    MathJax.startup.promise.then(function () {
      var sizes = new ResizeObserver(reachEquations);
      document.querySelectorAll("div.math").forEach(function (box) { sizes.observe(box); });
    });
  });

  // Paper is white and has nothing to click: print in the light colours, with folded cells open.
  var root = document.documentElement;
  var screenTheme = null;
  var opened = [];
  window.addEventListener("beforeprint", function () {
    screenTheme = root.dataset.theme;
    root.dataset.theme = "light";
    opened = Array.from(document.querySelectorAll("div.cell details:not([open])"));
    opened.forEach(function (cell) { cell.open = true; });
  });
  window.addEventListener("afterprint", function () {
    if (screenTheme) root.dataset.theme = screenTheme;
    screenTheme = null;
    opened.forEach(function (cell) { cell.open = false; });
    opened = [];
  });
})();
