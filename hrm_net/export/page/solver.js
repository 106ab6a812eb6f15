// A puzzle solved segment by segment, as hrm_net/serve/served.py does with PyTorch.

import * as maze from "./maze.js";
import * as sudoku from "./sudoku.js";

/** What each domain can: read(about, text) -> tokens; fault(about, inputs) -> words or ""; write(about, inputs, state) -> text;
 *  describe(about, inputs, state) -> {words, broken, solved}. */
export const DOMAINS = { sudoku, maze };

/** The answer to /api/solve of hrm-serve. `about`: the kind of puzzle, from puzzles.json; `session`: an InferenceSession;
 *  `Tensor`: its class of tensors. */
export async function solve(about, session, Tensor, { text, segments, think_on }) {
  const domain = DOMAINS[about.name];
  const inputs = domain.read(about, text), fault = domain.fault(about, inputs);
  if (fault) throw new Error(fault);
  const began = performance.now();
  const rows = new Tensor("int64", BigInt64Array.from(inputs, BigInt), [1, inputs.length]);
  let z_H = start(about, "H_init", Tensor), z_L = start(about, "L_init", Tensor);
  const shown = [];
  let halted_at = null, unchanged = 0, before = null;
  while (shown.length < segments && (halted_at === null || think_on)) {
    const out = await session.run({ inputs: rows, z_H, z_L });
    const state = argmax(out.logits), q_halt = out.q_halt.data[0], q_continue = out.q_continue.data[0];
    if (!Number.isFinite(q_halt)) throw new Error(`the model's halting values are not finite at segment ${shown.length + 1}`);
    unchanged = before !== null && state.every((token, at) => token === before[at]) ? unchanged + 1 : 0;
    const confidence = 1 / (1 + Math.exp(-q_halt));
    const residual = shown.length ? moved(z_H.data, out.next_z_H.data) : null;
    const { words, broken, solved } = domain.describe(about, inputs, state);
    shown.push({ grid: domain.write(about, inputs, state), confidence, residual, verdict: words, solved, broken });
    if (halted_at === null && stops(about.stop, { q_halt, q_continue, confidence, unchanged })) halted_at = shown.length;
    z_H = out.next_z_H;
    z_L = out.next_z_L;
    before = state;
  }
  const answered = shown[(halted_at ?? shown.length) - 1];
  return {
    puzzle: about.name, text: domain.write(about, inputs, inputs), answer: answered.grid, solved: answered.solved, halted_at,
    stop: about.stop, most: segments, seconds: (performance.now() - began) / 1000, segments: shown,
  };
}

/** Whether a stop rule ends the puzzle: q, q:P or unchanged:K, as in hrm_net/inference/stopping.py. */
function stops(rule, { q_halt, q_continue, confidence, unchanged }) {
  const [kind, bound] = rule.split(":");
  if (kind === "unchanged") return unchanged >= Number(bound);
  return bound === undefined ? q_halt > q_continue : confidence >= Number(bound);
}

/** The state that a puzzle starts from: the same vector in every place. */
function start(about, name, Tensor) {
  const vector = about.initial_state[name].flat(Infinity), shape = [1, ...about.state_shape];
  const values = new Float32Array(shape.reduce((product, size) => product * size, 1));
  for (let at = 0; at < values.length; at += vector.length) values.set(vector, at);
  return new Tensor("float32", values, shape);
}

function argmax({ data, dims: [, cells, size] }) {
  return Array.from({ length: cells }, (_, cell) => {
    let best = 0;
    for (let token = 1; token < size; token++) if (data[cell * size + token] > data[cell * size + best]) best = token;
    return best;
  });
}

/** How far the state moved, as a share of its length. */
function moved(before, after) {
  let change = 0, length = 0;
  for (let at = 0; at < after.length; at++) {
    change += (after[at] - before[at]) ** 2;
    length += after[at] ** 2;
  }
  return Math.sqrt(change / length);
}
