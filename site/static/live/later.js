// Opens the editor of a rule where its link is pressed, and loads it then.
(() => {
  "use strict";
  const root = document.currentScript.src.replace(/live\/later\.js.*$/, "");
  let loading;

  function add(tag, attributes) {
    return new Promise((done, failed) => {
      document.head.append(Object.assign(document.createElement(tag), attributes, { onload: done, onerror: failed }));
    });
  }

  function load() {
    return (loading ??= Promise.all([
      ...["explorer/explorer", "live/live"].map((name) => add("link", { rel: "stylesheet", href: `${root}${name}.css` })),
      ...["explorer/rules", "explorer/run", "explorer/draw", "explorer/controls", "live/live"].map((name) =>
        add("script", { async: false, src: `${root}${name}.js` }),
      ),
    ]));
  }

  for (const link of document.querySelectorAll(".live-open a")) {
    const place = document.createElement("div");
    link.setAttribute("role", "button");
    link.setAttribute("aria-expanded", "false");
    link.addEventListener("pointerenter", load, { once: true });
    link.addEventListener("focus", load, { once: true });
    link.addEventListener("click", async (event) => {
      if (event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      const open = place.isConnected;
      link.setAttribute("aria-expanded", String(!open));
      if (open) return place.remove();
      link.parentElement.after(place);
      place.dataset.page = link.getAttribute("href").split("#")[0];
      await load();
      if (!place.firstChild) openRule(place, Object.fromEntries(new URLSearchParams(link.hash.slice(1))));
    });
    link.addEventListener("keydown", (event) => {
      if (event.key !== " ") return;
      event.preventDefault();
      link.click();
    });
  }
  if (document.querySelector(".live-page")) load();
})();
