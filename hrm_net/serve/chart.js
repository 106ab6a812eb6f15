// Confidence and residual over segments as one SVG, one above the other.

const NS = "http://www.w3.org/2000/svg";
const LEFT = 44, RIGHT = 10, PLOT = 72, TOP = 38, GAP = 34;

export function element(name, attributes = {}, text = "") {
  const made = document.createElementNS(NS, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text) made.textContent = text;
  return made;
}

/** Draws `result` of /api/solve with segment `at` (from 1) marked; `go(segment)` is called for a click on one. */
export function drawChart(place, result, at, go) {
  const width = Math.max(260, place.clientWidth), shown = result.segments;
  const columns = Math.max(result.most, shown.length), step = (width - LEFT - RIGHT) / columns;
  const x = (segment) => LEFT + (segment - 0.5) * step;
  const height = TOP + 2 * PLOT + GAP + 22, bottom = TOP + 2 * PLOT + GAP;
  const svg = element("svg", { viewBox: `0 0 ${width} ${height}`, role: "img", "aria-label": summary(result) });
  const residuals = shown.map((one) => one.residual).filter((value) => value !== null);
  const most = niceTop(Math.max(0.01, ...residuals));

  for (const [top, name, ticks] of [[TOP, "confidence", ["0", "100 %"]], [TOP + PLOT + GAP, "residual", ["0", `${most}`]]]) {
    if (shown.length < columns) {
      const start = LEFT + shown.length * step;
      svg.append(element("rect", { class: "idle", x: start, y: top, width: width - RIGHT - start, height: PLOT }));
    }
    svg.append(element("rect", { class: "here", x: x(at) - step / 2, y: top, width: step, height: PLOT }));
    for (const [share, label] of [[1, ticks[0]], [0, ticks[1]]]) {
      const y = top + share * PLOT;
      svg.append(element("line", { class: "axis", x1: LEFT, x2: width - RIGHT, y1: y, y2: y }));
      svg.append(element("text", { x: LEFT - 5, y: y + 4, "text-anchor": "end" }, label));
    }
    svg.append(element("text", { class: "name", x: LEFT, y: top - 7 }, name));
  }
  if (shown.length < columns && (columns - shown.length) * step > 90) {
    const middle = LEFT + ((shown.length + columns) / 2) * step;
    svg.append(element("text", { x: middle, y: TOP + PLOT / 2 + 4, "text-anchor": "middle" }, "not needed"));
  }
  line(svg, "confidence", shown.map((one, i) => [x(i + 1), TOP + (1 - one.confidence) * PLOT]), false);
  line(svg, "residual", shown.flatMap((one, i) =>
    one.residual === null ? [] : [[x(i + 1), TOP + PLOT + GAP + (1 - one.residual / most) * PLOT]]), true);

  if (result.halted_at !== null) {
    const halt = x(result.halted_at), end = halt > width - 30;
    svg.append(element("line", { class: "halt", x1: halt, x2: halt, y1: 16, y2: bottom }));
    svg.append(element("text", { class: "halts", x: end ? width : halt, y: 12, "text-anchor": end ? "end" : "middle" }, "halts"));
  }
  const every = columns > 24 ? 8 : columns > 12 ? 2 : 1;
  for (let segment = 1; segment <= columns; segment++) {
    if (segment === 1 || segment % every === 0) {
      svg.append(element("text", { x: x(segment), y: bottom + 16, "text-anchor": "middle" }, `${segment}`));
    }
  }
  shown.forEach((one, i) => {
    const hit = element("rect", { class: "hit", x: x(i + 1) - step / 2, y: 0, width: step, height });
    hit.append(element("title", {}, `segment ${i + 1}`));
    hit.addEventListener("click", () => go(i + 1));
    svg.append(hit);
  });
  place.replaceChildren(svg);
}

function line(svg, name, points, square) {
  svg.append(element("polyline", { class: name, points: points.map((point) => point.join(",")).join(" ") }));
  for (const [x, y] of points) {
    svg.append(square ? element("rect", { class: `${name} mark`, x: x - 3.5, y: y - 3.5, width: 7, height: 7 })
      : element("circle", { class: `${name} mark`, cx: x, cy: y, r: 4 }));
  }
}

function niceTop(value) {
  const power = 10 ** Math.floor(Math.log10(value));
  return Number((Math.ceil(value / power) * power).toPrecision(2));
}

function summary(result) {
  const last = result.segments.at(-1);
  const halt = result.halted_at === null ? "it does not halt by itself" : `it halts at segment ${result.halted_at}`;
  return `Confidence and residual over ${result.segments.length} segments: confidence ends at ${percent(last.confidence)}; ${halt}.`;
}

export function percent(share) {
  const value = 100 * share;
  return `${value >= 99.95 && value < 100 ? ">99.9" : value.toFixed(value < 99 ? 0 : 1)} %`;
}

/** A residual in few digits; the first segment has none. */
export function moved(residual) {
  if (residual === null) return "–";
  return residual < 0.001 ? "<0.001" : residual.toPrecision(2);
}
