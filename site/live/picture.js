// Two runs on a landscape, the book's rule and the reader's: paths, losses, lengths of the steps.
const { colors, ground, paths, plot, sample, text } = explorerDraw;
const { make, ranged, choice } = explorerControls;
const YOURS = "yours";

// The sliders of a rule: those of the explorer, and for a hyperparameter that it has not, a range
// about its default.
function slidersOf({ hyperparameters }, id) {
  const known = Object.values(explorerData.optimizers).flatMap(({ sliders }) => sliders);
  const own = explorerData.optimizers[id]?.sliders ?? [];
  return hyperparameters
    .filter(({ fixed, value, name }) => !fixed && (value !== null || [...own, ...known].some((slider) => slider.name === name)))
    .map(({ name, label, value }) => {
      const slider = own.find((s) => s.name === name) ?? known.find((s) => s.name === name);
      if (slider) return { ...slider, label };
      if (value > 0) return { name, label, low: value / 100, high: value * 100, start: value, scale: "log", whole: false };
      return { name, label, low: Math.min(0, 2 * value), high: value < 0 ? 0 : 1, start: value, scale: "linear", whole: false };
    });
}

export class Picture {
  // id: of the book's rule in the explorer, or none. settings: of the chapter, as an address has them.
  constructor(folder, id, settings) {
    this.id = id;
    this.given = new URLSearchParams(settings);
    this.hyper = {};
    this.seed = 1;
    this.asked = 0;
    this.worker = new Worker(new URL("paths.js", folder));
    this.worker.onmessage = ({ data }) => data.number === this.asked && this.#show(data);
    this.ground = make("canvas", { "aria-hidden": "true" });
    this.paths = make("canvas", { role: "img", "aria-label": "Paths of the book's rule and of yours; where they end is said below" });
    const figure = (title) => {
      const canvas = make("canvas", { role: "img", "aria-label": `${title}, by step` });
      return { canvas, figure: make("figure", {}, make("figcaption", {}, title), canvas) };
    };
    this.loss = figure("Loss above the minimum");
    this.moves = figure("Length of each step");
    this.legend = make("p", { class: "live-legend" });
    this.controls = make("div", { class: "explorer-bar" });
    this.sliders = make("div", { class: "explorer-bar" });
    this.ends = make("p", { class: "live-ends" });
    const map = make("div", { class: "explorer-map" }, this.ground, this.paths);
    const plots = make("div", { class: "explorer-plots" }, this.loss.figure, this.moves.figure);
    this.element = make(
      "div", { class: "explorer explorer-ready live-picture" }, this.controls,
      make("div", { class: "live-stage" }, map, plots), this.legend, this.ends, this.sliders,
    );
    this.#choose(this.given.get("landscape") ?? "quadratic");
    new ResizeObserver(() => this.#draw()).observe(map);
    new MutationObserver(() => this.#draw()).observe(document.documentElement, { attributeFilter: ["data-theme"] });
  }

  #choose(name) {
    this.name = name;
    const land = explorerData.landscapes[name];
    const own = this.given.get("landscape") === name;
    const set = (key, usual) => (own && this.given.has(key) ? Number(this.given.get(key)) : usual);
    this.c = set("c", land.slider?.start ?? 0);
    this.T = set("steps", land.steps);
    const entries = Object.entries(explorerData.landscapes).map(([id, { label }]) => [id, label]);
    const landscape = choice("Landscape", entries, name, (id) => {
      this.#choose(id);
      this.controls.querySelector("select").focus();
      this.#start();
    });
    const steep = land.slider && ranged(land.slider, this.c, (c) => {
      this.c = c;
      this.#run();
    });
    this.controls.replaceChildren(landscape.row, ...(steep ? [steep.row] : []));
  }

  // What a hyperparameter begins with: as the chapter's explorer or the landscape has it.
  #first(slider) {
    const land = explorerData.landscapes[this.name];
    const key = `${this.id}.${slider.name}`;
    if (this.given.get("landscape") === this.name && this.given.has(key)) return Number(this.given.get(key));
    return land.settings[key] ?? (slider.name === "lr" ? land.rates[this.id] : undefined) ?? slider.start;
  }

  // Show these answers of Python: of the book's rule, and of the reader's.
  show(book, yours) {
    this.answers = [book, yours];
    this.#start();
  }

  #start() {
    if (!this.answers) return;
    const rows = {};
    const before = this.at === this.name ? this.hyper : {};
    this.at = this.name;
    this.hyper = {};
    for (const answer of this.answers) {
      for (const slider of slidersOf(answer, this.id)) {
        if (slider.name in rows) continue;
        this.hyper[slider.name] = before[slider.name] ?? this.#first(slider);
        rows[slider.name] = ranged(slider, this.hyper[slider.name], (value) => {
          this.hyper[slider.name] = value;
          this.#run();
        }).row;
      }
    }
    this.sliders.replaceChildren(...Object.values(rows));
    this.#run();
  }

  #run() {
    if (!this.answers) return;
    const land = explorerData.landscapes[this.name];
    const rules = this.answers.map((answer) => {
      const fixed = answer.hyperparameters.filter(({ name }) => !(name in this.hyper)).map(({ name, value }) => [name, value]);
      return { answer, id: this.id ?? YOURS, hyper: { ...Object.fromEntries(fixed), ...this.hyper } };
    });
    const setting = { landscape: this.name, c: this.c, start: land.start, T: this.T, seed: this.seed };
    this.worker.postMessage({ number: ++this.asked, rules, setting });
  }

  #show({ results, failed }) {
    this.element.classList.toggle("live-none", Boolean(failed));
    const styles = [{ color: explorerData.palette[0], mark: "circle", line: "dashed" }, { color: explorerData.palette[1], mark: "diamond", line: "solid" }];
    const labels = ["the book’s", "yours"];
    this.runs = results?.map((result, i) => ({ result, style: styles[i] }));
    this.legend.replaceChildren(...labels.flatMap((label, i) => [make("canvas", { class: "explorer-sample", "aria-hidden": "true", "data-n": i }), `${label} `]));
    const end = ({ result }) => (result.diverged ? `leaves the picture for good at step ${result.points.length}` : `ends at ${text(result.losses.at(-1))}`);
    this.ends.textContent = failed ? `No path: ${failed}.` : `After ${this.T} steps, the ${this.#measure}: the book’s ${end(this.runs[0])}, yours ${end(this.runs[1])}.`;
    this.#draw();
  }

  get #measure() {
    return explorerData.landscapes[this.name].game ? "average regret" : "loss above the minimum";
  }

  #draw() {
    if (!this.runs || !this.paths.clientWidth) return;
    const land = explorerData.landscapes[this.name];
    const look = colors(this.element);
    const { T, runs } = this;
    ground(this.ground, land, this.c, T, look);
    paths(this.paths, land, runs, T, T, look);
    for (const canvas of this.legend.querySelectorAll("canvas")) sample(canvas, runs[canvas.dataset.n].style, look);
    const common = { k: T, T, look };
    const { game } = land;
    const title = `${this.#measure[0].toUpperCase()}${this.#measure.slice(1)}`;
    this.loss.figure.firstChild.textContent = title;
    this.loss.canvas.setAttribute("aria-label", `${title}, by step`);
    plot(this.loss.canvas, { ...common, log: !game, zero: game, curves: runs.map(({ result, style }) => ({ values: result.losses, first: game ? 1 : 0, style })) });
    plot(this.moves.canvas, { ...common, log: true, curves: runs.map(({ result, style }) => ({ values: result.moves.map((move) => Math.hypot(...move)), first: 1, style })) });
  }

  close() {
    this.worker.terminate();
  }
}
