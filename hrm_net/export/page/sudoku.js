// Sudoku in token ids: padding 0, blank 1, digit d is d + 1. The words are those of puzzles/sudoku/domain.py.

const BLANK = 1;

export function read(about, text) {
  return [...text].map((symbol) => (symbol === about.blank ? BLANK : about.symbols.indexOf(symbol) + 2));
}

/** A cell that holds padding shows what the puzzle has there. */
export function write(about, inputs, state) {
  return state.map((token, at) => {
    const shown = token === 0 ? inputs[at] : token;
    return shown === BLANK ? about.blank : about.symbols[shown - 2];
  }).join("");
}

/** The first digit that a unit holds twice; "" where none does. */
export function fault(about, inputs) {
  return clashes(about, inputs)[0]?.words ?? "";
}

export function describe(about, inputs, state) {
  const lost = inputs.map((token, at) => token > BLANK && state[at] !== token), twice = clashes(about, state);
  const broken = new Set([...lost.keys()].filter((at) => lost[at]));
  for (const { cells } of twice) for (const at of cells) broken.add(at);
  const blanks = state.filter((token) => token <= BLANK).length, number = lost.filter(Boolean).length;
  const words = blanks ? [`${blanks} open`] : [];
  if (number) words.push(`${number} of the givens lost`);
  if (twice.length) words.push(twice[0].words + (twice.length > 1 ? ` and ${twice.length - 1} more clashes` : ""));
  const verdict = broken.size ? "broken: " : words.length ? "no rule broken, " : "solved";
  return { words: verdict + words.join(", "), broken: [...broken].sort((one, other) => one - other), solved: verdict === "solved" };
}

/** {words, cells} of each unit that holds a digit twice: rows, then columns, then boxes. `cells`: all that clash in it. */
function clashes(about, state) {
  return units(about).flatMap(({ name, cells }) => {
    const twice = cells.filter((at) => state[at] > BLANK && cells.some((other) => other !== at && state[other] === state[at]));
    if (!twice.length) return [];
    const digit = Math.min(...twice.map((at) => state[at]));
    return [{ words: `two ${about.symbols[digit - 2]}s in ${name}`, cells: twice }];
  });
}

function units({ rows: side, box: [height, width] }) {
  const all = Array.from({ length: side * side }, (_, at) => at), boxes = side / width;
  const kinds = {
    row: (at) => Math.floor(at / side),
    column: (at) => at % side,
    box: (at) => Math.floor(at / side / height) * boxes + Math.floor((at % side) / width),
  };
  return Object.entries(kinds).flatMap(([kind, unitOf]) =>
    Array.from({ length: side }, (_, unit) => ({ name: `${kind} ${unit + 1}`, cells: all.filter((at) => unitOf(at) === unit) })));
}
