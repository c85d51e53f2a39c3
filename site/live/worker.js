// The worker in which the reader's text runs: Python, and nothing of the page. It is a child of the
// page's policy, so that no text in it can ask another host for anything.
import { loadPyodide } from "pyodide";

let answer;

// The bytes of a file that was compressed at the build; counted(n) is told of each part.
async function unpacked({ url }, counted) {
  const answer = await fetch(url, { cache: "force-cache" }); // its name has the hash of its content
  if (!answer.ok) throw new Error(`${answer.status} ${url}`);
  const counting = new TransformStream({
    transform(part, out) {
      counted(part.length);
      out.enqueue(part);
    },
  });
  const stream = answer.body.pipeThrough(counting).pipeThrough(new DecompressionStream("gzip"));
  return new Uint8Array(await new Response(stream).arrayBuffer());
}

async function start({ folder, files, lock }) {
  const total = Object.values(files).reduce((sum, { size }) => sum + size, 0);
  let loaded = 0;
  const counted = (n) => postMessage({ loaded: (loaded += n), total });
  const [wasm, library, package_] = ["wasm", "python", "optlab"].map((name) => unpacked(files[name], counted));
  // Pyodide asks for two files by name: they are on their way.
  const ask = fetch;
  globalThis.fetch = (url, ...rest) => {
    const name = String(url).split("/").at(-1);
    if (name === "pyodide.asm.wasm") return wasm.then((data) => new Response(data, { headers: { "Content-Type": "application/wasm" } }));
    if (name === "python_stdlib.zip") return library.then((data) => new Response(data));
    return ask(url, ...rest);
  };
  const python = await loadPyodide({
    indexURL: folder,
    lockFileContents: lock,
    packageBaseUrl: folder,
    stdout: () => {}, // what the reader's text prints
    stderr: () => {},
  });
  python.FS.writeFile("/optlab.zip", await package_);
  answer = python.runPython(`
import json, sys
sys.path.insert(0, "/optlab.zip")
from optlab import live
lambda *given: map(json.dumps, live.parts(*given))
`);
}

addEventListener("message", async ({ data }) => {
  try {
    if (data.files) {
      await start(data);
      postMessage({ ready: true });
      return;
    }
    const parts = answer(data.source, data.rule, data.chapter, data.exercise);
    for (const part of parts) {
      postMessage({ part: JSON.parse(part) });
      if (data.brief) break;
    }
    parts.destroy();
    postMessage({ done: true });
  } catch (error) {
    postMessage({ failed: String(error.message ?? error) });
  }
});
