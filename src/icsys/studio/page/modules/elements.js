// Elements of the page, and texts for people.

export const byId = (id) => document.getElementById(id);

/** Return a new element with properties, attributes (names with a dash, `role`) and children. */
export function element(name, properties = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (key.includes("-") || key === "role" || key === "for" || key === "list") made.setAttribute(key, value);
    else made[key] = value;
  }
  made.append(...children.filter((child) => child !== null));
  return made;
}

/** Return the parts of a path: each in the direction of its own writing, in the order of the path. */
export const pathParts = (path) =>
  path
    .split(/([/\\])/)
    .filter(Boolean)
    .map((part) => (part === "/" || part === "\\" ? part : element("bdi", { textContent: part })));

/** Return a path in a line of text. */
export const pathOf = (path, id = "") => element("bdi", { className: "path", dir: "ltr", id }, ...pathParts(path));

const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufeff]/;

/** Return a path for a title, which holds text alone: marks keep its parts in their order. */
export const pathTitle = (path) =>
  RIGHT_TO_LEFT.test(path) ? path.split("/").map((part) => `\u2068${part}\u2069`).join("/") : path;

const UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Return a number of bytes as people write it: 5.96 kB. */
export function bytesText(bytes) {
  let unit = 0;
  while (bytes >= 999.5 && unit < UNITS.length - 1) {
    bytes /= 1000;
    unit += 1;
  }
  return `${unit ? bytes.toPrecision(3) : Math.round(bytes)} ${UNITS[unit]}`;
}

/** Return how many times smaller, or larger, bytes have become: { times: "9.18", word: "smaller" }. */
export function changeOf(before, after) {
  const isLarger = after > before;
  const times = (isLarger ? after / before : before / after).toPrecision(3);
  return { times, word: isLarger ? "larger" : "smaller" };
}

/** Say that a run keeps to a number of bytes; an empty text without one. */
export function budgetText(limit) {
  if (limit === undefined || limit === null) return "";
  return `The run keeps to ${typeof limit === "number" ? roundText(limit) : limit}: it chooses what is left open by itself.`;
}

/** Return a round number of bytes without what says that it is exact: 5 MB. */
export const roundText = (bytes) => bytesText(bytes).replace(/\.0+(?= )/, "");

export const secondsText = (seconds) =>
  seconds < 0.0005 ? "< 1 ms" : seconds < 1 ? `${Math.round(seconds * 1000)} ms` : seconds < 100 ? `${seconds.toPrecision(2)} s` : `${Math.round(seconds)} s`;

/** Return a longer time as people say it: 42 s, 3 min, 2.5 h. */
export function durationText(seconds) {
  if (seconds < 100) return seconds < 1 ? "less than 1 s" : `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  return seconds < 172800 ? `${(seconds / 3600).toPrecision(2)} h` : `${Math.round(seconds / 86400)} days`;
}

/** Keep each number and its unit in one line. */
export const tied = (text) => text.replace(/(\d|SSIM) (?=([kMGT]?B|m?s|min|h)\b|%|\d)/g, "$1\u00a0");

let timer = 0;

/** Show a sentence for some seconds; an empty one hides what is shown. */
export function notice(text) {
  const shown = byId("notice");
  shown.textContent = text;
  shown.hidden = !text;
  clearTimeout(timer);
  if (text) timer = setTimeout(() => notice(""), 8000);
}
