// The page: asks its client for puzzles and solutions, and steps through the segments.
// The address holds the puzzle: #sudoku=53..7... or #maze=S.X/..X/X.G (X: a wall).

import { GridBoard, MazeBoard, SudokuBoard, TableBoard } from "./boards.js";
import { drawChart, moved, percent } from "./chart.js";
import * as client from "./client.js";

const BOARDS = { sudoku: SudokuBoard, maze: MazeBoard, grid: GridBoard, table: TableBoard };
const PLAY_MS = 600;
const $ = (id) => document.getElementById(id);

let known = [], board = null, kind = null;
let result = null, at = 1, playing = 0, asking = 0;

function say(words, error = false) {
  $("status").textContent = words;
  $("status").classList.toggle("error", error);
}

/** One request at a time: `ask(say)` makes it, and `then` is called with the answer unless the puzzle changed meanwhile. */
async function during(words, ask, then) {
  const mine = ++asking;
  say(words);
  $("board").classList.add("busy");
  for (const id of ["solve", "generate"]) $(id).setAttribute("aria-disabled", "true");
  try {
    const told = await ask((more) => mine === asking && say(more));
    if (mine === asking) then(told);
  } catch (error) {
    if (mine === asking) say(error.message, true);
  } finally {
    if (mine === asking) settle();
  }
}

function settle() {
  $("board").classList.remove("busy");
  for (const id of ["solve", "generate"]) $(id).removeAttribute("aria-disabled");
}

/** The puzzle changed: what was solved is no longer shown, what is asked no longer awaited. */
function forget() {
  asking++;
  settle();
  stop();
  result = null;
  $("result").hidden = true;
  $("puzzle-heading").textContent = "Puzzle";
}

function choose(name) {
  forget();
  kind = known.find((one) => one.name === name);
  board = new BOARDS[kind.board]($("board"), kind, edited);
  $("board").setAttribute("aria-label", `${kind.title}, ${kind.rows} rows, ${kind.columns} columns`);
  $("board-keys").textContent = board.keys;
  $("legend").replaceChildren(...board.legend.map(([look, sample, words]) => {
    const item = document.createElement("li"), mark = document.createElement("b");
    item.className = look;
    mark.textContent = sample;
    mark.setAttribute("aria-hidden", "true");
    item.append(mark, words);
    return item;
  }));
  $("level").replaceChildren(...kind.levels.map((level) => new Option(level.label, level.name)));
  for (const part of document.querySelectorAll("#level, #generate, label[for=level]")) part.hidden = !kind.levels.length;
  $("text-label").textContent = board.hint;
  $("model").textContent = `Model: ${kind.model}. It stops by the rule ${kind.stop}.`;
  for (const radio of document.querySelectorAll("#kinds input")) radio.checked = radio.value === name;
  client.prepare(name);
  refresh();
}

/** Shows the puzzle itself, and writes it into the address and the text field. */
function refresh() {
  board.show();
  $("text").value = board.toField();
  const blank = board.givens === board.empty();
  const address = blank ? `#${kind.name}=` : `#${kind.name}=${board.toAddress()}`;
  if (address !== location.hash) history.replaceState(null, "", address);
}

function edited() {
  const solved = result !== null;
  forget();
  refresh();
  say(solved ? "Back to the puzzle." : "");
}

function take(text) {
  board.givens = board.normal(text);
  forget();
  refresh();
}

function fromAddress() {
  const [, name, text] = /^#(\w+)=(.*)$/s.exec(location.hash) ?? [];
  if (!name) return false;
  if (!known.some((one) => one.name === name)) {
    say(`The address asks for ${name}, which no model here solves.`, true);
    return false;
  }
  if (kind?.name !== name) choose(name);
  if (text === "") return true;
  try {
    take(decodeURIComponent(text));
    say("Puzzle taken from the address.");
  } catch (error) {
    say(`The address holds no puzzle: ${error.message}`, true);
  }
  return true;
}

function solve() {
  if ($("solve").hasAttribute("aria-disabled")) return;
  stop();
  const body = { puzzle: kind.name, text: board.toText(), think_on: $("think-on").checked, segments: kind.segments };
  during("Thinking …", (tell) => client.solve(body, tell), (told) => {
    result = told;
    $("result").hidden = false;
    if (matchMedia("(max-width: 52rem)").matches) $("puzzle").scrollIntoView({ block: "start" });
    $("segment").max = told.segments.length;
    $("table").replaceChildren(...told.segments.map(tableRow));
    const halt = told.halted_at === null ? `not halted within ${told.most} segments` : `halted at segment ${told.halted_at}`;
    const words = document.createElement("strong"), answer = board.toAnswer(told.answer);
    words.className = told.solved === null ? "" : told.solved ? "good" : "bad";
    words.textContent = told.solved === null ? `Answer: ${answer}` : told.solved ? "✓ Solved by the rules" : "✗ Not solved";
    $("verdict").replaceChildren(words, `, ${halt}, ${told.seconds < 1 ? `${Math.round(1000 * told.seconds)} ms` : `${told.seconds.toFixed(1)} s`}.`);
    say(`${told.solved === null ? `Answer ${answer}` : told.solved ? "Solved" : "Not solved"}, ${halt}.`);
    if (matchMedia("(prefers-reduced-motion: reduce)").matches) go(told.segments.length);
    else play();
  });
}

function changedAt(segment) {
  const before = segment === 1 ? board.toText() : result.segments[segment - 2].grid, now = result.segments[segment - 1].grid;
  return [before, [...now].filter((symbol, i) => symbol !== before[i]).length];
}

function tableRow(one, i) {
  const row = document.createElement("tr"), head = document.createElement("th");
  head.scope = "row";
  head.textContent = i + 1;
  row.append(head);
  row.classList.toggle("halted", i + 1 === result.halted_at);
  for (const words of [percent(one.confidence), moved(one.residual), changedAt(i + 1)[1], one.verdict]) {
    row.insertCell().textContent = words;
  }
  return row;
}

/** Shows a segment; `aloud` tells it to screen readers as well. */
function go(segment, aloud = false) {
  if (!result) return;
  at = Math.min(result.segments.length, Math.max(1, segment));
  const one = result.segments[at - 1], [before] = changedAt(at), residual = moved(one.residual);
  board.show(one.grid, before, one.broken);
  $("segment").value = at;
  $("puzzle-heading").textContent = `Segment ${at} of ${result.segments.length}`;
  $("now").textContent = `${at} of ${result.segments.length}`;
  $("confidence").textContent = percent(one.confidence);
  $("residual").textContent = residual;
  $("judged").textContent = one.verdict;
  $("segment").setAttribute("aria-valuetext", `segment ${at} of ${result.segments.length}, confidence ${percent(one.confidence)}, ${one.verdict}`);
  for (const id of ["first", "previous"]) $(id).setAttribute("aria-disabled", at === 1);
  for (const id of ["next", "last"]) $(id).setAttribute("aria-disabled", at === result.segments.length);
  drawChart($("chart"), result, at, step);
  if (aloud) say(`Segment ${at}: confidence ${percent(one.confidence)}, residual ${residual}, ${one.verdict}.`);
}

/** As `go`, by hand: ends playing. */
function step(segment) {
  stop();
  go(segment, true);
}

function play() {
  stop();
  go(1);
  $("play").textContent = "Pause";
  playing = setInterval(() => {
    if (at < result.segments.length) go(at + 1);
    if (at === result.segments.length) stop();
  }, PLAY_MS);
}

function stop() {
  clearInterval(playing);
  playing = 0;
  $("play").textContent = "Play";
}

function listen() {
  $("solve").addEventListener("click", solve);
  $("generate").addEventListener("click", () => {
    if ($("generate").hasAttribute("aria-disabled")) return;
    during("Generating …", () => client.generate({ puzzle: kind.name, level: $("level").value }), (told) => {
      take(told.text);
      say("A new puzzle.");
    });
  });
  $("clear").addEventListener("click", () => {
    board.givens = board.empty();
    edited();
    say("Empty board.");
  });
  $("link").addEventListener("click", () => {
    const copied = navigator.clipboard?.writeText(location.href) ?? Promise.reject(new Error());
    copied.then(() => say("Link copied."), () => say("The link is in the address bar."));
  });
  $("take").addEventListener("click", () => {
    try {
      take($("text").value);
      say("Text taken.");
    } catch (error) {
      say(error.message, true);
    }
  });
  $("first").addEventListener("click", () => step(1));
  $("previous").addEventListener("click", () => step(at - 1));
  $("next").addEventListener("click", () => step(at + 1));
  $("last").addEventListener("click", () => step(Infinity));
  $("play").addEventListener("click", () => (playing ? stop() : play()));
  $("segment").addEventListener("input", () => step(Number($("segment").value)));
  $("board").addEventListener("click", (event) => board.click(event));
  $("board").addEventListener("keydown", (event) => {
    if (event.key === "Enter") solve();
    else if (!board.move(event)) board.type(event);
  });
  $("board").addEventListener("paste", (event) => {
    event.preventDefault();
    try {
      take(event.clipboardData.getData("text"));
      say("Puzzle pasted.");
    } catch (error) {
      say(error.message, true);
    }
  });
  document.querySelector("main").addEventListener("keydown", (event) => {
    if (!result || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches("textarea, select")) return;
    if (event.key !== "n" && event.key !== "p") return;
    event.preventDefault();
    step(at + (event.key === "n" ? 1 : -1));
  });
  addEventListener("hashchange", fromAddress);
  new ResizeObserver(() => result && drawChart($("chart"), result, at, step)).observe($("chart"));
}

async function begin() {
  try {
    const told = await client.listPuzzles();
    known = told.puzzles;
    $("judges").hidden = !told.judges;
  } catch (error) {
    say(error.message, true);
    return;
  }
  $("kinds").replaceChildren(...known.map((one) => {
    const label = document.createElement("label"), radio = document.createElement("input");
    radio.type = "radio";
    radio.name = "kind";
    radio.value = one.name;
    radio.addEventListener("change", () => {
      choose(one.name);
      say("");
    });
    label.append(radio, one.title);
    return label;
  }));
  $("kinds").hidden = known.length < 2;
  listen();
  if (!fromAddress()) {
    const words = $("status").textContent;
    choose(known[0].name);
    say(words || (kind.levels.length ? "Type a puzzle, or generate one." : "Type a puzzle."), words !== "");
  }
  document.documentElement.dataset.ready = "yes";
}

begin();
