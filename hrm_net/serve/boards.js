// The boards: a grid of cells with one tab stop, in which arrow keys move. A board shows a puzzle and any state of it.

import { element } from "./chart.js";

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] };

class Board {
  /** `place`: the element to fill; `known`: what /api/puzzles tells; `edited()` is called after each key that edits. */
  constructor(place, known, edited) {
    this.place = place;
    this.rows = known.rows;
    this.columns = known.columns;
    this.known = known;
    this.blank = known.blank;
    this.edited = edited;
    this.givens = this.empty();
    place.className = known.board;
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

  empty() {
    return this.blank.repeat(this.rows * this.columns);
  }

  /** The puzzle in requests and, line by line, in the text field. */
  toText() {
    return this.givens;
  }

  /** The same in the text field. */
  toField() {
    return this.toText().replaceAll("/", "\n");
  }

  /** The cells of an answer as a text. */
  toAnswer(grid) {
    return grid;
  }

  /** The puzzle in the address. */
  toAddress() {
    return encodeURIComponent(this.toText());
  }

  set(at, symbol) {
    this.givens = this.givens.slice(0, at) + symbol + this.givens.slice(at + 1);
    this.edited();
  }
}

/** Any kind of puzzle: each cell takes one of the symbols that the server names, or is empty. */
export class GridBoard extends Board {
  constructor(place, known, edited) {
    super(place, known, edited);
    this.symbols = known.symbols;
    this.cells.forEach((cell, at) => {
      const row = Math.floor(at / this.columns) + 1, column = (at % this.columns) + 1;
      cell.classList.add("cell");
      cell.classList.toggle("edge-right", column === this.columns);
      cell.classList.toggle("edge-below", row === this.rows);
    });
    const all = [...this.symbols], range = all.length > 4 ? `${all[0]} to ${all.at(-1)}` : all.join(" ");
    this.keys = `Arrow keys move, ${range} fill in, Backspace empties, Enter solves.`;
    this.legend = [["given", "5", "given"], ["filled", "5", "filled in"], ["changed", "●", "changed in this segment"],
      ["broken", "×", "breaks a rule"]];
    this.hint = `${this.rows} rows of ${this.columns}: ${range}; “${this.blank}” is an empty cell`;
  }

  build(cell) {
    const input = document.createElement("input");
    input.type = "text";
    input.inputMode = /^[0-9]*$/.test(this.known.symbols) ? "numeric" : "text";
    input.autocomplete = "off";
    input.addEventListener("focus", () => this.rove(Number(input.dataset.at)));
    // phones send no key events that tell the symbol
    input.addEventListener("input", () => {
      const typed = [...input.value].reverse().find((symbol) => this.reads(symbol) !== null && symbol !== input.dataset.shown);
      const at = Number(input.dataset.at);
      if (typed !== undefined) this.set(at, this.reads(typed));
      else if (input.value === "") this.set(at, this.blank);
      else input.value = input.dataset.shown;
    });
    cell.append(input);
    return input;
  }

  /** What a typed symbol means: a symbol of the board or its blank; null: nothing. */
  reads(symbol) {
    if (symbol === " " || symbol === this.blank) return this.blank;
    if (this.symbols.includes(symbol)) return symbol;
    return this.symbols.includes(symbol.toUpperCase()) ? symbol.toUpperCase() : null;
  }

  /** Edits by one key; whether it did. */
  type(event) {
    const at = this.cellOf(event);
    if (at < 0 || event.ctrlKey || event.metaKey || event.altKey) return false;
    const empties = event.key === "Backspace" || event.key === "Delete";
    const symbol = empties ? this.blank : event.key.length === 1 ? this.reads(event.key) : null;
    if (symbol === null) return false;
    event.preventDefault();
    this.set(at, symbol);
    return true;
  }

  click() {}

  /** The cells of a text; an error names a symbol that the board does not have, or another size. */
  normal(text) {
    const cells = this.cellsOf(text), symbols = cells.map((symbol) => this.reads(symbol));
    const wrong = cells.find((_, at) => symbols[at] === null);
    if (wrong) throw new Error(`“${wrong}” is not a symbol of this board: ${this.symbols} or ${this.blank}`);
    const wanted = this.rows * this.columns;
    if (symbols.length !== wanted) throw new Error(`The text has ${symbols.length} cells: this board has ${wanted}.`);
    return symbols.join("");
  }

  cellsOf(text) {
    return [...text].filter((symbol) => !/[\s/]/.test(symbol));
  }

  show(grid = this.givens, previous = null, broken = null) {
    const breaks = new Set(broken ?? this.clashes());
    this.cells.forEach((cell, at) => {
      const given = this.isGiven(at, grid), symbol = grid[at] === this.blank ? "" : grid[at];
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

  /** Whether a cell of a shown state belongs to the question. */
  isGiven(at, grid) {
    return this.givens[at] !== this.blank;
  }

  /** Givens that break a rule before anything is solved; only some boards can tell. */
  clashes() {
    return [];
  }
}

export class SudokuBoard extends GridBoard {
  constructor(place, known, edited) {
    super(place, known, edited);
    this.box = known.box;
    this.cells.forEach((cell, at) => {
      const row = Math.floor(at / this.columns) + 1, column = (at % this.columns) + 1;
      cell.classList.toggle("box-right", column % this.box[1] === 0);
      cell.classList.toggle("box-below", row % this.box[0] === 0);
    });
    this.hint = `${this.rows * this.columns} cells, dots for blanks`;
  }

  reads(symbol) {
    return "0_*?".includes(symbol) ? this.blank : super.reads(symbol);
  }

  cellsOf(text) {
    return super.cellsOf(text).filter((symbol) => !"|+-,".includes(symbol));
  }

  /** Givens that their row, column or box holds twice. */
  clashes() {
    const seen = new Map(), found = new Set();
    [...this.givens].forEach((symbol, at) => {
      if (symbol === this.blank) return;
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

const WIDEST = 16; // cells of a sequence beside each other

/** A table: a sequence, or a grid, that need not fill the board; white space that is a symbol is written visibly. */
export class TableBoard extends GridBoard {
  constructor(place, known, edited) {
    super(place, known, edited);
    place.className = "grid";
    if (this.rows === 1) {
      const columns = Math.min(this.columns, WIDEST);
      place.style.gridTemplateColumns = `repeat(${columns}, minmax(0, 1fr))`;
      place.style.aspectRatio = `${columns} / ${Math.ceil(this.columns / columns)}`;
      place.style.setProperty("--side", `${100 / columns}cqw`);
    }
    const size = this.rows === 1 ? `at most ${this.columns} symbols` : `at most ${this.rows} rows of ${this.columns}`;
    const symbols = this.symbols.length <= 40 ? this.symbols : `${this.symbols.slice(0, 40)}…`;
    this.hint = `${size}: ${symbols}`;
    this.keys = "Arrow keys move, symbols fill in, Backspace empties, Enter solves.";
    this.legend = this.legend.filter(([look]) => look !== "broken" || known.verifiable);
  }

  /** Upper and lower case are different symbols; a space is one where the table has it. */
  reads(symbol) {
    if (symbol === this.blank) return symbol;
    const seen = /\s/.test(symbol) ? "␣" : symbol;
    return this.symbols.includes(seen) ? seen : null;
  }

  cellsOf(text) {
    const lines = text.replaceAll("\r", "").replace(/^\n+|\n+$/g, "").split(this.rows === 1 ? "\n" : /[\n/]/);
    if (this.rows === 1) return [...lines.join("↵").trim().padEnd(this.columns, this.blank)];
    if (lines.length === 1 && lines[0].length === this.rows * this.columns) return [...lines[0]];
    if (lines.length > this.rows || lines.some((line) => line.length > this.columns)) {
      throw new Error(`The text does not fit: this board has at most ${this.rows} rows of ${this.columns} cells.`);
    }
    const rows = lines.map((line) => line.padEnd(this.columns, this.blank)).join("");
    return [...rows.padEnd(this.rows * this.columns, this.blank)];
  }

  lines() {
    return Array.from({ length: this.rows }, (_, row) => this.givens.slice(row * this.columns, (row + 1) * this.columns));
  }

  toField() {
    return this.rows === 1 ? this.trimmed(this.givens) : this.lines().join("\n");
  }

  toAnswer(grid) {
    return this.trimmed(grid);
  }

  trimmed(cells) {
    let end = cells.length;
    while (end > 0 && cells[end - 1] === this.blank) end--;
    return cells.slice(0, end);
  }

  toAddress() {
    return encodeURIComponent(this.toField().replaceAll("\n", "/"));
  }

  /** An answer may take any cell, and any symbol in it. */
  isGiven(at, grid) {
    return super.isGiven(at, grid) && grid[at] === this.givens[at];
  }
}

const NAMES = { "#": "wall", ".": "free", S: "start", G: "goal", o: "path" };

export class MazeBoard extends Board {
  constructor(place, known, edited) {
    super(place, known, edited);
    this.over = element("svg", { class: "over", viewBox: `0 0 ${this.columns} ${this.rows}`, "aria-hidden": "true" });
    place.append(this.over);
    this.keys = "Arrow keys move, # or X builds a wall, Backspace clears, S and G set start and goal, Enter solves. A click builds or clears.";
    this.hint = `${this.rows} rows of ${this.columns}: # walls, dots free, S, G`;
    this.legend = [["path", "━", "the model’s path"], ["changed", "●", "changed in this segment"], ["broken", "×", "breaks the path"]];
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
    const lines = text.replaceAll("\r", "").replace(/^\n+|\n+$/g, "").split(/[\n/]/).map((line) => line.replaceAll(" ", ".").replaceAll(/[x█]/gi, "#").replaceAll("E", "G"));
    const cells = lines.join("");
    const wrong = [...cells].find((symbol) => !"#.SG".includes(symbol));
    if (wrong) throw new Error(`“${wrong}” is not a cell of a maze: # or X (wall), a dot (free), S or G`);
    if (cells.length !== this.rows * this.columns || (lines.length > 1 && lines.some((line) => line.length !== this.columns))) {
      throw new Error(`This board has ${this.rows} rows of ${this.columns} cells.`);
    }
    return cells;
  }

  toText() {
    return Array.from({ length: this.rows }, (_, row) => this.givens.slice(row * this.columns, (row + 1) * this.columns)).join("/");
  }

  toAddress() {
    return this.toText().replaceAll("#", "X");
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
