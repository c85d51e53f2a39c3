// Made by `optlab javascript` from optlab.rules, optlab.schedules and optlab.explorer.
// Not edited by hand: the tests compare it with what these give, and run it beside torch.
var explorerData = (() => {
const divide = (x, y) => x / (y === 0 ? 1 : y);
const ratio = (x, y) => (x > 0 && y > 0 ? x / y : 1);
const mean = (x) => x.flat().reduce((sum, a) => sum + a, 0) / x.flat().length;
const norm = (x) => Math.sqrt(x.flat().reduce((sum, a) => sum + a * a, 0));
const rows = (x) => x.map((a) => [a].flat());
const transpose = (x) => rows(x)[0].map((_, j) => rows(x).map((a) => a[j]));
const entry = (a, b) => a.reduce((sum, c, k) => sum + c * b[k], 0);
const matmul = (x, y) => {
  const columns = transpose(y);
  const product = rows(x).map((a) => columns.map((b) => entry(a, b)));
  return Array.isArray(y[0]) ? product : product.flat();
};
return {
  optimizers: {
    "gd": {
      label: "Gradient descent",
      chapter: "01",
      init: [],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.05, "scale": "log", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Zinkevich (2003), online projected (sub)gradient descent, section 2.
        return [p.map((_, i) => p[i] - hyper.lr*g[i]), {}];
      },
    },
    "momentum": {
      label: "Momentum",
      chapter: null,
      init: ["b"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.02, "scale": "log", "whole": false}, {"name": "momentum", "label": "Momentum μ", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}],
      constants: {"dampening": 0},
      step: function step(p, g, s, t, hyper) {
        // Polyak (1964), heavy ball; Nesterov's form as in Sutskever et al. (2013).
        const b = s.b.map((_, i) => hyper.momentum*s.b[i] + (1 - hyper.dampening)*g[i]);
        return [p.map((_, i) => p[i] - hyper.lr*b[i]), {b: b}];
      },
    },
    "adagrad": {
      label: "AdaGrad",
      chapter: "02",
      init: ["sum"],
      positive: ["sum"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 3, "start": 0.3, "scale": "log", "whole": false}, {"name": "delta", "label": "δ", "low": 0, "high": 10, "start": 0, "scale": "linear", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Composite mirror descent, diagonal.
        const sum = s.sum.map((_, i) => s.sum[i] + Math.pow(g[i], 2));
        const h = sum.map((_, i) => hyper.delta + Math.sqrt(sum[i]));
        const y = p.map((_, i) => p[i] - divide(hyper.lr*g[i], h[i]));
        return [y, {sum: sum}];
      },
    },
    "adam": {
      label: "Adam",
      chapter: "03",
      init: ["m", "v"],
      positive: ["v"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "eps", "label": "ε", "low": 1e-12, "high": 10, "start": 1e-08, "scale": "log", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Kingma and Ba (2015), Algorithm 1.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const v = s.v.map((_, i) => hyper.beta2*s.v[i] + (1 - hyper.beta2)*Math.pow(g[i], 2));
        const m_hat = m.map((_, i) => m[i]/(1 - Math.pow(hyper.beta1, t)));
        const v_hat = v.map((_, i) => v[i]/(1 - Math.pow(hyper.beta2, t)));
        return [p.map((_, i) => p[i] - (hyper.lr*m_hat[i])/(Math.sqrt(v_hat[i]) + hyper.eps)), {m: m, v: v}];
      },
    },
    "adamw": {
      label: "AdamW",
      chapter: "07",
      init: ["m", "v"],
      positive: ["v"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0.1, "scale": "linear", "whole": false}],
      constants: {"eps": 1e-08},
      step: function step(p, g, s, t, hyper) {
        // With decoupled weight decay, proportional to the learning rate.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const v = s.v.map((_, i) => hyper.beta2*s.v[i] + (1 - hyper.beta2)*Math.pow(g[i], 2));
        const m_hat = m.map((_, i) => m[i]/(1 - Math.pow(hyper.beta1, t)));
        const v_hat = v.map((_, i) => v[i]/(1 - Math.pow(hyper.beta2, t)));
        return [p.map((_, i) => p[i] - (hyper.lr*m_hat[i])/(Math.sqrt(v_hat[i]) + hyper.eps) - hyper.lr*hyper.weight_decay*p[i]), {m: m, v: v}];
      },
    },
    "amsgrad": {
      label: "AMSGrad",
      chapter: "05",
      init: ["m", "v", "v_hat"],
      positive: ["v", "v_hat"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "eps", "label": "ε", "low": 1e-12, "high": 10, "start": 1e-08, "scale": "log", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Reddi, Kale and Kumar (2018), Algorithm 2: no bias correction; eps = 0 in the paper.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const v = s.v.map((_, i) => hyper.beta2*s.v[i] + (1 - hyper.beta2)*Math.pow(g[i], 2));
        const v_hat = s.v_hat.map((_, i) => Math.max(s.v_hat[i], v[i]));
        const h = v_hat.map((_, i) => Math.sqrt(v_hat[i]) + hyper.eps);
        return [p.map((_, i) => p[i] - divide(hyper.lr*m[i], h[i])), {m: m, v: v, v_hat: v_hat}];
      },
    },
    "nesterov": {
      label: "Nesterov",
      chapter: null,
      init: ["b"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.02, "scale": "log", "whole": false}, {"name": "momentum", "label": "Momentum μ", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}],
      constants: {"dampening": 0},
      step: function step(p, g, s, t, hyper) {
        // Polyak (1964), heavy ball; Nesterov's form as in Sutskever et al. (2013).
        const b = s.b.map((_, i) => hyper.momentum*s.b[i] + (1 - hyper.dampening)*g[i]);
        const step = g.map((_, i) => g[i] + hyper.momentum*b[i]);
        return [p.map((_, i) => p[i] - hyper.lr*step[i]), {b: b}];
      },
    },
    "adam-l2": {
      label: "Adam with L2",
      chapter: "06",
      init: ["m", "v"],
      positive: ["v"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0.1, "scale": "linear", "whole": false}],
      constants: {"eps": 1e-08},
      step: function step(p, g, s, t, hyper) {
        // With L2 regularization.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*(g[i] + hyper.weight_decay*p[i]));
        const v = s.v.map((_, i) => hyper.beta2*s.v[i] + (1 - hyper.beta2)*Math.pow(g[i] + hyper.weight_decay*p[i], 2));
        const m_hat = m.map((_, i) => m[i]/(1 - Math.pow(hyper.beta1, t)));
        const v_hat = v.map((_, i) => v[i]/(1 - Math.pow(hyper.beta2, t)));
        return [p.map((_, i) => p[i] - (hyper.lr*m_hat[i])/(Math.sqrt(v_hat[i]) + hyper.eps)), {m: m, v: v}];
      },
    },
    "adafactor": {
      label: "Adafactor",
      chapter: "04",
      init: ["V"],
      positive: ["V"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "d", "label": "Clipping d", "low": 0.1, "high": 10, "start": 1, "scale": "log", "whole": false}],
      constants: {"beta2_decay": -0.8, "eps1": 1e-30, "eps2": 0.001},
      step: function step(p, g, s, t, hyper) {
        // Shazeer and Stern (2018), Adafactor for vectors: nothing is factored.
        const beta2 = 1 - Math.pow(t, hyper.beta2_decay);
        const V = s.V.map((_, i) => beta2*s.V[i] + (1 - beta2)*(Math.pow(g[i], 2) + hyper.eps1));
        const U = g.map((_, i) => g[i]/Math.sqrt(V[i]));
        const U_hat = U.map((_, i) => U[i]/Math.max(1, Math.sqrt(mean(U.map((_, i) => Math.pow(U[i], 2))))/hyper.d));
        const rho = Math.min(hyper.lr, 1/(Math.sqrt(t)));
        const alpha = Math.max(hyper.eps2, Math.sqrt(mean(p.map((_, i) => Math.pow(p[i], 2)))))*rho;
        return [p.map((_, i) => p[i] - alpha*U_hat[i]), {V: V}];
      },
    },
    "lars": {
      label: "LARS",
      chapter: null,
      init: ["v"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 10, "start": 0.5, "scale": "log", "whole": false}, {"name": "momentum", "label": "Momentum μ", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "trust_coefficient", "label": "Trust coefficient", "low": 0.0001, "high": 1, "start": 0.02, "scale": "log", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0, "scale": "linear", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // You, Gitman and Ginsburg (2017), Algorithm 1, for one layer.
        const local = ratio(hyper.trust_coefficient*norm(p), norm(g) + hyper.weight_decay*norm(p));
        const v = s.v.map((_, i) => hyper.momentum*s.v[i] + (hyper.lr*local)*(g[i] + hyper.weight_decay*p[i]));
        return [p.map((_, i) => p[i] - v[i]), {v: v}];
      },
    },
    "lamb": {
      label: "LAMB",
      chapter: null,
      init: ["m", "v"],
      positive: ["v"],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.05, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0, "scale": "linear", "whole": false}],
      constants: {"eps": 1e-06},
      step: function step(p, g, s, t, hyper) {
        // You et al. (2020), Algorithm 2, for one layer; decay enters once, in u and its norm.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const v = s.v.map((_, i) => hyper.beta2*s.v[i] + (1 - hyper.beta2)*Math.pow(g[i], 2));
        const m_hat = m.map((_, i) => m[i]/(1 - Math.pow(hyper.beta1, t)));
        const v_hat = v.map((_, i) => v[i]/(1 - Math.pow(hyper.beta2, t)));
        const u = m_hat.map((_, i) => m_hat[i]/(Math.sqrt(v_hat[i]) + hyper.eps) + hyper.weight_decay*p[i]);
        return [p.map((_, i) => p[i] - hyper.lr*ratio(norm(p), norm(u))*u[i]), {m: m, v: v}];
      },
    },
    "sophia": {
      label: "Sophia",
      chapter: null,
      init: ["m", "h"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.1, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂, of curvatures", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "rho", "label": "Clipping ρ", "low": 0.01, "high": 10, "start": 1, "scale": "log", "whole": false}, {"name": "k", "label": "Curvature every k steps", "low": 1, "high": 20, "start": 2, "scale": "linear", "whole": true}],
      constants: {"eps": 1e-12, "weight_decay": 0},
      step: function step(p, g, s, t, hyper) {
        // Liu et al. (2023), Algorithm 3, between two Hessian estimates.
        const m = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const step = m.map((_, i) => Math.max(-hyper.rho, Math.min(hyper.rho, m[i]/Math.max(hyper.eps, s.h[i]))));
        return [p.map((_, i) => p[i] - hyper.lr*hyper.weight_decay*p[i] - hyper.lr*step[i]), {m: m, h: s.h}];
      },
    },
    "ademamix": {
      label: "AdEMAMix",
      chapter: null,
      init: ["m1", "m2", "nu"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.05, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.999, "scale": "memory", "whole": false}, {"name": "beta3", "label": "β₃", "low": 0, "high": 0.9999, "start": 0.9999, "scale": "memory", "whole": false}, {"name": "alpha", "label": "Weight α", "low": 0.05, "high": 500.0, "start": 5.0, "scale": "log", "whole": false}, {"name": "eps", "label": "ε", "low": 1e-12, "high": 10, "start": 1e-08, "scale": "log", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0.0, "scale": "linear", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Pagliardini et al. (2024), Algorithm 1.
        const m1 = s.m1.map((_, i) => hyper.beta1*s.m1[i] + (1 - hyper.beta1)*g[i]);
        const m2 = s.m2.map((_, i) => hyper.beta3*s.m2[i] + (1 - hyper.beta3)*g[i]);
        const nu = s.nu.map((_, i) => hyper.beta2*s.nu[i] + (1 - hyper.beta2)*Math.pow(g[i], 2));
        const m1_hat = m1.map((_, i) => m1[i]/(1 - Math.pow(hyper.beta1, t)));
        const nu_hat = nu.map((_, i) => nu[i]/(1 - Math.pow(hyper.beta2, t)));
        const step = m1_hat.map((_, i) => (m1_hat[i] + hyper.alpha*m2[i])/(Math.sqrt(nu_hat[i]) + hyper.eps));
        return [p.map((_, i) => p[i] - hyper.lr*(step[i] + hyper.weight_decay*p[i])), {m1: m1, m2: m2, nu: nu}];
      },
    },
    "lion": {
      label: "Lion",
      chapter: null,
      init: ["m"],
      positive: [],
      sliders: [{"name": "lr", "label": "Learning rate", "low": 0.0001, "high": 1, "start": 0.05, "scale": "log", "whole": false}, {"name": "beta1", "label": "β₁", "low": 0, "high": 0.9999, "start": 0.9, "scale": "memory", "whole": false}, {"name": "beta2", "label": "β₂", "low": 0, "high": 0.9999, "start": 0.99, "scale": "memory", "whole": false}, {"name": "weight_decay", "label": "Weight decay λ", "low": 0, "high": 1, "start": 0.0, "scale": "linear", "whole": false}],
      constants: {},
      step: function step(p, g, s, t, hyper) {
        // Chen et al. (2023), Algorithm 2.
        const c = s.m.map((_, i) => hyper.beta1*s.m[i] + (1 - hyper.beta1)*g[i]);
        const m = s.m.map((_, i) => hyper.beta2*s.m[i] + (1 - hyper.beta2)*g[i]);
        return [p.map((_, i) => p[i] - hyper.lr*(Math.sign(c[i]) + hyper.weight_decay*p[i])), {m: m}];
      },
    },
  },
  hessian: function hessian(p, g, s, t, hyper) {
    // Liu et al. (2023), Algorithm 3, at every k-th step: g is the estimated diagonal.
    return [p, {h: s.h.map((_, i) => hyper.beta2*s.h[i] + (1 - hyper.beta2)*g[i])}];
  },
  schedules: {
    "constant": {
      label: "Constant",
      slider: null,
      multiplier: (t, T, c) => 1,
    },
    "linear": {
      label: "Linear decay",
      slider: {"name": "c", "label": "End, as a fraction", "low": 0, "high": 1, "start": 0, "scale": "linear", "whole": false},
      multiplier: (t, T, c) => ((T > t) ? ( 1 - t*(1 - c)/T ) : ( c )),
    },
    "cosine": {
      label: "Cosine",
      slider: {"name": "c", "label": "End, as a fraction", "low": 0, "high": 1, "start": 0, "scale": "linear", "whole": false},
      multiplier: (t, T, c) => ((T > t) ? ( c + (1/2)*(1 - c)*(Math.cos(Math.PI*t/T) + 1) ) : ( c )),
    },
    "warmup": {
      label: "Warm-up, then cosine",
      slider: {"name": "c", "label": "Part of warm-up", "low": 0.01, "high": 0.9, "start": 0.1, "scale": "linear", "whole": false},
      multiplier: (t, T, c) => ((t < T*c) ? ( t/(T*c) ) : ((T*c - T < T*c - t) ? ( (1/2)*Math.cos(Math.PI*(-T*c + t)/(-T*c + T)) + 1/2 ) : ( 0 ))),
    },
    "held": {
      label: "Warm-up, held, falling as 1 − √",
      slider: {"name": "c", "label": "Part in which it falls", "low": 0.01, "high": 0.9, "start": 0.2, "scale": "linear", "whole": false},
      multiplier: (t, T, c) => ((t < (1/20)*T) ? ( 20*t/T ) : ((t < -T*c + T) ? ( 1 ) : ((T > t) ? ( 1 - Math.sqrt(T*c - T + t)/(Math.sqrt(T)*Math.sqrt(c)) ) : ( 0 )))),
    },
    "slanted": {
      label: "Slanted triangular",
      slider: {"name": "c", "label": "Part in which it rises", "low": 0.01, "high": 0.9, "start": 0.1, "scale": "linear", "whole": false},
      multiplier: (t, T, c) => (31/32)*((t < Math.max(1, Math.floor(T*c))) ? ( t/Math.max(1, Math.floor(T*c)) ) : ((T > t) ? ( 1 - (t - Math.max(1, Math.floor(T*c)))/(T - Math.max(1, Math.floor(T*c))) ) : ( 0 ))) + 1/32,
    },
    "drops": {
      label: "Drops at 1/2 and 3/4",
      slider: {"name": "c", "label": "Factor of each drop", "low": 0.01, "high": 1, "start": 0.1, "scale": "log", "whole": false},
      multiplier: (t, T, c) => ((t < (1/2)*T) ? ( 1 ) : ((t < (3/4)*T) ? ( c ) : ( Math.pow(c, 2) ))),
    },
    "restarts": {
      label: "Cosine with restarts, cycles doubling",
      slider: {"name": "c", "label": "Steps of the first cycle", "low": 2, "high": 200, "start": 15, "scale": "linear", "whole": true},
      multiplier: (t, T, c) => (1/2)*Math.cos(Math.pow(2, -Math.floor(Math.log(1 + t/c)/Math.log(2)))*Math.PI*(-c*(Math.pow(2, Math.floor(Math.log(1 + t/c)/Math.log(2))) - 1) + t)/c) + 1/2,
    },
  },
  landscapes: {
    "quadratic": {
      label: "Ill-conditioned quadratic",
      about: "The loss (x² + κ y²)/2. One rate must serve a steep and a flat direction.",
      view: [-2.2, 2.2, -1.65, 1.65],
      start: [-1.9, 1.1],
      minima: [[0, 0]],
      shown: ["gd", "momentum", "adam"],
      rates: {"gd": 0.08, "momentum": 0.03, "nesterov": 0.03},
      settings: {},
      steps: 100,
      slider: {"name": "c", "label": "Condition number κ", "low": 1, "high": 200, "start": 20, "scale": "log", "whole": false},
      noise: false,
      game: false,
      value: (x, y, t, c) => (1/2)*c*Math.pow(y, 2) + (1/2)*Math.pow(x, 2),
      gradient: (x, y, t, c) => [x, c*y],
      curvature: (x, y, t, c) => [1, c],
    },
    "rotated": {
      label: "Rotated quadratic",
      about: "The same bowl with κ = 20, turned. Methods that treat each coordinate by itself see the axes; gradient descent does not.",
      view: [-2.2, 2.2, -1.65, 1.65],
      start: [-1.9, 0.3],
      minima: [[0, 0]],
      shown: ["gd", "adagrad", "adam"],
      rates: {"gd": 0.08, "momentum": 0.03, "nesterov": 0.03},
      settings: {},
      steps: 100,
      slider: {"name": "c", "label": "Angle in degrees", "low": 0, "high": 90, "start": 45, "scale": "linear", "whole": false},
      noise: false,
      game: false,
      value: (x, y, t, c) => 10*Math.pow(-x*Math.sin((1/180)*Math.PI*c) + y*Math.cos((1/180)*Math.PI*c), 2) + (1/2)*Math.pow(x*Math.cos((1/180)*Math.PI*c) + y*Math.sin((1/180)*Math.PI*c), 2),
      gradient: (x, y, t, c) => [-20*(-x*Math.sin((1/180)*Math.PI*c) + y*Math.cos((1/180)*Math.PI*c))*Math.sin((1/180)*Math.PI*c) + (x*Math.cos((1/180)*Math.PI*c) + y*Math.sin((1/180)*Math.PI*c))*Math.cos((1/180)*Math.PI*c), 20*(-x*Math.sin((1/180)*Math.PI*c) + y*Math.cos((1/180)*Math.PI*c))*Math.cos((1/180)*Math.PI*c) + (x*Math.cos((1/180)*Math.PI*c) + y*Math.sin((1/180)*Math.PI*c))*Math.sin((1/180)*Math.PI*c)],
      curvature: (x, y, t, c) => [20*Math.pow(Math.sin((1/180)*Math.PI*c), 2) + Math.pow(Math.cos((1/180)*Math.PI*c), 2), Math.pow(Math.sin((1/180)*Math.PI*c), 2) + 20*Math.pow(Math.cos((1/180)*Math.PI*c), 2)],
    },
    "rosenbrock": {
      label: "Rosenbrock's valley",
      about: "The loss (1 − x)² + 100 (y − x²)². Finding the bent valley is easy, following it is not.",
      view: [-2.0, 2.0, -1.0, 2.0],
      start: [-1.2, 1.0],
      minima: [[1, 1]],
      shown: ["gd", "momentum", "adam"],
      rates: {"gd": 0.0015, "momentum": 0.0005, "nesterov": 0.0005, "sophia": 0.5},
      settings: {},
      steps: 400,
      slider: null,
      noise: false,
      game: false,
      value: (x, y, t, c) => Math.pow(1 - x, 2) + 100*Math.pow(-Math.pow(x, 2) + y, 2),
      gradient: (x, y, t, c) => [-400*x*(-Math.pow(x, 2) + y) + 2*x - 2, -200*Math.pow(x, 2) + 200*y],
      curvature: (x, y, t, c) => [2*(600*Math.pow(x, 2) - 200*y + 1), 200],
    },
    "beale": {
      label: "Beale's function",
      about: "A flat plain with steep corners: (1.5 − x + xy)² + (2.25 − x + xy²)² + (2.625 − x + xy³)².",
      view: [-1.2, 4.4, -2.1, 2.1],
      start: [1.0, 1.5],
      minima: [[3, 0.5]],
      shown: ["gd", "momentum", "adam"],
      rates: {"gd": 0.005, "momentum": 0.002, "nesterov": 0.002},
      settings: {},
      steps: 300,
      slider: null,
      noise: false,
      game: false,
      value: (x, y, t, c) => Math.pow(x*y - x + 3/2, 2) + Math.pow(x*Math.pow(y, 2) - x + 9/4, 2) + Math.pow(x*Math.pow(y, 3) - x + 21/8, 2),
      gradient: (x, y, t, c) => [(2*y - 2)*(x*y - x + 3/2) + (2*Math.pow(y, 2) - 2)*(x*Math.pow(y, 2) - x + 9/4) + (2*Math.pow(y, 3) - 2)*(x*Math.pow(y, 3) - x + 21/8), 6*x*Math.pow(y, 2)*(x*Math.pow(y, 3) - x + 21/8) + 4*x*y*(x*Math.pow(y, 2) - x + 9/4) + 2*x*(x*y - x + 3/2)],
      curvature: (x, y, t, c) => [2*(Math.pow(y - 1, 2) + Math.pow(Math.pow(y, 2) - 1, 2) + Math.pow(Math.pow(y, 3) - 1, 2)), 2*x*(9*x*Math.pow(y, 4) + 6*x*Math.pow(y, 2) - x + (3/4)*y*(8*x*Math.pow(y, 3) - 8*x + 21) + 9/2)],
    },
    "saddle": {
      label: "Saddle",
      about: "The loss x²/2 − y²/2 + y⁴/4: a saddle at the origin, minima at y = ±1. Start on the line y = 0, and no gradient leads away.",
      view: [-2.0, 2.0, -1.5, 1.5],
      start: [-1.6, 0.01],
      minima: [[0, -1], [0, 1]],
      shown: ["gd", "momentum", "adam"],
      rates: {"gd": 0.1, "momentum": 0.05, "nesterov": 0.05, "adam": 0.05},
      settings: {},
      steps: 100,
      slider: null,
      noise: false,
      game: false,
      value: (x, y, t, c) => (1/2)*Math.pow(x, 2) + (1/4)*Math.pow(y, 4) - 1/2*Math.pow(y, 2),
      gradient: (x, y, t, c) => [x, Math.pow(y, 3) - y],
      curvature: (x, y, t, c) => [1, 3*Math.pow(y, 2) - 1],
    },
    "game": {
      label: "Reddi's counterexample",
      about: "A game on [−1, 1]: the loss is Cx in rounds 1, 4, 7, … and −x in the others. For C > 2 the best point is −1. The picture shows x against the round.",
      view: [0, 1, -1.12, 1.12],
      start: [0.0],
      minima: [[-1]],
      shown: ["gd", "adam", "amsgrad"],
      rates: {"gd": 0.05, "adam": 0.05, "amsgrad": 0.1},
      settings: {"adam.beta1": 0, "adam.beta2": 0.1, "amsgrad.beta1": 0, "amsgrad.beta2": 0.1},
      steps: 100,
      slider: {"name": "c", "label": "Every third slope, C", "low": 2.1, "high": 10, "start": 3, "scale": "linear", "whole": false},
      noise: false,
      game: true,
      value: (x, y, t, c) => (1/3)*x*(c - 2),
      gradient: (x, y, t, c) => [((t % 3 == 1) ? ( c ) : ( -1 ))],
      curvature: (x, y, t, c) => [0],
    },
    "noisy": {
      label: "Noisy valley",
      about: "The loss (x² + 10 y²)/2 with normal noise on both coordinates of each gradient, the same noise for every optimizer. Only a falling rate settles.",
      view: [-2.2, 2.2, -1.65, 1.65],
      start: [-1.9, 1.1],
      minima: [[0, 0]],
      shown: ["gd", "momentum", "adam"],
      rates: {"gd": 0.05, "momentum": 0.02, "nesterov": 0.02},
      settings: {},
      steps: 200,
      slider: {"name": "c", "label": "Noise σ", "low": 0, "high": 10, "start": 3, "scale": "linear", "whole": false},
      noise: true,
      game: false,
      value: (x, y, t, c) => (1/2)*Math.pow(x, 2) + 5*Math.pow(y, 2),
      gradient: (x, y, t, c) => [x, 10*y],
      curvature: (x, y, t, c) => [1, 10],
    },
  },
  palette: ["#367ecf", "#e6420d", "#19a66e", "#bc739a", "#958c2c", "#75736d"],
};
})();
