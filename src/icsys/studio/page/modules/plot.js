// A plot of lines as inline SVG. Its points can be pressed, by pointer and by keyboard.

const SVG = "http://www.w3.org/2000/svg";
const WIDTH = 340;
const EDGE = { left: 62, right: 18, top: 12, bottom: 40 };
const SHADES = 6; // lines that differ in colour; further ones begin again
const REACH = 16; // how far from a point a click still presses it
const KEYS = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 };

/** Return a new element of SVG. */
export function drawn(name, attributes = {}, ...children) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

/** Return about so many round numbers between two. */
export function ticks(low, high, isLog = false, most = 5) {
  if (isLog) {
    const found = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power += 1) {
      for (const part of [1, 2, 5]) {
        const value = part * 10 ** power;
        if (value >= low * 0.999 && value <= high * 1.001) found.push(value);
      }
    }
    if (found.length >= 2) return found.filter((_, place) => place % Math.ceil(found.length / most) === 0);
  }
  const rough = (high - low) / most || 1;
  const unit = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((part) => part * unit).find((size) => size >= rough);
  const first = Math.ceil(low / step - 1e-9);
  const count = Math.floor(high / step + 1e-9) - first + 1;
  return Array.from({ length: count }, (_, place) => Number(((first + place) * step).toPrecision(12)));
}

/** Return a function from a value to its place between two ends. */
function scaleOf({ log = false, flip = false }, values, start, end) {
  const form = log ? Math.log : (value) => value;
  let [low, high] = [Math.min(...values), Math.max(...values)];
  if (!(high > low)) [low, high] = log ? [low / 1.5, high * 1.5] : [low - 0.5, high + 0.5];
  const [from, to] = [form(low), form(high)];
  const at = (value) => {
    const share = (form(value) - from) / (to - from);
    return start + (end - start) * (0.04 + 0.92 * (flip ? 1 - share : share));
  };
  return Object.assign(at, { low, high });
}

function axes(x, y, height, xAxis, yAxis) {
  const parts = [];
  const text = (content, attributes) => {
    const made = drawn("text", attributes);
    made.textContent = content;
    parts.push(made);
  };
  const bottom = height - EDGE.bottom;
  for (const value of ticks(x.low, x.high, xAxis.log, 4)) {
    parts.push(drawn("line", { class: "tick", x1: x(value), x2: x(value), y1: EDGE.top, y2: bottom }));
    text(xAxis.text(value), { x: x(value), y: bottom + 15, "text-anchor": "middle" });
  }
  for (const value of ticks(y.low, y.high, yAxis.log)) {
    parts.push(drawn("line", { class: "tick", x1: EDGE.left, x2: WIDTH - EDGE.right, y1: y(value), y2: y(value) }));
    text(yAxis.text(value), { x: EDGE.left - 5, y: y(value) + 4, "text-anchor": "end" });
  }
  const middle = (EDGE.top + bottom) / 2;
  text(xAxis.title, { class: "title", x: (EDGE.left + WIDTH - EDGE.right) / 2, y: height - 6, "text-anchor": "middle" });
  text(yAxis.title, { class: "title", transform: `translate(11 ${middle}) rotate(-90)`, "text-anchor": "middle" });
  return drawn("g", { class: "axes", "aria-hidden": "true" }, ...parts);
}

/** Return a point; with a `press` it is a button. */
function pointOf(point, x, y) {
  const parts = [];
  const spread = [[point.xLow, point.xHigh, true], [point.yLow, point.yHigh, false]];
  for (const [low, high, isWide] of spread) {
    if (low === undefined || low === high) continue;
    const ends = isWide
      ? { x1: x(low), x2: x(high), y1: y(point.y), y2: y(point.y) }
      : { x1: x(point.x), x2: x(point.x), y1: y(low), y2: y(high) };
    parts.push(drawn("line", { class: "spread", ...ends }));
  }
  const place = { cx: x(point.x), cy: y(point.y) };
  if (point.chosen) parts.push(drawn("circle", { class: "chosen", ...place, r: 8 }));
  parts.push(drawn("circle", { class: "dot", ...place, r: 4 }), drawn("circle", { class: "reach", ...place, r: 11 }));
  const title = drawn("title");
  title.textContent = point.name;
  const made = drawn("g", { class: "point" }, title, ...parts);
  if (!point.press) return made;
  for (const [key, value] of Object.entries({ role: "button", "aria-label": point.name, tabindex: "-1" })) {
    made.setAttribute(key, value);
  }
  return Object.assign(made, { press: point.press, at: [place.cx, place.cy] });
}

/** Press the point that is nearest to a click: a finger is wider than a point. */
function pressNearest(svg, buttons) {
  svg.addEventListener("click", (event) => {
    const own = buttons.find((button) => button.contains(event.target));
    const box = svg.getBoundingClientRect();
    const scale = WIDTH / box.width;
    const x = (event.clientX - box.left) * scale;
    const y = (event.clientY - box.top) * scale;
    const away = ({ at }) => Math.hypot(at[0] - x, at[1] - y);
    const nearest = own ?? buttons.toSorted((one, other) => away(one) - away(other))[0];
    if (nearest && (own || away(nearest) <= REACH)) nearest.press();
  });
}

/** Let one point at a time be reached by Tab, and the others by arrows. */
function steer(buttons, first) {
  buttons[Math.max(0, first)]?.setAttribute("tabindex", "0");
  buttons.forEach((button, place) => {
    button.addEventListener("keydown", (event) => {
      if (event.key === "Enter" || event.key === " ") button.press();
      else if (event.key in KEYS) {
        const other = buttons[(place + KEYS[event.key] + buttons.length) % buttons.length];
        for (const one of buttons) one.setAttribute("tabindex", one === other ? "0" : "-1");
        other.focus();
      } else return;
      event.preventDefault();
      event.stopPropagation();
    });
  });
}

/**
 * Return a plot.
 *
 * `name` is what a screen reader says. `x` and `y` are axes: { title, text: value => text, log, flip }. `lines` are
 * [{ name, points: [{ x, y, name, xLow, xHigh, yLow, yHigh, chosen, press }] }]; of a point, `x`, `y` and `name` are
 * needed. `limit` is a value of x that is marked.
 */
export function plot({ name, x: xAxis, y: yAxis, lines, limit, height = 240 }) {
  const points = lines.flatMap((line) => line.points);
  const xs = points.flatMap((point) => [point.x, point.xLow ?? point.x, point.xHigh ?? point.x]);
  const ys = points.flatMap((point) => [point.y, point.yLow ?? point.y, point.yHigh ?? point.y]);
  const x = scaleOf(xAxis, limit === undefined ? xs : [...xs, limit], EDGE.left, WIDTH - EDGE.right);
  const y = scaleOf(yAxis, ys, height - EDGE.bottom, EDGE.top);
  const svg = drawn("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${height}`, role: "group", "aria-label": name });
  svg.append(axes(x, y, height, xAxis, yAxis));
  if (limit !== undefined) {
    svg.append(drawn("line", { class: "limit", x1: x(limit), x2: x(limit), y1: EDGE.top, y2: height - EDGE.bottom }));
  }
  const buttons = [];
  lines.forEach((line, number) => {
    const path = line.points.map((point, place) => `${place ? "L" : "M"}${x(point.x)} ${y(point.y)}`).join("");
    const made = line.points.map((point) => pointOf(point, x, y));
    buttons.push(...made.filter((_, place) => line.points[place].press));
    svg.append(drawn("g", { class: `series shade-${number % SHADES}` }, drawn("path", { d: path }), ...made));
  });
  pressNearest(svg, buttons);
  const pressed = points.filter((point) => point.press);
  steer(buttons, pressed.findIndex((point) => point.chosen));
  return svg;
}
