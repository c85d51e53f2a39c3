// A rule to be edited: its text, what follows from it, and exercises. Nothing of the text runs
// before Run is pressed; nothing is stored or sent.
import { read, write } from "./address.js";
import { Editor } from "./editor.js";
import { Engine } from "./engine.js";
import { fill, reachable, typesetter } from "./formulas.js";
import { Picture } from "./picture.js";

const { make, choice, unique } = explorerControls;
const FOLDER = new URL(".", document.currentScript.src).href;
const REACHED = ["focusin", "pointerdown"]; // the first of them begins to load Python
const megabytes = (bytes) => (bytes / 1e6).toFixed(1);
const catalogue = fetch(new URL("catalogue.json", FOLDER)).then((answer) => answer.json());

let engine; // one Python for all editors of a page
const books = new Map(); // promises of the answers to the book's own texts

class Panel {
  // place: an element with data-chapter, data-rule. whole: with a choice of the rule.
  constructor(place, chapters, given, whole) {
    Object.assign(this, { place, chapters, whole });
    this.chapter = Object.hasOwn(chapters, given.chapter) ? given.chapter : Object.keys(chapters)[0];
    this.name = this.#named(given.rule);
    this.#build();
    this.#choose(given.exercise, given.text);
    for (const event of REACHED) this.element.addEventListener(event, () => this.#load(), { once: true });
  }

  get rules() {
    return this.chapters[this.chapter].rules;
  }

  get rule() {
    return this.rules.find(({ name }) => name === this.name);
  }

  get exercises() {
    return this.chapters[this.chapter].exercises;
  }

  #named(name) {
    return this.rules.some((rule) => rule.name === name) ? name : this.rules[0].name;
  }

  #build() {
    const hint = `live-hint-${unique()}`;
    this.choices = make("div", { class: "live-choices" });
    this.task = make("p", { class: "live-task" });
    this.editor = new Editor({ label: "The rule, in Python", describedby: hint, changed: () => this.#changed(), run: () => this.run() });
    const button = (label, act, attributes = {}) => make("button", { type: "button", onclick: act, ...attributes }, label);
    this.runs = button("Run", () => this.run(), { class: "live-run" });
    this.resets = button("Reset", () => this.reset());
    this.compares = button("Compare with the book’s", () => this.#compare(!this.compared), { "aria-pressed": "false" });
    this.copies = button("Copy the address", () => this.#copy());
    this.bar = make("progress", { "aria-label": "Python" });
    this.loaded = make("span");
    this.loading = make("p", { class: "live-loading", hidden: true }, this.bar, this.loaded);
    this.status = make("p", { class: "live-status", role: "status" });
    this.results = make("div", { class: "live-results", hidden: true });
    this.element = make(
      "section", { class: "live", "aria-label": "Edit the rule" }, this.choices, this.task, this.editor.view.dom,
      make("p", { class: "live-hint", id: hint }, "Ctrl+Enter runs it. Tab indents; to leave the text by keyboard, press Escape, then Tab."),
      make("div", { class: "live-buttons" }, this.runs, this.resets, this.compares, this.copies),
      this.loading, this.status, this.results,
    );
    this.place.replaceChildren(this.element);
  }

  // The text to begin with: the book's, or that of an exercise.
  get first() {
    return this.exercise?.source ?? this.rule.source;
  }

  // Work on a rule or an exercise, and on a text that is not its first.
  #choose(exercise, text) {
    this.exercise = this.exercises.find(({ id }) => id === exercise);
    if (this.exercise) this.name = this.#named(this.exercise.rule);
    this.picture?.close();
    this.picture = undefined;
    this.#offer();
    this.task.replaceChildren();
    this.task.hidden = !this.exercise;
    if (this.exercise) typesetter(FOLDER).then((typeset) => fill(this.task, this.exercise.text, typeset)).catch(() => {});
    this.#compare(false);
    this.editor.text = text ?? this.first;
    this.results.hidden = true;
    this.#say(text === undefined || text === this.first ? "" : "This text came with the address. Read it: it runs when you press Run.");
  }

  #offer() {
    const rows = [];
    const select = (label, entries, value, act) => {
      rows.push(choice(label, entries, value, (chosen) => {
        act(chosen);
        const { id } = [...this.choices.querySelectorAll("label")].find((other) => other.textContent === label).nextSibling;
        document.getElementById(id).focus();
      }).row);
    };
    if (this.whole) {
      const entries = Object.entries(this.chapters).flatMap(([chapter, { rules }]) => rules.map(({ name, title }) => [`${chapter} ${name}`, `${Number(chapter.slice(0, 2))}. ${title}`]));
      select("Rule", entries, `${this.chapter} ${this.name}`, (value) => {
        [this.chapter, this.name] = value.split(" ");
        this.#choose();
      });
    }
    const own = this.exercises.filter(({ rule }) => rule === this.name);
    if (own.length) {
      const entries = [["", "None: try what you like"], ...own.map(({ id, title }) => [id, title])];
      select("Exercise", entries, this.exercise?.id ?? "", (value) => this.#choose(value));
    }
    this.choices.replaceChildren(...rows);
  }

  #compare(on) {
    this.compared = on;
    this.compares.setAttribute("aria-pressed", String(on));
    this.editor.compare(on ? this.rule.source : undefined);
  }

  reset() {
    this.editor.text = this.first;
    this.results.hidden = true;
    this.#say(this.exercise ? "The text that the exercise begins with." : "The book’s own text.");
    if (this.whole) history.replaceState(null, "", "#");
  }

  #changed() {
    this.results.classList.add("live-old");
  }

  async #address() {
    const text = this.editor.text === this.first ? undefined : this.editor.text;
    const fragment = await write({ chapter: this.chapter, rule: this.name, exercise: this.exercise?.id, text });
    return new URL(`#${fragment}`, this.place.dataset.page ? new URL(this.place.dataset.page, location.href) : location.href).href;
  }

  async #copy() {
    const address = await this.#address();
    if (this.whole) history.replaceState(null, "", address);
    try {
      await navigator.clipboard.writeText(address);
      this.status.textContent = "The address, with your text in it, is copied.";
    } catch {
      prompt("The address, with your text in it", address);
    }
  }

  // Begin to load Python; only the book's own code runs.
  #load() {
    engine ??= new Engine(FOLDER, () => {});
    engine.told = ({ loaded, total }) => {
      this.loading.hidden = loaded >= total;
      [this.bar.value, this.bar.max] = [loaded, total];
      this.loaded.textContent = `Loading Python: ${megabytes(loaded)} of ${megabytes(total)} MB, once`;
    };
    typesetter(FOLDER).catch(() => {}); // Run says why
    const { chapter, name, rule } = this;
    engine.start().then(() => this.#book(chapter, name, rule.source)).catch(() => {});
  }

  #say(words) {
    if (this.status.textContent !== words) this.status.textContent = words;
  }

  async run() {
    if (this.running) return;
    this.running = true;
    this.runs.setAttribute("aria-disabled", "true");
    this.#say("Running …");
    const { chapter, name: rule, exercise } = this;
    const source = this.editor.text;
    try {
      this.#load();
      const book = await this.#book(chapter, rule, this.rule.source);
      const typeset = await typesetter(FOLDER);
      this.results.hidden = true;
      const here = () => this.chapter === chapter && this.name === rule; // else another was chosen
      const told = (answer) => here() && !answer.error && this.#show(answer, book, typeset);
      const yours = await engine.run({ source, rule, chapter, exercise: exercise?.id }, told);
      if (!here()) this.#say("");
      else if (yours.error) this.#refuse(yours.error);
      else if (yours.ended) this.#say(`Stopped after ${Engine.seconds} seconds: ${yours.formula.length ? "the checks" : "the text"} did not come to an end. Change it, and run it again.`);
      else this.#say(this.#sum(yours));
      if (this.whole) history.replaceState(null, "", await this.#address());
    } catch (error) {
      this.#say(`That did not work: ${error.message}.`);
    } finally {
      this.running = false;
      this.runs.removeAttribute("aria-disabled");
    }
  }

  // The formula and the step of the book's own text, kept.
  #book(chapter, rule, source) {
    const key = `${chapter} ${rule}`;
    if (!books.has(key)) {
      const answer = engine.run({ source, rule, chapter, brief: true });
      answer.catch(() => books.delete(key));
      books.set(key, answer);
    }
    return books.get(key);
  }

  #refuse({ line, message }) {
    this.results.hidden = true;
    this.#say(line ? `Line ${line}: ${message}` : message);
    if (line) this.editor.show(line);
  }

  // What came of it, in a sentence or two.
  #sum({ formula, checks, exercise }) {
    const changed = formula.filter((line) => line.changed).length;
    const held = checks.filter(({ holds }) => holds).length;
    return [
      exercise && `${exercise.right ? "Right" : "Not yet right"}.`,
      changed ? `${changed} ${changed > 1 ? "lines of the formula differ" : "line of the formula differs"} from the book’s.` : "The formula is the book’s.",
      checks.length && `${held} of ${checks.length} checks hold.`,
    ].filter(Boolean).join(" ");
  }

  #show(yours, book, typeset) {
    const title = (text) => make("p", { class: "live-title" }, text);
    const { formula, checks, exercise } = yours;
    const drawn = yours.javascript && book.javascript;
    if (drawn && !this.picture) this.picture = new Picture(FOLDER, this.rule.explorer, this.chapters[this.chapter].settings);
    this.results.classList.remove("live-old");
    this.results.hidden = false;
    this.results.replaceChildren(
      ...(exercise ? [this.#judged(exercise, typeset)] : []),
      title("Formula"),
      make("ol", { class: "live-formula" }, ...formula.map((line) => this.#line(line, typeset))),
      ...(checks.length ? [title("Checks on symbols"), make("ul", { class: "live-checks" }, ...checks.map((check) => this.#check(check, typeset)))] : []),
      title("Path"),
      drawn ? this.picture.element : make("p", {}, `There is none: ${yours.javascript_error ?? book.javascript_error}.`),
    );
    if (drawn && !checks.length) this.picture.show(book, yours); // once
  }

  #judged({ right, words }, typeset) {
    const said = fill(make("p"), words, typeset);
    said.prepend(make("span", { class: "live-sign", "aria-hidden": "true" }, right ? "✓ " : "✗ "));
    return make("div", { class: `live-judged ${right ? "live-right" : "live-wrong"}` }, said);
  }

  #line({ latex, changed }, typeset) {
    const formula = reachable(make("div", { class: "math" }, typeset(`\\displaystyle ${latex}`)));
    return make("li", { class: changed ? "live-changed" : null, "data-tex": latex }, ...(changed ? [make("span", { class: "live-mark" }, "changed")] : []), formula);
  }

  #check({ id, title, holds, words, book }, typeset) {
    const [mark, said] = holds === null ? ["–", "It cannot be asked"] : holds ? ["✓", "It holds"] : ["✗", "It fails"];
    const beside = holds === null || (book && holds) ? "" : book === holds ? ", as for the book’s rule" : `; for the book’s rule it ${book ? "holds" : "fails"}`;
    const more = words.startsWith(said) && !beside ? words.slice(said.length) : `${beside}.`;
    const rest = words.startsWith(said) ? "" : words;
    const item = make("li", { class: `live-${holds === null ? "open" : holds ? "holds" : "fails"}`, "data-id": id });
    item.append(make("span", { class: "live-sign", "aria-hidden": "true" }, mark));
    const text = make("div", {}, fill(make("p", { class: "live-name" }), title, typeset));
    text.firstChild.append(". ", make("span", { class: "live-said" }, `${said}${more}`));
    if (rest) text.append(fill(make("p", { class: "live-words" }), rest, typeset));
    item.append(reachable(text));
    return item;
  }
}

// Opened as a file, a page may load neither Python nor workers.
function refusal() {
  return location.protocol === "file:"
    ? "Python runs here once the pages come from a server. A browser lets a page that was opened as a file load none. In the folder of the pages, run “python3 -m http.server” and open the address that it prints."
    : null;
}

globalThis.openRule = async (place, given, whole = false) => {
  const words = refusal();
  if (words) {
    place.replaceChildren(make("p", { class: "live-refused" }, words));
    return;
  }
  const panel = new Panel(place, await catalogue, given, whole);
  if (!whole) panel.editor.view.focus();
};

const page = document.querySelector(".live-page");
if (page) {
  const open = async () => openRule(page, await read(location.hash.slice(1)), true);
  addEventListener("hashchange", open);
  open();
}
