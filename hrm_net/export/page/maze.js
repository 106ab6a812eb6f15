// Mazes in token ids: padding 0, wall 1, free 2, start 3, goal 4, path 5. The words are those of puzzles/maze.

const WALL = 1, FREE = 2, START = 3, GOAL = 4, PATH = 5;
const SYMBOLS = "?#.SGo";

export function read(about, text) {
  return [...text.replaceAll("/", "")].map((symbol) => SYMBOLS.indexOf(symbol));
}

/** A cell that holds padding shows what the maze has there. */
export function write({ columns }, inputs, state) {
  const shown = state.map((token, at) => SYMBOLS[token === 0 ? inputs[at] : token]).join("");
  return Array.from({ length: state.length / columns }, (_, row) => shown.slice(row * columns, (row + 1) * columns)).join("/");
}

/** Why no path can be right, in words; "" where one can. */
export function fault(about, inputs) {
  for (const [token, name] of [[START, "start S"], [GOAL, "goal G"]]) {
    const found = inputs.flatMap((other, at) => (other === token ? [at] : []));
    if (!found.length) return `no ${name}`;
    const several = `${found.length === 2 ? "two" : found.length} ${name.replace(" ", "s ")}`;
    if (found.length > 1) return `${several}: ${place(about, found[0])} and ${place(about, found[1])}`;
  }
  if (moves(about, inputs) === null) {
    return `no path from S in ${place(about, inputs.indexOf(START))} to G in ${place(about, inputs.indexOf(GOAL))}`;
  }
  return "";
}

export function describe(about, inputs, state) {
  const { valid, marks } = check(about, inputs, state);
  if (valid) {
    const longer = marks + 1 - moves(about, inputs);
    const words = longer ? `valid, ${longer} move${longer > 1 ? "s" : ""} longer` : "solved";
    return { words, broken: [], solved: !longer };
  }
  const { astray, loose, joined } = brokenPath(about, inputs, state);
  const altered = inputs.map((token, at) => shownAs(state[at]) !== token || (state[at] === PATH && token !== FREE));
  const through = altered.filter((is, at) => is && inputs[at] === WALL && state[at] === PATH).length;
  const elsewhere = altered.filter(Boolean).length - through;
  const counts = [
    [!joined, state.includes(PATH) ? "no way from S to G" : "no path drawn"],
    [through, `${through} through walls`],
    [elsewhere, `${elsewhere} cells of the maze altered`],
    [astray.size, `${astray.size} astray`],
    [joined && loose.size, `${loose.size} in dead ends`],
  ];
  const words = `broken: ${counts.filter(([applies]) => applies).map(([, told]) => told).join(", ")}`;
  const same = inputs.every((token, at) => state[at] === token);
  const broken = same ? [] : inputs.flatMap((_, at) => (altered[at] || astray.has(at) || loose.has(at) ? [at] : []));
  return { words, broken, solved: false };
}

/** A state's cell without the path; ids that are not a cell count as free. */
const shownAs = (token) => (token < WALL || token >= PATH ? FREE : token);

const place = ({ columns }, at) => `row ${Math.floor(at / columns) + 1} column ${(at % columns) + 1}`;

function beside({ rows, columns }, at) {
  const row = Math.floor(at / columns), column = at % columns;
  return [
    row > 0 && at - columns, column + 1 < columns && at + 1, row + 1 < rows && at + columns, column > 0 && at - 1,
  ].filter((other) => other !== false);
}

/** Moves from the sources to each cell that `open(at)` lets them reach. */
function spread(about, sources, open) {
  const distance = new Map(sources.map((at) => [at, 0]));
  for (const at of distance.keys()) {
    for (const other of beside(about, at)) {
      if (!distance.has(other) && open(other)) distance.set(other, distance.get(at) + 1);
    }
  }
  return distance;
}

/** Moves of a shortest path; null where there is none. */
function moves(about, inputs) {
  return spread(about, [inputs.indexOf(START)], (at) => inputs[at] !== WALL).get(inputs.indexOf(GOAL)) ?? null;
}

/** Whether the maze is kept and its marks are one path without loose ends; how many marks there are. */
function check(about, inputs, state) {
  const marked = (at) => inputs[at] === START || inputs[at] === GOAL || state[at] === PATH;
  const marks = state.filter((token) => token === PATH).length;
  const kept = inputs.every((token, at) => shownAs(state[at]) === token);
  const reached = spread(about, [inputs.indexOf(START)], marked);
  const whole = reached.size === marks + 2 && [...reached.keys()].every(
    (at) => beside(about, at).filter((other) => reached.has(other)).length >= (inputs[at] === FREE ? 2 : 1));
  return { valid: kept && whole, marks };
}

/** Cells connected with neither S nor G, dead ends of the path, and whether S and G are connected. */
function brokenPath(about, inputs, state) {
  const drawn = new Set(inputs.flatMap((token, at) => (token === FREE && state[at] === PATH ? [at] : [])));
  const start = inputs.indexOf(START), goal = inputs.indexOf(GOAL);
  const marked = (at) => drawn.has(at) || at === start || at === goal;
  const held = spread(about, [start, goal], marked);
  const astray = new Set([...drawn].filter((at) => !held.has(at)));
  const joined = spread(about, [start], marked).has(goal);
  const loose = new Set();
  for (;;) {
    const more = [...drawn].filter((at) => held.has(at) && !loose.has(at)
      && beside(about, at).filter((other) => held.has(other) && !loose.has(other)).length < 2);
    for (const at of more) loose.add(at);
    if (!more.length || !joined) break; // all of a dead end is loose; of a path with a gap only what ends there
  }
  return { astray, loose, joined };
}
