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
});
