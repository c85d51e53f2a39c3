// What a reference leads to, shown beside it: under a pointer that hovers, or by the keyboard.
(() => {
  "use strict";
  const LINKS = ".bd-article a.reference.internal[href*='#']";
  const SHOWN = ".proof, .exercise, .citation, figure.optlab-figure, div.math";
  const [WAIT, GRACE] = [250, 200]; // milliseconds
  const others = new Map(); // by address, of other pages
  const loading = new Map(); // by page
  let box, link, coming, going;

  window.bookPreviews = (found) => {
    for (const [address, html] of Object.entries(found)) others.set(address, html);
  };

  // Loads what stands on the page of an address; its script has the page's name.
  function load(address) {
    const { dataset, dataset: { content_root: root } } = document.documentElement;
    const [folder, ...names] = (dataset.previews ?? "").split(" ");
    const [top, page] = [new URL(root, document.baseURI), new URL(address, document.baseURI)];
    const name = page.pathname.slice(top.pathname.length).replace(/\.html$/, "").replaceAll("/", "-");
    if (!names.includes(name)) return Promise.resolve();
    if (!loading.has(name)) {
      loading.set(name, new Promise((done) => {
        const script = document.createElement("script");
        script.onload = script.onerror = done;
        script.src = `${folder}${name}.js`;
        document.head.append(script);
      }));
    }
    return loading.get(name);
  }

  // The target as it is shown, or nothing: a copy without ids, which would be there twice.
  async function target(of) {
    const address = of.getAttribute("href");
    if (address.startsWith("#")) {
      const there = document.getElementById(decodeURIComponent(address.slice(1)));
      if (!there?.matches(SHOWN) || there.contains(of)) return null;
      const copy = there.cloneNode(true);
      for (const part of [copy, ...copy.querySelectorAll("[id]")]) part.removeAttribute("id");
      return copy;
    }
    await load(address);
    if (!others.has(address)) return null;
    const made = document.createElement("template");
    made.innerHTML = others.get(address);
    return made.content.firstElementChild;
  }

  function place() {
    const at = link.getClientRects()[0] ?? link.getBoundingClientRect();
    const { width, height } = box.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const left = Math.max(8, Math.min(at.left, room - width - 8));
    const below = at.bottom + 6 + height <= innerHeight || at.top < height + 6;
    box.style.left = `${left + scrollX}px`;
    box.style.top = `${(below ? at.bottom + 6 : at.top - height - 6) + scrollY}px`;
  }

  async function show(of) {
    const what = await target(of);
    if (coming?.of !== of) return; // the reader has gone on
    coming = undefined;
    if (!what) return;
    hide();
    what.querySelectorAll(".figure-more, .headerlink, .toggle-button, details:not([open]) > :not(summary)").forEach((part) => part.remove());
    what.querySelectorAll("a, button, summary, [tabindex]").forEach((part) => part.setAttribute("tabindex", "-1"));
    link = of;
    box = document.createElement("div");
    box.className = "preview bd-article";
    box.id = "preview";
    box.setAttribute("role", "tooltip");
    box.append(what);
    box.addEventListener("pointerenter", () => clearTimeout(going));
    box.addEventListener("pointerleave", leave);
    document.body.append(box);
    link.setAttribute("aria-describedby", "preview");
    place();
  }

  function hide() {
    clearTimeout(going);
    box?.remove();
    link?.removeAttribute("aria-describedby");
    box = link = undefined;
  }

  function come(of, wait) {
    clearTimeout(going);
    if (of === link || of === coming?.of) return;
    clearTimeout(coming?.timer);
    coming = { of, timer: setTimeout(() => show(of), wait) };
  }

  function leave() {
    clearTimeout(coming?.timer);
    coming = undefined;
    clearTimeout(going);
    going = setTimeout(hide, GRACE);
  }

  const near = (event) => event.target.closest?.(LINKS);
  document.addEventListener("pointerover", (event) => {
    const of = event.pointerType !== "touch" && near(event);
    if (of && !box?.contains(of)) come(of, WAIT);
  });
  document.addEventListener("pointerout", (event) => {
    const of = near(event);
    if (of && !of.contains(event.relatedTarget)) leave();
  });
  document.addEventListener("focusin", (event) => {
    const of = near(event);
    if (of?.matches(":focus-visible")) come(of, 0);
  });
  document.addEventListener("focusout", (event) => near(event) && leave());
  document.addEventListener("click", hide);
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    clearTimeout(coming?.timer);
    coming = undefined;
    hide();
  });
  window.addEventListener("beforeprint", hide);
})();
