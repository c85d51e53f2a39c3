// What an optimizer does on a landscape: arithmetic only, no page.
var explorerRun = (() => {
  "use strict";
  const FAR = 1e6; // beyond this a run has diverged, and stops

  // Normal numbers that depend on the seed alone (mulberry32, Box and Muller).
  function normals(seed, n) {
    let a = seed >>> 0;
    const uniform = () => {
      a = (a + 0x6d2b79f5) | 0;
      let z = Math.imul(a ^ (a >>> 15), 1 | a);
      z = (z + Math.imul(z ^ (z >>> 7), 61 | z)) ^ z;
      return ((z ^ (z >>> 14)) >>> 0) / 4294967296;
    };
    return Array.from({ length: n }, () => {
      const radius = Math.sqrt(-2 * Math.log(1 - uniform()));
      return radius * Math.cos(2 * Math.PI * uniform());
    });
  }

  // The rates of a run are lr times these.
  function multipliers(schedule, T, c) {
    return Array.from({ length: T }, (_, t) => schedule.multiplier(t, T, c));
  }

  // One run. Entry t of points, losses and states is after t steps; entry t of gradients and
  // moves belongs to step t + 1. It is shorter than T steps where the optimizer diverges.
  function run(data, id, { landscape, c, start, T, hyper, rates, noise }) {
    const { step, init, constants } = data.optimizers[id];
    const h = { ...constants, ...hyper };
    let p = start.slice();
    let s = Object.fromEntries(init.map((name) => [name, p.map(() => 0)]));
    const best = landscape.minima[0];
    const floor = landscape.value(best[0], best[1], 1, c);
    let regret = 0;
    const loss = () => landscape.value(p[0], p[1], 1, c) - floor;
    const result = { points: [p], states: [s], gradients: [], moves: [], losses: [], diverged: false };
    if (!landscape.game) result.losses.push(loss());
    for (let t = 1; t <= T; t++) {
      let g = landscape.gradient(p[0], p[1], t, c);
      if (landscape.game) regret += g[0] * (p[0] - best[0]);
      if (landscape.noise) g = g.map((slope, i) => slope + c * noise[2 * t - 2 + i]);
      if (id === "sophia" && (t - 1) % h.k === 0) {
        s = { ...s, ...data.hessian(p, landscape.curvature(p[0], p[1], t, c), s, t, h)[1] };
      }
      let q;
      h.lr = hyper.lr * rates[t - 1];
      [q, s] = step(p, g, s, t, h);
      if (landscape.game) q = q.map((x) => Math.max(-1, Math.min(1, x)));
      if (!q.every((x) => Math.abs(x) < FAR)) {
        result.diverged = true;
        break;
      }
      result.gradients.push(g);
      result.moves.push(q.map((x, i) => x - p[i]));
      result.points.push((p = q));
      result.states.push(s);
      result.losses.push(landscape.game ? regret / t : loss());
    }
    return result;
  }

  return { normals, multipliers, run };
})();
