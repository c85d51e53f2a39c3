// Pictures on canvases: the landscape, the paths on it, and curves over the steps.
var explorerDraw = (() => {
  "use strict";
  const DASHES = { solid: [], dashed: [6, 4], dotted: [1, 4] }; // between, the caps of a line are round
  const SMALL = 11; // px, the text in a picture
  const FLOOR = 1e-14; // what a logarithmic axis shows at least

  // ---- numbers as text

  const SUPERSCRIPTS = "⁰¹²³⁴⁵⁶⁷⁸⁹";
  const raised = (n) =>
    (n < 0 ? "⁻" : "") + [...String(Math.abs(n))].map((d) => SUPERSCRIPTS[d]).join("");

  function text(value, digits = 3) {
    if (value === 0) return "0";
    if (!Number.isFinite(value)) return Number.isNaN(value) ? "undefined" : value < 0 ? "−∞" : "∞";
    const size = Math.abs(value);
    const [mantissa, power] = value.toExponential(digits - 1).split("e");
    if (size >= 1e-3 && size < 1e5) return String(Number(value.toPrecision(digits))).replace("-", "−");
    return `${Number(mantissa)}·10${raised(Number(power))}`.replace("-", "−");
  }

  // ---- a canvas, in CSS pixels whatever the screen has

  function prepare(canvas) {
    const { clientWidth: width, clientHeight: height } = canvas;
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [Math.round(width * ratio), Math.round(height * ratio)];
    if (canvas.width !== w || canvas.height !== h) {
      canvas.width = w;
      canvas.height = h;
    }
    const context = canvas.getContext("2d");
    context.setTransform(ratio, 0, 0, ratio, 0, 0);
    context.clearRect(0, 0, width, height);
    context.lineJoin = context.lineCap = "round";
    return { context, width, height };
  }

  function colors(element) {
    const style = getComputedStyle(element);
    const value = (name) => style.getPropertyValue(name).trim();
    return {
      ink: value("--explorer-ink"),
      quiet: value("--explorer-quiet"),
      line: value("--explorer-line"),
      tint: value("--explorer-tint"),
      paper: value("--explorer-paper"),
      font: `${SMALL}px ${style.fontFamily}`,
    };
  }

  // ---- axes

  function round(low, high, count) {
    const raw = (high - low) / count;
    const power = 10 ** Math.floor(Math.log10(raw));
    const step = power * [1, 2, 5, 10].find((m) => m * power >= raw);
    const ticks = [];
    for (let i = Math.ceil(low / step); i * step <= high + 1e-9 * step; i++) ticks.push(i * step);
    return ticks;
  }

  function decades(low, high, count) {
    const [first, last] = [Math.ceil(low - 1e-9), Math.floor(high + 1e-9)];
    const every = Math.max(1, Math.ceil((last - first + 1) / count));
    const ticks = [];
    for (let k = first; k <= last; k++) if (k % every === 0) ticks.push(k);
    return ticks;
  }

  // ---- the landscape

  const MARGIN = { left: 30, right: 8, top: 8, bottom: 20 };

  function frame(element, land, T) {
    const { clientWidth: width, clientHeight: height } = element;
    const [x0, x1, y0, y1] = land.game ? [0, T, land.view[2], land.view[3]] : land.view;
    const [w, h] = [width - MARGIN.left - MARGIN.right, height - MARGIN.top - MARGIN.bottom];
    const clamp = (v) => Math.max(-1e4, Math.min(1e4, v));
    return {
      width, height, w, h, x0, x1, y0, y1,
      px: (x) => clamp(MARGIN.left + ((x - x0) / (x1 - x0)) * w),
      py: (y) => clamp(MARGIN.top + ((y1 - y) / (y1 - y0)) * h),
      x: (px) => x0 + ((px - MARGIN.left) / w) * (x1 - x0),
      y: (py) => y1 - ((py - MARGIN.top) / h) * (y1 - y0),
    };
  }

  // Where a point is drawn: in a game against the number of steps.
  const place = (land, point, t) => (land.game ? [t, point[0]] : point);

  function grid(land, c, f, columns, rows) {
    const values = new Float64Array(columns * rows);
    for (let j = 0; j < rows; j++) {
      const y = f.y1 - ((f.y1 - f.y0) * j) / (rows - 1);
      for (let i = 0; i < columns; i++) {
        const x = f.x0 + ((f.x1 - f.x0) * i) / (columns - 1);
        values[j * columns + i] = land.game ? land.value(y, 0, 1, c) : land.value(x, y, 1, c);
      }
    }
    return values;
  }

  const LEVELS = 13;

  // Levels that enclose parts of the picture, the lower ones closer together.
  function levelsOf(values) {
    const sorted = values.slice().sort();
    const at = (q) => sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))];
    return Array.from({ length: LEVELS }, (_, i) => at(((i + 0.6) / LEVELS) ** 1.7));
  }

  function contour(context, values, columns, rows, level, toX, toY) {
    const at = (i, j) => values[j * columns + i] - level;
    const cut = (a, b) => a / (a - b);
    context.beginPath();
    for (let j = 0; j < rows - 1; j++) {
      for (let i = 0; i < columns - 1; i++) {
        const [a, b, d, e] = [at(i, j), at(i + 1, j), at(i + 1, j + 1), at(i, j + 1)];
        const crossings = [];
        if (a > 0 !== b > 0) crossings.push([i + cut(a, b), j]);
        if (b > 0 !== d > 0) crossings.push([i + 1, j + cut(b, d)]);
        if (d > 0 !== e > 0) crossings.push([i + 1 - cut(d, e), j + 1]);
        if (e > 0 !== a > 0) crossings.push([i, j + 1 - cut(e, a)]);
        for (let k = 0; k + 1 < crossings.length; k += 2) {
          context.moveTo(toX(crossings[k][0]), toY(crossings[k][1]));
          context.lineTo(toX(crossings[k + 1][0]), toY(crossings[k + 1][1]));
        }
      }
    }
    context.stroke();
  }

  // The ground: drawn once for each landscape, size and theme.
  function ground(canvas, land, c, T, look) {
    const { context } = prepare(canvas);
    const f = frame(canvas, land, T);
    const columns = Math.max(40, Math.round(f.w / 4));
    const rows = Math.max(30, Math.round(f.h / 4));
    const values = grid(land, c, f, columns, rows);
    const levels = levelsOf(values);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top, f.w, f.h);
    context.clip();

    const image = new OffscreenCanvas(columns, rows);
    const pixels = new ImageData(columns, rows);
    const [red, green, blue] = look.tint.split(/[ ,]+/).map(Number);
    values.forEach((value, n) => {
      let above = 0;
      while (above < LEVELS && value > levels[above]) above++;
      pixels.data.set([red, green, blue, 13 + 62 * (1 - above / LEVELS) ** 1.5], 4 * n);
    });
    image.getContext("2d").putImageData(pixels, 0, 0);
    context.drawImage(image, MARGIN.left, MARGIN.top, f.w, f.h);

    const toX = (i) => MARGIN.left + (i / (columns - 1)) * f.w;
    const toY = (j) => MARGIN.top + (j / (rows - 1)) * f.h;
    context.strokeStyle = look.line;
    context.lineWidth = 0.8;
    if (land.game) {
      context.setLineDash(DASHES.dashed);
      context.strokeStyle = look.quiet;
      for (const wall of [-1, 1]) stroke(context, [[f.px(f.x0), f.py(wall)], [f.px(f.x1), f.py(wall)]]);
      context.setLineDash([]);
    } else for (const level of levels) contour(context, values, columns, rows, level, toX, toY);
    context.restore();

    context.font = look.font;
    context.fillStyle = look.quiet;
    context.textAlign = "center";
    context.textBaseline = "top";
    for (const x of round(f.x0, f.x1, Math.max(3, f.w / 90))) {
      const half = context.measureText(text(x)).width / 2; // the last number stays in the picture
      context.fillText(text(x), Math.min(f.px(x), f.width - half), f.height - MARGIN.bottom + 5);
    }
    context.textAlign = "right";
    context.textBaseline = "middle";
    for (const y of round(f.y0, f.y1, Math.max(3, f.h / 70))) {
      context.fillText(text(y), MARGIN.left - 5, f.py(y));
    }
    context.strokeStyle = look.quiet;
    context.lineWidth = 1.5;
    for (const best of land.minima) {
      if (land.game) {
        context.textAlign = "right";
        context.textBaseline = "bottom";
        context.fillText("best", f.px(f.x1) - 4, f.py(best[0]) - 4);
        continue;
      }
      const [x, y] = [f.px(best[0]), f.py(best[1])];
      stroke(context, [[x - 5, y], [x + 5, y]]);
      stroke(context, [[x, y - 5], [x, y + 5]]);
    }
  }

  // Points closer than half a pixel to the one before would not be seen.
  const near = (a, b) => Math.abs(a[0] - b[0]) < 0.5 && Math.abs(a[1] - b[1]) < 0.5;

  function stroke(context, points) {
    let before = points[0];
    context.beginPath();
    points.forEach((point, i) => {
      if (i && near(point, before)) return;
      before = point;
      if (i) context.lineTo(...point);
      else context.moveTo(...point);
    });
    context.stroke();
  }

  // The marks that the ends of curves carry: the shapes of the book's figures.
  const MARKS = {
    circle: (c, r) => c.arc(0, 0, r, 0, 7),
    square: (c, r) => c.rect(-r * 0.9, -r * 0.9, 1.8 * r, 1.8 * r),
    up: (c, r) => polygon(c, [[0, -1.2 * r], [1.15 * r, 0.9 * r], [-1.15 * r, 0.9 * r]]),
    diamond: (c, r) => polygon(c, [[0, -1.3 * r], [1.3 * r, 0], [0, 1.3 * r], [-1.3 * r, 0]]),
    down: (c, r) => polygon(c, [[0, 1.2 * r], [1.15 * r, -0.9 * r], [-1.15 * r, -0.9 * r]]),
    plus: (c, r) => polygon(c, [[-0.45, -1.2], [0.45, -1.2], [0.45, -0.45], [1.2, -0.45], [1.2, 0.45], [0.45, 0.45], [0.45, 1.2], [-0.45, 1.2], [-0.45, 0.45], [-1.2, 0.45], [-1.2, -0.45], [-0.45, -0.45]].map(([x, y]) => [x * r, y * r])),
  };

  function polygon(context, points) {
    points.forEach(([x, y], i) => (i ? context.lineTo(x, y) : context.moveTo(x, y)));
    context.closePath();
  }

  function mark(context, style, x, y, radius, paper) {
    context.save();
    context.translate(x, y);
    context.setLineDash([]);
    context.beginPath();
    MARKS[style.mark](context, radius);
    context.lineWidth = 3;
    context.strokeStyle = paper;
    context.stroke();
    context.fillStyle = style.line === "solid" ? style.color : paper;
    context.fill();
    context.lineWidth = 1.8;
    context.strokeStyle = style.color;
    context.stroke();
    if (style.line === "dotted") {
      context.beginPath();
      context.arc(0, 0, 0.4 * radius, 0, 7);
      context.fillStyle = style.color;
      context.fill();
    }
    context.restore();
  }

  // A cross, where something ends that did not come to an end.
  function cross(context, style, x, y, radius, paper) {
    context.save();
    context.setLineDash([]);
    for (const [width, color] of [[5.5, paper], [2.4, style.color]]) {
      context.lineWidth = width;
      context.strokeStyle = color;
      stroke(context, [[x - radius, y - radius], [x + radius, y + radius]]);
      stroke(context, [[x - radius, y + radius], [x + radius, y - radius]]);
    }
    context.restore();
  }

  // Where a way leaves the picture: on the edge, before its first point outside.
  function exit(at, f) {
    const inside = ([x, y]) => x >= MARGIN.left && x <= MARGIN.left + f.w && y >= MARGIN.top && y <= MARGIN.top + f.h;
    const out = at.findIndex((point) => !inside(point));
    if (out < 1) return at[Math.max(0, out < 0 ? at.length - 1 : 0)];
    const [[x0, y0], [x1, y1]] = [at[out - 1], at[out]];
    const share = (from, to, low, high) => (to < low ? (low - from) / (to - from) : to > high ? (high - from) / (to - from) : 1);
    const part = Math.min(share(x0, x1, MARGIN.left, MARGIN.left + f.w), share(y0, y1, MARGIN.top, MARGIN.top + f.h));
    return [x0 + part * (x1 - x0), y0 + part * (y1 - y0)];
  }

  // runs: [{style, result}], drawn up to step k in full and beyond it faintly. What diverges has a
  // cross where it leaves the picture.
  function paths(canvas, land, runs, k, T, look) {
    const { context } = prepare(canvas);
    const f = frame(canvas, land, T);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top, f.w, f.h);
    context.clip();
    for (const { style, result } of runs) {
      const at = result.points.map((point, t) => {
        const [x, y] = place(land, point, t);
        return [f.px(x), f.py(y)];
      });
      context.strokeStyle = context.fillStyle = style.color;
      context.lineWidth = 1.7;
      context.setLineDash(DASHES[style.line]);
      context.globalAlpha = 0.25;
      if (k < at.length - 1) stroke(context, at.slice(k));
      context.globalAlpha = 0.9;
      stroke(context, at.slice(0, k + 1));
      if (T <= 200 && !land.game) {
        context.beginPath();
        at.slice(0, k + 1).forEach(([x, y], t) => {
          if (t && near([x, y], at[t - 1])) return;
          context.moveTo(x, y);
          context.arc(x, y, 2, 0, 7);
        });
        context.fill();
      }
      context.globalAlpha = 1;
    }
    for (const { style, result } of runs) {
      const t = Math.min(k, result.points.length - 1);
      const [x, y] = place(land, result.points[t], t);
      mark(context, style, f.px(x), f.py(y), 5, look.paper);
    }
    context.restore();
    for (const { style, result } of runs) {
      if (!result.diverged) continue;
      const at = result.points.slice(0, k + 1).map((point, t) => {
        const [x, y] = place(land, point, t);
        return [f.px(x), f.py(y)];
      });
      if (k >= result.points.length - 1) cross(context, style, ...exit(at, f), 6, look.paper);
    }
  }

  // ---- curves over the steps

  // curves: [{values, first, style}], where values[i] belongs to step first + i.
  // ends: what the horizontal axis says at its ends, if not 0 and T; at: of a curve, where its mark
  // stands, if not at step k.
  function plot(canvas, { curves, log, k, T, look, zero, ends }) {
    const { context, width, height } = prepare(canvas);
    if (!width) return;
    const margin = { left: 42, right: 8, top: 6, bottom: 17 };
    // Heights on the axis; where nothing is to be drawn, no number.
    const scale = (v) => (log ? (v < FLOOR ? NaN : Math.log10(v)) : v);
    const heights = curves.map(({ values }) => Float64Array.from(values, scale));
    let [low, high] = [Infinity, -Infinity];
    for (const curve of heights) {
      for (let i = 0; i < curve.length; i++) {
        if (!Number.isFinite(curve[i])) continue;
        if (curve[i] < low) low = curve[i];
        if (curve[i] > high) high = curve[i];
      }
    }
    if (low > high) [low, high] = [0, 1];
    if (zero) low = Math.min(low, 0);
    if (!log && high - low < 1e-12) high = low + Math.max(1e-12, Math.abs(low) || 1);
    if (log && high - low < 1) [low, high] = [(low + high) / 2 - 0.55, (low + high) / 2 + 0.55];
    const pad = 0.04 * (high - low);
    [low, high] = [low - pad, high + pad];
    const toX = (t) => margin.left + (t / T) * (width - margin.left - margin.right);
    const toY = (v) => {
      const share = (v - low) / (high - low);
      return margin.top + (1 - Math.max(-9, Math.min(9, share))) * (height - margin.top - margin.bottom);
    };

    context.font = look.font;
    context.fillStyle = look.quiet;
    context.strokeStyle = look.line;
    context.lineWidth = 0.7;
    context.textAlign = "right";
    context.textBaseline = "middle";
    const room = Math.max(2, Math.floor((height - margin.top - margin.bottom) / 24));
    const ticks = log ? decades(low, high, room) : round(low, high, room);
    for (const tick of ticks) {
      const label = !log ? text(tick, 2) : tick >= -2 && tick <= 3 ? text(10 ** tick) : `10${raised(tick)}`;
      stroke(context, [[margin.left, toY(tick)], [width - margin.right, toY(tick)]]);
      context.fillText(label, margin.left - 5, toY(tick));
    }
    context.textBaseline = "top";
    context.textAlign = "left";
    context.fillText(ends?.[0] ?? "0", margin.left, height - margin.bottom + 4);
    context.textAlign = "right";
    context.fillText(ends?.[1] ?? String(T), width - margin.right, height - margin.bottom + 4);

    context.save();
    context.beginPath();
    context.rect(margin.left, 0, width - margin.left, height - margin.bottom + 2);
    context.clip();
    context.strokeStyle = look.quiet;
    context.setLineDash([2, 3]);
    if (k < T) stroke(context, [[toX(k), margin.top], [toX(k), height - margin.bottom]]);
    context.lineWidth = 1.6;
    curves.forEach(({ first, style }, n) => {
      context.strokeStyle = style.color;
      context.setLineDash(DASHES[style.line]);
      context.beginPath();
      let [drawn, beforeX, beforeY] = [false, 0, 0];
      heights[n].forEach((height, i) => {
        if (!Number.isFinite(height)) {
          drawn = false;
          return;
        }
        const [x, y] = [toX(first + i), toY(height)];
        if (drawn && Math.abs(x - beforeX) < 0.5 && Math.abs(y - beforeY) < 0.5) return;
        if (drawn) context.lineTo(x, y);
        else context.moveTo(x, y);
        [drawn, beforeX, beforeY] = [true, x, y];
      });
      context.stroke();
    });
    curves.forEach(({ first, style, at }, n) => {
      const i = at ?? Math.min(k - first, heights[n].length - 1);
      if (i < 0 || !style.mark || !Number.isFinite(heights[n][i])) return;
      mark(context, style, toX(first + i), toY(heights[n][i]), 3.5, look.paper);
    });
    context.restore();
  }

  // A sample of a curve, for a legend.
  function sample(canvas, style, look) {
    const { context, width, height } = prepare(canvas);
    context.strokeStyle = style.color;
    context.lineWidth = 2;
    context.setLineDash(DASHES[style.line]);
    stroke(context, [[1, height / 2], [width - 1, height / 2]]);
    mark(context, style, width / 2, height / 2, 4, look.paper);
  }

  return { colors, frame, ground, paths, plot, sample, text };
})();
