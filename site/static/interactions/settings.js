// What each interaction lets the reader set, and what follows from it: arithmetic only, no page.
//
// An entry has a title, `controls`, and picture(values), which returns
//   kind "curves":   x and y {label, low, high, log}, curves [{label, color, points, dot}]
//   kind "bars":     x {label, low, high, log}, bars [{label, value, color}] (dots where log), mark
//   kind "map":      x and y {label, ticks}, rows of numbers from 0 to 1, line [[x, y], …] in cells
//   kind "arrows":   view [x0, x1, y0, y1], arrows [{label, color, from, to}], circles
//   kind "matrices": matrices [{label, rows}], the first of them edited by the reader
// and `says`, the picture in a sentence. Steps and schedules are those that `optlab javascript`
// has made from the rules.
var interactions = (() => {
  "use strict";
  const { optimizers, schedules } = explorerData;

  const number = (value, digits = 3) => {
    if (value === 0) return "0";
    const size = Math.abs(value);
    if (size >= 1e4 || size < 1e-3) {
      const [mantissa, power] = value.toExponential(digits - 1).split("e");
      return `${Number(mantissa)}e${Number(power)}`.replaceAll("-", "−");
    }
    return String(Number(value.toPrecision(digits))).replace("-", "−");
  };
  const norm = (x) => Math.hypot(...x);
  const zeros = (names, p) => Object.fromEntries(names.map((name) => [name, p.map(() => 0)]));
  const range = (n, f) => Array.from({ length: n }, (_, i) => f(i));
  const sum = (list) => list.reduce((total, x) => total + x, 0);

  // How far one coordinate moves, in units of lr, at each step in which its gradient is 1:
  // every n-th step, of T.
  function moves(id, n, T) {
    const { step, init } = optimizers[id];
    let [p, s] = [[0], zeros(init, [0])];
    const found = [];
    for (let t = 1; t <= T; t++) {
      const g = [t % n === 0 ? 1 : 0];
      const [q, next] = step(p, g, s, t, { lr: 1, delta: 0 });
      if (g[0]) found.push([t, Math.abs(q[0] - p[0])]);
      [p, s] = [q, next];
    }
    return found;
  }

  const STEPS = 1000;
  const wordFrequency = {
    title: "A rare word keeps a large rate",
    controls: [
      { name: "every", label: "Your word is in one of this many texts", low: 1, high: 500, start: 50, scale: "log", whole: true },
    ],
    picture({ every }) {
      const [often, rare] = [moves("adagrad", 1, STEPS), moves("adagrad", every, STEPS)];
      const b = rare.at(-1)[1];
      return {
        kind: "curves",
        x: { label: "step", low: 1, high: STEPS, log: true },
        y: { label: "move of its weight, in units of η", low: 0.02, high: 1.5, log: true },
        curves: [
          { label: "a word of every text, and a rate that falls as 1/√t for all", color: 0, points: often },
          { label: "your word", color: 1, points: rare, dot: true },
        ],
        says: `Within ${STEPS} steps your word comes ${rare.length} ${rare.length === 1 ? "time" : "times"}. The last time, at step ${rare.at(-1)[0]}, AdaGrad moves its weight by ${number(b)} η, and a rate that falls as 1/√t for all words would by ${number(often[rare.at(-1)[0] - 1][1])} η.`,
      };
    },
  };

  const PRODUCT = [
    [1, 2, 4, 1],
    [2, 4, 8, 2],
    [1, 2, 4, 1],
    [3, 6, 12, 3],
  ];
  const ONE_LARGE = [
    [1, 1, 1, 1],
    [1, 100, 1, 1],
    [1, 1, 1, 1],
    [1, 1, 1, 1],
  ];
  const factoring = {
    title: "Sixteen second moments, kept as four rows and four columns",
    controls: [
      {
        name: "v",
        label: "Second moments V",
        start: ONE_LARGE,
        presets: {
          "One large entry": ONE_LARGE,
          "A column times a row": PRODUCT,
          "A diagonal": [
            [9, 1, 1, 1],
            [1, 9, 1, 1],
            [1, 1, 9, 1],
            [1, 1, 1, 9],
          ],
        },
        scale: "matrix",
      },
    ],
    picture({ v }) {
      const rows = v.map(sum);
      const columns = v[0].map((_, j) => sum(v.map((row) => row[j])));
      const all = sum(rows);
      const kept = rows.map((r) => columns.map((c) => (all === 0 ? 0 : (r * c) / all)));
      const off = v.flatMap((row, i) =>
        row.map((x, j) => (x === kept[i][j] ? 1 : Math.max(x / kept[i][j], kept[i][j] / x))),
      );
      const worst = Math.max(...off);
      let how = `At the worst entry it is off by a factor of ${number(worst)}, and the step there by its root, ${number(Math.sqrt(worst))}.`;
      if (worst < 1 + 1e-9) how = "Here nothing is lost: V is a column times a row.";
      if (worst === Infinity) how = "A zero entry comes back as a positive number.";
      return {
        kind: "matrices",
        matrices: [
          { label: "V, with the sums of rows and columns", rows: v, right: rows, below: columns },
          { label: "row sum × column sum / sum of all", rows: kept },
        ],
        says: `Eight numbers are kept instead of sixteen. ${how}`,
      };
    },
  };

  // Made up: five layers, by the lengths of their weights and of their gradients.
  const LAYERS = [
    ["first", 2, 0.4],
    ["second", 4, 0.1],
    ["third", 4, 0.05],
    ["fourth", 3, 0.2],
    ["last", 1, 0.8],
  ];
  const oneLayer = {
    title: "One layer's gradient, enlarged",
    controls: [
      { name: "factor", label: "The third layer's gradient, times", low: 0.01, high: 1000, start: 300, scale: "log" },
      { name: "ratio", label: "with the trust ratio (LARS)", start: false, scale: "check" },
    ],
    picture({ factor, ratio }) {
      const { step, init } = optimizers[ratio ? "lars" : "gd"];
      const hyper = ratio ? { lr: 1, momentum: 0, trust_coefficient: 0.01, weight_decay: 0 } : { lr: 0.1 };
      const bars = LAYERS.map(([label, size, slope], i) => {
        const p = [size, 0];
        const g = [0.6, 0.8].map((x) => x * slope * (label === "third" ? factor : 1));
        const [q] = step(p, g, zeros(init, p), 1, hyper);
        return { label, color: label === "third" ? 1 : 0, value: norm(q.map((x, j) => x - p[j])) / norm(p) };
      });
      const third = bars[2].value;
      const others = bars.filter(({ label }) => label !== "third").map(({ value }) => value);
      return {
        kind: "bars",
        x: { label: "length of the step / length of the weights", low: 1e-5, high: 1, log: true },
        bars,
        says: ratio
          ? `With the trust ratio every layer moves by ${number(third)} of its length, whatever its gradient.`
          : `Without it the third layer moves by ${number(third)} of its length; the others by ${number(Math.min(...others))} to ${number(Math.max(...others))}.`,
      };
    },
  };

  const twoArrows = {
    title: "Direction from Adam, length from the weights",
    controls: [
      { name: "angle", label: "Direction of Adam's step −u, in degrees", low: -180, high: 180, start: 120, scale: "linear", whole: true },
      { name: "length", label: "Length of Adam's direction u", low: 0.1, high: 4, start: 3.6, scale: "log" },
      { name: "lr", label: "Learning rate", low: 0.05, high: 0.8, start: 0.3, scale: "linear" },
    ],
    picture({ angle, length, lr }) {
      const w = [1.6, 0.9];
      const turn = (angle * Math.PI) / 180;
      const u = [-Math.cos(turn) * length, -Math.sin(turn) * length];
      // Averages of so many steps that m̂ is u and v̂ is 1: LAMB's own u is what the reader has set.
      const state = { m: u.map((x) => 2 * x), v: [2, 2] };
      const hyper = { lr, beta1: 0.5, beta2: 0.5, eps: 0, weight_decay: 0 };
      const [q] = optimizers.lamb.step(w, [0, 0], state, 1e6, hyper);
      const moved = q.map((x, i) => x - w[i]);
      return {
        kind: "arrows",
        view: [-0.6, 3.4, -0.7, 2.5],
        circles: [{ center: w, radius: lr * norm(w) }],
        arrows: [
          { label: "weights", color: 5, from: [0, 0], to: w },
          { label: "Adam's step", color: 0, from: w, to: w.map((x, i) => x - lr * u[i]) },
          { label: "LAMB's step", color: 1, from: w, to: q },
        ],
        says: `Adam's step, lr × ${number(length)}, has length ${number(lr * length)}. LAMB's points the same way and has length ${number(norm(moved))}: lr times that of the weights, ${number(norm(w))}, however long Adam's is.`,
      };
    },
  };

  const shapes = {
    title: "Three ways down",
    controls: [
      { name: "T", label: "Steps T", low: 20, high: 500, start: 200, scale: "linear", whole: true },
      { name: "cut", label: "Part in which the slanted one rises, cut_frac", low: 0.02, high: 0.6, start: 0.1, scale: "linear" },
    ],
    picture({ T, cut }) {
      const curves = [
        ["linear", "linear decay", 0, 1],
        ["cosine", "cosine", 0, 2],
        ["slanted", "slanted triangular", cut, 3],
      ].map(([id, label, c, color]) => ({
        label,
        color,
        points: range(T + 1, (t) => [t, schedules[id].multiplier(t, T, c)]),
      }));
      const means = curves.map(({ points }) => sum(points.slice(0, T).map(([, rate]) => rate)) / T);
      return {
        kind: "curves",
        x: { label: "step", low: 0, high: 500 },
        y: { label: "multiplier of the rate", low: 0, high: 1 },
        curves,
        says: `On average over its ${T} steps the rate is ${means[0].toFixed(2)} of its peak with linear decay, ${means[1].toFixed(2)} with a cosine and ${means[2].toFixed(2)} with the slanted triangle, which peaks after ${Math.max(1, Math.floor(T * cut))} steps.`,
      };
    },
  };

  const clipping = {
    title: "What the clip does to Newton's step",
    controls: [
      { name: "rho", label: "Clipping ρ", low: 0.05, high: 3, start: 1, scale: "log" },
      { name: "h", label: "Your curvature h", low: -1, high: 4, start: -0.5, scale: "linear" },
    ],
    picture({ rho, h }) {
      const { step, constants } = optimizers.sophia;
      const hyper = { ...constants, lr: 1, beta1: 0, rho };
      const length = (m, curvature) => -step([0], [m], { m: [0], h: [curvature] }, 1, hyper)[0][0];
      const curve = (label, curvature, color) => ({
        label,
        color,
        points: range(401, (i) => [-2 + i / 100, length(-2 + i / 100, curvature)]),
      });
      let says = `Newton's step m/h is taken while |m| is at most ρh = ${number(rho * h)}; beyond that, the step is ρ times the sign of m.`;
      if (rho * h >= 2) says = "In this range nothing is clipped: the step is Newton's, m/h.";
      if (h <= 0) says = "Where the curvature is not positive, ε takes its place, and the step is ρ times the sign of m.";
      if (h < 0) says += " Newton's step m/h, unclipped, would go uphill.";
      const end = Math.min(2, 3 * Math.abs(h)); // where Newton's line leaves the picture
      const newton = { label: "m/h, unclipped", color: 3, points: [-end, end].map((m) => [m, m / h]) };
      return {
        kind: "curves",
        x: { label: "average of gradients m", low: -2, high: 2 },
        y: { label: "step / lr", low: -3, high: 3 },
        curves: [curve("h = 4", 4, 0), curve("h = 1", 1, 2), curve("yours", h, 1), ...(h === 0 ? [] : [newton])],
        says,
      };
    },
  };

  // A made-up error, separable with exponent c, over the logarithms of λ and α.
  const CELLS = 25;
  const shear = {
    title: "One map, drawn against λ and against λ/α",
    controls: [
      { name: "c", label: "Exponent c of the error", low: -1, high: 1, start: 0, scale: "linear" },
      { name: "axis", label: "Axis: 0 for λ, 1 for λ/α", low: 0, high: 1, start: 0, scale: "linear" },
    ],
    picture({ c, axis }) {
      const at = (i) => (8 * i) / (CELLS - 1) - 4; // doublings from the middle
      const cell = (z) => ((z + 4) / 8) * (CELLS - 1);
      // The axis is z = log λ − axis · log α, so that log(λ α^c) = z + (axis + c) log α.
      const slope = c + axis;
      const error = (z, a) => 1 - Math.exp(-(((z + slope * a) / 1.5) ** 2)) * (1 - (a / 8) ** 2);
      const name = axis === 0 ? "λ" : axis === 1 ? "λ/α" : `λ/α^${number(axis)}`;
      return {
        kind: "map",
        x: { label: `doublings of ${name}`, ticks: [-4, -2, 0, 2, 4] },
        y: { label: "doublings of α", ticks: [-4, -2, 0, 2, 4] },
        rows: range(CELLS, (j) => range(CELLS, (i) => error(at(i), at(j)))),
        line: [-4, 4].map((a) => [cell(-slope * a), cell(a)]),
        says:
          Math.abs(slope) < 1e-9
            ? `Against ${name} the valley is upright: one value serves every rate. Its exponent there is 0.`
            : `Against ${name} the valley leans: doubling the rate multiplies the best value by ${number(2 ** -slope)}. Its exponent there is ${number(slope)}.`,
      };
    },
  };

  const ensembles = {
    title: "M snapshots of each of N runs",
    controls: [
      { name: "M", label: "Snapshots of each run, M", low: 2, high: 10, start: 3, scale: "linear", whole: true },
      { name: "N", label: "Runs, N", low: 1, high: 20, start: 4, scale: "linear", whole: true },
      { name: "s", label: "Product of two snapshots of a run, s / v", low: 0.1, high: 1, start: 0.8, scale: "linear" },
      { name: "r", label: "Product of two runs, r / v", low: 0, high: 1, start: 0.6, scale: "linear" },
    ],
    picture({ M, N, s, r }) {
      const loss = (n, m) => r + (s - r + (1 - s) / m) / n; // in units of v
      const curve = (m) => range(20, (i) => [i + 1, loss(i + 1, m)]);
      const [one, many] = [loss(N, 1), loss(N, M)];
      const least = Math.min(...[1, M].flatMap(curve).map(([, y]) => y));
      return {
        kind: "curves",
        x: { label: "runs N", low: 1, high: 20 },
        y: { label: "squared loss, in units of v", low: least < 0.5 ? 0 : 0.5, high: 1 },
        curves: [ // colors as in the chapter: orange is one snapshot, blue several
          { label: "one snapshot of each", color: 1, points: curve(1) },
          { label: `${M} snapshots of each`, color: 0, points: curve(M) },
          { label: "your N", color: 2, points: [[N, many]], dot: true },
        ],
        says: `${N} ${N === 1 ? "run has" : "runs have"} the loss ${number(one)} v with one snapshot of each and ${number(many)} v with ${M}. With more and more runs both come down to r = ${number(r)} v. Here v, s and r are taken to be the same for every M.`,
      };
    },
  };

  // What a training keeps for each weight: itself, its gradient and the rule's own state.
  const KEPT = ["gd", "momentum", "lion", "adagrad", "adam", "amsgrad", "sophia"];
  const ALIKE = { momentum: "Momentum, LARS", adam: "Adam, AdamW, LAMB" }; // that keep as much
  const memory = {
    title: "What fits into memory",
    controls: [
      { name: "weights", label: "Weights, in millions", low: 10, high: 100000, start: 1000, scale: "log" },
      { name: "bytes", label: "Bytes of a number", low: 2, high: 4, start: 4, scale: "linear", whole: true },
      { name: "room", label: "Memory, in GB", low: 1, high: 200, start: 13, scale: "log" },
    ],
    picture({ weights, bytes, room }) {
      const kept = KEPT.map((id) => [ALIKE[id] ?? optimizers[id].label, optimizers[id].init.length]);
      kept.splice(1, 0, ["Adafactor, factored", 2 / 4096]); // of matrices 4096 × 4096
      const size = (state) => ((2 + state) * weights * 1e6 * bytes) / 1e9;
      const bars = kept.map(([label, state]) => ({ label, value: size(state), color: size(state) <= room ? 2 : 5 }));
      const fits = bars.filter(({ value }) => value <= room).map(({ label }) => label);
      let says = `These fit: ${fits.join("; ")}.`;
      if (fits.length === 0) says = "Not even weights and gradients fit.";
      if (fits.length === bars.length) says = "All of them fit.";
      const most = Math.max(...bars.map(({ value }) => value));
      return {
        kind: "bars",
        x: { label: "GB for weights, gradients and state", low: 0, high: 1.25 * Math.max(room, most) },
        bars,
        mark: room,
        says,
      };
    },
  };

  return {
    "word-frequency": wordFrequency,
    factoring,
    "one-layer": oneLayer,
    "two-arrows": twoArrows,
    shapes,
    clipping,
    shear,
    ensembles,
    memory,
  };
})();
