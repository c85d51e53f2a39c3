// A figure is saved as SVG or PNG, in the colors that it has now, or its numbers as a table.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const GAP = 12; // points between panels
  const SHARP = 3; // pixels of a PNG for each point

  // The panels side by side, two in a row, on the page's ground.
  function picture(figure) {
    const panels = [...figure.querySelectorAll(".figure-panel > svg")];
    const { color } = getComputedStyle(figure);
    const ground = getComputedStyle(document.body).backgroundColor;
    const sizes = panels.map((panel) => panel.viewBox.baseVal);
    const across = Math.min(panels.length, 2);
    const [w, h] = [Math.max(...sizes.map((s) => s.width)), Math.max(...sizes.map((s) => s.height))];
    const width = across * (w + GAP) + GAP;
    const height = Math.ceil(panels.length / across) * (h + GAP) + GAP;
    const whole = document.createElementNS(SVG, "svg");
    const set = (element, attributes) => {
      for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
      return element;
    };
    set(whole, { viewBox: `0 0 ${width} ${height}`, width, height, color });
    whole.append(set(document.createElementNS(SVG, "rect"), { width, height, fill: ground }));
    panels.forEach((panel, i) => {
      const copy = set(panel.cloneNode(true), {
        x: GAP + (i % across) * (w + GAP),
        y: GAP + Math.floor(i / across) * (h + GAP),
        width: sizes[i].width,
        height: sizes[i].height,
        style: "stroke-linejoin:round",
      });
      whole.append(copy);
    });
    // The letters, which the page has once for all figures: see shared_glyphs.py.
    const letters = document.createElementNS(SVG, "defs");
    const asked = new Set([...whole.querySelectorAll("use")].map((use) => use.getAttribute("href").slice(1)));
    for (const id of asked) {
      const there = whole.querySelector(`#${CSS.escape(id)}`);
      if (!there) letters.append(document.getElementById(id).cloneNode(true));
    }
    whole.prepend(letters);
    return { text: new XMLSerializer().serializeToString(whole), width, height };
  }

  function table(figure) {
    const cell = (element) => {
      const text = element.textContent.replaceAll("−", "-").trim();
      return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
    };
    return [...figure.querySelectorAll(".figure-table tr")].map((row) => [...row.cells].map(cell).join(",")).join("\r\n");
  }

  function save(name, blob) {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  }

  async function png({ text, width, height }) {
    const image = new Image();
    image.src = `data:image/svg+xml;charset=utf-8,${encodeURIComponent(text)}`;
    await image.decode();
    const canvas = document.createElement("canvas");
    [canvas.width, canvas.height] = [width * SHARP, height * SHARP];
    canvas.getContext("2d").drawImage(image, 0, 0, canvas.width, canvas.height);
    return new Promise((done) => canvas.toBlob(done, "image/png"));
  }

  document.addEventListener("click", async ({ target }) => {
    const button = target.closest?.("[data-save]");
    if (!button) return;
    const figure = button.closest("figure");
    const kind = button.dataset.save;
    const name = `${figure.id}.${kind}`;
    if (kind === "csv") save(name, new Blob(["\ufeff", table(figure)], { type: "text/csv" }));
    else if (kind === "svg") save(name, new Blob([picture(figure).text], { type: "image/svg+xml" }));
    else save(name, await png(picture(figure)));
  });

  // Who cites a figure wants its whole address.
  for (const link of document.querySelectorAll(".figure-address")) link.textContent = link.href;
})();

// Nothing on paper can be opened: proofs, solutions, code and numbers are, while it is printed.
(() => {
  "use strict";
  const AT_SCREEN = ".take-along, .figure-menu"; // of use to one who clicks
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened.push(...[...document.querySelectorAll(`.bd-article details:not([open], ${AT_SCREEN})`)]);
    opened.forEach((fold) => (fold.open = true));
  });
  window.addEventListener("afterprint", () => {
    opened.forEach((fold) => (fold.open = false));
    opened = [];
  });
})();

// A link to a verdict opens it.
(() => {
  "use strict";
  const open = () => {
    const fold = document.querySelector("details.optlab-claim:target");
    if (fold) fold.open = true;
  };
  addEventListener("hashchange", open);
  open();
})();
