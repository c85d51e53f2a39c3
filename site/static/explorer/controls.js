// Controls of the explorer, and of what else runs optimizers on a page: native and labelled.
var explorerControls = (() => {
  "use strict";
  const { text } = explorerDraw;

  // ---- sliders: where the knob is for a value, and the value for it

  const tidy = (value, digits) => Number(value.toPrecision(digits));
  const SCALES = {
    linear: {
      knob: (value) => value,
      value: (knob) => tidy(knob, 6),
      step: ({ low, high }) => 10 ** Math.floor(Math.log10((high - low) / 50)),
    },
    log: { knob: Math.log10, value: (knob) => tidy(10 ** knob, 2), step: () => 0.05 },
    memory: {
      knob: (value) => -Math.log10(1 - value),
      value: (knob) => tidy(1 - tidy(10 ** -knob, 2), 6),
      step: () => 0.05,
    },
  };

  let names = 0;
  const unique = () => ++names;

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else if (value !== false && value !== null) element.setAttribute(name, value === true ? "" : value);
    }
    element.append(...children);
    return element;
  }

  // A labelled range input; changed(value) is called as it moves.
  function ranged(slider, value, changed) {
    const scale = SCALES[slider.scale];
    const id = `explorer-${unique()}`;
    const shown = make("output", { for: id }, text(value, 5));
    const input = make("input", {
      type: "range",
      id,
      min: scale.knob(slider.low),
      max: scale.knob(slider.high),
      step: slider.whole ? 1 : scale.step(slider),
      oninput: () => {
        const now = Math.max(slider.low, Math.min(slider.high, scale.value(Number(input.value))));
        tell(now);
        changed(now);
      },
      // A touch moves the slider even if it goes on to scroll the page; then it is taken back.
      onpointerdown: () => (before = told),
      onpointercancel: () => {
        set(before);
        changed(before);
      },
    });
    let before, told;
    const tell = (now) => {
      told = now;
      shown.textContent = text(now, 5);
      input.setAttribute("aria-valuetext", text(now, 5));
    };
    input.value = scale.knob(value);
    tell(value);
    const set = (now) => {
      input.value = scale.knob(now);
      tell(now);
    };
    return { row: make("div", { class: "explorer-slider" }, make("label", { for: id }, slider.label), shown, input), input, set };
  }

  function choice(label, entries, value, changed) {
    const id = `explorer-${unique()}`;
    const select = make("select", { id, onchange: () => changed(select.value) });
    for (const [key, name] of entries) select.append(make("option", { value: key }, name));
    select.value = value;
    return { row: make("div", { class: "explorer-select" }, make("label", { for: id }, label), select), select };
  }

  return { make, ranged, choice, unique };
})();
