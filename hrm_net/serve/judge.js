// The page of the judge: two candidates for one puzzle, and what a judge says of them after each segment.

import { GridBoard, MazeBoard, SudokuBoard } from "./boards.js";
import { element, percent } from "./chart.js";
import * as client from "./client.js";

const BOARDS = { sudoku: SudokuBoard, maze: MazeBoard, grid: GridBoard };
const LEFT = 44, RIGHT = 10, TOP = 20, PLOT = 120;
const $ = (id) => document.getElementById(id);

let known = [], kind = null, boards = {}, asking = 0, result = null;

function say(words, error = false) {
  $("status").textContent = words;
  $("status").classList.toggle("error", error);
}

/** One request at a time: `ask()` makes it, and `then` is called with the answer unless another one was asked meanwhile. */
async function during(words, ask, then) {
  const mine = ++asking;
  say(words);
  try {
    const told = await ask();
    if (mine === asking) then(told);
  } catch (error) {
    if (mine === asking) say(error.message, true);
  }
}

function choose(name) {
  kind = known.find((one) => one.name === name);
  for (const side of ["first", "second"]) {
    boards[side] = new BOARDS[kind.board]($(`${side}-board`), kind, () => {});
    for (const stop of boards[side].stops) stop.readOnly = true;
  }
  $("level").replaceChildren(...kind.levels.map((level) => new Option(level.label, level.name)));
  $("model").textContent = `Judge: ${kind.model}. At most ${kind.segments} segments.`;
}

/** Shows the candidates of the text fields; cells in which they differ are marked. */
function refresh() {
  asking++;
  result = null;
  $("result").hidden = true;
  const texts = Object.fromEntries(["first", "second"].map((side) => [side, $(side).value.replaceAll(/\s/g, "")]));
  for (const side of ["first", "second"]) {
    boards[side].givens = boards[side].normal($("text").value);
    boards[side].show(texts[side], texts[side === "first" ? "second" : "first"]);
  }
}

function generate() {
  during("Looking for a pair …", () => client.makePair({ puzzle: kind.name, level: $("level").value }), (told) => {
    for (const key of ["text", "first", "second"]) $(key).value = told[key];
    refresh();
    say("A new pair: one can still come right, the other cannot. Marked cells differ.");
  });
}

function compare() {
  const body = { puzzle: kind.name, text: $("text").value, first: $("first").value, second: $("second").value };
  during("Thinking …", () => client.compare(body), (told) => {
    result = told;
    $("result").hidden = false;
    const segments = told.segments.length, halt = told.stopped_at === null ? `went on to the last of ${segments} segments` : `stopped after segment ${told.stopped_at}`;
    const alive = told.can_come_right, decided = alive.first !== alive.second, right = alive[told.verdict];
    const words = document.createElement("strong");
    words.className = decided && !right ? "bad" : "good";
    words.textContent = `The ${told.verdict} is better, by ${percent(told.confidence)}`;
    const truth = decided ? `The exact solver says: ${right ? "right" : "wrong"}.` : `The exact solver says: ${alive.first ? "both" : "neither"} can come right.`;
    $("verdict").replaceChildren(words, `; the judge ${halt}. ${truth}`);
    $("table").replaceChildren(...told.segments.map(tableRow));
    drawChart();
    say(`The ${told.verdict} is better; ${halt}.`);
  });
}

function tableRow(one, i) {
  const row = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row";
  head.textContent = i + 1;
  row.append(head);
  row.classList.toggle("halted", i + 1 === result.stopped_at);
  for (const share of [one.probability, one.halting]) row.insertCell().textContent = percent(share);
  return row;
}

function drawChart() {
  const width = Math.max(260, $("chart").clientWidth), shown = result.segments, step = (width - LEFT - RIGHT) / shown.length;
  const x = (segment) => LEFT + (segment - 0.5) * step, y = (share) => TOP + (1 - share) * PLOT;
  const label = shown.map((one, i) => `segment ${i + 1}: ${percent(one.probability)}`).join(", ");
  const svg = element("svg", { viewBox: `0 0 ${width} ${TOP + PLOT + 22}`, role: "img", "aria-label": `Probability that the first is better. ${label}` });
  for (const [share, words] of [[1, "first"], [0.5, "50 %"], [0, "second"]]) {
    svg.append(element("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y(share), y2: y(share) }));
    svg.append(element("text", { x: LEFT - 5, y: y(share) + 4, "text-anchor": "end" }, words));
  }
  svg.append(element("polyline", { class: "confidence", points: shown.map((one, i) => `${x(i + 1)},${y(one.probability)}`).join(" ") }));
  shown.forEach((one, i) => {
    svg.append(element("circle", { class: "confidence mark", cx: x(i + 1), cy: y(one.probability), r: 4 }));
    svg.append(element("text", { x: x(i + 1), y: TOP + PLOT + 16, "text-anchor": "middle" }, `${i + 1}`));
  });
  if (result.stopped_at !== null) {
    const stop = x(result.stopped_at);
    svg.append(element("line", { class: "halt", x1: stop, x2: stop, y1: TOP - 4, y2: TOP + PLOT }));
    svg.append(element("text", { class: "halts", x: stop, y: TOP - 8, "text-anchor": stop > width - 30 ? "end" : "middle" }, "stops"));
  }
  $("chart").replaceChildren(svg);
}

function listen() {
  $("kind").addEventListener("change", () => {
    choose($("kind").value);
    generate();
  });
  $("generate").addEventListener("click", generate);
  $("compare").addEventListener("click", compare);
  $("swap").addEventListener("click", () => {
    [$("first").value, $("second").value] = [$("second").value, $("first").value];
    refresh();
    say("Swapped.");
  });
  $("take").addEventListener("click", () => {
    try {
      refresh();
      say("Texts taken.");
    } catch (error) {
      say(error.message, true);
    }
  });
  for (const side of ["first", "second"]) $(`${side}-board`).addEventListener("keydown", (event) => boards[side].move(event));
  new ResizeObserver(() => result && drawChart()).observe($("chart"));
}

async function begin() {
  try {
    known = (await client.listJudges()).judges;
  } catch (error) {
    say(error.message, true);
    return;
  }
  document.documentElement.dataset.ready = "yes";
  if (!known.length) {
    say("No judge is served: start hrm-serve with --judge.", true);
    return;
  }
  $("kind").replaceChildren(...known.map((one) => new Option(`${one.title} ${one.rows}x${one.columns}`, one.name)));
  listen();
  choose(known[0].name);
  generate();
}

begin();
