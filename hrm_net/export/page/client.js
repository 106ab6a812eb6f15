// What the page asks for, answered in the browser: puzzles from puzzles.json, solutions from the worker that runs the model.
// The same functions as in the client of hrm-serve; see there what they return.

const PATIENCE_MS = 150;
const questions = new Map(), loading = new Map(), drawn = new Map();
let described = null, asked = 0, worker = null;

/** The list of puzzles; an error names the file. */
export async function listPuzzles() {
  const answer = await fetch("puzzles.json").catch(() => ({ ok: false, status: "nothing" }));
  if (!answer.ok) throw new Error(`puzzles.json: the file server answers ${answer.status}`);
  described = await answer.json();
  return described;
}

/** Loads the model of this kind of puzzle. What goes wrong is told when something is solved. */
export function prepare(name) {
  load(name).catch(() => {});
}

function load(name) {
  if (!loading.has(name)) {
    loading.set(name, send({ kind: "load", puzzle: name }));
    loading.get(name).catch(() => loading.delete(name));
  }
  return loading.get(name);
}

/** One of the puzzles that were generated for this page; none comes twice before all have come. */
export async function generate({ puzzle, level }) {
  const all = described.puzzles.find((one) => one.name === puzzle).generated[level];
  const key = `${puzzle} ${level}`;
  if (!drawn.get(key)?.length) drawn.set(key, all.map((_, i) => i));
  const left = drawn.get(key);
  const [chosen] = left.splice(Math.floor(Math.random() * left.length), 1);
  return { puzzle, text: all[chosen] };
}

/** What the model answers after each segment. */
export async function solve(question, say) {
  const waiting = setTimeout(() => say("Loading the model …"), PATIENCE_MS);
  await load(question.puzzle).finally(() => clearTimeout(waiting));
  say("Thinking …");
  return send({ kind: "solve", ...question });
}

function send(question) {
  worker ??= start();
  const number = ++asked;
  return new Promise((resolve, reject) => {
    questions.set(number, { resolve, reject });
    worker.postMessage({ number, ...question });
  });
}

function start() {
  const made = new Worker(new URL("worker.js", import.meta.url), { type: "module" });
  made.addEventListener("message", ({ data }) => {
    const question = questions.get(data.number);
    questions.delete(data.number);
    return data.error ? question.reject(new Error(data.error)) : question.resolve(data.told);
  });
  made.addEventListener("error", (event) => {
    event.preventDefault();
    for (const { reject } of questions.values()) reject(new Error(`the worker ended: ${event.message ?? "worker.js cannot be loaded"}`));
    questions.clear();
    loading.clear();
    worker = null;
  });
  return made;
}
