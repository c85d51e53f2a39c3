// Leave out what axe is slow at and has nothing to say about: all but one of each kind of code
// token (in blocks and in signatures), formula and plain paragraph, of which there are thousands;
// of other code and outputs all but the longest line; the shapes in a picture, whose text it has;
// and the glyphs of a formula, which it cannot see.
() => {
  const ground = (element) => {
    const color = getComputedStyle(element).backgroundColor;
    return color !== "rgba(0, 0, 0, 0)" || !element.parentElement ? color : ground(element.parentElement);
  };
  const TOKENS = "pre span, dt.sig :is(span, em)";
  const seen = new Set();
  const again = [...document.querySelectorAll(`${TOKENS}, .math, section > p:not(:has(a))`)].filter((element) => {
    const { color, fontWeight, fontSize } = getComputedStyle(element);
    const kind = [element.localName, color, fontWeight, fontSize, ground(element)].join();
    return seen.has(kind) || !seen.add(kind);
  });
  for (const element of again) {
    if (element.matches(TOKENS)) element.replaceWith(...element.childNodes);
    else element.remove();
  }
  for (const pre of document.querySelectorAll("pre")) {
    pre.normalize();
    for (const text of pre.childNodes) {
      if (text.nodeType !== Node.TEXT_NODE) continue;
      text.data = text.data.split("\n").reduce((a, b) => (b.length > a.length ? b : a));
    }
  }
  const shapes = "svg :is(g:not(:has(text)), path, use, rect, circle, line, polygon, defs, style), mjx-container *";
  for (const shape of document.querySelectorAll(shapes)) shape.remove();
}
