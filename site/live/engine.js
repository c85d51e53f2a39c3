// Python in a worker: loaded once, asked one thing at a time, ended when it takes too long.
const PATIENCE = 10_000; // ms, for each part of an answer
const NOTHING = { error: null, formula: [], javascript: null, javascript_error: null, state: {}, hyperparameters: [], checks: [], exercise: null };

export class Engine {
  static seconds = PATIENCE / 1000;

  // told({loaded, total}) while files come.
  constructor(folder, told) {
    Object.assign(this, { folder, told, last: Promise.resolve() });
  }

  // Load Python, unless it is there or on its way.
  start() {
    return (this.started ??= this.#begin().catch((error) => {
      this.#end();
      throw error;
    }));
  }

  async #begin() {
    const { files, lock, pyodide, worker } = await (await fetch(new URL("files.json", this.folder))).json();
    for (const file of Object.values(files)) file.url = new URL(file.name, this.folder).href;
    // A worker of a blob is under the page's policy; one of an address would be under none.
    const code = `import ${JSON.stringify(new URL(worker, this.folder).href)}`;
    const url = URL.createObjectURL(new Blob([code], { type: "text/javascript" }));
    this.worker = new Worker(url, { type: "module" });
    await this.#ask({ folder: new URL(pyodide, this.folder).href, files, lock }, ({ ready }) => ready);
    URL.revokeObjectURL(url);
  }

  // Ask the worker, and wait for a message with which hear() is content.
  #ask(question, hear) {
    const { worker } = this;
    return new Promise((done, failed) => {
      worker.onerror = (event) => failed(new Error(event.message || "the worker did not start"));
      worker.onmessage = ({ data }) => {
        if (data.total) this.told(data);
        else if (data.failed) failed(new Error(data.failed));
        else if (hear(data)) done();
      };
      worker.postMessage(question);
    });
  }

  #end() {
    this.worker?.terminate();
    this.worker = this.started = undefined;
  }

  // What a text gives, when what was asked before is done: told(answer) as it grows, and then the
  // whole. `ended` is true where it took too long; then another Python is loaded at once.
  run(asked, told = () => {}) {
    return (this.last = this.last.catch(() => {}).then(() => this.#run(asked, told)));
  }

  async #run(asked, told) {
    await this.start();
    let answer = NOTHING;
    let timer, late;
    const ended = new Promise((done) => (late = () => done("ended")));
    const wait = () => {
      clearTimeout(timer);
      if (!asked.brief) timer = setTimeout(late, PATIENCE);
    };
    const heard = this.#ask(asked, ({ part, done }) => {
      if (part) {
        answer = { ...answer, ...part };
        told(answer);
        wait();
      }
      return done;
    });
    wait();
    try {
      if ((await Promise.race([heard, ended])) !== "ended") return answer;
      this.#end();
      this.start().catch(() => {}); // the next Run says why
      return { ...answer, ended: true };
    } catch (error) {
      this.#end();
      throw error;
    } finally {
      clearTimeout(timer);
    }
  }
}
