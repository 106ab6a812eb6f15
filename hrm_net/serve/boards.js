// The boards: a grid of cells with one tab stop, in which arrow keys move. A board shows a puzzle and any state of it.

import { element } from "./chart.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class Board {
  /** `place`: the element to fill; `known`: what /api/puzzles tells; `edited()` is called after each key that edits. */
  constructor(place, known, edited) {
    this.place = place;
    this.rows = known.rows;
    this.columns = known.columns;
    this.edited = edited;
    this.givens = this.empty();
    place.className = known.name;
    place.replaceChildren();
    place.setAttribute("aria-rowcount", this.rows);
    place.setAttribute("aria-colcount", this.columns);
    place.style.gridTemplateColumns = `repeat(${this.columns}, minmax(0, 1fr))`;
    place.style.aspectRatio = `${this.columns} / ${this.rows}`;
    place.style.setProperty("--side", `${100 / this.columns}cqw`);
    this.cells = [];
    this.stops = [];
    for (let row = 0; row < this.rows; row++) {
      const line = document.createElement("div");
      line.className = "line";
      line.setAttribute("role", "row");
      for (let column = 0; column < this.columns; column++) {
        const cell = document.createElement("div");
        cell.setAttribute("role", "gridcell");
        const stop = this.build(cell, row, column);
        stop.tabIndex = this.cells.length ? -1 : 0;
        stop.dataset.at = this.cells.length;
        this.cells.push(cell);
        this.stops.push(stop);
        line.append(cell);
      }
      place.append(line);
    }
  }

  focus(at) {
    this.rove(at);
    this.stops[at].focus();
  }

  rove(at) {
    for (const stop of this.stops) if (stop.tabIndex === 0) stop.tabIndex = -1;
    this.stops[at].tabIndex = 0;
  }

  /** The cell that an event came from; -1: none. */
  cellOf(event) {
    const stop = event.target.closest?.("[data-at]");
    return stop ? Number(stop.dataset.at) : -1;
  }

  /** Moves by an arrow, Home or End; whether the key was one. */
  move(event) {
    const at = this.cellOf(event);
    if (at < 0 || event.altKey || event.metaKey) return false;
    let row = Math.floor(at / this.columns), column = at % this.columns;
    if (event.key in STEPS) {
      row = Math.min(this.rows - 1, Math.max(0, row + STEPS[event.key][0]));
      column = Math.min(this.columns - 1, Math.max(0, column + STEPS[event.key][1]));
    } else if (event.key === "Home") {
      column = 0;
      if (event.ctrlKey) row = 0;
    } else if (event.key === "End") {
      column = this.columns - 1;
      if (event.ctrlKey) row = this.rows - 1;
    } else {
      return false;
    }
    event.preventDefault();
    this.focus(row * this.columns + column);
    return true;
  }

  where(at) {
    return `row ${Math.floor(at / this.columns) + 1} column ${(at % this.columns) + 1}`;
  }

  set(at, symbol) {
    this.givens = this.givens.slice(0, at) + symbol + this.givens.slice(at + 1);
    this.edited();
  }
}

export class SudokuBoard extends Board {
  constructor(place, known, edited) {
    super(place, known, edited);
    this.symbols = known.symbols;
    this.box = known.box;
    this.cells.forEach((cell, at) => {
      const row = Math.floor(at / this.columns) + 1, column = (at % this.columns) + 1;
      cell.classList.add("cell");
      cell.classList.toggle("box-right", column % this.box[1] === 0);
      cell.classList.toggle("box-below", row % this.box[0] === 0);
      cell.classList.toggle("edge-right", column === this.columns);
      cell.classList.toggle("edge-below", row === this.rows);
    });
    this.keys = `Arrow keys move, ${this.symbols[0]} to ${this.symbols.at(-1)} fill in, Backspace empties, Enter solves.`;
    this.legend = [["given", "5", "given"], ["filled", "5", "filled in"], ["changed", "●", "changed in this segment"],
      ["broken", "×", "breaks a rule"]];
  }

  empty() {
    return ".".repeat(this.rows * this.columns);
  }

  build(cell) {
    const input = document.createElement("input");
    input.type = "text";
    input.inputMode = this.rows > 9 ? "text" : "numeric";
    input.autocomplete = "off";
    input.addEventListener("focus", () => this.rove(Number(input.dataset.at)));
    // what keys do not tell: the keyboards of phones
    input.addEventListener("input", () => {
      const typed = [...input.value].reverse().find((symbol) => this.reads(symbol) !== null && symbol !== input.dataset.shown);
      const at = Number(input.dataset.at);
      if (typed !== undefined) this.set(at, this.reads(typed));
      else if (input.value === "") this.set(at, ".");
      else input.value = input.dataset.shown;
    });
    cell.append(input);
    return input;
  }

  /** What a typed symbol means: a digit of the board or a blank; null: nothing. */
  reads(symbol) {
    if (".0_ ".includes(symbol)) return ".";
    return this.symbols.includes(symbol.toUpperCase()) ? symbol.toUpperCase() : null;
  }

  /** Edits by one key; whether it did. */
  type(event) {
    const at = this.cellOf(event);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const symbol = event.key === "Backspace" || event.key === "Delete" ? "." : event.key.length === 1 ? this.reads(event.key) : null;
    if (symbol === null) return false;
    event.preventDefault();
    this.set(at, symbol);
    return true;
  }

  click() {}

  normal(text) {
    const symbols = [...text.toUpperCase()].filter((symbol) => !/[\s|+-]/.test(symbol)).map((symbol) => ("0_".includes(symbol) ? "." : symbol));
    const wrong = symbols.find((symbol) => symbol !== "." && !this.symbols.includes(symbol));
    if (wrong) throw new Error(`“${wrong}” is no digit of this board: ${this.symbols} or a dot`);
    if (symbols.length !== this.rows * this.columns) throw new Error(`${symbols.length} cells: this board has ${this.rows * this.columns}`);
    return symbols.join("");
  }

  toText() {
    return this.givens;
  }

  show(grid = this.givens, previous = null, broken = null) {
    const breaks = new Set(broken ?? this.clashes());
    this.cells.forEach((cell, at) => {
      const given = this.givens[at] !== ".", symbol = grid[at] === "." ? "" : grid[at];
      const changed = previous !== null && previous[at] !== grid[at];
      cell.classList.toggle("given", given);
      cell.classList.toggle("changed", changed);
      cell.classList.toggle("broken", breaks.has(at));
      const input = this.stops[at];
      input.value = input.dataset.shown = symbol;
      const words = [symbol || "empty", symbol && (given ? "given" : "filled in"), changed && "changed", breaks.has(at) && "breaks a rule"];
      input.setAttribute("aria-label", `${this.where(at)}: ${words.filter(Boolean).join(", ")}`);
    });
  }

  /** Givens that their row, column or box holds twice. */
  clashes() {
    const seen = new Map(), found = new Set();
    [...this.givens].forEach((symbol, at) => {
      if (symbol === ".") return;
      const row = Math.floor(at / this.columns), column = at % this.columns;
      const box = `${Math.floor(row / this.box[0])},${Math.floor(column / this.box[1])}`;
      for (const unit of [`r${row}`, `c${column}`, `b${box}`]) {
        const key = `${unit} ${symbol}`;
        if (seen.has(key)) found.add(at).add(seen.get(key));
        seen.set(key, at);
      }
    });
    return found;
  }
}

const NAMES = { "#": "wall", ".": "free", S: "start", G: "goal", o: "path" };

export class MazeBoard extends Board {
  constructor(place, known, edited) {
    super(place, known, edited);
    this.over = element("svg", { class: "over", viewBox: `0 0 ${this.columns} ${this.rows}`, "aria-hidden": "true" });
    place.append(this.over);
    this.keys = "Arrow keys move, # or X builds a wall, Backspace clears, S and G set start and goal, Enter solves. A click builds or clears.";
    this.legend = [["path", "━", "the model’s path"], ["changed", "●", "changed in this segment"], ["broken", "×", "breaks the path"]];
  }

  empty() {
    return ".".repeat(this.rows * this.columns);
  }

  build(cell) {
    cell.classList.add("cell");
    cell.addEventListener("focus", () => this.rove(Number(cell.dataset.at)));
    return cell;
  }

  set(at, symbol) {
    // one start, one goal
    if (symbol === "S" || symbol === "G") this.givens = this.givens.replaceAll(symbol, ".");
    super.set(at, symbol);
  }

  type(event) {
    const at = this.cellOf(event);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const key = event.key.toUpperCase();
    const symbol = key === "#" || key === "X" ? "#" : ["BACKSPACE", "DELETE", ".", " "].includes(key) ? "." : key === "S" || key === "G" ? key : null;
    if (symbol === null) return false;
    event.preventDefault();
    this.set(at, symbol);
    return true;
  }

  click(event) {
    const at = this.cellOf(event);
    if (at >= 0 && "#.".includes(this.givens[at])) this.set(at, this.givens[at] === "#" ? "." : "#");
  }

  normal(text) {
    const lines = text.replaceAll("\r", "").replace(/^\n+|\n+$/g, "").split(/[\n/]/).map((line) => line.replaceAll(" ", ".").replaceAll(/x/gi, "#"));
    const cells = lines.join("");
    const wrong = [...cells].find((symbol) => !"#.SG".includes(symbol));
    if (wrong) throw new Error(`“${wrong}” is no cell of a maze: # or X (wall), a dot (free), S or G`);
    if (cells.length !== this.rows * this.columns || (lines.length > 1 && lines.some((line) => line.length !== this.columns))) {
      throw new Error(`this board has ${this.rows} rows of ${this.columns} cells`);
    }
    return cells;
  }

  toText() {
    return Array.from({ length: this.rows }, (_, row) => this.givens.slice(row * this.columns, (row + 1) * this.columns)).join("/");
  }

  show(grid = this.givens, previous = null, broken = null) {
    const cells = grid.replaceAll("/", ""), before = previous?.replaceAll("/", "") ?? null, breaks = new Set(broken ?? []);
    this.cells.forEach((cell, at) => {
      const changed = before !== null && before[at] !== cells[at];
      cell.classList.toggle("wall", this.givens[at] === "#");
      cell.classList.toggle("changed", changed);
      cell.classList.toggle("broken", breaks.has(at));
      const words = [NAMES[this.givens[at]], cells[at] !== this.givens[at] && `shown as ${NAMES[cells[at]]}`, changed && "changed", breaks.has(at) && "breaks the path"];
      cell.setAttribute("aria-label", `${this.where(at)}: ${words.filter(Boolean).join(", ")}`);
    });
    this.draw(cells, breaks);
  }

  draw(cells, breaks) {
    this.over.replaceChildren();
    const end = (at) => "SG".includes(this.givens[at]), on = (at) => cells[at] === "o" || end(at);
    const at = (row, column) => row * this.columns + column;
    for (const bad of [true, false]) {
      let ways = "";
      for (let row = 0; row < this.rows; row++) {
        for (let column = 0; column < this.columns; column++) {
          const here = at(row, column);
          if (!on(here)) continue;
          const next = [column + 1 < this.columns && at(row, column + 1), row + 1 < this.rows && at(row + 1, column)];
          for (const there of next) {
            if (there === false || !on(there) || (end(here) && end(there)) || (breaks.has(here) || breaks.has(there)) !== bad) continue;
            ways += `M${column + 0.5} ${row + 0.5}L${(there % this.columns) + 0.5} ${Math.floor(there / this.columns) + 0.5}`;
          }
          if (cells[here] === "o" && breaks.has(here) === bad && !bad) {
            this.over.append(element("circle", { class: "dot", cx: column + 0.5, cy: row + 0.5, r: 0.15 }));
          }
        }
      }
      this.over.append(element("path", { class: bad ? "way bad" : "way", d: ways }));
    }
    for (const here of breaks) {
      const x = (here % this.columns) + 0.5, y = Math.floor(here / this.columns) + 0.5;
      if (!end(here)) this.over.append(element("path", { class: "cross", d: `M${x - 0.28} ${y - 0.28}l.56 .56m0 -.56l-.56 .56` }));
    }
    [...this.givens].forEach((symbol, here) => {
      if (!"SG".includes(symbol)) return;
      const x = (here % this.columns) + 0.5, y = Math.floor(here / this.columns) + 0.5;
      this.over.append(element("circle", { class: `end ${symbol}`, cx: x, cy: y, r: 0.45 }), element("text", { x, y: y + 0.22 }, symbol));
    });
  }
}
