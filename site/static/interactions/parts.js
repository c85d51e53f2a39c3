// The controls of an interaction, and its picture, which follows them.
(() => {
  "use strict";
  const SVG = "http://www.w3.org/2000/svg";
  const { palette } = explorerData;
  const HEIGHT = 300; // px, of a picture
  const MARGIN = { left: 52, right: 18, top: 12, bottom: 44 };
  let names = 0;

  function make(tag, attributes = {}, ...children) {
    const element = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
      else element.setAttribute(name, value);
    }
    element.append(...children);
    return element;
  }

  function mark(parent, tag, attributes, text) {
    const element = document.createElementNS(SVG, tag);
    for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
    if (text !== undefined) element.textContent = text;
    parent.append(element);
    return element;
  }

  const shown = (value, digits = 4) => String(Number(value.toPrecision(digits))).replace("-", "−");

  // ---- controls

  const SCALES = {
    linear: { knob: (value) => value, value: (knob) => Number(knob.toPrecision(6)), step: ({ low, high }) => 10 ** Math.floor(Math.log10((high - low) / 30)) },
    log: { knob: Math.log10, value: (knob) => Number((10 ** knob).toPrecision(3)), step: () => 0.02 },
  };

  function slider(control, changed) {
    const scale = SCALES[control.scale];
    const id = `play-${++names}`;
    const output = make("output", { for: id });
    const input = make("input", {
      type: "range",
      id,
      min: scale.knob(control.low),
      max: scale.knob(control.high),
      step: control.whole && control.scale === "linear" ? 1 : scale.step(control),
      oninput: () => {
        const value = scale.value(Number(input.value));
        changed(tell(control.whole ? Math.round(value) : value));
      },
    });
    function tell(value) {
      output.textContent = shown(value);
      input.setAttribute("aria-valuetext", shown(value));
      return value;
    }
    input.value = scale.knob(control.start);
    tell(control.start);
    return make("div", { class: "play-slider" }, make("label", { for: id }, control.label), output, input);
  }

  function check(control, changed) {
    const id = `play-${++names}`;
    const input = make("input", { type: "checkbox", id, onchange: () => changed(input.checked) });
    input.checked = control.start;
    return make("div", { class: "play-check" }, input, make("label", { for: id }, control.label));
  }

  // Numbers in a table; what is no number from 0 on stays as it was.
  function matrix(control, changed) {
    const now = control.start.map((row) => row.slice());
    const inputs = now.map((row, i) =>
      row.map((value, j) =>
        make("input", {
          type: "number",
          min: 0,
          step: "any",
          inputmode: "decimal",
          "aria-label": `Row ${i + 1}, column ${j + 1}`,
          oninput: ({ target }) => {
            const typed = Number(target.value);
            if (target.value.trim() === "" || !Number.isFinite(typed) || typed < 0) return;
            now[i][j] = typed;
            changed(now);
          },
        }),
      ),
    );
    const fill = (rows) =>
      rows.forEach((row, i) =>
        row.forEach((value, j) => {
          now[i][j] = value;
          inputs[i][j].value = value;
        }),
      );
    fill(now);
    const presets = Object.entries(control.presets).map(([label, rows]) =>
      make("button", { type: "button", onclick: () => (fill(rows), changed(now)) }, label),
    );
    const cells = inputs.map((row) => make("tr", {}, ...row.map((input) => make("td", {}, input))));
    const table = make("table", { "aria-label": control.label }, make("tbody", {}, ...cells));
    return make("div", { class: "play-matrix" }, make("div", { class: "play-presets" }, ...presets), table);
  }

  const CONTROLS = { linear: slider, log: slider, check, matrix };

  // ---- pictures

  function scaled(axis, from, to) {
    const f = axis.log ? Math.log10 : (x) => x;
    const [low, high] = [f(axis.low), f(axis.high)];
    return (x) => from + ((f(Math.max(axis.log ? axis.low : -Infinity, x)) - low) / (high - low)) * (to - from);
  }

  function ticks(axis, most) {
    if (axis.log) {
      const [first, last] = [Math.ceil(Math.log10(axis.low) - 1e-9), Math.floor(Math.log10(axis.high) + 1e-9)];
      const every = Math.ceil((last - first + 1) / most);
      return Array.from({ length: last - first + 1 }, (_, k) => first + k)
        .filter((k) => k % every === 0)
        .map((k) => 10 ** k);
    }
    const raw = (axis.high - axis.low) / most;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw * (1 - 1e-9));
    const count = Math.floor((axis.high - axis.low) / step + 1e-9);
    return Array.from({ length: count + 1 }, (_, i) => Number((Math.ceil(axis.low / step) * step + i * step).toPrecision(6)));
  }

  const tick = (value) => (value !== 0 && (Math.abs(value) < 1e-3 || Math.abs(value) >= 1e4) ? `10${[...String(Math.round(Math.log10(value)))].map((d) => (d === "-" ? "⁻" : "⁰¹²³⁴⁵⁶⁷⁸⁹"[d])).join("")}` : shown(value));

  function axes(svg, width, x, y, left = MARGIN.left) {
    const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
    const px = scaled(x, left, right);
    for (const value of ticks(x, width < 420 ? 4 : 7)) {
      mark(svg, "line", { x1: px(value), x2: px(value), y1: MARGIN.top, y2: bottom, class: "play-grid" });
      mark(svg, "text", { x: px(value), y: bottom + 17, "text-anchor": "middle" }, tick(value));
    }
    mark(svg, "text", { x: (left + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x.label);
    if (!y) return { px };
    const py = scaled(y, bottom, MARGIN.top);
    for (const value of ticks(y, 6)) {
      mark(svg, "line", { x1: left, x2: right, y1: py(value), y2: py(value), class: "play-grid" });
      mark(svg, "text", { x: left - 7, y: py(value) + 4, "text-anchor": "end" }, tick(value));
    }
    return { px, py };
  }

  // Labels under the picture's title, each in the color of its line.
  function legend(entries) {
    const items = entries.map(({ label, color }) => {
      const item = make("span", {}, label);
      item.style.setProperty("--play-color", palette[color]);
      return item;
    });
    return make("p", { class: "play-legend" }, ...items);
  }

  const PICTURES = {
    curves(svg, width, { x, y, curves }) {
      const { px, py } = axes(svg, width, x, y);
      for (const { points, color, dot } of curves) {
        const d = points.map(([a, b], i) => `${i ? "L" : "M"}${px(a).toFixed(1)} ${py(b).toFixed(1)}`).join("");
        if (points.length > 1) mark(svg, "path", { d, fill: "none", stroke: palette[color], "stroke-width": 2.5 });
        if (dot) for (const [a, b] of points.length > 60 ? points.slice(-1) : points) mark(svg, "circle", { cx: px(a), cy: py(b), r: 4, fill: palette[color] });
      }
      return [legend(curves), make("p", { class: "play-axis" }, `↑ ${y.label}`)];
    },

    bars(svg, width, { x, bars, mark: limit }) {
      const left = 16 + 7 * Math.max(...bars.map(({ label }) => label.length));
      const { px } = axes(svg, width, x, null, left);
      const each = (HEIGHT - MARGIN.top - MARGIN.bottom) / bars.length;
      bars.forEach(({ label, value, color }, i) => {
        const y = MARGIN.top + i * each;
        mark(svg, "text", { x: left - 8, y: y + each / 2 + 4, "text-anchor": "end" }, label);
        if (x.log) mark(svg, "circle", { cx: px(value), cy: y + each / 2, r: 6, fill: palette[color] });
        else mark(svg, "rect", { x: left, y: y + each * 0.2, height: each * 0.6, width: Math.max(1, px(value) - left), fill: palette[color] });
      });
      if (limit) mark(svg, "line", { x1: px(limit), x2: px(limit), y1: MARGIN.top, y2: HEIGHT - MARGIN.bottom, stroke: palette[1], "stroke-width": 2.5 });
      return [];
    },

    // Dark is low. The line is the bottom of the valley.
    map(svg, width, { x, y, rows, line }) {
      const [right, bottom] = [width - MARGIN.right, HEIGHT - MARGIN.bottom];
      const [w, h] = [(right - MARGIN.left) / rows[0].length, (bottom - MARGIN.top) / rows.length];
      const place = ([i, j]) => [MARGIN.left + (i + 0.5) * w, bottom - (j + 0.5) * h];
      rows.forEach((row, j) =>
        row.forEach((value, i) => {
          const [cx, cy] = place([i, j]);
          mark(svg, "rect", { x: cx - w / 2, y: cy - h / 2, width: w, height: h, "shape-rendering": "crispEdges", fill: palette[0], "fill-opacity": (1 - 0.9 * value).toFixed(3) });
        }),
      );
      const clip = `play-${++names}`;
      mark(mark(svg, "clipPath", { id: clip }), "rect", { x: MARGIN.left, y: MARGIN.top, width: right - MARGIN.left, height: bottom - MARGIN.top });
      const [[x1, y1], [x2, y2]] = line.map(place);
      mark(svg, "line", { x1, y1, x2, y2, stroke: palette[1], "stroke-width": 2.5, "clip-path": `url(#${clip})` });
      const last = (list) => list.length - 1;
      x.ticks.forEach((value, k) => mark(svg, "text", { x: place([(k / last(x.ticks)) * last(rows[0]), 0])[0], y: bottom + 17, "text-anchor": "middle" }, shown(value)));
      y.ticks.forEach((value, k) => mark(svg, "text", { x: MARGIN.left - 7, y: place([0, (k / last(y.ticks)) * last(rows)])[1] + 4, "text-anchor": "end" }, shown(value)));
      mark(svg, "text", { x: (MARGIN.left + right) / 2, y: HEIGHT - 8, "text-anchor": "middle" }, x.label);
      return [make("p", { class: "play-axis" }, `↑ ${y.label}`)];
    },

    arrows(svg, width, { view, arrows, circles }) {
      const [x0, x1, y0, y1] = view;
      const scale = Math.min(width / (x1 - x0), HEIGHT / (y1 - y0));
      const px = (x) => width / 2 + (x - (x0 + x1) / 2) * scale;
      const py = (y) => HEIGHT / 2 - (y - (y0 + y1) / 2) * scale;
      mark(svg, "line", { x1: 0, x2: width, y1: py(0), y2: py(0), class: "play-grid" });
      mark(svg, "line", { x1: px(0), x2: px(0), y1: 0, y2: HEIGHT, class: "play-grid" });
      for (const { center, radius } of circles) {
        mark(svg, "circle", { cx: px(center[0]), cy: py(center[1]), r: radius * scale, fill: "none", stroke: "currentColor", "stroke-dasharray": "4 4" });
      }
      for (const { from, to, color } of arrows) {
        const [a, b, c, d] = [px(from[0]), py(from[1]), px(to[0]), py(to[1])];
        const angle = Math.atan2(d - b, c - a);
        mark(svg, "line", { x1: a, y1: b, x2: c, y2: d, stroke: palette[color], "stroke-width": 3 });
        const wing = (turn) => `${(c - 11 * Math.cos(angle + turn)).toFixed(1)} ${(d - 11 * Math.sin(angle + turn)).toFixed(1)}`;
        mark(svg, "path", { d: `M${wing(0.45)}L${c.toFixed(1)} ${d.toFixed(1)}L${wing(-0.45)}`, fill: "none", stroke: palette[color], "stroke-width": 3 });
      }
      return [legend(arrows)];
    },
  };

  // Tables are text: no drawing.
  function matrices(list) {
    return list.map(({ label, rows, right, below }) => {
      const cell = (value, kind) => make(kind, {}, shown(value, 3));
      const body = rows.map((row, i) => make("tr", {}, ...row.map((v) => cell(v, "td")), ...(right ? [cell(right[i], "th")] : [])));
      if (below) body.push(make("tr", {}, ...below.map((v) => cell(v, "th")), make("th")));
      return make("table", {}, make("caption", {}, label), make("tbody", {}, ...body));
    });
  }

  // ---- one interaction

  function interaction(root) {
    const { title, controls, picture } = interactions[root.dataset.name];
    const values = Object.fromEntries(controls.map(({ name, start }) => [name, start]));
    const drawing = make("div", { class: "play-picture" });
    const says = make("p", { class: "play-says", "aria-live": "polite" });
    const update = () => {
      const found = picture(values);
      says.textContent = found.says;
      if (found.kind === "matrices") {
        drawing.replaceChildren(...matrices(found.matrices));
        return;
      }
      const width = Math.max(200, drawing.clientWidth);
      const svg = document.createElementNS(SVG, "svg");
      svg.setAttribute("viewBox", `0 0 ${width} ${HEIGHT}`);
      svg.setAttribute("height", HEIGHT);
      svg.setAttribute("role", "img");
      svg.setAttribute("aria-label", found.says);
      drawing.replaceChildren(...PICTURES[found.kind](svg, width, found), svg);
    };
    const rows = controls.map((control) =>
      CONTROLS[control.scale](control, (value) => {
        values[control.name] = value;
        update();
      }),
    );
    root.replaceChildren(make("p", { class: "play-title" }, title), make("div", { class: "play-controls" }, ...rows), drawing, says);
    let width = 0;
    new ResizeObserver(() => {
      if (drawing.clientWidth !== width) {
        width = drawing.clientWidth;
        update();
      }
    }).observe(drawing);
    root.classList.add("play-ready");
  }

  document.querySelectorAll(".play").forEach(interaction);
})();
