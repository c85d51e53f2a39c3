// Names that assistive technology reads: the theme's own contradict the visible text.
window.addEventListener("load", () => {
  const sidebar = document.querySelector(".bd-sidebar-primary");
  if (sidebar) {
    sidebar.setAttribute("role", "navigation");
    sidebar.setAttribute("aria-label", "Book");
  }
  document
    .querySelectorAll(".search-button-field, summary[aria-label]")
    .forEach((element) => element.removeAttribute("aria-label"));
  document
    .querySelectorAll("[role=doc-biblioentry]")
    .forEach((entry) => entry.setAttribute("role", "listitem"));

  // What scrolls can be reached by keyboard, also when it appears late, in an opened fold.
  const tabStops = new ResizeObserver((entries) => {
    for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
  });
  document
    .querySelectorAll("pre, .pst-scrollable-table-container")
    .forEach((element) => tabStops.observe(element));

  // The line that installs the package names the wheel beside these pages, wherever they are.
  document.querySelectorAll(".install-line pre").forEach((line) => {
    const [, command, address] = line.textContent.match(/^(.* )(\S+)\s*$/);
    line.textContent = command + new URL(address, document.baseURI).href;
  });

  // Opened as a file, a page may not read others, as excerpts beside search results would.
  if (location.protocol === "file:") DOCUMENTATION_OPTIONS.SHOW_SEARCH_SUMMARY = false;

  // An excerpt beside a search result is of the article, not of the buttons and lists about it,
  // and without the source of formulas.
  if (typeof Search !== "undefined") {
    const read = Search.htmlToText;
    Search.htmlToText = (html, anchor) => {
      const page = new DOMParser().parseFromString(html, "text/html");
      page.querySelectorAll(".bd-header-article, #jb-print-docs-body").forEach((part) => part.remove());
      page.querySelectorAll(".math").forEach((formula) => formula.replaceWith("…"));
      return read(page.documentElement.outerHTML, anchor);
    };
  }

  // What the theme's buttons do by handlers in the page, which its policy does not allow.
  const actions = { print: () => window.print(), fullscreen: () => toggleFullScreen() };
  document
    .querySelectorAll("[data-action]")
    .forEach((button) => button.addEventListener("click", actions[button.dataset.action]));
});
