// The few things that style sheets cannot do. Without it every page can still be read.
(function () {
  "use strict";

  // Browsers refuse fetch() on file://, so a search from disk lists titles without excerpts.
  if (location.protocol === "file:" && typeof DOCUMENTATION_OPTIONS !== "undefined") {
    DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;
  }

  // A message is pasted whole, with the exception's name and the reader's own numbers, and Sphinx
  // wants each word of a query on one page. So first comes the index entry that the query holds:
  // three words or more, the longest.
  function words(text) {
    return " " + text.toLowerCase().replace(/[^\p{L}]+/gu, " ").trim() + " ";
  }
  function entryWithin(query) {
    var asked = words(query);
    return Object.keys(Search._index.indexentries)
      .filter(function (entry) { return words(entry).split(" ").length >= 3 + 2; })
      .filter(function (entry) { return asked.includes(words(entry)); })
      .sort(function (a, b) { return words(a).length - words(b).length; })
      .pop();
  }
  if (typeof Search !== "undefined" && Search._performSearch) {  // Sphinx 7.4 has it
    var perform = Search._performSearch;
    Search._performSearch = function (query) {
      var results = perform.apply(Search, arguments);
      var index = Search._index;
      var entry = entryWithin(query);
      if (!entry) return results;
      var page = index.indexentries[entry][0][0];
      var anchor = "#" + index.indexentries[entry][0][1];
      results = results.filter(function (result) { return result[2] !== anchor; });
      results.push([  // the last is shown first
        index.docnames[page], index.titles[page], anchor, entry, 100, index.filenames[page],
      ]);
      return results;
    };
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
