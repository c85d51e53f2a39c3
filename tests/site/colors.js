// Note how each text looks now, after what was noted before. Returns the looks of those that show.
() => {
  const looks = (window.looks ??= new Map());
  const ground = (element) => {
    const { backgroundColor, backgroundImage } = getComputedStyle(element);
    const own = `${backgroundColor} ${backgroundImage === "none" ? "" : element.className}`;
    return own !== "rgba(0, 0, 0, 0) " || !element.parentElement ? own : ground(element.parentElement);
  };
  const opacity = (element) => (element ? getComputedStyle(element).opacity * opacity(element.parentElement) : 1);
  const shown = new Set();
  for (const element of document.querySelectorAll("body *")) {
    if (![...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim())) continue;
    const { color, fontWeight, fontSize, textShadow, textDecorationLine } = getComputedStyle(element);
    const [size, weight] = [parseFloat(fontSize), Number(fontWeight)];
    const large = size >= 24 || (size >= 18.66 && weight >= 700);  // contrast may be lower then
    const now = [color, large, textShadow, textDecorationLine, ground(element), opacity(element)].join();
    const seen = element.checkVisibility({ visibilityProperty: true });
    if (seen) shown.add(now);
    looks.set(element, `${looks.get(element) ?? element.localName}; ${now} ${seen}`);
  }
  return [...shown];
}
