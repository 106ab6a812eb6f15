// Runs the models with onnxruntime-web, apart from the page, so that the page answers while a model thinks.

import * as ort from "./onnxruntime-web/ort.wasm.min.js";
import { solve } from "./solver.js";

const FOLDER = new URL("onnxruntime-web/", import.meta.url).href;
ort.env.wasm.wasmPaths = { mjs: `${FOLDER}ort-wasm-simd-threaded.js`, wasm: `${FOLDER}ort-wasm-simd-threaded.wasm` };
ort.env.wasm.numThreads = 1; // more need headers that an ordinary file server does not send

const loaded = new Map();
let described = null;

async function file(name) {
  const answer = await fetch(new URL(name, import.meta.url)).catch(() => ({ ok: false, status: "nothing" }));
  if (!answer.ok) throw new Error(`${name}: the file server answers ${answer.status}`);
  return answer;
}

/** {about, session} of a kind of puzzle; a model that could not be loaded is tried again. */
function load(name) {
  if (!loaded.has(name)) {
    const loading = open(name);
    loading.catch(() => loaded.delete(name));
    loaded.set(name, loading);
  }
  return loaded.get(name);
}

async function open(name) {
  described ??= (await (await file("puzzles.json")).json()).puzzles;
  const about = described.find((one) => one.name === name);
  const model = new Uint8Array(await (await file(about.file)).arrayBuffer());
  return { about, session: await ort.InferenceSession.create(model, { executionProviders: ["wasm"] }) };
}

async function answer(question) {
  const { about, session } = await load(question.puzzle);
  return question.kind === "load" ? null : solve(about, session, ort.Tensor, question);
}

// One puzzle at a time: a session computes one segment at a time.
let last = Promise.resolve();
addEventListener("message", ({ data: question }) => {
  const told = question.kind === "load" ? answer(question) : last.then(() => answer(question));
  if (question.kind !== "load") last = told.catch(() => {});
  told.then(
    (found) => postMessage({ number: question.number, told: found }),
    (error) => postMessage({ number: question.number, error: String(error?.message ?? error).split("\n")[0] }),
  );
});
