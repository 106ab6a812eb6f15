// What the page asks for, answered by the server that it came from. A page without a server (hrm-export page) has another
// module in this place, with the same functions. Each returns a promise; an Error's message is one line for the user.

async function ask(path, body) {
  const asked = body === undefined ? {} : { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
  let answer;
  try {
    answer = await fetch(path, asked);
  } catch {
    throw new Error("the server does not answer; is hrm-serve still running?");
  }
  const told = await answer.json().catch(() => ({ error: `the server answers ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error);
  return told;
}

/** {puzzles, max_segments, judges}: which kinds of puzzles there are, and how to show them. */
export const listPuzzles = () => ask("api/puzzles");

/** A kind of puzzle was chosen: what solving it needs may be loaded. The server has loaded all. */
export function prepare(name) {}

/** {puzzle, level} -> {text}. */
export const generate = (asked) => ask("api/generate", asked);

/** {puzzle, text, segments, think_on} -> {segments, answer, solved, halted_at, most, seconds}. `say(words)` may be called
 *  while it takes long. */
export const solve = (asked, say) => ask("api/solve", asked);

/** {judges}. */
export const listJudges = () => ask("api/judges");

/** {puzzle, level} -> {text, first, second}. */
export const makePair = (asked) => ask("api/pair", asked);

/** {puzzle, text, first, second} -> {segments, verdict, confidence, stopped_at, can_come_right}. */
export const compare = (asked) => ask("api/compare", asked);
