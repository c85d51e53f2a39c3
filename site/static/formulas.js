// A formula that is selected is seen to be, and is copied as TeX; a double click selects it.
(() => {
  "use strict";
  const FORMULA = "mjx-container";
  const around = (node) => (node.nodeType === Node.ELEMENT_NODE ? node : node.parentElement).closest(FORMULA);

  document.addEventListener("copy", (event) => {
    const selection = getSelection();
    if (selection.isCollapsed) return;
    const range = selection.getRangeAt(0).cloneRange();
    const [first, last] = [around(range.startContainer), around(range.endContainer)];
    if (first) range.setStartBefore(first);
    if (last) range.setEndAfter(last);
    const copy = document.createElement("div");
    copy.append(range.cloneContents());
    const formulas = copy.querySelectorAll(FORMULA);
    if (!formulas.length) return;
    for (const formula of formulas) {
      const mark = formula.hasAttribute("display") ? "$$" : "$";
      formula.replaceWith(mark + formula.querySelector("annotation").textContent + mark);
    }
    copy.style.cssText = "position: fixed; left: -9999px";
    document.body.append(copy); // what is not on the page has no line breaks
    event.clipboardData.setData("text/plain", copy.innerText);
    copy.remove();
    event.preventDefault();
  });

  document.addEventListener("dblclick", (event) => {
    const formula = event.target.closest(FORMULA);
    if (formula) getSelection().selectAllChildren(formula);
  });

  document.addEventListener("selectionchange", () => {
    const selection = getSelection();
    document.querySelectorAll(`${FORMULA}[data-selected]`).forEach((f) => delete f.dataset.selected);
    if (selection.isCollapsed) return;
    const range = selection.getRangeAt(0);
    const within = range.commonAncestorContainer;
    const formulas = around(within) ? [around(within)] : within.querySelectorAll?.(FORMULA) ?? [];
    for (const formula of formulas) if (range.intersectsNode(formula)) formula.dataset.selected = "";
  });
})();
