// Formulas typeset in the page, by the MathJax that typesets the book's when it is built.
let ready;

function load(folder) {
  return (ready ??= new Promise((done, failed) => {
    const script = document.createElement("script");
    script.src = new URL("mathjax.js", folder);
    script.onload = () => {
      MathJax.startup.getComponents();
      MathJax.startup.makeMethods();
      document.head.append(MathJax.chtmlStylesheet());
      done();
    };
    script.onerror = () => failed(new Error("the formulas' script could not be loaded"));
    document.head.append(script);
  }));
}

// A function: TeX as an element.
export async function typesetter(folder) {
  await load(folder);
  return (tex, display = false) => MathJax.tex2chtml(tex, { display });
}

// What scrolls can be reached by keyboard.
const scrolling = new ResizeObserver((entries) => {
  for (const { target } of entries) target.tabIndex = target.scrollWidth > target.clientWidth ? 0 : -1;
});

export function reachable(element) {
  scrolling.observe(element);
  return element;
}

// Words, with formulas between dollars and code between backquotes, put into an element.
export function fill(element, words, typeset) {
  const code = (text) => Object.assign(document.createElement("code"), { textContent: text });
  const parts = words.split(/(\$[^$]+\$|`[^`]+`)/);
  element.append(...parts.map((part) => (/^\$./.test(part) ? typeset(part.slice(1, -1)) : /^`./.test(part) ? code(part.slice(1, -1)) : part)));
  return element;
}
