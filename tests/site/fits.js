// What does not fit in the width of the window: a list of complaints, empty if none.
() => {
  const complaints = [];
  const complain = (what, items) => {
    if (items.length) complaints.push(`${what}: ${[...new Set(items)].slice(0, 5).join(" | ")}`);
  };
  // Width: nothing makes the page itself scroll sideways.
  const page = document.documentElement;
  if (page.scrollWidth > page.clientWidth) {
    const wide = [...document.querySelectorAll("main *")].filter((e) => e.getBoundingClientRect().right > page.clientWidth + 1);
    complain(`page is ${page.scrollWidth - page.clientWidth} px too wide`, wide.map((e) => `<${e.tagName.toLowerCase()} ${e.className}>`));
    if (!wide.length) complaints.push("page is too wide");
  }
  // A displayed formula that does not fit scrolls on its own; what a reader wants is to see it.
  const cut = [...document.querySelectorAll('mjx-container[display="true"]')].filter((f) => f.scrollWidth > f.clientWidth);
  complain("formula wider than the page", cut.map((f) => `${f.scrollWidth - f.clientWidth} px: ${f.textContent.slice(0, 60)}`));
  return complaints;
}
