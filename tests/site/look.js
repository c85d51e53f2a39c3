// What a reader would see go wrong on the page: a list of complaints, empty if none.
() => {
  const complaints = [];
  const complain = (what, items) => {
    if (items.length) complaints.push(`${what}: ${[...new Set(items)].slice(0, 5).join(" | ")}`);
  };
  const texts = [];
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  while (walker.nextNode()) {
    const parent = walker.currentNode.parentElement;
    if (!parent.closest("script, style, noscript, mjx-assistive-mml")) texts.push(walker.currentNode);
  }

  // Formulas: each one typeset, none with an error, no markup left as text.
  const formulas = [...document.querySelectorAll(".math")];
  complain("formula not typeset", formulas.filter((f) => !f.querySelector("mjx-container")).map((f) => f.textContent));
  complain("formula is a tab stop", formulas.filter((f) => [f, ...f.querySelectorAll("*")].some((e) => e.tabIndex >= 0 && !e.closest(".headerlink"))).map((f) => f.textContent));
  complain("formula with an error", [...document.querySelectorAll("mjx-merror")].map((e) => e.dataset.mjxError));
  const prose = texts.filter((t) => !t.parentElement.closest("pre, code, .sig, svg, mjx-container"));
  complain("markup shown as text", prose.map((t) => t.data).filter((s) => /\$|\\[a-zA-Z(\[]|:::|\{(cite|ref|prf)/.test(s)));

  // Glyphs: a character that looks like one that no font has.
  const context = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
  context.canvas.width = context.canvas.height = 40;
  const draw = (character, font) => {
    context.clearRect(0, 0, 40, 40);
    context.font = font;
    context.fillText(character, 4, 28);
    return context.getImageData(0, 0, 40, 40).data.join();
  };
  const seen = new Map();
  const missing = [];
  for (const text of texts) {
    const { fontFamily, fontStyle, fontWeight } = getComputedStyle(text.parentElement);
    const font = `${fontStyle} ${fontWeight} 20px ${fontFamily}`;
    for (const character of new Set(text.data)) {
      if (character < "\u00a1" || seen.has(character + font)) continue;
      seen.set(character + font, true);
      if (!seen.has(font)) seen.set(font, draw("\u{10fffe}", font));
      if (character === "\ufffd" || draw(character, font) === seen.get(font)) missing.push(character);
    }
  }
  for (const element of document.querySelectorAll("body *:not(mjx-container, mjx-container *, svg *)")) {
    for (const part of ["::before", "::after"]) {
      const { content, display, fontFamily, fontStyle, fontWeight } = getComputedStyle(element, part);
      if (display === "none" || !/^"[\ue000-\uf8ff]"$/.test(content)) continue;  // no icon
      const font = `${fontStyle} ${fontWeight} 20px ${fontFamily}`;
      if (draw(content[1], font) === draw("\u{10fffe}", font)) {
        missing.push(`U+${content.codePointAt(1).toString(16)} of ${element.className}`);
      }
    }
  }
  complain("missing glyph", missing);

  complain("broken image", [...document.images].filter((i) => i.complete && !i.naturalWidth).map((i) => i.src));
  return complaints;
}
