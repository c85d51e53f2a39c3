// The worker in which a rule's step runs that Python wrote as JavaScript. No page has the right to
// make a function of a text; here, where there is no page, it is made of arithmetic only.
importScripts("../explorer/rules.js", "../explorer/run.js", "operations.js");

const WORD = /[\p{L}_$][\p{L}\p{N}_$]*/gu;
const KNOWN = new Set(["const", "return", "function", "p", "g", "s", "t", "i", "_", "hyper", "map", "Math", "Infinity"]);
for (const name of [...Object.getOwnPropertyNames(Math), ...Object.keys(operations)]) KNOWN.add(name);

// Whether a step has no words but those of arithmetic and its own.
function isArithmetic(text, own) {
  const given = [...text.matchAll(/\b(?:const|function) ([\p{L}_$][\p{L}\p{N}_$]*)/gu)].map((found) => found[1]);
  const names = new Set([...own, ...given]);
  for (const name of names) if (name in globalThis || name in [] || name in isArithmetic) return false;
  const words = text.match(WORD) ?? [];
  return !/["'`\\]/.test(text) && words.every((word) => KNOWN.has(word) || names.has(word) || /^e\d*$/.test(word));
}

function stepOf({ javascript, state, hyperparameters }) {
  const text = javascript.replace(/^\s*\/\/.*$/gm, "").trim();
  const own = [...Object.keys(state), ...hyperparameters.map(({ name }) => name)];
  if (!isArithmetic(text, own)) throw new Error("a value of the rule has a name that JavaScript keeps for itself");
  return Function(...Object.keys(operations), `"use strict"; return ${text}`)(...Object.values(operations));
}

addEventListener("message", ({ data: { number, rules, setting } }) => {
  try {
    const landscape = explorerData.landscapes[setting.landscape];
    const { T, c, seed } = setting;
    const given = { ...setting, landscape, rates: Array(T).fill(1), noise: landscape.noise ? explorerRun.normals(seed, 2 * T) : undefined };
    const results = rules.map(({ answer, id, hyper }) => {
      const optimizer = { step: stepOf(answer), init: Object.keys(answer.state), constants: {} };
      const data = { ...explorerData, optimizers: { [id]: optimizer } };
      return explorerRun.run(data, id, { ...given, hyper });
    });
    postMessage({ number, results });
  } catch (error) {
    postMessage({ number, failed: error.message });
  }
});
